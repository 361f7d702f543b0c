/**
 * What happens where a request enters a service: whose child its span becomes, what of its baggage is believed, and
 * which session it belongs to.
 */
import {
  propagation,
  SpanKind,
  trace,
  type Baggage,
  type Context,
  type Link,
  type Span,
  type SpanContext,
} from '@opentelemetry/api';
import { contentOf, overlayBaggage } from '../context/baggage.js';
import { contextNode, enteredContext, isEmpty } from '../context/context-node.js';
import {
  arrivedSession,
  enteredIdentity,
  isUsableId,
  MAX_ID_LENGTH,
  withArrivedIdentity,
  withChosenIdentity,
} from '../context/identity.js';
import { SERVED_KEY, type Served } from '../context/keys.js';
import { warn, warnError } from '../diagnostics.js';
import { withOwner, type SpanOwner, type Trust } from '../tracer/owner.js';
import { admit, type BaggageAllowList } from './admit.js';
import { merge, withoutInbound, withoutUnknown } from './inbound.js';
import { propagatorOf, type Arrived } from './propagator.js';
import { linkTo, remoteOf, withRemote, type Remote } from './remote.js';

/** What an entry asks for. */
export interface EntryOptions {
  /** What is done with a caller. */
  readonly trust: Trust;
  /** A session id that wins over everything. */
  readonly sessionId?: string | undefined;
  /** Whether an entry that nobody called with a session starts one. */
  readonly newSession?: boolean | undefined;
  /** Inbound allow-list of baggage keys. */
  readonly baggage?: BaggageAllowList | undefined;
  /** The tracer the entry belongs to. */
  readonly owner: SpanOwner | undefined;
  /**
   * Whether the entry's context names the owner, so that calls without a tracer are its own.
   *
   * @default true
   */
  readonly ownContext?: boolean;
  /** The mark of a request that a middleware lets in, for the entry's context. */
  readonly served?: Served;
  /** Whether the carrier is an object of headers whose names are all in lower case, as Node's are. */
  readonly lowerCase?: boolean;
}

/** Where an entry's span starts. */
export interface EntryContext {
  /** The context to start the span in: its parent and its baggage. */
  readonly context: Context;
  /** Whether the span has no parent. */
  readonly root: boolean;
  /** The links the span owes. */
  readonly links: Link[];
  /** Whether a caller's span or session arrived and was believed. */
  readonly hasUpstream: boolean;
  /** The session that was started here, if one was; the caller announces it. */
  readonly minted?: string | undefined;
}

/**
 * Enters a service.
 *
 * @param carrier anything; what cannot be read has nothing to say
 * @param options trust, session and tracer of the entry
 * @param active the context the entry is called in
 * @returns the context of the entry's span; never throws
 */
export function enterContext(carrier: unknown, options: EntryOptions, active: Context): EntryContext {
  try {
    return enter(carrier, options, active);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a caller could not be looked at; the entry goes on without it', error);
    // A caller who is not trusted gains nothing by making us fail.
    const context =
      options.trust === 'continue' ? active : propagation.deleteBaggage(trace.deleteSpan(active));
    return { context, root: trace.getSpan(context) === undefined, links: [], hasUpstream: false };
  }
}

function enter(carrier: unknown, options: EntryOptions, active: Context): EntryContext {
  const { owner } = options;
  const propagator = propagatorOf(owner);
  const arrived = propagator.arrived(carrier, undefined, active, owner?.identity.keys, options.lowerCase);
  const isFresh = isEmpty(active);
  const memory = isFresh ? undefined : remoteOf(active);
  const allow = options.baggage ?? propagator.allowBaggage;
  const own = options.ownContext === false ? undefined : owner;
  let context: Context;
  let links: Link[];
  let session: string | undefined;
  if (isFresh && options.trust === 'continue' && propagator.isAlone) {
    // As nearly all requests of a server do: the steps below come to the same, with six copies more (1 µs).
    const caller = arrived.spanContext;
    const admitted = admit(arrived.baggage, allow);
    const remote: Remote | undefined =
      caller === undefined && admitted === undefined
        ? undefined
        : { spanContext: caller, trust: 'continue', baggage: admitted };
    const span = caller === undefined ? undefined : trace.wrapSpanContext(caller);
    if (own !== undefined && options.served !== undefined) {
      // What follows a middleware's entry is a span of the owner, whose context has the whole identity.
      const entered = enteredIdentity(admitted, own.identity);
      context = enteredContext(own, span, entered.baggage, remote, options.served, entered.mark);
      session = entered.session;
    } else {
      const isNothing = remote === undefined && own === undefined && options.served === undefined;
      context = isNothing ? active : enteredContext(own, span, admitted, remote, options.served);
      session = arrivedSession(context, owner?.identity);
    }
    links = [];
  } else {
    const entered =
      options.trust === 'continue'
        ? continueCaller(active, arrived, memory, allow)
        : refuseCaller(active, arrived, memory, options.trust, options.baggage);
    ({ context, links } = entered);
    if (options.trust === 'continue') context = propagator.remember(context, carrier);
    if (own !== undefined) context = withOwner(contextNode(context), own);
    if (options.served !== undefined) context = context.setValue(SERVED_KEY, options.served);
    session = arrivedSession(context, owner?.identity);
  }

  const hasUpstream =
    options.trust === 'continue' &&
    (arrived.spanContext !== undefined || memory?.spanContext !== undefined || session !== undefined);
  const root = trace.getSpan(context) === undefined;

  let minted: string | undefined;
  const explicit = usableSession(options.sessionId);
  if (explicit !== undefined) {
    context = withChosenIdentity(context, { sessionId: explicit });
  } else if (
    (options.newSession ?? owner?.settings.newSession) === true &&
    session === undefined &&
    (root || isServersRoot(trace.getSpan(context)))
  ) {
    minted = globalThis.crypto.randomUUID();
    context = withChosenIdentity(context, { sessionId: minted });
  }
  return { context, root, links, hasUpstream, minted };
}

function usableSession(id: unknown): string | undefined {
  if (id === undefined || id === null || id === '') return undefined;
  if (isUsableId(id)) return id;
  warn(
    'SPW_SESSION_ID',
    `the sessionId of an entry is not 1-${MAX_ID_LENGTH} printable characters and is ignored`,
    'entry',
  );
  return undefined;
}

/** A span another library opened for this very request: its first, so the entry is still where the trace begins. */
function isServersRoot(span: Span | undefined): boolean {
  const read = span as Partial<ReadSpan> | undefined;
  if (read?.kind !== SpanKind.SERVER && read?.kind !== SpanKind.CONSUMER) return false;
  return parentIdOf(read) === undefined;
}

/** What spans of either line of SDKs say about themselves beyond the API. */
interface ReadSpan {
  readonly kind: SpanKind;
  readonly parentSpanContext: SpanContext | undefined;
  readonly parentSpanId: string | undefined;
}

function parentIdOf(span: Partial<ReadSpan> | undefined): string | undefined {
  return span?.parentSpanContext?.spanId ?? span?.parentSpanId;
}

interface Entered {
  readonly context: Context;
  readonly links: Link[];
}

function continueCaller(
  active: Context,
  arrived: Arrived,
  memory: Remote | undefined,
  allow: BaggageAllowList | undefined,
): Entered {
  const caller = arrived.spanContext;
  let context = active;
  if (caller !== undefined && !descends(trace.getSpan(active), caller, memory)) {
    // A node from here on: the copied maps of ordinary contexts, and the weak maps in which spans find them again,
    // were half of what an entry cost.
    context = trace.setSpanContext(contextNode(context), caller);
  }
  let baggage = propagation.getBaggage(active);
  if (allow !== undefined) {
    // What another propagator let in before us is held to the same list.
    baggage = withoutInbound(active, baggage, memory, arrived);
  }
  const admitted = admit(arrived.baggage, allow);
  baggage = merge(active, baggage, admitted);
  if (baggage !== undefined && baggage !== propagation.getBaggage(active)) {
    context = propagation.setBaggage(contextNode(context), baggage);
  }
  context = withArrivedIdentity(context, admitted);
  if (caller !== undefined || admitted !== undefined) {
    context = withRemote(context, { spanContext: caller, trust: 'continue', baggage: admitted });
  }
  return { context, links: [] };
}

/** Whether the active span already has the caller's span above it. */
function descends(span: Span | undefined, caller: SpanContext, memory: Remote | undefined): boolean {
  if (span === undefined) return false;
  const own = span.spanContext();
  if (own.traceId !== caller.traceId) return false;
  if (own.spanId === caller.spanId) return true;
  const known = memory?.spanContext;
  if (memory?.trust === 'continue' && known?.traceId === caller.traceId && known.spanId === caller.spanId) {
    return true;
  }
  const read = span as Partial<ReadSpan>;
  return parentIdOf(read) === caller.spanId || read.kind === SpanKind.SERVER;
}

/** The span of the entry is no child of the caller's, and nothing the caller said is believed. */
function refuseCaller(
  active: Context,
  arrived: Arrived,
  memory: Remote | undefined,
  trust: Trust,
  allow: BaggageAllowList | undefined,
): Entered {
  const span = trace.getSpan(active);
  const own = span?.spanContext();
  const callers = [arrived.spanContext, memory?.spanContext, own?.isRemote === true ? own : undefined];
  const caller = callers.find((known) => known !== undefined);
  // A span is refused if it runs in a trace that came from outside.
  const parent = (span as Partial<ReadSpan> | undefined)?.parentSpanContext;
  const joined =
    own !== undefined &&
    (parent?.isRemote === true || callers.some((known) => known?.traceId === own.traceId));
  let context = active;
  if (joined) {
    context = trace.deleteSpan(context);
    if (own?.isRemote !== true) {
      warn(
        'SPW_TRUST',
        'a span outside of this entry has joined the refused trace already; give the global propagator the same trust',
        'joined',
      );
    }
  }
  let baggage = propagation.getBaggage(active);
  if (baggage !== undefined) {
    baggage = withoutInbound(active, baggage, memory, arrived);
    if (joined && memory === undefined) baggage = withoutUnknown(active, baggage as Baggage);
    context = propagation.setBaggage(context, baggage as Baggage);
  }
  // Keys that were named for this entry pass a link: someone has thought about them. Never identity.
  const admitted = trust === 'link' && allow !== undefined ? admit(arrived.baggage, allow, false) : undefined;
  if (admitted !== undefined) {
    context = propagation.setBaggage(context, overlayBaggage(baggage, contentOf(admitted)));
  }
  context = withRemote(context, {
    spanContext: trust === 'link' ? caller : undefined,
    trust,
    baggage: admitted,
  });
  return { context, links: trust === 'link' && caller !== undefined ? [linkTo(caller)] : [] };
}
