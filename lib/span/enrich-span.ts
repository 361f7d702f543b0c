/**
 * Adding to a span that is already open: `enrichSpan`, and `enrichSpanContext` for a new one around a function.
 */
import { context, trace, type Attributes, type Span } from '@opentelemetry/api';
import { ATTR_EVENT_TYPE } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { ownerOf, type SpanOwner } from '../tracer/owner.js';
import { tracerRegistry } from '../tracer/registry.js';
import { PAYLOAD_FIELDS, type AnyPayload } from './options.js';
import { PayloadWriter, reportUnknownFields, type Call } from './payload.js';
import { withSpan, type WithSpanOptions } from './with-span.js';

/**
 * What `enrichSpan` takes: values by namespace.
 *
 * @category Span
 */
export interface SpanPayload {
  /** What went in, below `honeyhive_inputs`. */
  inputs?: unknown;
  /** What came out, below `honeyhive_outputs`. */
  outputs?: unknown;
  /** Facts about the event, below `honeyhive_metadata`. */
  metadata?: unknown;
  /** Numbers to chart, below `honeyhive_metrics`. */
  metrics?: unknown;
  /** What people or judges said of it, below `honeyhive_feedback`. */
  feedback?: unknown;
  /** How it was set up, below `honeyhive_config`. */
  config?: unknown;
  /** Who it was done for, below `honeyhive_user_properties`. */
  userProperties?: unknown;
  /** An error's text, as `honeyhive_error`. */
  error?: unknown;
  /** Sends all of it to that event of the backend instead; the active span is left alone. */
  eventId?: string;
  /** The id of this span's event at the backend, as `honeyhive_event_id`. */
  updateEventId?: string;
}

const CALL: Call = { name: 'enrichSpan', self: undefined, args: [] };

/**
 * Adds a payload to the active span, or to an event of the backend when `eventId` is given.
 *
 * @param payload values by namespace; nested objects are flattened, bounded and redacted
 * @returns whether something received it: false without a recording span (and without `eventId`); a failure
 *   is reported and never thrown
 *
 * @example
 * ```ts
 * import { enrichSpan, SessionTracer, withSession, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * withSession('s-1', () =>
 *   withSpan('order', () => enrichSpan({ metadata: { tier: 'gold' }, metrics: { tokens: 42 } })),
 * );
 * ```
 * The active span gains `honeyhive_metadata.tier: "gold"` and `honeyhive_metrics.tokens: 42`:
 * ```text
 * order [tool] session=s-1
 * ```
 * @category Span
 */
export function enrichSpan(payload: SpanPayload): boolean {
  const active = context.active();
  return enrich(trace.getSpan(active), ownerOf(active) ?? tracerRegistry.default, payload);
}

/**
 * Adds a payload to a given span.
 *
 * @param span the span; undefined is answered with false
 * @param owner whose redactor and backend are used
 * @param payload values by namespace
 */
export function enrich(span: Span | undefined, owner: SpanOwner | undefined, payload: AnyPayload): boolean {
  try {
    if (typeof payload !== 'object' || payload === null) return false;
    reportUnknownFields(payload, PAYLOAD_FIELDS, 'enrichSpan');
    if (owner === undefined) return false;
    const toEvent = payload.eventId !== undefined;
    if (!toEvent && (span === undefined || !span.isRecording())) return false;
    const attributes = (span as { attributes?: Attributes } | undefined)?.attributes;
    const writer = new PayloadWriter(owner, CALL, attributes?.[ATTR_EVENT_TYPE] === 'model');
    const out: Attributes = {};
    // The owner's capture defaults are about arguments and results of calls; there is no call here.
    const picked: Record<string, unknown> = { inputs: false, outputs: false };
    for (const field of PAYLOAD_FIELDS) {
      const value = (payload as Record<string, unknown>)[field];
      if (value !== undefined) picked[field] = value;
    }
    const payloads = [picked as AnyPayload];
    writer.atStart(payloads, out as Record<string, any>);
    writer.atEnd(payloads, undefined, out);
    if (!toEvent) span?.setAttributes(out);
    return true;
  } catch (error) {
    warnError('SPW_INTERNAL', 'a payload could not be recorded', error);
    return false;
  }
}

/**
 * Runs a function inside a new span that starts with a payload: HoneyHive's `enrich_span_context`.
 *
 * @param options the span's name, or name and payload
 * @param fn receives the span
 * @returns what `fn` returns; the context is restored on every path
 * @throws whatever `fn` throws, after it was recorded on the span
 *
 * @example
 * ```ts
 * import { enrichSpanContext, SessionTracer, withSession } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * await withSession('s-1', () =>
 *   enrichSpanContext({ name: 'call_agent_1', inputs: { query: 'tea' } }, async () => 'an answer'),
 * );
 * ```
 * A span with `honeyhive_inputs.query: "tea"`:
 * ```text
 * call_agent_1 [tool] session=s-1
 * ```
 * @category Span
 */
export function enrichSpanContext<T>(options: string | WithSpanOptions, fn: (span: Span) => T): T {
  return withSpan(options, fn);
}
