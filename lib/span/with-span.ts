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
import { ATTR_EVENT_NAME, ATTR_EVENT_TYPE } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { contextNode } from '../context/context-node.js';
import { MEMBER_KEY } from '../context/keys.js';
import { ownerOf, type SpanOwner } from '../tracer/owner.js';
import { resolveOwner, tracerRegistry } from '../tracer/registry.js';
import type { AnyPayload, AnyTraceOptions } from './options.js';
import { TRACE_FIELDS } from './options.js';
import { reportUnknownFields, resolveOption, type Call } from './payload.js';
import { isAsyncFunction, isGeneratorFunction, isPlain, settle, settleGenerator } from './settle.js';
import {
  endSafely,
  hasToWrite,
  PendingRun,
  startPlanned,
  TracedRun,
  type SpanPlan,
  type Started,
} from './traced-run.js';

export { TracedRun, type SpanPlan } from './traced-run.js';

const NO_PAYLOADS: readonly AnyPayload[] = [];
// Taken once: a promise's own `then` may be the user's, or ours.
const promiseThen = Promise.prototype.then;

/**
 * Whether a span would be for nothing: its parent is not sampled, the owner's sampler follows parents, and calls
 * inside would come to the same owner anyhow.
 */
export function isSpanNeedless(owner: SpanOwner, plan: SpanPlan, parent: Context): boolean {
  if (!owner.settings.followsParent || plan.start?.root === true) return false;
  const above = trace.getSpan(parent);
  return above !== undefined && isDropped(above) && resolveOwner(undefined, parent) === owner;
}

/** Whether a span is neither recorded nor sampled, and a valid parent. */
function isDropped(span: Span): boolean {
  if (span.isRecording()) return false;
  const spanContext = span.spanContext();
  return (spanContext.traceFlags & TraceFlags.SAMPLED) === 0 && isSpanContextValid(spanContext);
}

// Whole requests run below one unsampled span: in a context in which a span was needless, the next one is, and the
// call does nothing but compare (0.03 of a sampled call of OpenTelemetry's, where finding out takes 0.08).
let idle: Context | undefined;
let idleOwner: SpanOwner | undefined;

/**
 * Whether the last call that needed no span was made in this context, so that one without a tracer, root or marker
 * of its own needs none either.
 *
 * @param context the active context
 */
export function isIdle(context: Context): boolean {
  return context === idle && idleOwner!.live && (ownsIdle || tracerRegistry.default === idleOwner);
}

// Whether the context names its owner; otherwise the owner is the default tracer, and that may change.
let ownsIdle = false;

function rememberIdle(context: Context, owner: SpanOwner): void {
  // Below a marker, a call may have to find the span of another wrapper.
  if (context.getValue(MEMBER_KEY) !== undefined) return;
  idle = context;
  idleOwner = owner;
  ownsIdle = ownerOf(context) === owner;
}

function isActive(parent: Context): boolean {
  return contextNode(context.active()) === contextNode(parent);
}

/** How a function runs, as far as it can be told before it does. */
export type FunctionKind = 'plain' | 'async' | 'generator';

/** The kind of a function; the same at each call, so that who calls it often remembers it. */
export function functionKind(fn: (...args: any[]) => unknown): FunctionKind {
  return isGeneratorFunction(fn) ? 'generator' : isAsyncFunction(fn) ? 'async' : 'plain';
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
 * @param kind what `functionKind` said of the function
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
  kind: FunctionKind = functionKind(fn),
): unknown {
  // Nothing of such a span would be seen or sent, and the parent's id travels on just as well.
  if (isSpanNeedless(owner, plan, parent) && isActive(parent)) {
    rememberIdle(context.active(), owner);
    return Reflect.apply(fn, self, args);
  }
  if (kind === 'generator') {
    const start = (): TracedRun => new TracedRun(owner, parent, plan, self, args, mark);
    return settleGenerator(Reflect.apply(fn, self, args), start);
  }
  let run: TracedRun | undefined;
  let inside: Started;
  try {
    inside = startPlanned(owner, parent, plan, mark);
    // Without anything to write, a call that returns a plain value needs its span only (0.07 of a raw call).
    if (mark !== undefined || hasToWrite(plan, owner.settings)) {
      run = new TracedRun(owner, parent, plan, self, args, mark, inside);
    }
  } catch (error) {
    warnError('SPW_INTERNAL', 'a span could not be started; the call goes on untraced', error);
    return Reflect.apply(fn, self, args);
  }
  let result: unknown;
  try {
    // One closure costs less than spreading the arguments through the API and its context manager (0.2 of a call).
    result = context.with(inside, () => Reflect.apply(fn, self, args as unknown[]));
  } catch (error) {
    (run ?? new TracedRun(owner, parent, plan, self, args, mark, inside)).fail(error);
    throw error;
  }
  if (run === undefined) {
    if (isPlain(result)) {
      endSafely(inside.span);
      return result;
    }
    if (kind === 'async' && result instanceof Promise) {
      const pending = new PendingRun(owner, inside).list();
      return promiseThen.call(
        result,
        (value: unknown) => {
          if (!pending.settled()) return value;
          if (!isPlain(value))
            return settle(value, new TracedRun(owner, parent, plan, self, args, mark, inside));
          endSafely(inside.span);
          return value;
        },
        (error: unknown) => {
          if (pending.settled()) new TracedRun(owner, parent, plan, self, args, mark, inside).fail(error);
          throw error;
        },
      );
    }
    run = new TracedRun(owner, parent, plan, self, args, mark, inside);
  }
  // `settle` answers for itself: whatever it meets, it ends the run and gives back the result.
  return settle(result, run, kind === 'async');
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
 * @throws whatever `fn` throws, after it was recorded on the span
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * await withSession('s-1', () =>
 *   withSpan({ name: 'answer', eventType: 'chain' }, async (span) => {
 *     span.setAttribute('documents', 12);
 *     return withSpan('rank', () => ['a', 'b']);
 *   }),
 * );
 * ```
 * A span under the active span, with `honeyhive_event_type`:
 * ```text
 * answer [chain] session=s-1
 * └─ rank [tool]
 * ```
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
