/**
 * Starts spans: finds the parent, decides whether the span is recorded, and tells the processors.
 */
import {
  context as contextApi,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  SpanKind,
  trace as traceApi,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TraceState,
} from '@opentelemetry/api';
import { warn, warnError } from '../diagnostics.js';
import {
  HANDED_OVER,
  SamplingDecision,
  type HandingOver,
  type IdGenerator,
  type InstrumentationScope,
  type Sampler,
} from '../tracer/sdk-contract.js';
import { cleanAttributes } from './attribute-values.js';
import { monotonic } from './clock.js';
import { contextWithSpan } from './context-node.js';
import { sampleSafely } from './guard.js';
import { LocalTrace, RANDOM_FLAG, SpanIdentity } from './identity.js';
import { started, type EngineState, type Maker } from './maker.js';
import { cleanLink, SpanwiseSpan } from './span.js';
import { UnrecordedSpan } from './unrecorded-span.js';

/** The key under which both SDK lines note that tracing is switched off in a context. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * How old the clock's anchor may get, in milliseconds. A long trace is anchored anew, because the monotonic clock
 * stands still while a machine sleeps.
 */
const MAX_ANCHOR_AGE_MS = 60_000;

/** What an engine decides with. */
export interface TracerSettings {
  readonly state: EngineState;
  /** Undefined for the default, parent-based with every root sampled, which needs no asking. */
  readonly sampler: Sampler | undefined;
  /** Undefined for random ids. */
  readonly ids: IdGenerator | undefined;
}

const SPAN = createContextKey('OpenTelemetry Context Key SPAN');

/** The identity of the context's span if it is ours, its valid span context if it is someone else's. */
function parentOf(context: Context): SpanIdentity | SpanContext | undefined {
  const span = context.getValue(SPAN);
  if (span === undefined || span === null) return undefined;
  if (span instanceof SpanwiseSpan || span instanceof UnrecordedSpan) return span.identity;
  try {
    const spanContext = (span as Span).spanContext();
    return isSpanContextValid(spanContext) ? spanContext : undefined;
  } catch (error) {
    warnError('SPW_INTERNAL', 'a foreign span in the context has no readable span context', error);
    return undefined;
  }
}

function withSamplerAttributes(attributes: Attributes, added: Readonly<Attributes> | undefined): Attributes {
  try {
    return Object.assign(attributes, added);
  } catch (error) {
    warnError('SPW_CALLBACK', 'the attributes of the sampler cannot be read', error);
    return attributes;
  }
}

/** The W3C flags that are defined; others must not be passed on. */
const KNOWN_FLAGS = RANDOM_FLAG | TraceFlags.SAMPLED;

function safeName(name: unknown): string {
  if (typeof name === 'string') return name;
  warn('SPW_ATTRIBUTE', 'a span name is no string', 'name');
  return typeof name === 'number' || typeof name === 'boolean' ? String(name) : 'unnamed';
}

function safeKind(kind: unknown): SpanKind {
  return kind === 1 || kind === 2 || kind === 3 || kind === 4 ? kind : SpanKind.INTERNAL;
}

/** A tracer of our own engine. */
export class SpanwiseTracer implements Tracer, Maker {
  readonly instrumentationScope: InstrumentationScope;
  readonly state: EngineState;
  private readonly sampler: Sampler | undefined;
  private readonly ids: IdGenerator | undefined;

  /**
   * @param scope the library that makes the spans
   * @param settings of the engine
   */
  constructor(scope: InstrumentationScope, settings: TracerSettings) {
    this.instrumentationScope = scope;
    this.state = settings.state;
    this.sampler = settings.sampler;
    this.ids = settings.ids;
  }

  startSpan(name: string, options?: SpanOptions, context: Context = contextApi.active()): Span {
    try {
      return this.start(name, options, context);
    } catch (error) {
      // Options or a context whose getters throw.
      warnError('SPW_INTERNAL', 'a span could not be started', error);
      return traceApi.wrapSpanContext(INVALID_SPAN_CONTEXT);
    }
  }

  private start(name: string, options: SpanOptions | undefined | null, context: Context): Span {
    if (options?.root === true) context = traceApi.deleteSpan(context);
    if (context.getValue(SUPPRESSED) === true) return traceApi.wrapSpanContext(INVALID_SPAN_CONTEXT);

    const parent = parentOf(context);
    let trace: LocalTrace;
    let flags: number;
    let traceState: TraceState | undefined;
    const start = monotonic();
    if (parent === undefined) {
      const { ids } = this;
      trace = ids === undefined ? new LocalTrace(start) : new LocalTrace(start, ids.generateTraceId());
      // Only our own generator is known to make ids that are random where W3C level 2 wants them to be.
      flags = ids === undefined ? RANDOM_FLAG | TraceFlags.SAMPLED : TraceFlags.SAMPLED;
      traceState = undefined;
    } else if (parent instanceof SpanIdentity) {
      trace = parent.trace;
      if (start - trace.anchor.at > MAX_ANCHOR_AGE_MS) trace = new LocalTrace(start, trace.traceId);
      flags = parent.traceFlags;
      traceState = parent.traceState;
    } else {
      trace = new LocalTrace(start, parent.traceId);
      flags = parent.traceFlags;
      traceState = parent.traceState;
    }
    // Everything unusual is elsewhere, so that this function stays small enough to be inlined.
    if (this.sampler !== undefined || this.state.down) {
      return this.ask(name, options, context, parent, trace, flags, traceState, start);
    }
    flags &= KNOWN_FLAGS;
    const identity = new SpanIdentity(trace, flags, traceState, this.ids?.generateSpanId());
    if ((flags & TraceFlags.SAMPLED) === 0) return new UnrecordedSpan(identity);
    const hasOptions = options !== undefined && options !== null;
    const span = new SpanwiseSpan(
      this,
      identity,
      parent,
      typeof name === 'string' ? name : safeName(name),
      hasOptions ? safeKind(options.kind) : SpanKind.INTERNAL,
      start,
    );
    if (hasOptions) {
      const handedOver = (options as HandingOver)[HANDED_OVER];
      span.begin(options.startTime, options.links, options.attributes, handedOver);
    }
    started(this.state, span, context);
    return span;
  }

  /** The same with a sampler that has to be asked, or after shutdown. */
  private ask(
    name: string,
    options: SpanOptions | undefined | null,
    context: Context,
    parent: SpanIdentity | SpanContext | undefined,
    trace: LocalTrace,
    parentFlags: number,
    parentState: TraceState | undefined,
    start: number,
  ): Span {
    const { state, sampler } = this;
    const random = parentFlags & RANDOM_FLAG;
    const spanId = this.ids?.generateSpanId();
    if (state.down || sampler === undefined) {
      return new UnrecordedSpan(new SpanIdentity(trace, random, parentState, spanId));
    }
    const { attributePerLinkCountLimit, attributeValueLengthLimit } = state.limits;
    const kind = safeKind(options?.kind);
    const spanName = safeName(name);
    const links: Link[] = [];
    const given: unknown = options?.links;
    for (const link of Array.isArray(given) ? given : []) {
      const clean = cleanLink(link, attributePerLinkCountLimit, attributeValueLengthLimit);
      if (clean !== undefined) links.push(clean);
    }
    // Before any limit: a sampler may decide by an attribute that the span will not keep.
    const { attributes } = cleanAttributes(options?.attributes, Infinity, Infinity);
    const result = sampleSafely(sampler, context, trace.traceId, spanName, kind, attributes, links);
    const sampled = result.decision === SamplingDecision.RECORD_AND_SAMPLED;
    const traceState = result.traceState ?? parentState;
    const flags = random | (sampled ? TraceFlags.SAMPLED : TraceFlags.NONE);
    const identity = new SpanIdentity(trace, flags, traceState, spanId);
    if (result.decision === SamplingDecision.NOT_RECORD) return new UnrecordedSpan(identity);
    const span = new SpanwiseSpan(this, identity, parent, spanName, kind, start);
    span.begin(options?.startTime, links, withSamplerAttributes(attributes, result.attributes));
    started(state, span, context);
    return span;
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan(name: string, second: unknown, third?: unknown, fourth?: unknown): unknown {
    let options: SpanOptions | undefined;
    let parent: Context | undefined;
    let fn = second;
    if (fourth !== undefined) {
      options = second as SpanOptions;
      parent = third as Context;
      fn = fourth;
    } else if (third !== undefined) {
      options = second as SpanOptions;
      fn = third;
    }
    if (typeof fn !== 'function') return undefined;
    const parentContext = parent ?? contextApi.active();
    const span = this.startSpan(name, options, parentContext);
    return contextApi.with(
      contextWithSpan(parentContext, span),
      fn as (span: Span) => unknown,
      undefined,
      span,
    );
  }
}
