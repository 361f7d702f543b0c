/** The spans of every trace, over all sessions. */
import type { Item } from './item.js';

export interface TraceEntry {
  /** By span id. */
  readonly spans: Map<string, Item>;
  /** By the span id of the parent, which itself may not be here. */
  readonly children: Map<string, Set<Item>>;
  /** How many of the spans are in each session. */
  readonly sessions: Map<string, number>;
}

export class TraceIndex {
  readonly #traces = new Map<string, TraceEntry>();

  get(traceId: string): TraceEntry | undefined {
    return this.#traces.get(traceId);
  }

  /** The ids of the sessions that have part in any of these traces. */
  *sessionsOf(traceIds: Iterable<string>): Generator<string> {
    for (const traceId of traceIds) yield* this.#traces.get(traceId)?.sessions.keys() ?? [];
  }

  add(item: Item): void {
    const { span } = item;
    if (span === undefined) return;
    let trace = this.#traces.get(span.traceId);
    if (trace === undefined) {
      trace = { spans: new Map(), children: new Map(), sessions: new Map() };
      this.#traces.set(span.traceId, trace);
    }
    trace.spans.set(span.spanId, item);
    trace.sessions.set(item.sessionId, (trace.sessions.get(item.sessionId) ?? 0) + 1);
    if (span.parentSpanId === undefined) return;
    const siblings = trace.children.get(span.parentSpanId);
    if (siblings === undefined) trace.children.set(span.parentSpanId, new Set([item]));
    else siblings.add(item);
  }

  remove(item: Item): void {
    const { span } = item;
    const trace = span === undefined ? undefined : this.#traces.get(span.traceId);
    if (span === undefined || trace === undefined) return;
    trace.spans.delete(span.spanId);
    const left = (trace.sessions.get(item.sessionId) ?? 0) - 1;
    if (left > 0) trace.sessions.set(item.sessionId, left);
    else trace.sessions.delete(item.sessionId);
    if (span.parentSpanId !== undefined) {
      const siblings = trace.children.get(span.parentSpanId);
      siblings?.delete(item);
      if (siblings?.size === 0) trace.children.delete(span.parentSpanId);
    }
    if (trace.spans.size === 0) this.#traces.delete(span.traceId);
  }
}
