/**
 * One invocation of a function: the span it runs in, and the delivery of its spans before the process is frozen.
 */
import {
  context as contextApi,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Attributes,
  type Context,
} from '@opentelemetry/api';
import { arrivedIdentity } from '../context/identity.js';
import {
  ATTR_CLOUD_ACCOUNT_ID,
  ATTR_CLOUD_PROVIDER,
  ATTR_CLOUD_REGION,
  ATTR_CLOUD_RESOURCE_ID,
  ATTR_ERROR_KIND,
  ATTR_FAAS_COLDSTART,
  ATTR_FAAS_INVOCATION_ID,
  ATTR_FAAS_NAME,
  ATTR_FAAS_VERSION,
  ATTR_HTTP_STATUS,
  ENV_LAMBDA_INITIALIZATION,
} from '../conventions.js';
import { warnError } from '../diagnostics.js';
import type { BaggageAllowList } from '../propagation/admit.js';
import { carrierOf } from '../propagation/find-carrier.js';
import { linksOfBatch } from '../propagation/message-context.js';
import { propagatorOf } from '../propagation/propagator.js';
import { enterContext, type EntryContext, type EntryOptions } from '../propagation/trust.js';
import { OpenRun, type SpanRun } from '../span/settle-run.js';
import { TracedRun } from '../span/with-span.js';
import { trustIn, type SpanOwner, type Trust } from '../tracer/owner.js';
import { tracerRegistry } from '../tracer/registry.js';
import { triggerOf, type Trigger } from './lambda-event.js';

/** Time that is left to AWS after a flush, in milliseconds. */
const MARGIN_MS = 100;
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * What AWS gives a handler beside its event, as far as it is read here.
 *
 * @category Frameworks
 */
export interface LambdaContext {
  readonly functionName?: string;
  readonly functionVersion?: string;
  readonly invokedFunctionArn?: string;
  readonly awsRequestId?: string;
  readonly clientContext?: unknown;
  getRemainingTimeInMillis?(): number;
}

/**
 * Options of a traced handler; none is needed.
 *
 * @category Frameworks
 */
export interface LambdaOptions<Event = any> {
  /** The tracer that invocations belong to: a tracer or its name. @default the default tracer */
  tracer?: SpanOwner | string;
  /** What is done with callers. @default the tracer's `trust` */
  trust?: Trust;
  /** A session id that wins over the caller's. */
  sessionId?: (event: Event, context: LambdaContext) => string | undefined;
  /** An invocation without a session starts one. @default the tracer's `newSession` */
  newSession?: boolean;
  /** Inbound allow-list of baggage keys. @default all of them */
  baggage?: BaggageAllowList;
  /** Where the caller's headers are, for events that are not known here. */
  carrier?: (event: Event, context: LambdaContext) => unknown;
  /** How long delivery may hold up an answer at most, in milliseconds. @default 2000 */
  flushTimeoutMs?: number;
}

let isCold = true;

/** An invocation that has begun. */
export class Invocation {
  readonly context: Context;
  readonly #run: TracedRun;
  readonly #open: SpanRun;
  readonly #trigger: Trigger;
  #ending: Promise<void> | undefined;

  constructor(
    owner: SpanOwner,
    event: unknown,
    private readonly lambda: LambdaContext,
    private readonly options: LambdaOptions,
  ) {
    const active = contextApi.active();
    const known = triggerOf(event, lambda.clientContext);
    const asked = options.carrier === undefined ? undefined : ask(options.carrier, event, lambda, 'carrier');
    this.#trigger = options.carrier === undefined ? known : { ...known, carriers: [carrierOf(asked)] };
    const { name, consumer, attributes } = this.#trigger;
    const entered = enter(owner, this.#trigger.carriers, event, lambda, options, active);
    this.#run = new TracedRun(
      owner,
      entered.context,
      {
        name: name ?? lambda.functionName ?? 'invocation',
        named: true,
        start: {
          kind: consumer ? SpanKind.CONSUMER : SpanKind.SERVER,
          attributes: { ...attributes, ...functionAttributes(lambda) },
          links: entered.links,
          root: entered.root,
        },
        payloads: [],
      },
      undefined,
      [event],
    );
    this.#open = OpenRun.of(this.#run);
    this.context = this.#run.context;
  }

  /** Whether it has ended already. */
  get over(): boolean {
    return this.#ending !== undefined;
  }

  /**
   * Ends the invocation with its result, once.
   *
   * @returns when its spans are delivered, or there is no more time for it; never rejects
   */
  succeed(result: unknown): Promise<void> {
    return (this.#ending ??= this.#end(() => {
      if (this.#trigger.http && this.#run.recording) this.#describeAnswer(result);
      this.#open.succeed(result);
    }));
  }

  /** Ends the invocation with its error, once. */
  fail(error: unknown): Promise<void> {
    return (this.#ending ??= this.#end(() => this.#open.fail(error)));
  }

  /** What an answer without a status means differs between triggers, so that nothing is said of it. */
  #describeAnswer(result: unknown): void {
    const given =
      typeof result === 'object' && result !== null
        ? (result as { statusCode?: unknown }).statusCode
        : undefined;
    const status = Number(given);
    if (given === undefined || !Number.isInteger(status) || status < 100 || status > 599) return;
    this.#run.span.setAttribute(ATTR_HTTP_STATUS, status);
    if (status < 500) return;
    this.#run.span.setAttribute(ATTR_ERROR_KIND, String(status));
    this.#run.span.setStatus({ code: SpanStatusCode.ERROR });
  }

  async #end(finish: () => void): Promise<void> {
    try {
      finish();
    } catch (error) {
      warnError('SPW_INTERNAL', 'the end of an invocation could not be recorded', error);
    }
    await deliver(this.lambda, this.options.flushTimeoutMs ?? FLUSH_TIMEOUT_MS);
  }
}

/** Delivers what all tracers have, within the time that is left: after the answer the process is frozen. */
async function deliver(lambda: LambdaContext, atMostMs: number): Promise<void> {
  const timeoutMs = Math.min(atMostMs, remainingMs(lambda) - MARGIN_MS);
  if (!(timeoutMs > 0)) return;
  const flushes = tracerRegistry.list().map((owner) => {
    const { flush } = owner as { flush?(options: { timeoutMs: number }): Promise<unknown> };
    return flush === undefined ? undefined : Reflect.apply(flush, owner, [{ timeoutMs }]);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  try {
    await Promise.race([Promise.allSettled(flushes), late]);
  } finally {
    clearTimeout(timer);
  }
}

function remainingMs(lambda: LambdaContext): number {
  try {
    const remaining = lambda.getRemainingTimeInMillis?.();
    return typeof remaining === 'number' ? remaining : Infinity;
  } catch {
    return Infinity;
  }
}

function enter(
  owner: SpanOwner,
  carriers: readonly unknown[],
  event: unknown,
  lambda: LambdaContext,
  options: LambdaOptions,
  active: Context,
): EntryContext {
  const { newSession, autoSession, trust } = owner.settings;
  const sessionId = ask(options.sessionId, event, lambda, 'sessionId');
  const entryOptions: EntryOptions = {
    owner,
    trust: trustIn(options) ?? trust,
    newSession: options.newSession ?? (newSession || autoSession),
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    baggage: options.baggage,
  };
  const entered =
    carriers.length > 1
      ? enterBatch(owner, carriers, entryOptions, active)
      : enterContext(carriers[0], entryOptions, active);
  if (entered.minted !== undefined && !autoSession) {
    owner.announceSession(entered.minted, `session-${entered.minted.slice(0, 8)}`);
  }
  return entered;
}

/**
 * A batch has many callers and continues none: it links to all of them, and is in their session if they have but one.
 */
function enterBatch(
  owner: SpanOwner,
  carriers: readonly unknown[],
  options: EntryOptions,
  active: Context,
): EntryContext {
  const sessions = new Set<string | undefined>();
  for (const carrier of carriers) {
    const { baggage } = propagatorOf(owner).arrived(carrier, undefined, active, owner.identity.keys);
    const inside = baggage === undefined ? ROOT_CONTEXT : propagation.setBaggage(ROOT_CONTEXT, baggage);
    sessions.add(arrivedIdentity(inside, owner.identity.keys).sessionId);
  }
  const [only] = sessions;
  const shared = options.trust === 'continue' && sessions.size === 1 ? only : undefined;
  const entered = enterContext(undefined, { ...options, sessionId: options.sessionId ?? shared }, active);
  return { ...entered, links: [...entered.links, ...linksOfBatch(carriers, owner, options.trust)] };
}

/** What is known of the function itself, as the conventions name it. */
function functionAttributes(lambda: LambdaContext): Attributes {
  const attributes: Attributes = { [ATTR_FAAS_COLDSTART]: takeColdStart(), [ATTR_CLOUD_PROVIDER]: 'aws' };
  const { awsRequestId, functionName, functionVersion, invokedFunctionArn } = lambda;
  if (awsRequestId !== undefined) attributes[ATTR_FAAS_INVOCATION_ID] = awsRequestId;
  if (functionName !== undefined) attributes[ATTR_FAAS_NAME] = functionName;
  if (functionVersion !== undefined) attributes[ATTR_FAAS_VERSION] = functionVersion;
  if (typeof invokedFunctionArn === 'string') {
    const [, , , region, account] = invokedFunctionArn.split(':');
    attributes[ATTR_CLOUD_RESOURCE_ID] = invokedFunctionArn;
    if (region) attributes[ATTR_CLOUD_REGION] = region;
    if (account) attributes[ATTR_CLOUD_ACCOUNT_ID] = account;
  }
  return attributes;
}

/** Whether this is the process's first invocation, and somebody waited for its start. */
function takeColdStart(): boolean {
  const wasCold = isCold && globalThis.process?.env[ENV_LAMBDA_INITIALIZATION] !== 'provisioned-concurrency';
  isCold = false;
  return wasCold;
}

/** Asks a callback of the user; one that throws is reported and has said nothing. */
function ask<T>(
  callback: ((event: any, context: LambdaContext) => T) | undefined,
  event: unknown,
  lambda: LambdaContext,
  what: string,
): T | undefined {
  if (callback === undefined) return undefined;
  try {
    return callback(event, lambda);
  } catch (error) {
    warnError('SPW_CALLBACK', `the ${what} callback of a Lambda handler threw and was passed over`, error);
    return undefined;
  }
}
