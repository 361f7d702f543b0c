/** The part of HoneyHive's REST interface that sessions, enrichment and verifiers need. */
import type { IncomingMessage } from 'node:http';
import { BAGGAGE_PARENT_ID, BAGGAGE_SESSION_ID } from '../conventions.js';
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import { contentTypeOf, HttpError, parseJsonObject, withBody, type InFlight } from './exchange.js';
import type { EventQueries } from './event-queries.js';
import { QueryError, valueAt } from './match-filter.js';
import { sessionTree } from './session-tree.js';
import type { Store } from './store.js';

const EXPORT_LIMIT = 7_500;
const SEARCH_LIMIT = 1_000;

export interface EventsContext {
  readonly store: Store;
  readonly queries: EventQueries;
  readonly inFlight: InFlight;
  readonly kept: () => Promise<void>;
}

/** The reply to a REST request; undefined if the path is none of this interface. */
export async function answerEvents(
  request: IncomingMessage,
  path: string,
  context: EventsContext,
): Promise<unknown> {
  const { store } = context;
  const route = `${request.method} ${path}`;
  switch (route) {
    case 'POST /session/start':
      return write(request, context, (body) => startSession(store, objectIn(body, 'session')));
    case 'POST /v1/sessions':
      return write(request, context, (body) => startSession(store, body));
    case 'PUT /events':
      return write(request, context, (body) => updateEvent(store, body['event_id'], body));
    case 'POST /events':
      return write(request, context, (body) => addEvents(store, [objectIn(body, 'event')])[0]);
    case 'POST /events/batch':
      return write(request, context, (body) => addEvents(store, listIn(body, 'events')));
    case 'POST /v1/events/export':
    case 'POST /events/export':
      return read(request, context, (body) => exportEvents(context.queries, body));
    case 'POST /v1/events/search':
      return read(request, context, (body) => searchEvents(context.queries, body));
  }
  const one = /^(GET|PUT) \/v1\/(events|sessions)\/([^/]+)$/.exec(route);
  if (one === null) return undefined;
  const id = decodeId(one[3]!);
  if (one[1] === 'PUT') {
    if (one[2] === 'sessions') return undefined;
    return write(request, context, (body) => updateEvent(store, id, body));
  }
  const found = one[2] === 'events' ? wrapped(store.event(id)) : sessionTree(store, id);
  if (found === undefined)
    throw new HttpError(404, `there is no ${one[2] === 'events' ? 'event' : 'session'} ${id}`);
  return found;
}

function wrapped(event: HoneyHiveEvent | undefined): { event: HoneyHiveEvent } | undefined {
  return event === undefined ? undefined : { event };
}

async function write(
  request: IncomingMessage,
  context: EventsContext,
  use: (body: JsonObject) => unknown,
): Promise<unknown> {
  if (context.store.full) throw new HttpError(429, 'the viewer is full', { 'retry-after': '10' });
  const result = await read(request, context, use);
  await context.kept();
  return result;
}

function read(
  request: IncomingMessage,
  context: EventsContext,
  use: (body: JsonObject) => unknown,
): Promise<unknown> {
  if (contentTypeOf(request) !== 'application/json') throw new HttpError(415, 'send application/json');
  return withBody(request, context.inFlight, (body) => {
    try {
      return use(parseJsonObject(body));
    } catch (error) {
      if (error instanceof QueryError) throw new HttpError(400, error.message);
      throw error;
    }
  });
}

function startSession(store: Store, session: JsonObject): HoneyHiveEvent {
  const sessionId = session['session_id'];
  if (sessionId !== undefined && sessionId !== null) checkId(sessionId, BAGGAGE_SESSION_ID);
  return store.startSession(session);
}

function updateEvent(store: Store, eventId: unknown, body: JsonObject): { success: true; event_id: string } {
  checkId(eventId, 'event_id');
  store.updateEvent(eventId, body);
  return { success: true, event_id: eventId };
}

function addEvents(store: Store, events: unknown[]): { success: true; event_id: string }[] {
  for (const event of events) {
    if (typeof event !== 'object' || event === null || Array.isArray(event)) {
      throw new HttpError(400, 'an event must be an object');
    }
    for (const key of ['event_id', BAGGAGE_SESSION_ID, BAGGAGE_PARENT_ID]) {
      const id = (event as JsonObject)[key];
      if (id !== undefined && id !== null) checkId(id, key);
    }
  }
  return events.map((event) => ({ success: true, event_id: store.addEvent(event as JsonObject) }));
}

function exportEvents(queries: EventQueries, body: JsonObject): { events: unknown[]; totalEvents: number } {
  const { events, total } = queries.page(body, EXPORT_LIMIT);
  const { projections } = body;
  const picked = Array.isArray(projections) ? events.map((event) => project(event, projections)) : events;
  return { events: picked, totalEvents: total };
}

function searchEvents(queries: EventQueries, body: JsonObject): { events: unknown[]; count: number } {
  const { events, total } = queries.page(body, SEARCH_LIMIT);
  return { events, count: total };
}

/** An event reduced to some of its fields; dotted ones keep their place. */
function project(event: HoneyHiveEvent, fields: readonly unknown[]): JsonObject {
  const picked = Object.create(null) as JsonObject;
  for (const field of fields) {
    if (typeof field !== 'string') continue;
    const value = valueAt(event, field);
    if (value === undefined) continue;
    const [top, ...rest] = field.split('.');
    if (rest.length === 0) picked[field] = value;
    else {
      const inner = (picked[top!] ??= Object.create(null)) as JsonObject;
      if (typeof inner === 'object') inner[rest.join('.')] = value;
    }
  }
  return picked;
}

function checkId(id: unknown, name: string): asserts id is string {
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(id)) {
    throw new HttpError(400, `${name} must be 1 to 128 printable characters`);
  }
}

function decodeId(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, 'the id is not readable');
  }
}

function objectIn(body: JsonObject, key: string): JsonObject {
  const value = body[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, `the body must hold an object ${JSON.stringify(key)}`);
  }
  return value as JsonObject;
}

function listIn(body: JsonObject, key: string): unknown[] {
  const value = body[key];
  if (!Array.isArray(value)) throw new HttpError(400, `the body must hold a list ${JSON.stringify(key)}`);
  return value;
}
