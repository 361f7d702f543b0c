/**
 * A session as a file: a trace request that every OTLP receiver takes, with what is no span beside it.
 *
 * What came by REST (the session's own event, further events, updates) stands under `spanwise`, a field that other
 * receivers pass over.
 */
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import { decodeJson } from './decode-json.js';
import { encodeJson } from './encode-json.js';
import { HttpError, parseJsonObject } from './exchange.js';
import { DecodeError, type ReceivedSpan } from './received-span.js';
import { sessionIdOfTrace, stampedSessionId } from './span-to-event.js';
import type { Store } from './store.js';

const FILE_VERSION = 1;

interface Beside {
  version: number;
  session: HoneyHiveEvent | null;
  events: HoneyHiveEvent[];
  updates: [eventId: string, update: JsonObject][];
}

/** Everything that is known of a session; undefined if there is none of that id. */
export function exportSession(store: Store, sessionId: string): object | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  const spans: ReceivedSpan[] = [];
  const beside: Beside = { version: FILE_VERSION, session: entry.started ?? null, events: [], updates: [] };
  const addUpdate = (eventId: string) => {
    const update = store.updateOf(eventId);
    if (update !== undefined) beside.updates.push([eventId, update]);
  };
  addUpdate(sessionId);
  for (const { items } of store.entriesOf(entry)) {
    for (const item of items.values()) {
      if (item.span === undefined) beside.events.push(item.event!);
      else spans.push(item.span);
      addUpdate(item.eventId);
    }
  }
  return { ...encodeJson(spans), spanwise: beside };
}

/** One span as a trace request; undefined if there is no such span. */
export function exportSpan(store: Store, sessionId: string, key: string): object | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  for (const { items } of store.entriesOf(entry)) {
    const span = items.get(key)?.span;
    if (span !== undefined) return encodeJson([span]);
  }
  return undefined;
}

/**
 * Takes a session file, or any OTLP/JSON trace request.
 *
 * @returns how many spans and events came, and the session to look at
 * @throws `HttpError` 400 if the file is neither
 */
export function importSession(
  store: Store,
  body: Buffer,
): { spans: number; events: number; rejected: number; session: string | null } {
  const { spans, rejected } = decode(body);
  const beside = besideOf(parseFile(body));
  const first = spans[0];
  const events = list(beside.events).filter(isObject);
  if (spans.length === 0 && events.length === 0 && !isObject(beside.session)) {
    throw new HttpError(400, 'the file holds no session: it has neither spans nor events');
  }
  if (isObject(beside.session)) store.startSession(beside.session);
  if (spans.length > 0) store.addSpans(spans);
  for (const event of events) store.addEvent(event);
  for (const pair of list(beside.updates)) {
    if (Array.isArray(pair) && typeof pair[0] === 'string' && isObject(pair[1]))
      store.updateEvent(pair[0], pair[1]);
  }
  const session =
    first !== undefined
      ? (stampedSessionId(first) ?? sessionIdOfTrace(first.traceId))
      : String((beside.session ?? events[0])!['session_id'] ?? '');
  return { spans: spans.length, events: events.length, rejected, session: session === '' ? null : session };
}

function decode(body: Buffer): { spans: ReceivedSpan[]; rejected: number } {
  try {
    return decodeJson(body);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new HttpError(error.status, `this is no session file: ${error.message}`);
    throw error;
  }
}

/** The rest of the file must not be deeper than is sane either, since events are walked. */
function parseFile(body: Buffer): JsonObject {
  const { spanwise } = JSON.parse(body.toString('utf8')) as JsonObject;
  return spanwise === undefined ? {} : parseJsonObject(Buffer.from(JSON.stringify(spanwise)));
}

function besideOf(beside: JsonObject): { session?: JsonObject; events?: unknown; updates?: unknown } {
  if (beside['version'] !== undefined && beside['version'] !== FILE_VERSION) {
    throw new HttpError(
      400,
      `the file is of version ${String(beside['version'])}; this viewer reads ${FILE_VERSION}`,
    );
  }
  return beside;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
