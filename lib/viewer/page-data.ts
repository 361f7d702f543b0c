/** Answers the page's questions from the store. */
import { ATTR_ERROR_TYPE, BAGGAGE_ATTRIBUTE_PREFIX } from '../conventions.js';
import { baseEvent, type Item } from './item.js';
import type { Row, RowDetails, SessionLine, SessionList, SessionRows } from './page-model.js';
import type { AttributeMap } from './received-span.js';
import { rowOf } from './row.js';
import type { SessionEntry } from './session-entry.js';
import { SessionFilter } from './session-filter.js';
import { textAttribute } from './span-to-event.js';
import type { Store } from './store.js';

const MAX_SESSIONS = 1_000;
/** How many names of each kind are offered for choice. */
const MAX_CHOICES = 200;
const MAX_MIXED = 100;

/** The sessions that a search finds, newest first. */
export function listSessions(store: Store, epoch: string, search: string, offset: number): SessionList {
  const filter = new SessionFilter(search);
  const lines: SessionLine[] = [];
  const projects = new Set<string>();
  const sources = new Set<string>();
  const services = new Set<string>();
  for (const entry of store.sessions()) {
    const line = lineOf(store, entry);
    if (line.project !== null) projects.add(line.project);
    if (line.source !== null) sources.add(line.source);
    for (const service of line.services) services.add(service);
    if (filter.matchesSession(line, itemsOf(store, entry))) lines.push(line);
  }
  lines.sort((a, b) => b.start - a.start || (a.id < b.id ? -1 : 1));
  return {
    epoch,
    revision: store.revision,
    total: lines.length,
    sessions: lines.slice(offset, offset + MAX_SESSIONS),
    choices: {
      projects: [...projects].sort().slice(0, MAX_CHOICES),
      sources: [...sources].sort().slice(0, MAX_CHOICES),
      services: [...services].sort().slice(0, MAX_CHOICES),
    },
    kept: {
      spans: store.size,
      bytes: store.bytes,
      retentionBytes: store.retentionBytes,
      forgotten: store.evicted,
    },
  };
}

/** The keys of the rows of a session that a search finds; undefined if there is no such session. */
export function matchingRows(store: Store, sessionId: string, search: string): string[] | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  const filter = new SessionFilter(search);
  const keys: string[] = [];
  for (const item of itemsOf(store, entry)) if (filter.matchesItem(item)) keys.push(item.key);
  return keys;
}

function* itemsOf(store: Store, entry: SessionEntry): Generator<Item> {
  for (const { items } of store.entriesOf(entry)) yield* items.values();
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
  return {
    epoch,
    revision: store.revision,
    resets: lost,
    complete,
    session: lineOf(store, entry),
    rows,
    mixed: mixedTraces(store, entry),
  };
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

/** Traces of this session that other sessions have part in too, which no trace should. */
function mixedTraces(store: Store, entry: SessionEntry): SessionRows['mixed'] {
  if (!entry.stamped) return [];
  const mixed: SessionRows['mixed'] = [];
  for (const trace of entry.traces.keys()) {
    const others = [...(store.trace(trace)?.sessions.keys() ?? [])].filter(
      (id) => id !== entry.id && store.session(id)?.stamped === true,
    );
    if (others.length > 0 && mixed.length < MAX_MIXED) mixed.push({ trace, sessions: others });
  }
  return mixed;
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

function emptyMap(): AttributeMap {
  return Object.create(null) as AttributeMap;
}
