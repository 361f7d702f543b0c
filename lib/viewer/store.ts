/**
 * Sessions, spans and events in memory, with room for a bounded number of bytes.
 *
 * When it is full, the sessions that were quiet longest go first, each as a whole, because half a trace misleads
 * more than none. One session that is larger than everything allowed loses its oldest rows.
 */
import { randomUUID } from 'node:crypto';
import { ATTR_SESSION_AUTO_CREATE } from '../conventions.js';
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import { EventUpdates } from './event-updates.js';
import { eventFrom, presentEvent, presentSession } from './event-view.js';
import { itemOfEvent, itemOfSpan, sizeOf, timesOfItem, type Item } from './item.js';
import { timeOf } from './match-filter.js';
import type { AttributeMap, ReceivedSpan } from './received-span.js';
import { SessionEntry } from './session-entry.js';
import { TraceIndex, type TraceEntry } from './trace-index.js';

/** What happened, in a form that can be written down and replayed. */
export type StoreRecord =
  | readonly ['span', ReceivedSpan]
  | readonly ['session', HoneyHiveEvent]
  | readonly ['event', HoneyHiveEvent]
  | readonly ['update', string, JsonObject];

/** What puts an event in its place, and what makes it, so that none is made only to be sorted. */
export interface EventRow {
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly startTime: number;
  readonly event: () => HoneyHiveEvent;
}

export interface StoreOptions {
  /** Roughly how many bytes are kept. @default 256 MiB */
  retentionBytes?: number;
  /** Refuse what does not fit instead of forgetting what is oldest. @default false */
  refuseWhenFull?: boolean;
}

const DEFAULT_RETENTION_BYTES = 256 * 1024 * 1024;
const MAX_RESOURCES = 500;

export class Store {
  readonly retentionBytes: number;
  readonly #refuseWhenFull: boolean;
  /** Least recently touched first. */
  readonly #sessions = new Map<string, SessionEntry>();
  readonly #traces = new TraceIndex();
  readonly #byEventId = new Map<string, Item>();
  readonly #updates = new EventUpdates();
  readonly #resources = new Map<string, AttributeMap>();
  readonly #listeners = new Set<(sessionIds: ReadonlySet<string>) => void>();
  #record: ((record: StoreRecord) => void) | undefined;
  #bytes = 0;
  #size = 0;
  #revision = 0;
  #evicted = 0;

  constructor(options: StoreOptions = {}) {
    this.retentionBytes = options.retentionBytes ?? DEFAULT_RETENTION_BYTES;
    this.#refuseWhenFull = options.refuseWhenFull ?? false;
  }

  /** Roughly the bytes in use. */
  get bytes(): number {
    return this.#bytes + this.#updates.bytes;
  }
  get revision(): number {
    return this.#revision;
  }
  /** How many spans and events were forgotten for want of room. */
  get evicted(): number {
    return this.#evicted;
  }
  get size(): number {
    return this.#size;
  }
  /** Nothing more is taken until there is room. */
  get full(): boolean {
    return this.#refuseWhenFull && this.bytes >= this.retentionBytes;
  }

  addSpans(spans: readonly ReceivedSpan[]): void {
    const touched = new Set<string>();
    const revision = ++this.#revision;
    const resources = new Map<AttributeMap, AttributeMap>();
    for (const span of spans) {
      let resource = resources.get(span.resource);
      if (resource === undefined) resources.set(span.resource, (resource = this.#intern(span.resource)));
      span.resource = resource;
      const item = itemOfSpan(span, revision);
      this.#put(item, touched);
      this.#record?.(['span', span]);
      if (span.attributes[ATTR_SESSION_AUTO_CREATE] === true)
        this.#sessions.get(item.sessionId)!.autoCreated = true;
    }
    this.#changed(touched);
  }

  /** Starts a session, or adds to it if it has been started before. */
  startSession(body: JsonObject): HoneyHiveEvent {
    const sessionId = typeof body['session_id'] === 'string' ? body['session_id'] : randomUUID();
    const before = this.#sessions.get(sessionId)?.started;
    const event = eventFrom(
      {
        ...(before ?? { start_time: Date.now() }),
        event_name: body['session_name'] ?? before?.event_name ?? 'session',
        ...body,
        event_type: 'session',
        event_id: sessionId,
        session_id: sessionId,
        parent_id: null,
      },
      'session',
    );
    this.#setStarted(event);
    return this.sessionEvent(sessionId)!;
  }

  /** Keeps an event that came by REST; returns its id. */
  addEvent(body: JsonObject): string {
    const sessionId = typeof body['session_id'] === 'string' ? body['session_id'] : randomUUID();
    const event = eventFrom(
      {
        ...body,
        session_id: sessionId,
        event_id: typeof body['event_id'] === 'string' ? body['event_id'] : randomUUID(),
        parent_id: typeof body['parent_id'] === 'string' ? body['parent_id'] : sessionId,
      },
      'tool',
    );
    this.#addEvent(event);
    return event.event_id;
  }

  /** Merges into an event or a session, also into one that is still to come. */
  updateEvent(eventId: string, update: JsonObject): void {
    this.#updates.merge(eventId, update);
    this.#record?.(['update', eventId, update]);
    const revision = ++this.#revision;
    const item = this.#byEventId.get(eventId);
    if (item !== undefined) item.revision = revision;
    const entry = this.#sessions.get(item?.sessionId ?? eventId);
    this.#changed(entry === undefined ? new Set() : new Set([entry.id]));
  }

  /** An event by its id, with its updates and its place in the tree; a session is one, too. */
  event(eventId: string): HoneyHiveEvent | undefined {
    const item = this.#byEventId.get(eventId);
    return item === undefined ? this.sessionEvent(eventId) : this.present(item);
  }

  /** The event of a session that was started, asked for by a span, or updated. */
  sessionEvent(sessionId: string): HoneyHiveEvent | undefined {
    const entry = this.#sessions.get(sessionId);
    const update = this.#updates.get(sessionId);
    if (entry === undefined || !(entry.started !== undefined || entry.autoCreated || update !== undefined)) {
      return undefined;
    }
    return presentSession(entry, update);
  }

  present(item: Item): HoneyHiveEvent {
    const trace = item.span === undefined ? undefined : this.#traces.get(item.span.traceId);
    return presentEvent(item, trace, this.#updates.get(item.eventId));
  }

  /** What was merged into an event since it came. */
  updateOf(eventId: string): JsonObject | undefined {
    return this.#updates.get(eventId);
  }

  /** The key of the row that an event is. */
  keyOfEvent(eventId: string): string | null {
    return this.#byEventId.get(eventId)?.key ?? null;
  }

  /** The events of one session, or of all, sessions among them. */
  *events(sessionId?: string): Generator<HoneyHiveEvent> {
    for (const row of this.rows(sessionId)) yield row.event();
  }

  /** The same events before they are made. */
  *rows(sessionId?: string): Generator<EventRow> {
    const entries = sessionId === undefined ? this.#sessions.values() : [this.#sessions.get(sessionId)];
    for (const entry of entries) {
      if (entry === undefined) continue;
      const session = this.sessionEvent(entry.id);
      if (session !== undefined) {
        yield {
          eventId: entry.id,
          startTime: timeOf(session.start_time) ?? 0,
          event: () => this.sessionEvent(entry.id)!,
        };
      }
      for (const item of entry.items.values()) {
        const told = timeOf(this.#updates.get(item.eventId)?.['start_time']);
        const event = () => this.present(item);
        yield { eventId: item.eventId, startTime: told ?? timesOfItem(item)[0], event };
      }
    }
  }

  /** The sessions to show: traces that name none stand in for one, unless another session has part in them. */
  *sessions(): Generator<SessionEntry> {
    for (const entry of this.#sessions.values()) {
      if (entry.stamped || !this.#adopted(entry)) yield entry;
    }
  }

  session(sessionId: string): SessionEntry | undefined {
    return this.#sessions.get(sessionId);
  }

  /** A session's own entry and those of unnamed spans in its traces. */
  entriesOf(entry: SessionEntry): SessionEntry[] {
    const entries = [entry];
    if (!entry.stamped) return entries;
    for (const other of new Set(this.#traces.sessionsOf(entry.traces.keys()))) {
      const adopted = this.#sessions.get(other);
      if (adopted !== undefined && !adopted.stamped) entries.push(adopted);
    }
    return entries;
  }

  trace(traceId: string): TraceEntry | undefined {
    return this.#traces.get(traceId);
  }

  /** Calls back after every change with the ids of the sessions concerned; returns how to stop. */
  subscribe(listener: (sessionIds: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Hands every further change to a journal. */
  recordTo(record: ((record: StoreRecord) => void) | undefined): void {
    this.#record = record;
  }

  /** Everything that is kept, as records that make the same store. */
  *records(): Generator<StoreRecord> {
    for (const entry of this.#sessions.values()) {
      if (entry.started !== undefined) yield ['session', entry.started];
      for (const item of entry.items.values()) {
        yield item.span === undefined ? ['event', item.event!] : ['span', item.span];
      }
    }
    for (const [eventId, update] of this.#updates.entries()) yield ['update', eventId, update];
  }

  replay(record: StoreRecord): void {
    if (record[0] === 'span') this.addSpans([record[1]]);
    else if (record[0] === 'session') this.#setStarted(record[1]);
    else if (record[0] === 'event') this.#addEvent(record[1]);
    else this.updateEvent(record[1], record[2]);
  }

  #setStarted(event: HoneyHiveEvent): void {
    const entry = this.#entry(event.session_id);
    const bytes = sizeOf(event);
    this.#bytes += bytes - entry.startedBytes;
    entry.startedBytes = bytes;
    entry.started = event;
    entry.stamped = true;
    this.#revision++;
    this.#record?.(['session', event]);
    this.#changed(new Set([entry.id]));
  }

  #addEvent(event: HoneyHiveEvent): void {
    const touched = new Set<string>();
    this.#put(itemOfEvent(event, ++this.#revision), touched);
    this.#record?.(['event', event]);
    this.#changed(touched);
  }

  /** Keeps an item; the same span sent again takes the place of the first. */
  #put(item: Item, touched: Set<string>): void {
    const before =
      item.span === undefined
        ? this.#byEventId.get(item.eventId)
        : this.#traces.get(item.span.traceId)?.spans.get(item.span.spanId);
    if (before?.key === item.key) {
      const old = this.#sessions.get(before.sessionId)!;
      this.#remove(old, before);
      if (old.id !== item.sessionId) old.resets++;
      if (old.isEmpty && old.id !== item.sessionId) this.#forget(old);
      touched.add(before.sessionId);
    }
    const entry = this.#entry(item.sessionId);
    entry.add(item);
    this.#traces.add(item);
    this.#byEventId.set(item.eventId, item);
    this.#bytes += item.bytes;
    this.#size++;
    touched.add(entry.id);
  }

  #remove(entry: SessionEntry, item: Item): void {
    entry.remove(item);
    this.#traces.remove(item);
    if (this.#byEventId.get(item.eventId) === item) this.#byEventId.delete(item.eventId);
    this.#bytes -= item.bytes;
    this.#size--;
  }

  #entry(sessionId: string): SessionEntry {
    const entry = this.#sessions.get(sessionId) ?? new SessionEntry(sessionId, this.#evicted);
    // Re-inserted, so that the map's order is the order of last use.
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, entry);
    return entry;
  }

  /** Whether spans without a session are shown with a session that has part in their trace. */
  #adopted(entry: SessionEntry): boolean {
    for (const other of this.#traces.sessionsOf(entry.traces.keys())) {
      if (this.#sessions.get(other)?.stamped === true) return true;
    }
    return false;
  }

  #changed(touched: Set<string>): void {
    for (const id of touched) {
      const entry = this.#sessions.get(id);
      if (entry !== undefined) entry.revision = this.#revision;
      // Spans without a session change what the sessions of their trace show.
      if (entry === undefined || entry.stamped) continue;
      for (const other of this.#traces.sessionsOf(entry.traces.keys())) touched.add(other);
    }
    if (!this.#refuseWhenFull) this.#evict(touched);
    for (const listener of this.#listeners) listener(touched);
  }

  #evict(touched: Set<string>): void {
    // Updates of events that never came must not push out what did come.
    this.#updates.shrinkTo(this.retentionBytes / 8);
    while (this.bytes > this.retentionBytes && this.#sessions.size > 0) {
      const entry = this.#sessions.values().next().value!;
      touched.add(entry.id);
      if (this.#sessions.size > 1 || entry.items.size === 0) {
        this.#forget(entry);
        continue;
      }
      entry.resets++;
      for (const item of entry.items.values()) {
        if (this.bytes <= this.retentionBytes) break;
        this.#drop(entry, item);
      }
      if (entry.isEmpty) this.#forget(entry);
    }
  }

  #forget(entry: SessionEntry): void {
    for (const item of [...entry.items.values()]) this.#drop(entry, item);
    this.#bytes -= entry.startedBytes;
    this.#updates.drop(entry.id);
    this.#sessions.delete(entry.id);
  }

  #drop(entry: SessionEntry, item: Item): void {
    this.#evicted++;
    this.#remove(entry, item);
    this.#updates.drop(item.eventId);
  }

  /** One object for all spans of a resource, however many requests they come in. */
  #intern(resource: AttributeMap): AttributeMap {
    const text = JSON.stringify(resource);
    const known = this.#resources.get(text);
    if (known !== undefined) return known;
    if (this.#resources.size >= MAX_RESOURCES) this.#resources.delete(this.#resources.keys().next().value!);
    this.#resources.set(text, resource);
    return resource;
  }
}
