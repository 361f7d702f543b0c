/**
 * `spanwise/lambda`: handlers of AWS Lambda, whatever invokes them.
 *
 * @module spanwise/lambda
 */
import { context as contextApi } from '@opentelemetry/api';
import { warnError } from '../diagnostics.js';
import { copyShape } from '../span/function-shape.js';
import { resolveOwner } from '../tracer/registry.js';
import { Invocation, type LambdaContext, type LambdaOptions } from './lambda-invocation.js';

export type { LambdaContext, LambdaOptions };

type Handler = (...args: any[]) => any;
type Callback = (error?: unknown, result?: unknown) => void;

/**
 * Makes a handler of AWS Lambda continue its caller's trace and session, and delivers its spans before it answers.
 *
 * Headers are found in events of API Gateway (REST, HTTP and WebSocket APIs), function URLs, load balancers, SQS and
 * SNS (message attributes), EventBridge (`detail._meta`) and in the client context of a direct invocation. A batch of
 * several messages links to all of them, and is in their session if they agree on one.
 *
 * Async, callback and streaming handlers work as before; the answer waits for the delivery, but never longer than
 * `flushTimeoutMs`, nor into the last 100 ms of the invocation's time.
 *
 * @param handler the handler; `awslambda.streamifyResponse` may stand outside or inside
 * @param options none are needed: tracer, trust, sessionId, newSession, baggage, carrier, flushTimeoutMs
 * @returns the handler to export; without a tracer it is as if it were not wrapped
 *
 * @example
 * ```ts
 * import { SessionTracer } from 'spanwise';
 * import { spanwise } from 'spanwise/lambda';
 *
 * SessionTracer.init({ project: 'shop' });
 * interface Event {
 *   pathParameters: { id: string };
 * }
 * export const handler = spanwise(
 *   async (event: Event) => ({ statusCode: 200, body: event.pathParameters.id }),
 *   { sessionId: (event: Event) => `user-${event.pathParameters.id}` },
 * );
 *
 * // What API Gateway's HTTP API would call it with.
 * const requestContext = { http: { method: 'GET', path: '/users/7' } };
 * const request = { routeKey: 'GET /users/{id}', requestContext, pathParameters: { id: '7' } };
 * await handler(request);
 * ```
 * Produces a SERVER span with `faas.*` and `http.*` attributes; for messages a CONSUMER span `<queue> process`:
 * ```text
 * GET /users/{id} [tool] SERVER session=user-7
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/
 * @category Frameworks
 */
export function spanwise<F extends Handler>(handler: F, options: LambdaOptions<Parameters<F>[0]> = {}): F {
  const traced = function (this: unknown, ...args: unknown[]): unknown {
    const invocation = begin(args, options);
    if (invocation === undefined) return Reflect.apply(handler, this, args);
    if (!isStream(args[1])) takeOver(invocation, args);
    let returned: unknown;
    try {
      returned = contextApi.with(invocation.context, () => Reflect.apply(handler, this, args) as unknown);
    } catch (error) {
      // A rejection is what AWS makes of it anyhow, and it can wait for the delivery.
      return invocation.fail(error).then(() => {
        throw error;
      });
    }
    if (isThenable(returned)) {
      return returned.then(
        (result) => invocation.succeed(result).then(() => result),
        (error) =>
          invocation.fail(error).then(() => {
            throw error;
          }),
      );
    }
    // With a callback, the answer may still come by it; an older runtime gives one to every handler.
    if (typeof args[2] === 'function') {
      if (returned !== undefined && handler.length < 3) void invocation.succeed(returned);
      return returned;
    }
    return invocation.succeed(returned).then(() => returned);
  };
  return copyShape(handler, traced) as F;
}

function begin(args: readonly unknown[], options: LambdaOptions): Invocation | undefined {
  try {
    const owner = resolveOwner(options.tracer, contextApi.active());
    if (owner === undefined) return undefined;
    const lambda = (isStream(args[1]) ? args[2] : args[1]) as LambdaContext | undefined;
    return new Invocation(owner, args[0], lambda ?? {}, options);
  } catch (error) {
    warnError('SPW_INTERNAL', 'an invocation could not be traced; it goes on', error);
    return undefined;
  }
}

/** Ends the invocation where a handler says by a callback, or by the older methods of its context, that it is done. */
function takeOver(invocation: Invocation, args: unknown[]): void {
  let said = false;
  const ending = (original: Callback, isError: (args: unknown[]) => boolean): Callback =>
    function (this: unknown, ...answer: unknown[]) {
      // Only the first word counts, as without us; the runtime itself uses these for what a promise gave.
      if (said) return;
      said = true;
      if (invocation.over) return void Reflect.apply(original, this, answer);
      const delivered = isError(answer)
        ? invocation.fail(answer[0])
        : invocation.succeed(answer[answer.length - 1]);
      void delivered.then(() => Reflect.apply(original, this, answer));
    };
  const hasError = ([error]: unknown[]): boolean => error !== undefined && error !== null;
  if (typeof args[2] === 'function') args[2] = ending(args[2] as Callback, hasError);
  const lambda = args[1] as Record<string, unknown> | undefined;
  try {
    for (const [name, isError] of Object.entries({
      done: hasError,
      succeed: () => false,
      fail: () => true,
    })) {
      const original = lambda?.[name];
      if (lambda !== undefined && typeof original === 'function') {
        lambda[name] = ending(original as Callback, isError);
      }
    }
  } catch {
    // A frozen context: its methods answer at once.
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** The stream that a streaming handler is given as its second argument. */
function isStream(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as { write?: unknown }).write === 'function'
  );
}
