/** Answers the page's questions from the store. */
import { ATTR_ERROR_TYPE, BAGGAGE_ATTRIBUTE_PREFIX } from '../conventions.js';
import { baseEvent, errorOfItem, serviceOfItem, spanKey, timesOfItem, type Item } from './item.js';
import type { Row, RowDetails, SessionLine, SessionList, SessionRows } from './page-model.js';
import type { AttributeMap, AttributeValue } from './received-span.js';
import type { SessionEntry } from './session-entry.js';
import { eventTypeOf, textAttribute } from './span-to-event.js';
import type { Store } from './store.js';

const MAX_SESSIONS = 1_000;

/** The sessions that a search finds, newest first. */
export function listSessions(store: Store, epoch: string, search: string, offset: number): SessionList {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const lines: SessionLine[] = [];
  for (const entry of store.sessions()) {
    const line = lineOf(store, entry);
    if (words.every((word) => isIn(line, word) || isInside(store, entry, word))) lines.push(line);
  }
  lines.sort((a, b) => b.start - a.start || (a.id < b.id ? -1 : 1));
  return {
    epoch,
    revision: store.revision,
    total: lines.length,
    sessions: lines.slice(offset, offset + MAX_SESSIONS),
    kept: {
      spans: store.size,
      bytes: store.bytes,
      retentionBytes: store.retentionBytes,
      forgotten: store.evicted,
    },
  };
}

/** The rows of a session that are newer than a revision; undefined if there is no such session. */
export function sessionRows(
  store: Store,
  epoch: string,
  sessionId: string,
  since: number,
  resets: number | undefined,
): SessionRows | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  const entries = store.entriesOf(entry);
  // Rows leave when retention cuts a session, and when a span is sent again under another session.
  const lost = entries.reduce((sum, { resets }) => sum + resets, 0);
  const complete = since === 0 || resets !== lost;
  const rows: Row[] = [];
  for (const { items } of entries) {
    for (const item of items.values()) {
      if (complete || item.revision > since) rows.push(rowOf(store, item));
    }
  }
  return { epoch, revision: store.revision, resets: lost, complete, session: lineOf(store, entry), rows };
}

/** Everything about one row; undefined if it is not there. */
export function rowDetails(store: Store, sessionId: string, key: string): RowDetails | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  for (const { items } of store.entriesOf(entry)) {
    const item = items.get(key);
    if (item !== undefined) return detailsOf(store, item);
  }
  return undefined;
}

function lineOf(store: Store, entry: SessionEntry): SessionLine {
  const event = store.sessionEvent(entry.id);
  const services = new Map<string, number>();
  const traces = new Set<string>();
  let spans = 0;
  let errors = 0;
  let start = Infinity;
  let end = -Infinity;
  for (const { stats, traces: own } of store.entriesOf(entry)) {
    spans += stats.spans;
    errors += stats.errors;
    start = Math.min(start, stats.start);
    end = Math.max(end, stats.end);
    for (const trace of own.keys()) traces.add(trace);
    for (const [service, first] of stats.services) {
      services.set(service, Math.min(services.get(service) ?? Infinity, first));
    }
  }
  const first = entry.items.values().next().value;
  const like = event ?? (first === undefined ? undefined : baseEvent(first));
  return {
    id: entry.id,
    name: entry.started?.event_name ?? entry.stats.name ?? event?.event_name ?? entry.id,
    project: like?.project ?? null,
    source: entry.stamped ? (like?.source ?? null) : null,
    services: [...services].sort((a, b) => a[1] - b[1]).map(([service]) => service),
    spans,
    errors,
    traces: traces.size,
    start: Number.isFinite(start) ? start : (event?.start_time ?? 0),
    end: Number.isFinite(end) ? end : (event?.end_time ?? 0),
    isSession: entry.stamped,
  };
}

function rowOf(store: Store, item: Item): Row {
  const [start, end] = timesOfItem(item);
  const { span } = item;
  return {
    key: item.key,
    id: span?.spanId ?? item.eventId,
    parent: parentKeyOf(store, item),
    trace: span?.traceId ?? null,
    name: span?.name ?? item.event!.event_name,
    service: serviceOfItem(item),
    kind: span?.kind ?? 'event',
    type: span === undefined ? item.event!.event_type : eventTypeOf(span),
    start,
    end,
    error: errorOfRow(store, item),
    stamped: item.stamped,
  };
}

function parentKeyOf(store: Store, item: Item): string | null {
  const { span } = item;
  if (span !== undefined) {
    return span.parentSpanId === undefined ? null : spanKey(span.traceId, span.parentSpanId);
  }
  const parentId = item.event!.parent_id;
  return parentId === item.sessionId || typeof parentId !== 'string' ? null : store.keyOfEvent(parentId);
}

function errorOfRow(store: Store, item: Item): string | null {
  const updated = store.updateOf(item.eventId)?.['error'];
  return typeof updated === 'string' ? updated : errorOfItem(item);
}

function detailsOf(store: Store, item: Item): RowDetails {
  const event = store.present(item);
  const { span } = item;
  const exception = span?.events.find(({ name }) => name === 'exception')?.attributes;
  const attributes = span?.attributes ?? emptyMap();
  return {
    row: rowOf(store, item),
    eventId: item.eventId,
    sessionId: item.sessionId,
    project: event.project ?? null,
    source: event.source ?? null,
    inputs: event.inputs,
    outputs: event.outputs,
    metadata: withoutFlat(event.metadata, attributes),
    metrics: event.metrics,
    feedback: event.feedback,
    config: event.config,
    userProperties: event.user_properties,
    error: event.error,
    errorType:
      textAttribute(attributes, ATTR_ERROR_TYPE) ??
      (exception && textAttribute(exception, 'exception.type')) ??
      null,
    stack: (exception && textAttribute(exception, 'exception.stacktrace')) ?? null,
    baggage: baggageOf(attributes),
    attributes,
    resource: span?.resource ?? emptyMap(),
    scope: span?.scope ?? null,
    events: span?.events ?? [],
    links: span?.links ?? [],
    status: span?.status ?? 'unset',
    statusMessage: span?.statusMessage ?? null,
    traceState: span?.traceState ?? null,
    dropped: span?.dropped ?? 0,
  };
}

/** Metadata without what the page shows elsewhere: raw attributes, the resource and the events of the span. */
function withoutFlat(metadata: Record<string, unknown>, attributes: AttributeMap): Record<string, unknown> {
  const shown = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(metadata)) {
    if (key !== 'service.name' && key !== '_event' && !Object.hasOwn(attributes, key)) shown[key] = value;
  }
  return shown;
}

function baggageOf(attributes: AttributeMap): AttributeMap {
  const baggage = emptyMap();
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith(BAGGAGE_ATTRIBUTE_PREFIX)) baggage[key.slice(BAGGAGE_ATTRIBUTE_PREFIX.length)] = value;
  }
  return baggage;
}

function isIn(line: SessionLine, word: string): boolean {
  return [line.name, line.id, line.project ?? '', line.source ?? '', ...line.services].some((text) =>
    text.toLowerCase().includes(word),
  );
}

/** Whether a span of the session holds a word: in its name, its ids or a text among its attributes. */
function isInside(store: Store, entry: SessionEntry, word: string): boolean {
  for (const { items } of store.entriesOf(entry)) {
    for (const { span, event, eventId } of items.values()) {
      if (span === undefined) {
        if (event!.event_name.toLowerCase().includes(word) || eventId === word) return true;
        continue;
      }
      if (span.name.toLowerCase().includes(word) || span.traceId === word || span.spanId === word)
        return true;
      for (const key in span.attributes) if (holds(span.attributes[key]!, word)) return true;
    }
  }
  return false;
}

function holds(value: AttributeValue, word: string): boolean {
  if (typeof value === 'string') return value.toLowerCase().includes(word);
  if (Array.isArray(value)) return value.some((one) => holds(one, word));
  return typeof value === 'number' && String(value) === word;
}

function emptyMap(): AttributeMap {
  return Object.create(null) as AttributeMap;
}
