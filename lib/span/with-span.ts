/**
 * The life of a span: start, run the body in it, settle its result, end.
 *
 * Decorators, `withSpan`, `trace` and `enrichSpanContext` all come through here.
 */
import {
  context,
  isSpanContextValid,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanOptions,
} from '@opentelemetry/api';
import {
  ATTR_ABANDONED,
  ATTR_DURATION_MS,
  ATTR_EVENT_NAME,
  ATTR_EVENT_TYPE,
  type EventType,
} from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import { contextNode, contextWithSpan } from '../context/context-node.js';
import { completeMark, withIdentity } from '../context/identity.js';
import { MEMBER_KEY, OWNER_KEY } from '../context/keys.js';
import { stampSpan } from '../processor/stamp.js';
import { withOwner, type SpanOwner } from '../tracer/owner.js';
import { resolveOwner } from '../tracer/registry.js';
import type { AnyPayload, AnyTraceOptions } from './options.js';
import { TRACE_FIELDS } from './options.js';
import { PayloadWriter, reportUnknownFields, resolveOption, type Call } from './payload.js';
import { isAsyncFunction, isGeneratorFunction, settle, settleGenerator, type SpanRun } from './settle.js';
import { recordError } from './span-error.js';

/** What a call's span is made of, with everything resolved that must be known at its start. */
export interface SpanPlan {
  readonly name: string;
  /** Whether the name was chosen, and is not the function's own. */
  readonly named: boolean;
  readonly eventName?: string | undefined;
  readonly eventType?: EventType | undefined;
  /** What it starts with, ready to be handed over; the engine copies the attributes. */
  readonly start: SpanOptions | undefined;
  /** Innermost first: the outermost decorator has the last word. */
  readonly payloads: readonly AnyPayload[];
  readonly aggregate?: ((chunks: any[]) => unknown) | undefined;
}

/** The most chunks that are kept for `aggregate`. */
const MAX_CHUNKS = 10_000;
const NO_PAYLOADS: readonly AnyPayload[] = [];

/** One run of a traced body, and its span. */
export class TracedRun implements SpanRun {
  readonly context: Context;
  readonly span: Span;
  readonly recording: boolean;
  readonly collect: ((chunk: unknown) => void) | undefined;
  /** Payloads that decorators further in add to this span while it runs. */
  private added: AnyPayload[] | undefined;
  private ended = false;
  private writer: PayloadWriter | undefined;
  private chunks: unknown[] | undefined;
  private readonly startedAt: number;

  constructor(
    readonly owner: SpanOwner,
    private readonly parent: Context,
    readonly plan: SpanPlan,
    private readonly self: unknown,
    private readonly args: ArrayLike<unknown>,
    private readonly mark?: { run: TracedRun | undefined },
  ) {
    const own = contextOf(owner, parent);
    this.span = owner.otelTracer.startSpan(plan.name, plan.start, own);
    const inside = contextWithSpan(own, this.span);
    if (mark !== undefined) mark.run = this;
    this.context = mark === undefined ? inside : inside.setValue(MEMBER_KEY, mark);
    this.recording = this.span.isRecording();
    this.startedAt = owner.settings.honeyHiveCompatible && this.recording ? performance.now() : 0;
    if (this.recording) {
      if (owner.settings.stampAtStart) stampSpan(this.span, own, owner);
      this.writeStart(plan.payloads);
      if (plan.aggregate !== undefined) this.collect = (chunk) => this.collectNow(chunk);
    }
  }

  /** Lets a decorator that stands further in, behind a foreign one, add to this span. */
  add(payloads: readonly AnyPayload[]): void {
    if (!this.recording || this.ended || payloads.length === 0) return;
    (this.added ??= []).push(...payloads);
    this.write((writer, out) => writer.atStart(payloads, out));
  }

  /** Takes over what an inner decorator says of the span's start. */
  describe(plan: SpanPlan): void {
    if (!this.recording || this.ended) return;
    // The outer decorator has the last word; a name that it chose stays.
    if (plan.named && !this.plan.named) this.span.updateName(plan.name);
    const { attributes, links } = plan.start ?? {};
    if (attributes !== undefined) {
      const given = { ...attributes };
      if (this.plan.eventName !== undefined) delete given[ATTR_EVENT_NAME];
      this.span.setAttributes(given);
    }
    if (links !== undefined) this.span.addLinks(links);
  }

  succeed(value: unknown): void {
    if (this.ended) return;
    this.ended = true;
    if (this.recording) {
      const { plan } = this;
      const given = this.added === undefined ? plan.payloads : [...this.added, ...plan.payloads];
      // What chunks were aggregated to is an output that was asked for; an explicit `outputs` comes after it.
      const payloads = plan.aggregate === undefined ? given : [{ outputs: true }, ...given];
      const isModel = plan.eventType === 'model';
      if (payloads.length > 0 || isModel || this.owner.settings.capture.outputs) {
        const result = this.chunks === undefined ? value : this.aggregated();
        this.write((writer, out) => writer.atEnd(payloads, result, out));
      }
    }
    this.endNow();
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    if (this.recording) {
      try {
        recordError(this.span, error, this.owner);
      } catch (cause) {
        warnError('SPW_INTERNAL', 'an error could not be recorded', cause);
      }
    }
    this.endNow();
  }

  cancel(): void {
    if (this.ended) return;
    if (this.chunks !== undefined) return this.succeed(undefined);
    this.ended = true;
    this.endNow();
  }

  abandon(): void {
    if (this.ended) return;
    this.ended = true;
    this.span.setAttribute(ATTR_ABANDONED, true);
    this.endNow();
  }

  again(): SpanRun {
    return new TracedRun(this.owner, this.parent, this.plan, this.self, this.args, this.mark);
  }

  private endNow(): void {
    try {
      if (this.startedAt !== 0) this.span.setAttribute(ATTR_DURATION_MS, performance.now() - this.startedAt);
      this.span.end();
    } catch (error) {
      warnError('SPW_INTERNAL', 'a span could not be ended', error);
    }
  }

  private writeStart(payloads: readonly AnyPayload[]): void {
    const { capture, messageContent } = this.owner.settings;
    const content = messageContent === true && this.plan.eventType === 'model';
    if (payloads.length === 0 && !capture.inputs && !content) return;
    this.write((writer, out) => writer.atStart(payloads, out));
  }

  private write(fill: (writer: PayloadWriter, out: Record<string, any>) => void): void {
    try {
      const call: Call = { name: this.plan.name, self: this.self, args: this.args };
      this.writer ??= new PayloadWriter(this.owner, call, this.plan.eventType === 'model');
      const out: Attributes = {};
      fill(this.writer, out);
      this.span.setAttributes(out);
    } catch (error) {
      warnError('SPW_INTERNAL', 'a payload could not be recorded', error);
    }
  }

  private collectNow(chunk: unknown): void {
    this.chunks ??= [];
    if (this.chunks.length < MAX_CHUNKS) this.chunks.push(chunk);
    else
      warn(
        'SPW_CAPTURE',
        `aggregate keeps the first ${MAX_CHUNKS} chunks of ${this.plan.name}`,
        this.plan.name,
      );
  }

  private aggregated(): unknown {
    try {
      return this.plan.aggregate?.(this.chunks ?? []);
    } catch (error) {
      warnError('SPW_CALLBACK', `${this.plan.name}: the aggregate callback threw and was passed over`, error);
      return undefined;
    }
  }
}

interface OwnedContext {
  readonly owner: SpanOwner;
  readonly context: Context;
}

// Contexts are immutable, so what an owner makes of one can be kept with it: the root context, and one per request.
// Without this, a span below the root copied three maps (two thirds of its cost).
const owned = new WeakMap<Context, OwnedContext>();

/** The context with the owner in it and its identity in the baggage. */
function contextOf(owner: SpanOwner, parent: Context): Context {
  if (parent.getValue(OWNER_KEY) === owner && completeMark(parent, owner.identity) !== undefined)
    return parent;
  const known = owned.get(parent);
  if (known !== undefined && known.owner === owner) return known.context;
  const context = withOwner(withIdentity(contextNode(parent), owner.identity), owner);
  owned.set(parent, { owner, context });
  return context;
}

/**
 * Whether a span would be for nothing: its parent is not sampled, the owner's sampler follows parents, and calls
 * inside would come to the same owner anyhow.
 */
export function isSpanNeedless(owner: SpanOwner, plan: SpanPlan, parent: Context): boolean {
  if (!owner.settings.followsParent || plan.start?.root === true) return false;
  const above = trace.getSpan(parent);
  return above !== undefined && isDropped(above) && resolveOwner(undefined, parent) === owner;
}

// Whole requests run below one unsampled span: asked again about it, nothing is looked at (0.1 of a sampled call).
let dropped: Span | undefined;

/** Whether a span is neither recorded nor sampled, and a valid parent. */
function isDropped(span: Span): boolean {
  if (span === dropped) return true;
  if (span.isRecording()) return false;
  const spanContext = span.spanContext();
  if ((spanContext.traceFlags & TraceFlags.SAMPLED) !== 0 || !isSpanContextValid(spanContext)) return false;
  dropped = span;
  return true;
}

/**
 * Runs a function inside a span of `owner` and ends the span when its result is settled.
 *
 * @param owner the tracer the span belongs to
 * @param parent the context the span starts in
 * @param plan what the span is made of
 * @param fn the user's function; it runs exactly once
 * @param self its receiver
 * @param args its arguments
 * @param mark put into the span's context under `MEMBER_KEY`, told of the run
 * @returns what the function returned
 */
export function runInSpan(
  owner: SpanOwner,
  parent: Context,
  plan: SpanPlan,
  fn: (...args: any[]) => unknown,
  self: unknown,
  args: ArrayLike<unknown>,
  mark?: { run: TracedRun | undefined },
): unknown {
  // Nothing of such a span would be seen or sent, and the parent's id travels on just as well.
  if (isSpanNeedless(owner, plan, parent) && parent === context.active())
    return Reflect.apply(fn, self, args);
  if (isGeneratorFunction(fn)) {
    const start = (): TracedRun => new TracedRun(owner, parent, plan, self, args, mark);
    return settleGenerator(Reflect.apply(fn, self, args), start);
  }
  let run: TracedRun;
  try {
    run = new TracedRun(owner, parent, plan, self, args, mark);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a span could not be started; the call goes on untraced', error);
    return Reflect.apply(fn, self, args);
  }
  let result: unknown;
  try {
    // One closure costs less than spreading the arguments through the API and its context manager (0.2 of a call).
    result = context.with(run.context, () => Reflect.apply(fn, self, args as unknown[]));
  } catch (error) {
    run.fail(error);
    throw error;
  }
  // `settle` answers for itself: whatever it meets, it ends the run and gives back the result.
  return settle(result, run, isAsyncFunction(fn));
}

/**
 * Options of `withSpan`: those of `@Trace`, as values.
 *
 * @category Span
 */
export type WithSpanOptions = AnyTraceOptions;

/**
 * The plan of a call, from its options.
 *
 * @param options as given by the user
 * @param fallbackName the span's name where none is given
 * @param call the call, for callbacks
 * @param payloads what is added to the span, innermost first; the options' own payload unless given
 */
export function planOf(
  options: AnyTraceOptions,
  fallbackName: string,
  call: Call,
  payloads: readonly AnyPayload[] = hasPayload(options) ? [options] : NO_PAYLOADS,
): SpanPlan {
  return {
    name: options.name ?? options.eventName ?? fallbackName,
    named: options.name !== undefined || options.eventName !== undefined,
    eventName: options.eventName,
    eventType: options.eventType,
    start: startOptions(options, call),
    payloads,
    aggregate: options.aggregate,
  };
}

function startOptions(options: AnyTraceOptions, call: Call): SpanOptions | undefined {
  const { kind, root } = options;
  const attributes = startAttributes(options, call);
  const links = resolveOption(options.links, call, 'links') as Link[] | undefined;
  const isBare = attributes === undefined && links === undefined && kind === undefined && root === undefined;
  return isBare ? undefined : { kind, attributes, links, root };
}

function startAttributes(options: AnyTraceOptions, call: Call): Attributes | undefined {
  const given = resolveOption(options.attributes, call, 'attributes') as Attributes | undefined;
  const { eventType, eventName } = options;
  if (eventType === undefined && eventName === undefined) return given;
  const attributes: Attributes = { ...given };
  if (eventType !== undefined) attributes[ATTR_EVENT_TYPE] = eventType;
  if (eventName !== undefined) attributes[ATTR_EVENT_NAME] = eventName;
  return attributes;
}

/** The tracer that options name for a call, or the current one. */
export function ownerFor(
  options: AnyTraceOptions | undefined,
  call: Call,
  active: Context,
): SpanOwner | undefined {
  const choice = resolveOption(options?.tracer, call, 'tracer') as SpanOwner | string | undefined;
  return resolveOwner(choice, active);
}

const payloadCache = new WeakMap<object, boolean>();

/** Whether options hold any payload field; remembered, because options objects live as long as their decorator. */
export function hasPayload(options: AnyTraceOptions): boolean {
  let found = payloadCache.get(options);
  if (found === undefined) {
    found =
      options.inputs !== undefined ||
      options.outputs !== undefined ||
      options.metadata !== undefined ||
      options.metrics !== undefined ||
      options.feedback !== undefined ||
      options.config !== undefined ||
      options.userProperties !== undefined ||
      options.error !== undefined ||
      options.eventId !== undefined ||
      options.updateEventId !== undefined;
    payloadCache.set(options, found);
  }
  return found;
}

/**
 * Runs a function inside a new span, which ends when the function's result is settled.
 *
 * @param options a span name, or the options of `@Trace`
 * @param fn receives the span; with no tracer initialised it receives a span that records nothing
 * @returns what `fn` returns: the same value, promise, stream or generator
 *
 * @example
 * ```ts
 * const answer = await withSpan({ name: 'rank', eventType: 'tool' }, async (span) => {
 *   span.setAttribute('documents', 12);
 *   return rank(documents);
 * });
 * ```
 * Produces a span `rank` with `honeyhive_event_type: tool`, under the active span.
 *
 * @see https://opentelemetry.io/docs/specs/otel/trace/api/#span-creation
 * @category Span
 */
export function withSpan<T>(options: string | WithSpanOptions, fn: (span: Span) => T): T {
  const given: WithSpanOptions = typeof options === 'string' ? { name: options } : (options ?? {});
  if (typeof options === 'object') reportUnknownFields(given, TRACE_FIELDS, 'withSpan');
  const active = context.active();
  const call: Call = {
    name: given.name ?? given.eventName ?? (fn.name || 'span'),
    self: undefined,
    args: [],
  };
  const owner = ownerFor(given, call, active);
  if (owner === undefined) return fn(trace.getSpan(active) ?? trace.wrapSpanContext(NO_SPAN_CONTEXT));
  const body = (): T => fn(trace.getSpan(context.active()) as Span);
  return runInSpan(owner, active, planOf(given, call.name, call), body, undefined, []) as T;
}

/** What a function is given where there is no tracer: a span that records nothing and has no id. */
const NO_SPAN_CONTEXT = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };
