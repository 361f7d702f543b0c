/** What the verifier needs to know of an event, whoever stored it. */
import { ATTR_SERVICE_NAME, BAGGAGE_ATTRIBUTE_PREFIX } from '../conventions.js';
import type { HoneyHiveEvent } from '../honeyhive/event.js';

/** One span, as the verifier sees it. */
export interface VerifiedSpan {
  readonly eventId: string;
  /** Trace and span id where the backend tells them, else the event's id: what must be unique. */
  readonly identity: string;
  readonly sessionId: string;
  readonly traceId: string | undefined;
  /** The event id of the parent; undefined at the top. */
  readonly parentId: string | undefined;
  readonly name: string;
  /** The process's service; a propagated `source` is the caller's and tells nothing. */
  readonly service: string | undefined;
  /** What the span says of the call it stands for: "remote" or "local". */
  readonly mode: string | undefined;
  readonly baggage: ReadonlyMap<string, string>;
  /** The same keys as metadata: what the traced code says itself, which knows whom it works for without any context. */
  readonly told: ReadonlyMap<string, string>;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads an event; a session's own event is no span.
 *
 * @param event as the events API gives it
 * @param baggageKeys which baggage to look for
 */
export function verifiedSpan(
  event: HoneyHiveEvent,
  baggageKeys: readonly string[],
): VerifiedSpan | undefined {
  if (event.event_type === 'session' && event.event_id === event.session_id) return undefined;
  const metadata = isObject(event.metadata) ? event.metadata : {};
  const traceId = text(event['trace_id']) ?? text(valueAt(metadata, 'trace_id'));
  const spanId = text(event['span_id']) ?? text(valueAt(metadata, 'span_id'));
  const baggage = new Map<string, string>();
  const told = new Map<string, string>();
  for (const key of baggageKeys) {
    const own = text(metadata[key]);
    if (own !== undefined) told.set(key, own);
    const value = text(valueAt(metadata, BAGGAGE_ATTRIBUTE_PREFIX + key));
    if (value !== undefined) baggage.set(key, value);
  }
  const parentId = text(event.parent_id);
  return {
    eventId: event.event_id,
    identity: traceId === undefined || spanId === undefined ? event.event_id : `${traceId}/${spanId}`,
    sessionId: event.session_id,
    traceId,
    parentId: parentId === event.session_id ? undefined : parentId,
    name: event.event_name,
    service: text(event['service_name']) ?? text(valueAt(metadata, ATTR_SERVICE_NAME)),
    mode: text(metadata['mode']),
    baggage,
    told,
    start: event.start_time,
    end: event.end_time,
  };
}

/** A value below a dotted key, which backends keep flat or take apart. */
function valueAt(object: Record<string, unknown>, key: string): unknown {
  if (object[key] !== undefined) return object[key];
  let value: unknown = object;
  for (const part of key.split('.')) value = isObject(value) ? value[part] : undefined;
  return value;
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
