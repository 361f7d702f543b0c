/**
 * `spanwise/workers`: trace and session across worker threads, child processes and cluster workers.
 *
 * One call on each side: what starts or is sent carries headers, what receives runs inside the caller's context.
 *
 * @module spanwise/workers
 */
import { context, type TextMapSetter } from '@opentelemetry/api';
import { MESSAGE_HEADERS_KEY, variableOfHeader } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import type { BaggageAllowList } from '../propagation/admit.js';
import { isObject, isPlain, ownValue } from '../propagation/carrier-shapes.js';
import { withDistributedTraceContext } from '../propagation/propagate.js';
import { propagatorOf } from '../propagation/propagator.js';
import { copyShape } from '../span/function-shape.js';
import { withOwner, type SpanOwner, type Trust } from '../tracer/owner.js';
import { resolveOwner } from '../tracer/registry.js';
import { builtin } from './builtin.js';

/**
 * Options of the sending side; none is needed.
 *
 * @category Frameworks
 */
export interface CarryOptions {
  /** Whose identity is sent where nothing arrived. @default the current tracer */
  tracer?: SpanOwner | string;
}

/**
 * Options of the receiving side; none is needed.
 *
 * @category Frameworks
 */
export interface ContinueOptions {
  /** The tracer that spans belong to. @default the current one */
  tracer?: SpanOwner | string;
  /** What is done with the sender. @default "continue", whatever the tracer says of network callers */
  trust?: Trust;
  /** Inbound allow-list of baggage keys. @default all of them */
  baggage?: BaggageAllowList;
}

type Headers = Record<string, string>;

/** What a message that is no plain object travels in. */
interface Wrapping {
  readonly [MESSAGE_HEADERS_KEY]: { readonly headers: Headers; readonly wraps: true };
  readonly message: unknown;
}

/**
 * Gives a message the trace and session that are active now: for `workerData`, `postMessage` and `send`.
 *
 * A plain object gets one more key, on a copy; anything else is wrapped. The other side takes it off again with
 * `continueMessages` or, for `workerData`, `continueFromParent`.
 *
 * @param message what is sent; transfer lists stay valid, since only the outermost object is copied
 * @param options none is needed: tracer
 * @returns what to send instead; it never throws
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession } from 'spanwise';
 * import { withCarrier } from 'spanwise/workers';
 *
 * SessionTracer.init({ project: 'shop' });
 * const message = withSession('s-1', () => withCarrier({ question: 'why?' }));
 * console.log(message.question); // why?
 * // worker.postMessage(message), or new Worker(file, { workerData: message })
 * ```
 * @category Frameworks
 */
export function withCarrier<T>(message: T, options: CarryOptions = {}): T {
  const headers = activeHeaders(options);
  try {
    if (isObject(message) && isPlain(message)) {
      return { ...message, [MESSAGE_HEADERS_KEY]: { headers } } as T;
    }
  } catch {
    // A hostile object is wrapped; sending it is its owner's business.
  }
  const wrapping: Wrapping = { [MESSAGE_HEADERS_KEY]: { headers, wraps: true }, message };
  return wrapping as T;
}

/**
 * Gives an environment the trace and session that are active now: for `fork`, `spawn`, `exec` and `cluster.fork`.
 *
 * @param env what the process is to have; its own `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` are replaced
 * @param options none is needed: tracer
 * @returns a copy with the headers as variables; without anything to send, just a copy, and never an error
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession, withSpan } from 'spanwise';
 * import { carrierEnv } from 'spanwise/workers';
 *
 * SessionTracer.init({ project: 'shop' });
 * const env = withSession('s-1', () => withSpan('start', () => carrierEnv({ NODE_ENV: 'test' })));
 * console.log(Object.keys(env).join()); // NODE_ENV,TRACEPARENT,BAGGAGE
 * // fork('job.js', { env }), cluster.fork(env)
 * ```
 * @see https://opentelemetry.io/docs/specs/otel/context/env-carriers/
 * @category Frameworks
 */
export function carrierEnv(
  env: Readonly<Record<string, string | undefined>> = globalThis.process?.env ?? {},
  options: CarryOptions = {},
): Record<string, string | undefined> {
  const copy = { ...env };
  for (const header of headerNames(options)) delete copy[variableOfHeader(header)];
  for (const [header, value] of Object.entries(activeHeaders(options)))
    copy[variableOfHeader(header)] = value;
  return copy;
}

/**
 * Runs a function as the continuation of whoever started this thread or process.
 *
 * A worker thread is continued from its `workerData`, a process from its environment; without either the function
 * just runs.
 *
 * @param fn what to run; it is given the `workerData` as it was before `withCarrier`, undefined in a process
 * @returns what `fn` returns; a promise keeps the context across its awaits
 * @throws whatever `fn` throws
 *
 * @example
 * ```ts
 * import { SessionTracer, withSpan } from 'spanwise';
 * import { continueFromParent } from 'spanwise/workers';
 *
 * SessionTracer.init({ project: 'shop', sessionId: '00000000-0000-4000-8000-000000000001' });
 * continueFromParent(() => withSpan('job', () => undefined));
 * ```
 * Where a parent gave its carrier, the span is below the parent's span and in its session; here nobody did:
 * ```text
 * job [tool] session=00000000-0000-4000-8000-000000000001
 * ```
 * @category Frameworks
 */
export function continueFromParent<T>(fn: (workerData: any) => T): T;
/**
 * The same, with options.
 *
 * @param options tracer, trust, baggage
 * @param fn what to run
 * @returns what `fn` returns
 */
export function continueFromParent<T>(options: ContinueOptions | undefined, fn: (workerData: any) => T): T;
export function continueFromParent<T>(
  optionsOrFn: ContinueOptions | undefined | ((workerData: any) => T),
  maybeFn?: (workerData: any) => T,
): T {
  const fn = typeof optionsOrFn === 'function' ? optionsOrFn : (maybeFn as (workerData: any) => T);
  const options = typeof optionsOrFn === 'function' ? {} : (optionsOrFn ?? {});
  const threads = builtin<{ isMainThread: boolean; workerData: unknown }>('node:worker_threads');
  const { headers, message } = opened(threads?.isMainThread === false ? threads.workerData : undefined);
  return continued(headers ?? headersOfEnvironment(options), options, () => fn(message));
}

/**
 * Makes a handler of messages run as the continuation of whoever sent each of them.
 *
 * @param handler gets the message as it was before `withCarrier`; one that was sent without is handed on as it is
 * @param options none is needed: tracer, trust, baggage
 * @returns the handler to register instead; it returns what the handler returns, and throws what it throws
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession, withSpan } from 'spanwise';
 * import { continueMessages, withCarrier } from 'spanwise/workers';
 *
 * SessionTracer.init({ project: 'shop' });
 * // parentPort.on('message', onMessage)
 * const onMessage = continueMessages((job: { id: number }) => withSpan(`job ${job.id}`, () => undefined));
 *
 * const message = withSession('s-1', () => withSpan('send', () => withCarrier({ id: 7 })));
 * onMessage(message);
 * ```
 * Produces a span below the span in which the message was sent, in its session:
 * ```text
 * send [tool] session=s-1
 * └─ job 7 [tool]
 * ```
 * @category Frameworks
 */
export function continueMessages<F extends (message: any, ...rest: any[]) => any>(
  handler: F,
  options: ContinueOptions = {},
): F {
  const continuing = function (this: unknown, given: unknown, ...rest: unknown[]): unknown {
    const { headers, message } = opened(given);
    const handle = (): unknown => Reflect.apply(handler, this, [message, ...rest]);
    return headers === undefined ? handle() : continued(headers, options, handle);
  };
  return copyShape(handler, continuing) as F;
}

function continued<T>(headers: Headers, { tracer, trust, baggage }: ContinueOptions, fn: () => T): T {
  return withDistributedTraceContext(headers, { tracer, trust: trust ?? 'continue', baggage }, fn);
}

/** The headers of the active context. Threads and children are no hosts, so `propagateTo` has no say. */
function activeHeaders({ tracer }: CarryOptions): Headers {
  const headers: Headers = {};
  try {
    const active = context.active();
    const owner = resolveOwner(tracer, active);
    const from = tracer === undefined || owner === undefined ? active : withOwner(active, owner);
    propagatorOf(owner).injectFor(owner, from, headers, SETTER, true);
  } catch (error) {
    warnError('SPW_INTERNAL', 'headers could not be written', error);
  }
  return headers;
}

const SETTER: TextMapSetter<Headers> = {
  set: (headers, name, value) => void (headers[name] = value),
};

function headerNames({ tracer }: CarryOptions | ContinueOptions): string[] {
  return propagatorOf(resolveOwner(tracer, context.active())).fields();
}

function headersOfEnvironment(options: ContinueOptions): Headers {
  const env = globalThis.process?.env ?? {};
  const headers: Headers = {};
  for (const name of headerNames(options)) {
    const value = env[variableOfHeader(name)];
    if (value !== undefined && value !== '') headers[name] = value;
  }
  return headers;
}

/** Takes a message and its headers apart. */
function opened(given: unknown): { headers: Headers | undefined; message: unknown } {
  try {
    if (!isObject(given) || !isPlain(given)) return { headers: undefined, message: given };
    const carried = ownValue(given, MESSAGE_HEADERS_KEY);
    const headers = isObject(carried) ? ownValue(carried, 'headers') : undefined;
    if (!isObject(headers)) return { headers: undefined, message: given };
    if (ownValue(carried as object, 'wraps') === true) {
      return { headers: headers as Headers, message: ownValue(given, 'message') };
    }
    const { [MESSAGE_HEADERS_KEY]: _, ...message } = given as Record<string, unknown>;
    return { headers: headers as Headers, message };
  } catch {
    return { headers: undefined, message: given };
  }
}
