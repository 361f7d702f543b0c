import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import axios from 'axios';
import { injectContextIntoCarrier, withSession, withSpan } from '../../lib/index.js';
import { clientAttributes } from '../../lib/integrations/http-semantics.js';
import { instrumentClients } from '../../lib/integrations/http.js';
import type { SessionTracerOptions } from '../../lib/session/options.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { parentId, type Recorder, shutdownAll, spanId, startTracer, traceId } from '../support/harness.js';

type Headers = Record<string, string | undefined>;
type Client = (
  url: string,
  headers?: Record<string, string>,
) => Promise<{ status: number; headers: Headers }>;

const CLIENTS: Record<string, Client> = {
  fetch: async (url, headers = {}) => {
    const answer = await fetch(url, { headers });
    return { status: answer.status, headers: JSON.parse((await answer.text()) || '{}') as Headers };
  },
  'node:http request': (url, headers = {}) => byNode(http.request(url, { headers, agent: false }), true),
  'node:http get': (url, headers = {}) => byNode(http.get(url, { headers, agent: false }), false),
  axios: async (url, headers = {}) => {
    const answer = await axios.get<Headers>(url, {
      headers,
      validateStatus: () => true,
      adapter: 'http',
      proxy: false,
    });
    return { status: answer.status, headers: answer.data };
  },
};

async function byNode(request: http.ClientRequest, end: boolean) {
  if (end) request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode as number, headers: JSON.parse(text || '{}') as Headers };
}

let server: http.Server;
let port = 0;
let recorder: Recorder;
let stop: () => void;
beforeEach(async () => {
  server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url as string, 'http://x');
    if (pathname === '/redirect') {
      response.writeHead(302, { location: searchParams.get('to') as string }).end();
    } else if (pathname === '/broken') response.writeHead(503).end('{}');
    else response.end(JSON.stringify(request.headers));
  });
  server.listen(0);
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  stop?.();
  server.closeAllConnections();
  server.close();
  await shutdownAll();
});
const begin = (options: SessionTracerOptions = {}): void => {
  ({ recorder } = startTracer(options));
  stop = instrumentClients();
};
const clients = (): ReadableSpan[] => recorder.spans.filter(({ kind }) => kind === SpanKind.CLIENT);
async function ended(count: number): Promise<ReadableSpan[]> {
  for (let i = 0; i < 400 && clients().length < count; i++) await delay(5);
  expect(clients()).toHaveLength(count);
  return clients();
}

describe.each(Object.entries(CLIENTS))('%s', (_name, ask) => {
  it('sends trace and session, under a client span', async () => {
    begin();
    const answer = await withSession({ sessionId: 'mine', skipApiCall: true }, () =>
      withSpan('caller', () => ask(`http://127.0.0.1:${port}/users/1?token=abc`)),
    );
    const [span] = await ended(1);
    expect(answer.headers['traceparent']).toContain(`00-${traceId(span!)}-${spanId(span!)}-0`);
    expect(answer.headers['baggage']).toContain('session_id=mine');
    expect(span!.name).toBe('GET');
    expect(parentId(span!)).toBe(spanId(recorder.span('caller')));
    expect(span!.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.full': `http://127.0.0.1:${port}/users/1?token=[REDACTED]`,
      'server.address': '127.0.0.1',
      'server.port': port,
    });
    expect(span!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('fails with the status of the answer, and with the error of the connection', async () => {
    begin();
    expect((await ask(`http://127.0.0.1:${port}/broken`)).status).toBe(503);
    const closed = http.createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port: gone } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await expect(ask(`http://127.0.0.1:${gone}/`)).rejects.toThrow();
    const [refused, unreachable] = await ended(2);
    expect([refused!.status.code, refused!.attributes['error.type']]).toEqual([SpanStatusCode.ERROR, '503']);
    expect(unreachable!.status.code).toBe(SpanStatusCode.ERROR);
  });

  it('leaves headers alone that were injected by hand', async () => {
    begin();
    const answer = await withSpan('caller', () => {
      const url = `http://127.0.0.1:${port}/`;
      return ask(url, injectContextIntoCarrier<Record<string, string>>({}, { url }));
    });
    expect(answer.headers['traceparent']).toContain(spanId(recorder.span('caller')));
    expect(clients()).toEqual([]);
  });

  it('gives baggage to no host that is not allowed', async () => {
    begin({ propagateTo: ['localhost'] });
    const denied = await ask(`http://127.0.0.1:${port}/`, { baggage: 'by=hand' });
    expect(denied.headers['baggage']).toBeUndefined();
    expect(denied.headers['traceparent']).toBeDefined();
    const trick = await ask(`http://127.0.0.1:${port}/`, { host: 'localhost' });
    expect(trick.headers['baggage']).toBeUndefined();
    const allowed = await ask(`http://localhost:${port}/`);
    expect(allowed.headers['baggage']).toContain('session_id=');
  });

  it('keeps 20 sessions at once apart', async () => {
    begin();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        withSession({ sessionId: `s${i}`, skipApiCall: true }, async () => {
          await delay(Math.random() * 10);
          return ask(`http://127.0.0.1:${port}/`);
        }),
      ),
    );
    answers.forEach(({ headers }, i) =>
      expect(headers['baggage']).toMatch(new RegExp(`session_id=s${i}(,|$)`)),
    );
  });
});

describe.each(['fetch', 'axios'])('%s behind a redirect', (name) => {
  it.each([
    ['to a host that is not allowed', '127.0.0.1', false],
    ['to one that is', 'localhost', true],
  ])('%s', async (_, host, expected) => {
    begin({ propagateTo: ['localhost'] });
    const to = encodeURIComponent(`http://${host}:${port}/`);
    const answer = await CLIENTS[name]!(`http://localhost:${port}/redirect?to=${to}`);
    expect(answer.headers['baggage'] !== undefined).toBe(expected);
    const [, second] = await ended(2);
    expect(answer.headers['traceparent']).toContain(spanId(second!));
  });
});

describe('fetch', () => {
  it('takes baggage that was given by hand along to allowed hosts only', async () => {
    begin({ propagateTo: ['localhost'] });
    const to = encodeURIComponent(`http://127.0.0.1:${port}/`);
    const answer = await CLIENTS['fetch']!(`http://localhost:${port}/redirect?to=${to}`, {
      baggage: 'by=hand',
    });
    expect(answer.headers['baggage']).toBeUndefined();
  });

  it('is not taken in by an IPv6 address', async () => {
    begin({ propagateTo: ['[::1]'] });
    try {
      const answer = await CLIENTS['fetch']!(`http://[::1]:${port}/`);
      expect(answer.headers['baggage']).toContain('session_id=');
    } catch (error) {
      // A machine without IPv6: nothing was sent.
      expect(String((error as { cause?: unknown }).cause)).toMatch(/EADDRNOTAVAIL|ECONNREFUSED|EAFNOSUPPORT/);
    }
    expect((await CLIENTS['fetch']!(`http://127.0.0.1:${port}/`)).headers['baggage']).toBeUndefined();
  });
});

describe('instrumentation of clients', () => {
  it('ends: nothing is added any more', async () => {
    begin();
    stop();
    for (const ask of Object.values(CLIENTS)) {
      expect((await ask(`http://127.0.0.1:${port}/`)).headers['traceparent']).toBeUndefined();
    }
    expect(clients()).toEqual([]);
  });

  it('without a tracer changes nothing', async () => {
    stop = instrumentClients();
    for (const ask of Object.values(CLIENTS)) {
      expect((await ask(`http://127.0.0.1:${port}/`)).headers['traceparent']).toBeUndefined();
    }
  });

  it('writes neither user nor password, and hosts as the parser does', () => {
    expect(clientAttributes('GET', new URL('http://allowed.com@evil.example/x?sig=1#f'))).toMatchObject({
      'url.full': 'http://REDACTED:REDACTED@evil.example/x?sig=[REDACTED]',
      'server.address': 'evil.example',
    });
    expect(clientAttributes('GET', new URL('https://bücher.example/'))).toMatchObject({
      'server.address': 'xn--bcher-kva.example',
      'server.port': 443,
    });
  });
});
