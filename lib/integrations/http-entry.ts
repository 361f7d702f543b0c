/**
 * The one contract of all HTTP frameworks: a request enters, its work runs in a context, its answer ends it.
 *
 * A framework's file only says what the request is, where its route template is found and when the answer is
 * finished; everything else is decided here, so that all of them behave alike.
 */
import { context as contextApi, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Span, SpanOptions } from '@opentelemetry/api';
import { isEmpty } from '../context/context-node.js';
import { withIdentity } from '../context/identity.js';
import { SERVED_KEY, type Served } from '../context/keys.js';
import { ATTR_ABORTED, ATTR_ERROR_KIND, ATTR_HTTP_ROUTE, ATTR_HTTP_STATUS } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { stampSpan } from '../processor/stamp.js';
import type { BaggageAllowList } from '../propagation/admit.js';
import { currentRequest, startCurrentRequest } from '../propagation/current-request.js';
import { enterContext } from '../propagation/trust.js';
import { isHttpServerSpan } from '../span/http-server-span.js';
import { recordError } from '../span/span-error.js';
import { OpenRun, type SpanRun } from '../span/settle-run.js';
import { TracedRun } from '../span/with-span.js';
import { trustIn, withOwner, type SpanOwner, type Trust } from '../tracer/owner.js';
import { resolveOwner } from '../tracer/registry.js';
import { HANDED_OVER, type HandingOver } from '../tracer/sdk-contract.js';
import { Given } from './given.js';
import { methodForName, serverAttributes, type RequestFacts } from './http-semantics.js';

/**
 * Options of every framework's middleware; none is needed.
 *
 * @category Frameworks
 */
export interface HttpEntryOptions<Request = any> {
  /** The tracer that requests belong to: a tracer or its name. @default the default tracer */
  tracer?: SpanOwner | string;
  /** What is done with callers. @default the tracer's `trust` */
  trust?: Trust;
  /** A session id that wins over the caller's, from the framework's own request. */
  sessionId?: (request: Request) => string | undefined;
  /** A request without a session starts one. @default the tracer's `newSession` */
  newSession?: boolean;
  /** Inbound allow-list of baggage keys. @default all of them */
  baggage?: BaggageAllowList;
  /** Requests that are not traced, such as health checks. */
  ignore?: (request: Request) => boolean;
}

/** A request, as a framework's file describes it. */
export interface ArrivingRequest<Request = any> extends RequestFacts {
  /** The framework's own request, for callbacks of the user. */
  readonly request: Request;
  /** The object that stands for this request and no other: Node's request or the web's. */
  readonly identity: object;
  /** Where its headers are read from. */
  readonly carrier: unknown;
  /** Whether it is a request of Node's. */
  readonly onNode?: boolean;
  /** Whether it came through a server of this process; undefined if that cannot be told. */
  readonly fromNetwork: boolean | undefined;
}

/** A request that is being served. */
export interface HttpEntry {
  /** The context that everything about the request runs in. */
  readonly context: Context;
  /** The server span: our own, or the one that HTTP instrumentation made for this request. */
  readonly span: Span;
  /** Says the route's template, which names the span. */
  route(template: string | undefined): void;
  /** Records what went wrong; whether the request failed is told by its status. */
  fail(error: unknown): void;
  /** What is to be done when the answer is over, by whoever hears of it. */
  over?: (aborted: boolean) => void;
  /** Ends the request, once. */
  end(answer: { status?: number | undefined; aborted?: boolean }): void;
}

/**
 * Keeps an entry on the array of its request's raw headers, in a private field, which nobody sees.
 *
 * Weak maps of requests are what the collector of garbage pays for most (4 µs per request), a property of Express's
 * requests costs a hidden class each, and to define a property that is not enumerable costs 1 µs where this costs 0.1.
 */
class Kept extends Given {
  readonly #entry: Entry;

  constructor(rawHeaders: object, entry: Entry) {
    super(rawHeaders);
    this.#entry = entry;
  }

  static on(rawHeaders: object): Entry | undefined {
    return #entry in rawHeaders ? rawHeaders.#entry : undefined;
  }
}

/** The entries of requests that have no such array: the web's, and copies of Node's. */
const entries = new WeakMap<object, HttpEntry>();

function keep(identity: object, entry: Entry): void {
  const { rawHeaders } = identity as { rawHeaders?: unknown };
  if (Array.isArray(rawHeaders) && Kept.on(rawHeaders) === undefined && Object.isExtensible(rawHeaders)) {
    new Kept(rawHeaders, entry);
  } else {
    entries.set(identity, entry);
  }
}

/** Server spans of other libraries whose request was found. */
const claimed = new WeakSet<Span>();

/** The entry of a request that is being served, by the object that stands for it. */
export function entryOf(identity: object): HttpEntry | undefined {
  const { rawHeaders } = identity as { rawHeaders?: unknown };
  const kept = typeof rawHeaders === 'object' && rawHeaders !== null ? Kept.on(rawHeaders) : undefined;
  // A copy of a request has the same headers and is another request.
  return kept?.identity === identity ? kept : entries.get(identity);
}

/**
 * Lets a request in.
 *
 * @param arriving the request
 * @param options the middleware's options
 * @returns the entry, or undefined if it is not traced: no tracer, ignored, or entered already further out
 */
export function enterHttp<R>(
  arriving: ArrivingRequest<R>,
  options: HttpEntryOptions<R>,
): HttpEntry | undefined {
  try {
    if (entryOf(arriving.identity) !== undefined) return undefined;
    const active = contextApi.active();
    const owner = resolveOwner(options.tracer, active);
    if (owner === undefined || asked(options.ignore, arriving.request, 'ignore') === true) return undefined;
    const entry = enter(arriving, options, owner, active);
    keep(arriving.identity, entry);
    return entry;
  } catch (error) {
    warnError('SPW_INTERNAL', 'a request could not be entered; it is served untraced', error);
    return undefined;
  }
}

const NOTHING: readonly never[] = [];

function enter<R>(
  arriving: ArrivingRequest<R>,
  options: HttpEntryOptions<R>,
  owner: SpanOwner,
  active: Context,
): Entry {
  const base = withoutStale(active, arriving);
  const sessionId = asked(options.sessionId, arriving.request, 'sessionId');
  const { newSession, autoSession } = owner.settings;
  const mark: Served = { carrier: arriving.carrier, span: undefined, waiting: arriving.onNode === true };
  const entered = enterContext(
    arriving.carrier,
    {
      owner,
      trust: trustIn(options) ?? owner.settings.trust,
      newSession: options.newSession ?? (newSession || autoSession),
      sessionId: typeof sessionId === 'string' ? sessionId : undefined,
      baggage: options.baggage,
      served: mark,
      lowerCase: arriving.onNode === true,
    },
    base,
  );
  if (entered.minted !== undefined && !autoSession) {
    owner.announceSession(entered.minted, `session-${entered.minted.slice(0, 8)}`);
  }
  const adopted = adoptable(base, entered.context, arriving);
  if (adopted !== undefined) {
    claimed.add(adopted);
    mark.span = adopted;
    const inside = withOwner(withIdentity(entered.context, owner.identity), owner);
    // It was stamped when it started, before a session could be chosen or minted here.
    if (adopted.isRecording()) stampSpan(adopted, inside, owner);
    return new Entry(arriving, owner, inside, adopted, undefined, mark);
  }
  const { attributes, count } = serverAttributes(arriving);
  const { links, root } = entered;
  const start: SpanOptions & HandingOver = {
    kind: SpanKind.SERVER,
    attributes,
    links,
    root,
    [HANDED_OVER]: count,
  };
  const plan = { name: methodForName(arriving.method), named: true, start, payloads: NOTHING };
  const run = new TracedRun(owner, entered.context, plan, undefined, NOTHING);
  mark.span = run.span;
  return new Entry(arriving, owner, run.context, run.span, OpenRun.of(run), mark);
}

/** Asks a callback of the user; one that throws is reported and has said nothing. */
function asked<R, T>(callback: ((request: R) => T) | undefined, request: R, what: string): T | undefined {
  if (callback === undefined) return undefined;
  try {
    return callback(request);
  } catch (error) {
    warnError('SPW_CALLBACK', `the ${what} callback of a middleware threw and was passed over`, error);
    return undefined;
  }
}

/**
 * A server that was started inside a span has that span active in every request, long after it ended. It is no
 * request's parent.
 */
function withoutStale(active: Context, arriving: ArrivingRequest): Context {
  // Nearly all requests arrive outside of any context: to ask that one for each key takes 0.5 µs in all.
  if (isEmpty(active)) return active;
  const span = trace.getSpan(active);
  if (span === undefined || arriving.fromNetwork === false || span.isRecording()) return active;
  const own = span.spanContext();
  const sampled = (own.traceFlags & 1) === 1;
  return sampled && own.isRemote !== true ? trace.deleteSpan(active) : active;
}

/** The server span that HTTP instrumentation has opened for this very request, if the entry has kept it. */
function adoptable(base: Context, entered: Context, arriving: ArrivingRequest): Span | undefined {
  if (isEmpty(base)) return undefined;
  const before = trace.getSpan(base);
  const after = trace.getSpan(entered);
  if (after === undefined || after !== before || !after.isRecording()) return undefined;
  if (!isHttpServerSpan(after)) return undefined;
  // Another request's span is active where one request dispatches another inside the process.
  const outer = base.getValue(SERVED_KEY) as Served | undefined;
  if (outer?.span === after || claimed.has(after) || arriving.fromNetwork === false) return undefined;
  // From the second such request on it is known which one is being served. Applications without instrumentation pay
  // for no AsyncLocalStorage more (1 µs and 0.3 kB per request).
  startCurrentRequest();
  const current = currentRequest();
  return current !== undefined && current !== arriving.identity ? undefined : after;
}

class Entry implements HttpEntry {
  over?: (aborted: boolean) => void;
  #ended = false;
  #failed: unknown;
  #hasFailed = false;
  #template: string | undefined;
  readonly #method: string;
  readonly identity: object;

  constructor(
    arriving: ArrivingRequest,
    private readonly owner: SpanOwner,
    readonly context: Context,
    readonly span: Span,
    /** Our own span's run; absent for a span that someone else ends. */
    private readonly run: SpanRun | undefined,
    private readonly mark: Served,
  ) {
    this.#method = methodForName(arriving.method);
    this.identity = arriving.identity;
  }

  route(template: string | undefined): void {
    if (this.#ended || typeof template !== 'string' || template === '' || template === this.#template) return;
    if (!this.span.isRecording()) return;
    this.#template = template;
    this.span.updateName(`${this.#method} ${template}`);
    this.span.setAttribute(ATTR_HTTP_ROUTE, template);
  }

  fail(error: unknown): void {
    if (this.#ended || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#failed = error;
  }

  end({ status, aborted }: { status?: number | undefined; aborted?: boolean }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.mark.waiting = false;
    // Instrumentation may have ended its own span just before.
    if (this.span.isRecording()) this.#describeEnd(status, aborted === true);
    this.run?.cancel();
  }

  #describeEnd(status: number | undefined, aborted: boolean): void {
    try {
      if (status !== undefined) this.span.setAttribute(ATTR_HTTP_STATUS, status);
      if (aborted) this.span.setAttribute(ATTR_ABORTED, true);
      // A thrown "not found" is an answer like any other; only what becomes a 5xx, or no answer, is a failure.
      const failed = status === undefined ? this.#hasFailed : status >= 500;
      if (failed) this.#recordFailure(status);
    } catch (error) {
      warnError('SPW_INTERNAL', 'the end of a request could not be recorded', error);
    }
  }

  #recordFailure(status: number | undefined): void {
    if (this.#hasFailed) {
      recordError(this.span, this.#failed, this.owner);
      const name: unknown = (this.#failed as { constructor?: { name?: unknown } } | null)?.constructor?.name;
      this.span.setAttribute(ATTR_ERROR_KIND, typeof name === 'string' ? name : String(status));
    } else {
      this.span.setAttribute(ATTR_ERROR_KIND, String(status));
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
  }
}
