/**
 * What happens when a decorated member is called: all decorators on it become one span.
 *
 * Decorators that stand directly on each other arrive here as one list of layers. Where a foreign decorator stands
 * between them there are two wrappers, and the outer one leaves a marker in the context by which the inner one
 * finds the span it shares.
 */
import { context, SpanKind, trace, type Context, type Link } from '@opentelemetry/api';
import { contextNode } from '../context/context-node.js';
import { MEMBER_KEY, MESSAGE_KEY, SERVED_KEY, type Served } from '../context/keys.js';
import { warnError } from '../diagnostics.js';
import { findCarrier, namedCarrier } from '../propagation/find-carrier.js';
import { linksOfBatch, withoutEnded } from '../propagation/message-context.js';
import { enterContext } from '../propagation/trust.js';
import { TRACE_FIELDS, type AnyPayload, type AnyTraceOptions } from '../span/options.js';
import { reportUnknownFields, resolveOption, type Call } from '../span/payload.js';
import { isGeneratorFunction, settle, settleGenerator, type SpanRun } from '../span/settle.js';
import { isHttpServerSpan } from '../span/http-server-span.js';
import { enrich } from '../span/enrich-span.js';
import {
  functionKind,
  hasPayload,
  isIdle,
  ownerFor,
  planOf,
  runInSpan,
  type FunctionKind,
  type SpanPlan,
  type TracedRun,
} from '../span/with-span.js';
import { trustIn, withOwner, type SpanOwner } from '../tracer/owner.js';
import { hasTracers, resolveOwner, type TracerChoice } from '../tracer/registry.js';
import { memberName, sameMember, type CallSite, type Layer, type Member } from './decorator-protocol.js';
import type { AnyEntryOptions } from './options.js';

type GivenTrace = AnyTraceOptions | ((...args: any[]) => unknown);

/** The layers of a member, sorted once. */
interface LayerPlan {
  readonly traced: boolean;
  readonly entry: AnyEntryOptions | undefined;
  /** Every layer's options, innermost first; a function is asked at each call. */
  readonly given: readonly GivenTrace[];
  /** The span's options and payloads, where they do not depend on the call. */
  readonly fixed: Resolved | undefined;
}

/** What the calls of a wrapper have in common, where nothing of the span depends on the call. */
interface KnownCall {
  readonly layers: readonly Layer[];
  /** The member's name, which may depend on the receiver. */
  readonly name: string;
  readonly plan: SpanPlan;
  readonly tracer: TracerChoice;
  readonly kind: FunctionKind;
  /** Whether a context can tell that the call needs no span. */
  readonly idles: boolean;
}

/** What all layers together say of one call. */
interface Resolved {
  readonly options: AnyTraceOptions;
  readonly payloads: readonly AnyPayload[];
}

/** Left in the context by the outer of two wrappers of one member. */
interface MemberMarker {
  readonly member: Member;
  readonly self: unknown;
  /** The span of the call, or none where only `@Enrich` stands outside. */
  run: TracedRun | undefined;
  readonly payloads: readonly AnyPayload[];
  used: boolean;
}

const plans = new WeakMap<readonly Layer[], LayerPlan>();

function planFor(layers: readonly Layer[]): LayerPlan {
  let plan = plans.get(layers);
  if (plan === undefined) {
    const inward = [...layers].reverse();
    const given = inward.map((layer) => (layer.options ?? {}) as GivenTrace);
    const entries = inward.filter((layer) => layer.kind === 'entry').map((layer) => layer.options as object);
    plan = {
      traced: layers.some((layer) => layer.kind === 'trace'),
      entry: entries.length === 0 ? undefined : (Object.assign({}, ...entries) as AnyEntryOptions),
      given,
      fixed: given.some((options) => typeof options === 'function')
        ? undefined
        : merge(given as readonly AnyTraceOptions[]),
    };
    plans.set(layers, plan);
  }
  return plan;
}

/** Options of layers further out win; payloads add up, and the outermost has the last word. */
function merge(given: readonly AnyTraceOptions[]): Resolved {
  return { options: Object.assign({}, ...given) as AnyTraceOptions, payloads: given.filter(hasPayload) };
}

function resolve(plan: LayerPlan, call: Call): Resolved {
  if (plan.fixed !== undefined) return plan.fixed;
  const resolved: AnyTraceOptions[] = [];
  for (const options of plan.given) {
    if (typeof options !== 'function') {
      resolved.push(options);
      continue;
    }
    const asked = resolveOption(options, call, 'options');
    if (typeof asked === 'string') resolved.push({ name: asked });
    else if (typeof asked === 'object' && asked !== null) {
      reportUnknownFields(asked, TRACE_FIELDS, '@Trace');
      resolved.push(asked as AnyTraceOptions);
    }
  }
  return merge(resolved);
}

/**
 * Runs one call of a decorated member.
 *
 * @param self the receiver
 * @param fn the undecorated function; it is called exactly once
 * @param args the arguments
 * @param member what is decorated
 * @param layers our decorators on it, outermost first
 * @param site the wrapper's place to remember what its calls have in common
 * @returns what the function returned
 */
export function runLayers(
  self: unknown,
  fn: (...args: any[]) => unknown,
  args: ArrayLike<unknown>,
  member: Member,
  layers: readonly Layer[],
  site: CallSite,
): unknown {
  if (!hasTracers()) return Reflect.apply(fn, self, args as unknown[]);
  const current = context.active();
  const known = site.known as KnownCall | undefined;
  if (known !== undefined && known.layers === layers && known.idles && isIdle(current)) {
    return Reflect.apply(fn, self, args as unknown[]);
  }
  const active = contextNode(current);
  const name = memberName(member, self);
  const marker = active.member as MemberMarker | undefined;
  const outer = marker !== undefined && isFor(marker, member, self) ? marker : undefined;
  // Most calls: the plan of the call before, and no object but the span's own.
  if (outer === undefined && known !== undefined && known.layers === layers && known.name === name) {
    const owner = resolveOwner(known.tracer, active);
    if (owner === undefined) return Reflect.apply(fn, self, args as unknown[]);
    return runInSpan(owner, active, known.plan, fn, self, args, markerFor(member, self), known.kind);
  }
  const plan = planFor(layers);
  const call: Call = { name, self, args };
  if (!plan.traced && plan.entry === undefined) return runEnrichOnly(fn, member, plan, call, active, outer);
  if (outer !== undefined) {
    outer.used = true;
    if (outer.run !== undefined && plan.entry === undefined) {
      joinRun(outer.run, plan, call);
      return Reflect.apply(fn, self, args as unknown[]);
    }
  }

  const { options, payloads } = resolve(plan, call);
  const owner = ownerFor(options, call, active);
  if (owner === undefined) return Reflect.apply(fn, self, args as unknown[]);

  const all = outer === undefined ? payloads : [...payloads, ...outer.payloads];
  let spanPlan = planOf(options, name, call, all);
  let parent: Context = active;
  if (plan.entry !== undefined) {
    const entered = enter(plan.entry, call, owner, active);
    parent = entered.context;
    if (plan.entry.span === false && !plan.traced) {
      return runInContext(withOwner(parent, owner), fn, self, args);
    }
    const given = spanPlan.start;
    const start = {
      ...given,
      kind: given?.kind ?? entered.kind,
      root: entered.root || given?.root,
      links: [...entered.links, ...(given?.links ?? [])],
    };
    spanPlan = { ...spanPlan, start };
  } else if (outer === undefined && plan.fixed !== undefined && isCallFree(options) && name !== '') {
    const tracer = options.tracer as TracerChoice;
    const idles = tracer === undefined && options.root !== true;
    site.known = { layers, name, plan: spanPlan, tracer, kind: functionKind(fn), idles } satisfies KnownCall;
  }
  return runInSpan(owner, parent, spanPlan, fn, self, args, markerFor(member, self));
}

/** Whether the span's start depends on nothing of the call but the name. */
function isCallFree({ attributes, links, tracer }: AnyTraceOptions): boolean {
  return typeof attributes !== 'function' && typeof links !== 'function' && typeof tracer !== 'function';
}

/** What the span's context says of the member, for a decorator of ours behind a foreign one, if there can be one. */
function markerFor(member: Member, self: unknown): MemberMarker | undefined {
  if (member.place.members < 2) return undefined;
  return { member, self, run: undefined, payloads: NO_PAYLOADS, used: false };
}

const NO_PAYLOADS: readonly AnyPayload[] = [];

function isFor(marker: MemberMarker, member: Member, self: unknown): boolean {
  return (
    !marker.used &&
    marker.self === self &&
    (marker.member === member || sameMember(marker.member, member, self)) &&
    // A recursive call of the whole member is a call of its own: the outer wrapper has replaced the marker by then.
    marker.member !== member
  );
}

/** Adds what an inner decorator says to the span that an outer one has started. */
function joinRun(run: TracedRun, plan: LayerPlan, call: Call): void {
  try {
    const { options, payloads } = resolve(plan, call);
    if (run.recording) run.describe(planOf(options, '', call, payloads));
    run.add(payloads);
  } catch (error) {
    warnError('SPW_INTERNAL', 'stacked decorators could not be joined', error);
  }
}

interface Entered {
  readonly context: Context;
  readonly root: boolean;
  readonly links: readonly Link[];
  readonly kind: SpanKind;
}

function enter(entry: AnyEntryOptions, call: Call, owner: SpanOwner, active: Context): Entered {
  try {
    const found = carrierOf(entry, call, active);
    const sessionId = resolveOption(entry.sessionId, call, 'sessionId');
    const trust = trustIn(entry) ?? owner.settings.trust;
    const entered = enterContext(
      found.carrier,
      {
        owner,
        trust,
        newSession: entry.newSession ?? (owner.settings.newSession || owner.settings.autoSession),
        ...(typeof sessionId === 'string' ? { sessionId } : {}),
        ...(entry.baggage === undefined ? {} : { baggage: entry.baggage }),
      },
      found.message ? withoutEnded(active) : active,
    );
    if (entered.minted !== undefined && !owner.settings.autoSession) {
      owner.announceSession(entered.minted, `session-${entered.minted.slice(0, 8)}`);
    }
    return {
      context: entered.context,
      root: entered.root,
      links: found.batch === undefined ? entered.links : linksOfBatch(found.batch, owner, trust),
      kind: found.message ? SpanKind.CONSUMER : requestKind(entered.context, found.carrier),
    };
  } catch (error) {
    warnError('SPW_INTERNAL', 'the caller could not be continued', error);
    return { context: active, root: false, links: [], kind: SpanKind.SERVER };
  }
}

/** Below the server span of a middleware or of HTTP instrumentation an entry is no second server. */
function requestKind(entered: Context, carrier: unknown): SpanKind {
  const served = entered.getValue(SERVED_KEY) as Served | undefined;
  const below =
    (served !== undefined && served.carrier === carrier) || isHttpServerSpan(trace.getSpan(entered));
  return below && trace.getSpan(entered)?.spanContext().isRemote !== true
    ? SpanKind.INTERNAL
    : SpanKind.SERVER;
}

function carrierOf(entry: AnyEntryOptions, call: Call, active: Context): ReturnType<typeof namedCarrier> {
  const { carrier } = entry;
  if (typeof carrier === 'number') return namedCarrier(call.args[carrier]);
  if (typeof carrier === 'function') return namedCarrier(resolveOption(carrier, call, 'carrier'));
  const found = findCarrier(Array.from(call.args));
  const message = active.getValue(MESSAGE_KEY);
  const isSure = found.via === 'argument' || found.via === 'request';
  return message === undefined || isSure ? found : namedCarrier(message);
}

/** An `@Enrich` that stands alone, or outside of a foreign decorator. */
function runEnrichOnly(
  fn: (...args: any[]) => unknown,
  member: Member,
  plan: LayerPlan,
  call: Call,
  active: Context,
  outer: MemberMarker | undefined,
): unknown {
  const { self, args } = call;
  const { payloads } = resolve(plan, call);
  if (outer?.run !== undefined) {
    outer.used = true;
    outer.run.add(payloads);
    return Reflect.apply(fn, self, args as unknown[]);
  }
  const owner = ownerFor(undefined, call, active);
  if (owner === undefined) return Reflect.apply(fn, self, args as unknown[]);
  const span = trace.getSpan(active);
  const marker: MemberMarker = { member, self, run: undefined, payloads, used: false };
  return runInContext(active.setValue(MEMBER_KEY, marker), fn, self, args, (result) => {
    if (marker.used) return;
    for (const payload of payloads) enrich(span, owner, boundPayload(payload, call, result));
  });
}

/** The payload with its callbacks bound to the call, as `enrich` takes it. */
function boundPayload(payload: AnyPayload, call: Call, result: unknown): AnyPayload {
  const bound: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(payload)) {
    if (typeof value === 'function') {
      const first = field === 'outputs' || field === 'metrics' ? [result] : [];
      bound[field] = resolveOption(value, call, field, ...first);
    } else if (value === true && field === 'inputs') {
      bound[field] = Object.fromEntries(Array.from(call.args, (arg, i) => [`arg${i}`, arg]));
    } else if (value === true && field === 'outputs') bound[field] = { result };
    else bound[field] = value;
  }
  return bound;
}

/** Runs a function in a context without a span of its own, bodies of generators and streams included. */
function runInContext(
  inside: Context,
  fn: (...args: any[]) => unknown,
  self: unknown,
  args: ArrayLike<unknown>,
  done: (value: unknown) => void = () => undefined,
): unknown {
  const run: SpanRun = {
    context: inside,
    succeed: done,
    fail: () => undefined,
    cancel: () => undefined,
    abandon: () => undefined,
    again: () => run,
  };
  if (isGeneratorFunction(fn)) return settleGenerator(Reflect.apply(fn, self, args as unknown[]), () => run);
  const result = context.with(inside, fn as (...args: unknown[]) => unknown, self, ...(args as unknown[]));
  return settle(result, run);
}
