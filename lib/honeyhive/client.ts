/**
 * The REST client of sessions and events, for HoneyHive and for the local viewer alike.
 */
import { HONEYHIVE_EVENTS_PATH, HONEYHIVE_SERVER_URL, HONEYHIVE_SESSION_START_PATH } from '../conventions.js';
import { SpanwiseError, warn } from '../diagnostics.js';
import type {
  EventNode,
  EventUpdate,
  HoneyHiveEvent,
  JsonObject,
  NewEvent,
  SessionStart,
  SessionStarted,
} from './event.js';
import { wireFilters, type EventFilter } from './filter.js';
import { honeyHiveHeaders, isUsableApiKey } from './headers.js';
import { BackendError, sendRequest, type BackendRequest, type RetryPolicy } from './send-request.js';

/**
 * Which backend is asked, and how patiently.
 *
 * @category Backend
 */
export interface HoneyHiveClientOptions {
  /** The backend's address, HoneyHive's or a viewer's. @default HoneyHive's data plane */
  serverUrl?: string;
  /** Without one no `Authorization` header is sent; the viewer needs none. */
  apiKey?: string;
  /** The `source` of sessions that name none. */
  source?: string;
  /** The time limit of one attempt in milliseconds. @default 5000 */
  timeoutMs?: number;
  /** Stands in for the global `fetch`. */
  fetch?: typeof fetch;
  /** @default 3 retries after 1, 2 and 4 seconds */
  retry?: RetryPolicy;
  /** Waiting for a retry does not keep the process alive. @default false */
  background?: boolean;
}

/** Times as milliseconds since the epoch or ISO dates. */
export type EventTime = number | string;

export interface ExportQuery {
  project?: string;
  filters?: EventFilter | readonly EventFilter[];
  /** Events per page, at most 7500. @default 1000 */
  limit?: number;
  /** The page, from 1. @default 1 */
  page?: number;
  dateRange?: { $gte?: EventTime; $lte?: EventTime };
  projections?: readonly string[];
}

export interface SearchQuery {
  filters?: EventFilter | readonly EventFilter[];
  dateRange?: { start_time?: EventTime; end_time?: EventTime };
  /** Events per page, at most 1000. */
  limit?: number;
  page?: number;
  evaluation_id?: string;
}

/**
 * Reads and writes sessions and events over HoneyHive's REST interface.
 *
 * Requests are repeated after 408, 429 and 5xx, are never traced, and fail with a `BackendError` that names the
 * code and the HTTP status but never the API key.
 *
 * @example
 * ```ts
 * import { HoneyHiveClient, whereIs } from 'spanwise';
 *
 * const client = new HoneyHiveClient({ serverUrl: 'http://localhost:4318' });
 * const { session_id: id } = await client.startSession({ session_name: 'checkout', project: 'shop' });
 * const { events } = await client.exportEvents({ project: 'shop', filters: [whereIs('session_id', id)] });
 * console.log(events[0]?.event_name); // checkout
 * ```
 * @category Backend
 */
export class HoneyHiveClient {
  readonly serverUrl: string;
  readonly #source: string | undefined;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch | undefined;
  readonly #retry: RetryPolicy;
  readonly #background: boolean;
  readonly #apiKey: string | undefined;
  readonly #closed = new AbortController();

  /** @param options see {@link HoneyHiveClientOptions} */
  constructor(options: HoneyHiveClientOptions = {}) {
    this.serverUrl = (options.serverUrl ?? HONEYHIVE_SERVER_URL).replace(/\/+$/, '');
    this.#source = options.source;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#fetch = options.fetch;
    this.#retry = options.retry ?? {};
    this.#background = options.background ?? false;
    const apiKey = options.apiKey?.trim();
    if (isUsableApiKey(apiKey)) this.#apiKey = apiKey;
    else if (apiKey !== undefined && apiKey !== '') {
      warn(
        'SPW_API_KEY',
        'the API key holds characters that no header can carry; requests go out without it',
      );
    }
  }

  /** Starts a session (`POST /session/start`); starting it again with the same id is harmless. */
  async startSession(session: SessionStart, signal?: AbortSignal): Promise<SessionStarted> {
    const body = withoutNulls({ ...session, source: session.source ?? this.#source });
    const reply = asObject(await this.#post(HONEYHIVE_SESSION_START_PATH, { session: body }, signal));
    const sessionId = reply['session_id'];
    if (typeof sessionId !== 'string' || sessionId === '') {
      throw new BackendError('POST /session/start: the answer names no session', undefined, 1);
    }
    return { ...reply, session_id: sessionId };
  }

  /** Merges into an event, or into a session by its id (`PUT /events`). */
  async updateEvent(update: EventUpdate, signal?: AbortSignal): Promise<void> {
    await this.#send('PUT', HONEYHIVE_EVENTS_PATH, withoutNulls(update), signal);
  }

  /** Makes an event that is no span (`POST /events`); returns its id if the backend names it. */
  async createEvent(event: NewEvent, signal?: AbortSignal): Promise<string | undefined> {
    const body = withoutNulls({ ...event, source: event.source ?? this.#source });
    const reply = asObject(await this.#post(HONEYHIVE_EVENTS_PATH, { event: body }, signal));
    return typeof reply['event_id'] === 'string' ? reply['event_id'] : undefined;
  }

  /** One page of the events that pass every filter (`POST /v1/events/export`). */
  async exportEvents(
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<{ events: HoneyHiveEvent[]; totalEvents: number }> {
    const { filters, limit = 1_000, page = 1, ...rest } = query;
    const body = { ...withoutNulls(rest), filters: wireFilters(filters), limit, page };
    const reply = asObject(await this.#post('/v1/events/export', body, signal));
    const events = eventsOf(reply);
    return { events, totalEvents: numberOf(reply['totalEvents'] ?? reply['count'], events.length) };
  }

  /** Every event that passes the filters, once each. */
  async exportAllEvents(query: Omit<ExportQuery, 'page'>, signal?: AbortSignal): Promise<HoneyHiveEvent[]> {
    const all: HoneyHiveEvent[] = [];
    for await (const events of this.exportPages(query, signal)) all.push(...events);
    return all;
  }

  /** The same page by page, for more events than should be held at once. */
  async *exportPages(
    query: Omit<ExportQuery, 'page'>,
    signal?: AbortSignal,
  ): AsyncGenerator<HoneyHiveEvent[], void, undefined> {
    const seen = new Set<string>();
    for (let page = 1, count = 0; ; page++) {
      const { events, totalEvents } = await this.exportEvents({ ...query, page }, signal);
      // What came in meanwhile moves others on to the next page, where they are seen again.
      const fresh = events.filter(({ event_id: id }) => id === undefined || (!seen.has(id) && seen.add(id)));
      count += fresh.length;
      yield fresh;
      if (events.length === 0 || count >= totalEvents) return;
    }
  }

  /** One page of events, newest first (`POST /v1/events/search`). */
  async searchEvents(
    query: SearchQuery,
    signal?: AbortSignal,
  ): Promise<{ events: HoneyHiveEvent[]; count: number }> {
    const { filters, ...rest } = query;
    const body = { ...withoutNulls(rest), filters: wireFilters(filters) };
    const reply = asObject(await this.#post('/v1/events/search', body, signal));
    const events = eventsOf(reply);
    return { events, count: numberOf(reply['count'] ?? reply['totalEvents'], events.length) };
  }

  /** One event by its id (`GET /v1/events/{id}`); undefined if there is none. */
  async getEvent(eventId: string, signal?: AbortSignal): Promise<HoneyHiveEvent | undefined> {
    const reply = await this.#getOrNone(`/v1/events/${encodeURIComponent(eventId)}`, signal);
    return (reply?.['event'] ?? reply) as HoneyHiveEvent | undefined;
  }

  /** A session with all its events as a tree (`GET /v1/sessions/{id}`); undefined if there is none. */
  async getSession(sessionId: string, signal?: AbortSignal): Promise<EventNode | undefined> {
    const reply = await this.#getOrNone(`/v1/sessions/${encodeURIComponent(sessionId)}`, signal);
    return (reply?.['request'] ?? reply) as EventNode | undefined;
  }

  /** Cancels what is under way; later requests fail at once. */
  close(): void {
    this.#closed.abort();
  }

  #post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return this.#send('POST', path, body, signal);
  }

  async #getOrNone(path: string, signal: AbortSignal | undefined): Promise<JsonObject | undefined> {
    try {
      return asObject(await this.#send('GET', path, undefined, signal));
    } catch (error) {
      if (error instanceof BackendError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #send(
    method: BackendRequest['method'],
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const headers: Record<string, string> = {
      ...honeyHiveHeaders({ apiKey: this.#apiKey }),
      'hh-client-timestamp': `${Date.now()}000000`,
      accept: 'application/json',
    };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return sendRequest(
      {
        method,
        url: `${this.serverUrl}${path}`,
        headers,
        body: body === undefined ? undefined : toJson(body),
      },
      {
        // Looked up per request, so that a `fetch` that is replaced later is the one that is used.
        fetch: this.#fetch ?? ((input, init) => fetch(input, init)),
        timeoutMs: this.#timeoutMs,
        retry: this.#retry,
        background: this.#background,
        signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
        secret: this.#apiKey,
      },
    );
  }
}

function toJson(body: unknown): string {
  try {
    return JSON.stringify(body, (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  } catch {
    throw new SpanwiseError('SPW_CAPTURE', 'the body of a request to the backend cannot be written as JSON');
  }
}

function withoutNulls(object: object): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== null && value !== undefined),
  );
}

function asObject(reply: unknown): JsonObject {
  return typeof reply === 'object' && reply !== null && !Array.isArray(reply) ? (reply as JsonObject) : {};
}

function eventsOf(reply: JsonObject): HoneyHiveEvent[] {
  return Array.isArray(reply['events']) ? (reply['events'] as HoneyHiveEvent[]) : [];
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
