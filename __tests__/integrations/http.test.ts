import dns from 'node:dns';
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
    ['to an IPv6 address', '[::1]', false],
    ...(name === 'axios' ? [['to user info that looks allowed', 'localhost@127.0.0.1', false] as const] : []),
  ])('%s', async (_, host, expected) => {
    if (host === '[::1]' && (server.address() as AddressInfo).family !== 'IPv6') return;
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

describe('node:http with headers that are written at once', () => {
  type Given = http.OutgoingHttpHeaders | readonly string[];
  const ask = async (options: http.RequestOptions, body = '') => {
    const request = http.request({ host: '127.0.0.1', port, agent: false, ...options });
    request.on('continue', () => undefined);
    request.end(body);
    return byNode(request, false);
  };
  const SHAPES: [string, (headers: Record<string, string>) => Given][] = [
    ['a flat list', (headers) => Object.entries(headers).flat()],
    ['a list of pairs', (headers) => Object.entries(headers) as unknown as string[]],
    ['Expect', (headers) => ({ ...headers, Expect: '100-continue' })],
  ];

  describe.each(SHAPES)('%s', (_name, shape) => {
    it('sends trace and session, and what was given, and leaves that as it was', async () => {
      begin();
      const headers = shape({ Host: 'here', 'X-Mine': 'yes' });
      const before = structuredClone(headers);
      const answer = await ask({ headers, method: 'POST', path: '/a?b=1' }, 'body');
      const [span] = await ended(1);
      expect(answer.headers['traceparent']).toContain(`-${spanId(span!)}-`);
      expect(answer.headers['baggage']).toContain('session_id=');
      expect(answer.headers['x-mine']).toBe('yes');
      expect(headers).toEqual(before);
      expect(span!.name).toBe('POST');
      expect(span!.attributes).toMatchObject({
        'url.full': `http://127.0.0.1:${port}/a?b=1`,
        'http.response.status_code': 200,
      });
    });

    it('gives baggage to no host that is not allowed', async () => {
      begin({ propagateTo: ['localhost'] });
      const answer = await ask({ headers: shape({ Host: 'localhost', Baggage: 'by=hand' }) });
      expect(answer.headers['baggage']).toBeUndefined();
      expect(answer.headers['traceparent']).toBeDefined();
    });

    it('leaves headers alone that were injected by hand', async () => {
      begin();
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
      const answer = await ask({ headers: shape({ Host: 'here', traceparent }) });
      expect(answer.headers['traceparent']).toBe(traceparent);
      expect(clients()).toEqual([]);
    });
  });

  it('knows where a request goes from a URL beside options', async () => {
    begin({ propagateTo: ['localhost'] });
    const to = async (url: string | URL, options: http.RequestOptions): Promise<Headers> => {
      const request = http.request(url, { agent: false, headers: ['Host', 'localhost'], ...options });
      return (await byNode(request, true)).headers;
    };
    expect((await to(`http://localhost:${port}/x`, {}))['baggage']).toBeDefined();
    expect((await to(new URL(`http://localhost:${port}/x`), {}))['baggage']).toBeDefined();
    expect((await to(`http://localhost:${port}/x`, { hostname: '127.0.0.1' }))['baggage']).toBeUndefined();
    expect((await ended(3))[2]!.attributes['server.address']).toBe('127.0.0.1');
  });

  it('fails as Node fails when the request cannot be made, and ends the span', async () => {
    begin();
    expect(() => http.request({ headers: ['X', 'y'], path: '/ not allowed' })).toThrow(/unescaped/);
    const [span] = await ended(1);
    expect(span!.status.code).toBe(SpanStatusCode.ERROR);
  });
});

/** Which of these places get baggage; connections all go to the server here, whatever the name. */
describe.each(Object.keys(CLIENTS))('propagateTo and tricks: %s', (name) => {
  const lookup = ((_host: string, options: { all?: boolean }, done: (...args: unknown[]) => void) =>
    options.all === true
      ? done(null, [{ address: '127.0.0.1', family: 4 }])
      : done(null, '127.0.0.1', 4)) as unknown as typeof dns.lookup;
  const original = dns.lookup;
  beforeEach(() => {
    (dns as { lookup: unknown }).lookup = lookup;
  });
  afterEach(() => {
    (dns as { lookup: unknown }).lookup = original;
  });

  it.each([
    ['user info that looks like the host', 'http://allowed.example@evil.example', false],
    ['user info with a password', 'http://allowed.example:80@evil.example', false],
    ['user info before the host itself', 'http://evil.example@allowed.example', true],
    ['the host in upper case', 'http://ALLOWED.example', true],
    ['the host with a dot at the end', 'http://allowed.example.', true],
    ['a longer name that ends with the host', 'http://notallowed.example', false],
    ['a longer name that begins with it', 'http://allowed.example.evil.example', false],
    ['an IDN host', 'http://b\u00fccher.example', true],
    ['the same in punycode', 'http://xn--bcher-kva.example', true],
    ['its look-alike', 'http://bucher.example', false],
    ['full-width letters', 'http://\uff41llowed.example', true],
    ['a subdomain', 'http://deep.wild.example', true],
    ['the wildcard\u2019s own host', 'http://wild.example', false],
  ])('%s', async (_what, place, expected) => {
    begin({ propagateTo: ['allowed.example', 'b\u00fccher.example', '*.wild.example'] });
    const url = new URL(place);
    url.port = String(port);
    // fetch refuses user names; a URL with them never leaves.
    if (name === 'fetch' && url.username !== '') {
      await expect(CLIENTS[name]!(url.href)).rejects.toThrow(/credentials/);
      return;
    }
    const { headers } = await CLIENTS[name]!(url.href);
    expect(headers['traceparent']).toBeDefined();
    expect(headers['baggage'] !== undefined).toBe(expected);
  });

  it('an IPv6 address in any spelling', async () => {
    // A machine without IPv6 cannot be asked; what is compared is tested in propagate-to.test.ts too.
    if ((server.address() as AddressInfo).family !== 'IPv6') return;
    begin({ propagateTo: ['[::1]'] });
    for (const [host, expected] of [
      ['[::1]', true],
      ['[0:0:0:0:0:0:0:1]', true],
      ['[::ffff:127.0.0.1]', false],
    ] as const) {
      const { headers } = await CLIENTS[name]!(`http://${host}:${port}/`);
      expect([host, headers['baggage'] !== undefined]).toEqual([host, expected]);
    }
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
