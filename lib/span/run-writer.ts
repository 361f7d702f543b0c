/**
 * What a run writes on its span: payloads at its start and end, aggregated chunks, its duration.
 */
import type { Attributes, AttributeValue, Span, SpanOptions } from '@opentelemetry/api';
import { ATTR_DURATION_MS, type EventType } from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import type { OwnerSettings, SpanOwner } from '../tracer/owner.js';
import type { AnyPayload } from './options.js';
import { PayloadWriter, type Call } from './payload.js';

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

/** Whether a run of the plan has anything to write on its span, at its start or with a plain result. */
export function hasToWrite(plan: SpanPlan, { capture, honeyHiveCompatible }: OwnerSettings): boolean {
  return (
    plan.payloads.length > 0 ||
    plan.eventType === 'model' ||
    plan.aggregate !== undefined ||
    capture.inputs ||
    capture.outputs ||
    honeyHiveCompatible
  );
}

/** The most chunks that are kept for `aggregate`. */
const MAX_CHUNKS = 10_000;

/** Writes the payloads of one run on its span, which is recording. */
export class RunWriter {
  /** Takes each chunk of a stream, where they are aggregated. */
  readonly collect: ((chunk: unknown) => void) | undefined;
  /** Payloads that decorators further in add to this span while it runs. */
  private added: AnyPayload[] | undefined = undefined;
  private writer: PayloadWriter | undefined = undefined;
  private chunks: unknown[] | undefined = undefined;
  private closed = false;
  private readonly startedAt: number;

  constructor(
    private readonly owner: SpanOwner,
    private readonly span: Span,
    private readonly plan: SpanPlan,
    private readonly call: Call,
  ) {
    const { capture, messageContent, honeyHiveCompatible } = owner.settings;
    this.startedAt = honeyHiveCompatible ? performance.now() : 0;
    this.collect = plan.aggregate === undefined ? undefined : (chunk) => this.collectNow(chunk);
    const content = messageContent === true && plan.eventType === 'model';
    if (plan.payloads.length > 0 || capture.inputs || content) {
      this.write((writer, out) => writer.atStart(plan.payloads, out));
    }
  }

  /** Whether chunks have come in. */
  get hasChunks(): boolean {
    return this.chunks !== undefined;
  }

  /** Adds payloads of a decorator that stands further in. */
  add(payloads: readonly AnyPayload[]): void {
    (this.added ??= []).push(...payloads);
    this.write((writer, out) => writer.atStart(payloads, out));
  }

  /** Writes what is known with the result. */
  atEnd(value: unknown): void {
    const { plan, added } = this;
    const given = added === undefined ? plan.payloads : [...added, ...plan.payloads];
    // What chunks were aggregated to is an output that was asked for; an explicit `outputs` comes after it.
    const payloads = plan.aggregate === undefined ? given : [{ outputs: true }, ...given];
    if (payloads.length === 0 && plan.eventType !== 'model' && !this.owner.settings.capture.outputs) return;
    const result = this.chunks === undefined ? value : this.aggregated();
    this.write((writer, out) => writer.atEnd(payloads, result, out));
  }

  /** Writes what is known when the span ends, however it does. */
  close(): void {
    this.closed = true;
    if (this.startedAt === 0) return;
    try {
      this.span.setAttribute(ATTR_DURATION_MS, performance.now() - this.startedAt);
    } catch (error) {
      warnError('SPW_INTERNAL', 'a duration could not be recorded', error);
    }
  }

  private write(fill: (writer: PayloadWriter, out: Record<string, AttributeValue>) => void): void {
    try {
      this.writer ??= new PayloadWriter(this.owner, this.call, this.plan.eventType === 'model');
      const out: Attributes = {};
      fill(this.writer, out as Record<string, AttributeValue>);
      this.span.setAttributes(out);
    } catch (error) {
      warnError('SPW_INTERNAL', 'a payload could not be recorded', error);
    }
  }

  private collectNow(chunk: unknown): void {
    if (this.closed) return;
    this.chunks ??= [];
    if (this.chunks.length < MAX_CHUNKS) this.chunks.push(chunk);
    else {
      const { name } = this.plan;
      warn('SPW_CAPTURE', `aggregate keeps the first ${MAX_CHUNKS} chunks of ${name}`, name);
    }
  }

  private aggregated(): unknown {
    try {
      return this.plan.aggregate?.(this.chunks ?? []);
    } catch (error) {
      const { name } = this.plan;
      warnError('SPW_CALLBACK', `${name}: the aggregate callback threw and was passed over`, error);
      return undefined;
    }
  }
}
