import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, diag, type Context, type ContextManager } from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { collectDiagnostics } from '../support/diagnostics.js';
import { HoneyHiveClient } from '../../lib/honeyhive/client.js';
import { whereIs } from '../../lib/honeyhive/filter.js';
import { BackendError } from '../../lib/honeyhive/send-request.js';

interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: any;
}
type Answer = { status?: number; headers?: Record<string, string>; body?: string; silent?: boolean };

let server: Server;
let serverUrl: string;
let seen: Seen[];
let answers: Answer[];

beforeEach(async () => {
  seen = [];
  answers = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url = '', headers } = request;
      seen.push({ method, path: url, headers, body: text === '' ? undefined : JSON.parse(text) });
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
      if (answer.silent === true) return;
      response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? '{"session_id":"S"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const fast = { baseMs: 1, capMs: 4 };
const failure = async (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as BackendError,
  ) as Promise<BackendError>;

describe('what goes over the wire', () => {
  it('starts a session with its null fields left out and its own source unless another is named', async () => {
    const client = new HoneyHiveClient({ serverUrl: `${serverUrl}/`, apiKey: 'key', source: 'dev' });
    await client.startSession({
      session_name: 'n',
      project: null,
      session_id: undefined,
      metadata: { a: null },
    });
    await client.startSession({ source: 'mine' });
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/session/start' });
    expect(seen[0]!.body).toEqual({ session: { session_name: 'n', source: 'dev', metadata: { a: null } } });
    expect(seen[1]!.body).toEqual({ session: { source: 'mine' } });
  });

  it('sends the documented headers, without X-Source', async () => {
    await new HoneyHiveClient({ serverUrl, apiKey: ' key ', source: 'dev' }).startSession({});
    const { headers } = seen[0]!;
    expect(headers).toMatchObject({
      authorization: 'Bearer key',
      'content-type': 'application/json',
      'hh-client-language': 'typescript',
      'hh-client-package': 'spanwise',
    });
    expect(headers['hh-client-version']).toMatch(/^\d+\.\d+\.\d+/);
    expect(headers['hh-client-timestamp']).toMatch(/^\d{19}$/);
    expect(headers).not.toHaveProperty('x-source');
  });

  it.each([undefined, '', '   ', 'new\nline', 'ключ'])(
    'sends no Authorization header for the key %j',
    async (apiKey) => {
      await new HoneyHiveClient({ serverUrl, apiKey }).startSession({});
      expect(seen[0]!.headers).not.toHaveProperty('authorization');
    },
  );

  it('says that a key is unusable, without showing it', () => {
    const lines = collectDiagnostics();
    new HoneyHiveClient({ serverUrl, apiKey: 'secret\nkey' });
    diag.disable();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('SPW_API_KEY');
    expect(lines[0]).not.toContain('secret');
  });

  it('updates and creates events', async () => {
    answers = [{ body: '{"success":true,"event_id":"E"}' }];
    const client = new HoneyHiveClient({ serverUrl });
    await client.updateEvent({ event_id: 'E', metrics: { n: 1 }, feedback: null });
    expect(await client.createEvent({ event_name: 'e', event_type: 'tool' })).toBe('E');
    expect(seen.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['PUT', '/events', { event_id: 'E', metrics: { n: 1 } }],
      ['POST', '/events', { event: { event_name: 'e', event_type: 'tool' } }],
    ]);
  });

  it('sends filters as a list and the type id as string', async () => {
    answers = [{ body: '{"events":[{"event_id":"E"}],"totalEvents":9}' }];
    const client = new HoneyHiveClient({ serverUrl });
    const filters = { field: 'session_id', operator: 'is', value: 'x', type: 'id' } as const;
    const reply = await client.exportEvents({ project: 'p', filters, dateRange: { $gte: 1, $lte: 2 } });
    expect(reply).toEqual({ events: [{ event_id: 'E' }], totalEvents: 9 });
    expect(seen[0]!.path).toBe('/v1/events/export');
    expect(seen[0]!.body).toEqual({
      project: 'p',
      filters: [{ field: 'session_id', operator: 'is', value: 'x', type: 'string' }],
      dateRange: { $gte: 1, $lte: 2 },
      limit: 1000,
      page: 1,
    });
  });

  it('searches, and reads single events and sessions, with their ids escaped', async () => {
    answers = [
      { body: '{"events":[],"count":3}' },
      { body: '{"event":{"event_id":"a/b"}}' },
      { body: '{"event_id":"s","children":[]}' },
      { status: 404 },
    ];
    const client = new HoneyHiveClient({ serverUrl });
    expect(await client.searchEvents({ filters: [whereIs('a', 1)], limit: 5 })).toEqual({
      events: [],
      count: 3,
    });
    expect(await client.getEvent('a/b')).toEqual({ event_id: 'a/b' });
    expect(await client.getSession('s')).toEqual({ event_id: 's', children: [] });
    expect(await client.getEvent('none')).toBeUndefined();
    expect(seen.map((one) => one.path)).toEqual([
      '/v1/events/search',
      '/v1/events/a%2Fb',
      '/v1/sessions/s',
      '/v1/events/none',
    ]);
  });

  it('reads every page of a long answer', async () => {
    const page = (ids: string[]) => ({ body: JSON.stringify({ events: ids, totalEvents: 3 }) });
    answers = [page(['a', 'b']), page(['c'])];
    const events = await new HoneyHiveClient({ serverUrl }).exportAllEvents({ limit: 2 });
    expect(events).toEqual(['a', 'b', 'c']);
    expect(seen.map((one) => one.body.page)).toEqual([1, 2]);
  });

  it('reads on when an event moves to the next page meanwhile, and gives it once', async () => {
    const page = (ids: string[], totalEvents: number) => ({
      body: JSON.stringify({ events: ids.map((id) => ({ event_id: id })), totalEvents }),
    });
    answers = [page(['c', 'b'], 3), page(['b', 'a'], 4), page([], 4)];
    const events = await new HoneyHiveClient({ serverUrl }).exportAllEvents({ limit: 2 });
    expect(events.map((event) => event.event_id)).toEqual(['c', 'b', 'a']);
  });

  it('writes big integers, and reports a body that is no JSON instead of sending it', async () => {
    const client = new HoneyHiveClient({ serverUrl });
    await client.startSession({ metadata: { n: 2n ** 60n } });
    expect(seen[0]!.body.session.metadata).toEqual({ n: '1152921504606846976' });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(await failure(client.startSession({ metadata: circular }))).toMatchObject({ code: 'SPW_CAPTURE' });
    expect(seen).toHaveLength(1);
  });
});

describe('when the backend is in trouble', () => {
  it.each([408, 429, 500, 502, 503, 504])('repeats after HTTP %d and succeeds in the end', async (status) => {
    answers = [{ status }, { status }, {}];
    const client = new HoneyHiveClient({ serverUrl, retry: fast });
    expect(await client.startSession({})).toEqual({ session_id: 'S' });
    expect(seen).toHaveLength(3);
  });

  it('gives up after three repetitions and says so with code, status and attempts', async () => {
    answers = [{ status: 503, body: 'down for\nrepairs' }];
    const error = await failure(new HoneyHiveClient({ serverUrl, retry: fast }).startSession({}));
    expect(error).toBeInstanceOf(BackendError);
    expect(error).toMatchObject({ code: 'SPW_BACKEND', status: 503, attempts: 4 });
    expect(error.message).toContain('POST ');
    expect(error.message).toContain('down for\\u000arepairs');
    expect(seen).toHaveLength(4);
  });

  it.each([400, 401, 404, 301])('does not repeat after HTTP %d', async (status) => {
    answers = [{ status, headers: { location: '/elsewhere' } }];
    const error = await failure(new HoneyHiveClient({ serverUrl, retry: fast }).startSession({}));
    expect(error).toMatchObject({ status, attempts: 1 });
    expect(seen).toHaveLength(1);
  });

  it('never shows the API key, even if the server echoes it', async () => {
    answers = [{ status: 401, body: 'bad key hh-secret-1 in Bearer hh-secret-1' }];
    const error = await failure(new HoneyHiveClient({ serverUrl, apiKey: 'hh-secret-1' }).startSession({}));
    expect(error.message).toContain('[api key]');
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('hh-secret-1');
  });

  it('never shows credentials of the address', async () => {
    const client = new HoneyHiveClient({ serverUrl: 'http://user:hush@127.0.0.1:1', retry: { retries: 0 } });
    const error = await failure(client.startSession({}));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).not.toContain('hush');
  });

  it('names the network failure', async () => {
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(new HoneyHiveClient({ serverUrl, retry: fast }).startSession({}));
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.attempts).toBe(4);
  });

  it('stops waiting for a silent server after the time limit', async () => {
    answers = [{ silent: true }];
    const client = new HoneyHiveClient({ serverUrl, timeoutMs: 30, retry: { retries: 1, baseMs: 1 } });
    const error = await failure(client.startSession({}));
    expect(error.message).toContain('no answer within 30 ms');
    expect(error.attempts).toBe(2);
  });

  it('is cancelled by close and by a signal, also between two attempts', async () => {
    answers = [{ status: 503 }];
    const client = new HoneyHiveClient({ serverUrl, retry: { baseMs: 600_000, capMs: 600_000 } });
    const waiting = failure(client.startSession({}));
    const abort = new AbortController();
    const other = failure(client.startSession({}, abort.signal));
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    expect(await other).toMatchObject({ code: 'SPW_BACKEND', attempts: 1 });
    client.close();
    expect(await waiting).toMatchObject({ code: 'SPW_BACKEND', attempts: 1 });
    expect((await failure(client.startSession({}))).message).toContain('cancelled');
    expect(seen).toHaveLength(2);
  });

  it('waits at least as long as Retry-After says, within the cap', async () => {
    answers = [{ status: 429, headers: { 'retry-after': '9999' } }, {}];
    await new HoneyHiveClient({ serverUrl, retry: fast }).startSession({});
    expect(seen).toHaveLength(2);
  });

  it.each(['', 'null', '[]', '{}'])('rejects a session start that is answered with %j', async (body) => {
    answers = [{ body }];
    expect(await failure(new HoneyHiveClient({ serverUrl }).startSession({}))).toBeInstanceOf(BackendError);
  });

  it('rejects an answer that is no JSON', async () => {
    answers = [{ body: '<html>' }];
    const error = await failure(new HoneyHiveClient({ serverUrl, retry: fast }).exportEvents({}));
    expect(error.message).toContain('not JSON');
    expect(seen).toHaveLength(1);
  });
});

describe('tracing', () => {
  const manager: ContextManager = new AsyncLocalStorageContextManager().enable();
  beforeEach(() => void context.setGlobalContextManager(manager));
  afterEach(() => context.disable());

  it('is suppressed during its requests and not after', async () => {
    const contexts: Context[] = [];
    const client = new HoneyHiveClient({
      serverUrl,
      retry: fast,
      fetch: (input, init) => {
        contexts.push(context.active());
        return fetch(input, init);
      },
    });
    answers = [{ status: 500 }, {}];
    await client.startSession({});
    expect(contexts.map(isTracingSuppressed)).toEqual([true, true]);
    expect(isTracingSuppressed(context.active())).toBe(false);
  });
});
