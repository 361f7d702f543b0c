/**
 * One run of a traced body: the context it runs in, its span, and what is written on it until it ends.
 */
import type { Attributes, Context, Span, SpanOptions } from '@opentelemetry/api';
import { ATTR_ABANDONED, ATTR_DURATION_MS, ATTR_EVENT_NAME, type EventType } from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import { ContextNode, contextNode, type Surroundings } from '../context/context-node.js';
import { withIdentity } from '../context/identity.js';
import { stampSpan } from '../processor/stamp.js';
import { withOwner, type OwnerSettings, type SpanOwner } from '../tracer/owner.js';
import type { AnyPayload } from './options.js';
import { PayloadWriter, type Call } from './payload.js';
import { OpenRun, type SpanRun } from './settle-run.js';
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

/**
 * Starts the span of a call.
 *
 * @param owner the tracer the span belongs to
 * @param parent the context the span starts in
 * @param plan what the span is made of
 * @param mark put into the span's context under `MEMBER_KEY`
 * @returns the context in which the body runs, with the span in it
 */
export function startPlanned(
  owner: SpanOwner,
  parent: Context,
  plan: SpanPlan,
  mark: unknown,
): ContextNode & { readonly span: Span } {
  const own = contextOf(owner, parent);
  const span = owner.otelTracer.startSpan(plan.name, plan.start, own);
  if (owner.settings.stampAtStart && span.isRecording()) stampSpan(span, own, owner);
  return new ContextNode(span, mark ?? own.member, own.around) as ContextNode & { readonly span: Span };
}

/** Ends a span, whoever made it. */
export function endSafely(span: Span): void {
  try {
    span.end();
  } catch (error) {
    warnError('SPW_INTERNAL', 'a span could not be ended', error);
  }
}

/** Whether a run of the plan has nothing to write on its span: neither at its start nor with a plain result. */
export function isBare(plan: SpanPlan, { capture, honeyHiveCompatible }: OwnerSettings): boolean {
  return (
    plan.payloads.length === 0 &&
    plan.eventType !== 'model' &&
    plan.aggregate === undefined &&
    !capture.inputs &&
    !capture.outputs &&
    !honeyHiveCompatible
  );
}

/** A span of someone else's that cannot say so is not recording: it must not cost a call that has returned. */
function isRecording(span: Span): boolean {
  try {
    return span.isRecording();
  } catch (error) {
    warnError('SPW_INTERNAL', 'a span could not be asked whether it records', error);
    return false;
  }
}

/** One run of a traced body, and its span. */
export class TracedRun extends OpenRun {
  readonly context: Context;
  readonly span: Span;
  readonly recording: boolean;
  readonly collect: ((chunk: unknown) => void) | undefined;
  /** Payloads that decorators further in add to this span while it runs. */
  private added: AnyPayload[] | undefined = undefined;
  private writer: PayloadWriter | undefined = undefined;
  private chunks: unknown[] | undefined = undefined;
  private readonly startedAt: number;

  /** @param started what `startPlanned` made for the run, where it has started already */
  constructor(
    readonly owner: SpanOwner,
    private readonly parent: Context,
    readonly plan: SpanPlan,
    private readonly self: unknown,
    private readonly args: ArrayLike<unknown>,
    private readonly mark?: { run: TracedRun | undefined } | undefined,
    started = startPlanned(owner, parent, plan, mark),
  ) {
    super();
    this.context = started;
    this.span = started.span;
    if (mark !== undefined) mark.run = this;
    this.recording = isRecording(this.span);
    this.startedAt = owner.settings.honeyHiveCompatible && this.recording ? performance.now() : 0;
    if (this.recording) this.writeStart(plan.payloads);
    this.collect =
      this.recording && plan.aggregate !== undefined ? (chunk) => this.collectNow(chunk) : undefined;
  }

  get subject(): SpanRun {
    return this;
  }

  /** Lets a decorator that stands further in, behind a foreign one, add to this span. */
  add(payloads: readonly AnyPayload[]): void {
    if (!this.recording || this.over || payloads.length === 0) return;
    (this.added ??= []).push(...payloads);
    this.write((writer, out) => writer.atStart(payloads, out));
  }

  /** Takes over what an inner decorator says of the span's start. */
  describe(plan: SpanPlan): void {
    if (!this.recording || this.over) return;
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
    if (!this.close()) return;
    if (this.recording) {
      const { plan } = this;
      const isModel = plan.eventType === 'model';
      if (
        plan.payloads.length > 0 ||
        this.added !== undefined ||
        isModel ||
        plan.aggregate !== undefined ||
        this.owner.settings.capture.outputs
      ) {
        this.writeEnd(value);
      }
    }
    this.endNow();
  }

  fail(error: unknown): void {
    if (!this.close()) return;
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
    if (this.over) return;
    if (this.chunks !== undefined) return this.succeed(undefined);
    this.close();
    this.endNow();
  }

  abandon(): void {
    if (!this.close()) return;
    try {
      this.span.setAttribute(ATTR_ABANDONED, true);
    } catch (error) {
      warnError('SPW_INTERNAL', 'a span could not be marked as abandoned', error);
    }
    this.endNow();
  }

  again(): SpanRun {
    const { owner, parent, plan, self, args, mark } = this;
    return new TracedRun(owner, parent, plan, self, args, mark).list();
  }

  private endNow(): void {
    if (this.startedAt !== 0) {
      try {
        this.span.setAttribute(ATTR_DURATION_MS, performance.now() - this.startedAt);
      } catch (error) {
        warnError('SPW_INTERNAL', 'a duration could not be recorded', error);
      }
    }
    endSafely(this.span);
  }

  private writeStart(payloads: readonly AnyPayload[]): void {
    const { capture, messageContent } = this.owner.settings;
    const content = messageContent === true && this.plan.eventType === 'model';
    if (payloads.length === 0 && !capture.inputs && !content) return;
    this.write((writer, out) => writer.atStart(payloads, out));
  }

  private writeEnd(value: unknown): void {
    const { plan } = this;
    const given = this.added === undefined ? plan.payloads : [...this.added, ...plan.payloads];
    // What chunks were aggregated to is an output that was asked for; an explicit `outputs` comes after it.
    const payloads = plan.aggregate === undefined ? given : [{ outputs: true }, ...given];
    const result = this.chunks === undefined ? value : this.aggregated();
    this.write((writer, out) => writer.atEnd(payloads, result, out));
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
    if (this.over) return;
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

// Contexts are immutable, so what an owner makes of one can be kept with it: the root context, and one per request.
// Without this, a span below the root copied three maps (two thirds of its cost).
const owned = new WeakMap<Context, ContextNode>();

/** The context with the owner in it and its identity in the baggage. */
function contextOf(owner: SpanOwner, parent: Context): ContextNode {
  if (parent instanceof ContextNode) {
    const { around } = parent;
    if (isCompleteFor(owner, around)) return parent;
    const known = around.completed;
    if (known !== undefined && isCompleteFor(owner, known)) {
      return new ContextNode(parent.span, parent.member, known);
    }
    const own = completeContext(owner, parent);
    around.completed = own.around;
    return own;
  }
  const known = owned.get(parent);
  if (known !== undefined && isCompleteFor(owner, known.around)) return known;
  const own = completeContext(owner, parent);
  owned.set(parent, own);
  return own;
}

function isCompleteFor(owner: SpanOwner, around: Surroundings): boolean {
  return around.completeFor === owner.identity && around.owner === owner;
}

function completeContext(owner: SpanOwner, parent: Context): ContextNode {
  const own = contextNode(withOwner(withIdentity(contextNode(parent), owner.identity), owner));
  own.around.completeFor = owner.identity;
  return own;
}
