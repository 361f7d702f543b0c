/** What the store keeps: spans, and events that came by REST. */
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import type { AttributeValue, ReceivedSpan } from './received-span.js';
import {
  errorOf,
  eventIdOf,
  serviceOf,
  sessionIdOfTrace,
  spanToEvent,
  stampedSessionId,
} from './span-to-event.js';

/** One row of a session. */
export interface Item {
  /** Unique in the store: trace id and span id, or `event:` and the event's id. */
  readonly key: string;
  readonly sessionId: string;
  /** Whether the span itself names its session; else its trace stands in for one. */
  readonly stamped: boolean;
  readonly eventId: string;
  readonly span: ReceivedSpan | undefined;
  readonly bytes: number;
  /** The store's revision when this came or was last changed. */
  revision: number;
  /** The event without updates; made at first use for spans. */
  event: HoneyHiveEvent | undefined;
}

export function spanKey(traceId: string, spanId: string): string {
  return traceId + spanId;
}

export function itemOfSpan(span: ReceivedSpan, revision: number): Item {
  const stamped = stampedSessionId(span);
  return {
    key: spanKey(span.traceId, span.spanId),
    sessionId: stamped ?? sessionIdOfTrace(span.traceId),
    stamped: stamped !== undefined,
    eventId: eventIdOf(span),
    span,
    bytes: sizeOfSpan(span),
    revision,
    event: undefined,
  };
}

export function itemOfEvent(event: HoneyHiveEvent, revision: number): Item {
  return {
    key: `event:${event.event_id}`,
    sessionId: event.session_id,
    stamped: true,
    eventId: event.event_id,
    span: undefined,
    bytes: sizeOf(event) + 400,
    revision,
    event,
  };
}

export function baseEvent(item: Item): HoneyHiveEvent {
  return (item.event ??= spanToEvent(item.span!));
}

export function serviceOfItem(item: Item): string {
  if (item.span !== undefined) return serviceOf(item.span);
  const service = item.event?.['service_name'];
  return typeof service === 'string' ? service : (item.event?.source ?? 'events');
}

export function errorOfItem(item: Item): string | null {
  return item.span === undefined ? (item.event?.error ?? null) : errorOf(item.span);
}

export function timesOfItem(item: Item): readonly [start: number, end: number] {
  if (item.span !== undefined) return [item.span.startTime, item.span.endTime];
  return [item.event!.start_time, item.event!.end_time];
}

/** Roughly what a span costs in memory, with the event that is made from it. */
function sizeOfSpan(span: ReceivedSpan): number {
  let bytes = 600 + span.name.length + (span.statusMessage?.length ?? 0) + sizeOf(span.attributes);
  for (const event of span.events) bytes += 100 + event.name.length + sizeOf(event.attributes);
  for (const link of span.links) bytes += 150 + sizeOf(link.attributes);
  return bytes * 2;
}

/** Roughly what a JSON value costs in memory. */
export function sizeOf(value: AttributeValue | JsonObject | unknown): number {
  if (typeof value === 'string') return 24 + value.length;
  if (typeof value !== 'object' || value === null) return 12;
  let bytes = 40;
  for (const key in value) bytes += 24 + key.length + sizeOf((value as JsonObject)[key]);
  return bytes;
}
