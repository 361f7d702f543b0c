/**
 * One run of a traced body: the context it runs in, and its span until it ends.
 */
import type { Context, Span } from '@opentelemetry/api';
import { ATTR_ABANDONED, ATTR_EVENT_NAME } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { ContextNode, contextNode, type Surroundings } from '../context/context-node.js';
import { withIdentity } from '../context/identity.js';
import { stampSpan } from '../processor/stamp.js';
import { linksOf } from '../propagation/remote.js';
import { withOwner, type SpanOwner } from '../tracer/owner.js';
import type { AnyPayload } from './options.js';
import { hasToWrite, RunWriter, type SpanPlan } from './run-writer.js';
import { OpenRun, type SpanRun } from './settle-run.js';
import { recordError } from './span-error.js';

export { hasToWrite, type SpanPlan } from './run-writer.js';

/** The context in which a body runs, with the span that was started for it. */
export type Started = ContextNode & { readonly span: Span };

/**
 * Starts the span of a call.
 *
 * @param owner the tracer the span belongs to
 * @param parent the context the span starts in
 * @param plan what the span is made of
 * @param mark put into the span's context under `MEMBER_KEY`
 * @returns the context in which the body runs, with the span in it
 */
export function startPlanned(owner: SpanOwner, parent: Context, plan: SpanPlan, mark: unknown): Started {
  const own = contextOf(owner, contextNode(parent));
  const owes = own.template === undefined && own.span === undefined && own.around.remote !== undefined;
  const start = owes ? withOwedLinks(plan, own) : plan.start;
  const span = owner.otelTracer.startSpan(plan.name, start, own);
  if (owner.settings.stampAtStart && span.isRecording()) stampSpan(span, own, owner);
  return nodeIn(own.around, own, span, mark ?? own.member, owner) as Started;
}

/** What a span starts with, and the link to a caller that was not made its parent: an entry may have named it too. */
function withOwedLinks({ start }: SpanPlan, own: Context): SpanPlan['start'] {
  const given = start?.links ?? [];
  const owed = linksOf(own).filter(
    ({ context }) => !given.some((link) => link.context.spanId === context.spanId),
  );
  return owed.length === 0 ? start : { ...start, links: [...owed, ...given] };
}

/** Ends a span, whoever made it. */
export function endSafely(span: Span): void {
  try {
    span.end();
  } catch (error) {
    warnError('SPW_INTERNAL', 'a span could not be ended', error);
  }
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

/** One run of a traced body, and its span. What writes payloads is made only for a run that has some. */
export class TracedRun extends OpenRun {
  readonly context: Started;
  private writer: RunWriter | undefined = undefined;

  /** @param started what `startPlanned` made for the run, where it has started already */
  constructor(
    readonly owner: SpanOwner,
    private readonly parent: Context,
    readonly plan: SpanPlan,
    private readonly self: unknown,
    private readonly args: ArrayLike<unknown>,
    private readonly mark?: { run: TracedRun | undefined } | undefined,
    started: Started = startPlanned(owner, parent, plan, mark),
  ) {
    super();
    this.context = started;
    if (mark !== undefined) mark.run = this;
    if (hasToWrite(plan, owner.settings)) this.write();
  }

  get span(): Span {
    return this.context.span;
  }

  get subject(): SpanRun {
    return this;
  }

  /** Whether the span still takes anything. */
  get recording(): boolean {
    return isRecording(this.span);
  }

  get collect(): ((chunk: unknown) => void) | undefined {
    return this.writer?.collect;
  }

  /** Lets a decorator that stands further in, behind a foreign one, add to this span. */
  add(payloads: readonly AnyPayload[]): void {
    if (this.over || payloads.length === 0) return;
    this.write()?.add(payloads);
  }

  /** Takes over what an inner decorator says of the span's start. */
  describe(plan: SpanPlan): void {
    if (this.over || !this.recording) return;
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
    this.writer?.atEnd(value);
    this.end();
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
    this.end();
  }

  cancel(): void {
    if (this.writer?.hasChunks === true) return this.succeed(undefined);
    if (this.close()) this.end();
  }

  abandon(): void {
    if (!this.close()) return;
    markAbandoned(this.span);
    this.end();
  }

  again(): SpanRun {
    const { owner, parent, plan, self, args, mark } = this;
    return new TracedRun(owner, parent, plan, self, args, mark).list();
  }

  /** What writes the run's payloads, if the span takes any. */
  private write(): RunWriter | undefined {
    if (this.writer === undefined && this.recording) {
      const { owner, plan, self, args } = this;
      this.writer = new RunWriter(owner, this.span, plan, { name: plan.name, self, args });
    }
    return this.writer;
  }

  private end(): void {
    this.writer?.close();
    endSafely(this.span);
  }
}

/**
 * The run of an `async` function until its promise is settled: what nearly every one of them needs, which is to be known
 * to a shutdown. What it takes to write an error, or to follow a stream that it resolves to, is made then
 * (0.05 of a raw call).
 */
export class PendingRun extends OpenRun {
  readonly context: Started;
  readonly collect = undefined;

  constructor(
    readonly owner: SpanOwner,
    started: Started,
  ) {
    super();
    this.context = started;
  }

  get subject(): SpanRun {
    return this;
  }

  /** Ends its part; false if it has ended before. */
  settled(): boolean {
    return this.close();
  }

  succeed(): void {
    if (this.close()) endSafely(this.context.span);
  }

  fail(): void {
    this.succeed();
  }

  cancel(): void {
    this.succeed();
  }

  abandon(): void {
    if (!this.close()) return;
    markAbandoned(this.context.span);
    endSafely(this.context.span);
  }

  again(): SpanRun {
    return this;
  }
}

function markAbandoned(span: Span): void {
  try {
    span.setAttribute(ATTR_ABANDONED, true);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a span could not be marked as abandoned', error);
  }
}

/** The context with the owner in it and its identity in the baggage; put together once for each of the surroundings. */
function contextOf(owner: SpanOwner, parent: ContextNode): ContextNode {
  if (parent.template?.owner !== owner) completeNode(owner, parent);
  const { inside } = parent;
  return inside === undefined ? parent : nodeIn(inside, parent, parent.span, parent.member, owner);
}

/** A node that is stamped as another one is. */
function nodeIn(
  around: Surroundings,
  like: ContextNode,
  span: unknown,
  member: unknown,
  owner: SpanOwner,
): ContextNode {
  const node = new ContextNode(span, member, around, owner);
  node.template = like.template;
  node.sessionId = like.sessionId;
  return node;
}

/** Notes at a node what its surroundings are for an owner. */
function completeNode(owner: SpanOwner, node: ContextNode): void {
  const { around } = node;
  let { completed } = around;
  if (completed === undefined || completed.owner !== owner) {
    completed = contextNode(withOwner(withIdentity(node, owner.identity), owner)).around;
    around.completed = completed;
    completed.completed = completed;
  }
  const { template, remote, suppressed, sessionId } = completed;
  const isUsual = suppressed === undefined && (remote === undefined || node.span !== undefined);
  node.inside = completed === around ? undefined : completed;
  node.template = isUsual && template?.owner === owner ? template : undefined;
  node.sessionId = sessionId;
}
