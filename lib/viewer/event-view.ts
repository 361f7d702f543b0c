/** Events as the REST interface shows them: with what was merged into them, and their place in the tree. */
import { BAGGAGE_SESSION_ID, EVENT_TYPES, type EventType } from '../conventions.js';
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import { baseEvent, type Item } from './item.js';
import { timeOf } from './match-filter.js';
import type { SessionEntry } from './session-entry.js';
import { eventIdOfSpan } from './span-to-event.js';
import type { TraceEntry } from './trace-index.js';

const OBJECT_FIELDS = [
  'config',
  'inputs',
  'outputs',
  'metadata',
  'metrics',
  'feedback',
  'user_properties',
] as const;

/** What an update cannot change, because it says which event this is. */
const FIXED_FIELDS = new Set([
  'event_id',
  BAGGAGE_SESSION_ID,
  'trace_id',
  'span_id',
  'parent_span_id',
  'children_ids',
]);

/** An event from the body of a request, with every field that an event has. */
export function eventFrom(body: JsonObject, fallbackType: EventType): HoneyHiveEvent {
  const event = copyOf(body) as HoneyHiveEvent;
  const start = timeOf(body['start_time']) ?? Date.now();
  const duration = timeOf(body['duration']);
  const end = timeOf(body['end_time']) ?? start + (duration ?? 0);
  event.event_name = typeof body['event_name'] === 'string' ? body['event_name'] : 'event';
  event.event_type = EVENT_TYPES.includes(body['event_type'] as EventType)
    ? (body['event_type'] as EventType)
    : fallbackType;
  event.start_time = start;
  event.end_time = Math.max(start, end);
  event.duration = duration ?? event.end_time - start;
  event.error = body['error'] === undefined || body['error'] === null ? null : String(body['error']);
  for (const field of OBJECT_FIELDS) event[field] = isObject(body[field]) ? body[field] : {};
  return event;
}

/** Two updates as one: objects are merged by their first level of keys, everything else is replaced. */
export function mergeUpdate(before: JsonObject | undefined, update: JsonObject): JsonObject {
  const merged = copyOf(before ?? {});
  for (const [key, value] of Object.entries(update)) {
    if (FIXED_FIELDS.has(key) || value === undefined || value === null) continue;
    const old = merged[key];
    merged[key] = isObject(old) && isObject(value) ? Object.assign(copyOf(old), value) : value;
  }
  return merged;
}

export function presentEvent(
  item: Item,
  trace: TraceEntry | undefined,
  update: JsonObject | undefined,
): HoneyHiveEvent {
  const event = withUpdate(baseEvent(item), update);
  const { span } = item;
  if (span === undefined || trace === undefined) return event;
  if (span.parentSpanId !== undefined) {
    const parent = trace.spans.get(span.parentSpanId);
    event.parent_id = parent?.eventId ?? eventIdOfSpan(span.traceId, span.parentSpanId);
  }
  event.children_ids = Array.from(trace.children.get(span.spanId) ?? [], (child) => child.eventId);
  return event;
}

export function presentSession(entry: SessionEntry, update: JsonObject | undefined): HoneyHiveEvent {
  const { stats } = entry;
  const event = withUpdate(entry.started ?? inferredSession(entry), update);
  if (stats.spans > 0) {
    event.start_time = Math.min(event.start_time, stats.start);
    event.end_time = Math.max(event.end_time, stats.end);
    if (update?.['duration'] === undefined) event.duration = event.end_time - event.start_time;
  }
  event.children_ids = [];
  for (const item of entry.items.values()) {
    const isTop =
      item.span === undefined ? item.event?.parent_id === entry.id : item.span.parentSpanId === undefined;
    if (isTop) event.children_ids.push(item.eventId);
  }
  return event;
}

/** The event of a session that nobody started, from what its first row says. */
function inferredSession(entry: SessionEntry): HoneyHiveEvent {
  const first = entry.items.values().next().value;
  const like = first === undefined ? undefined : baseEvent(first);
  const body: JsonObject = {
    event_id: entry.id,
    session_id: entry.id,
    parent_id: null,
    event_name: entry.stats.name ?? 'session',
    start_time: entry.stats.start,
  };
  if (like?.project !== undefined) body['project'] = like.project;
  if (like?.source !== undefined) body['source'] = like.source;
  return eventFrom(body, 'session');
}

function withUpdate(base: HoneyHiveEvent, update: JsonObject | undefined): HoneyHiveEvent {
  return (update === undefined ? copyOf(base) : mergeUpdateInto(base, update)) as HoneyHiveEvent;
}

function mergeUpdateInto(base: HoneyHiveEvent, update: JsonObject): JsonObject {
  const merged = copyOf(base);
  for (const [key, value] of Object.entries(update)) {
    const old = merged[key];
    merged[key] = isObject(old) && isObject(value) ? Object.assign(copyOf(old), value) : value;
  }
  return merged;
}

/** A copy without a prototype, so that no key is special. */
function copyOf(object: object): JsonObject {
  return Object.assign(Object.create(null) as JsonObject, object);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
