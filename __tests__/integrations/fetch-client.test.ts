/** `fetch` where it is not undici's: it is wrapped, here on a stand-in that tells nothing of what it does. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withSession } from '../../lib/index.js';
import { instrumentFetch } from '../../lib/integrations/fetch-client.js';
import type { SessionTracerOptions } from '../../lib/session/options.js';
import { parentId, type Recorder, shutdownAll, spanId, startTracer } from '../support/harness.js';
import { withSpan } from '../../lib/span/with-span.js';

interface Seen {
  method: string;
  path: string;
  headers: Record<string, string | undefined>;
  body: string;
}

const original = globalThis.fetch;
let server: http.Server;
let base: string;
let other: string;
let seen: Seen[];
let recorder: Recorder;
let stop: (() => void) | undefined;
beforeEach(async () => {
  seen = [];
  server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { pathname, searchParams } = new URL(request.url as string, 'http://x');
    seen.push({
      method: request.method as string,
      path: pathname,
      headers: request.headers as Seen['headers'],
      body,
    });
    if (pathname === '/redirect') {
      const location = searchParams.get('to') as string;
      response.writeHead(Number(searchParams.get('status') ?? 302), { location }).end();
    } else if (pathname === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (pathname === '/broken') response.writeHead(503).end('no');
    else response.end('yes');
  });
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  base = `http://127.0.0.1:${port}`;
  other = `http://localhost:${port}`;
});
afterEach(async () => {
  stop?.();
  globalThis.fetch = original;
  server.closeAllConnections();
  server.close();
  await shutdownAll();
});
const begin = (options: SessionTracerOptions = {}): void => {
  ({ recorder } = startTracer(options));
  stop = instrumentFetch();
};
const clients = () => recorder.spans.filter(({ kind }) => kind === SpanKind.CLIENT);

describe('a wrapped fetch', () => {
  it('sends trace and session, under a client span', async () => {
    begin();
    const text = await withSession('s-1', () =>
      withSpan('outer', async () => (await fetch(`${base}/x`, { headers: { own: '1' } })).text()),
    );
    expect(text).toBe('yes');
    const [span] = clients();
    expect(seen[0]?.headers).toMatchObject({
      own: '1',
      traceparent: expect.stringContaining(spanId(span!)),
      baggage: expect.stringContaining('session_id=s-1'),
    });
    expect(parentId(span!)).toBe(spanId(recorder.spans.find(({ name }) => name === 'outer')!));
    expect(span).toMatchObject({ name: 'GET', attributes: { 'http.response.status_code': 200 } });
  });

  it.each([
    [
      'a Request',
      () => new Request(`${base}/x`, { method: 'PUT', body: 'b', headers: { own: '1' } }),
      undefined,
    ],
    ['a URL', () => new URL(`${base}/x`), { method: 'put', body: 'b', headers: [['own', '1']] }],
    [
      'a Request and changes',
      () => new Request(`${base}/x`),
      { method: 'PUT', body: 'b', headers: { own: '1' } },
    ],
  ])('takes %s as it is', async (_, input, init) => {
    begin();
    await fetch(input() as never, init as never);
    expect(seen).toMatchObject([{ method: 'PUT', path: '/x', body: 'b', headers: { own: '1' } }]);
    expect(seen[0]?.headers['traceparent']).toBeDefined();
    expect(clients()).toHaveLength(1);
  });

  it('fails as the call fails, with the same error', async () => {
    begin();
    expect((await fetch(`${base}/broken`)).status).toBe(503);
    const error = new TypeError('refused');
    stop?.();
    globalThis.fetch = () => Promise.reject(error);
    stop = instrumentFetch();
    await expect(fetch(base)).rejects.toBe(error);
    await expect(fetch('no url' as never)).rejects.toBe(error);
    const failed = clients().map(({ status, attributes }) => [status.code, attributes['error.type']]);
    expect(failed).toEqual([
      [SpanStatusCode.ERROR, '503'],
      [SpanStatusCode.ERROR, 'TypeError'],
    ]);
  });

  it('leaves headers alone that were injected by hand', async () => {
    begin();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await fetch(base, { headers: { traceparent } });
    expect(seen[0]?.headers['traceparent']).toBe(traceparent);
    expect(clients()).toEqual([]);
  });

  it('looks like the one it wraps, and ends', async () => {
    const own = Object.assign((...args: Parameters<typeof fetch>) => original(...args), { preconnect: 1 });
    globalThis.fetch = own as never;
    begin();
    expect((fetch as unknown as { preconnect: number }).preconnect).toBe(1);
    expect([fetch.name, fetch.length]).toEqual([own.name, own.length]);
    stop?.();
    expect(fetch).toBe(own);
    await fetch(base);
    expect(clients()).toEqual([]);
  });

  it('ends also beneath another wrapper', async () => {
    begin();
    const ours = globalThis.fetch;
    globalThis.fetch = (...args) => ours(...args);
    stop?.();
    expect((await fetch(base)).status).toBe(200);
    expect(clients()).toEqual([]);
  });

  it('without a tracer changes nothing', async () => {
    stop = instrumentFetch();
    expect((await fetch(base)).status).toBe(200);
    expect(seen[0]?.headers['traceparent']).toBeUndefined();
  });
});

describe('a wrapped fetch behind a redirect', () => {
  const limited = (): void => begin({ propagateTo: ['127.0.0.1'] });
  const redirect = (to: string, status = 302, init: RequestInit = {}) =>
    withSession('s-1', () =>
      fetch(`${base}/redirect?status=${status}&to=${encodeURIComponent(to)}`, {
        ...init,
        headers: { ...init.headers, authorization: 'secret' },
      }),
    );

  it('gives baggage to no host that is not allowed', async () => {
    limited();
    const response = await redirect(`${other}/x`);
    expect([await response.text(), response.redirected, response.url]).toEqual(['yes', true, `${other}/x`]);
    expect(seen.map(({ headers }) => headers['baggage'] !== undefined)).toEqual([true, false]);
    expect(seen[1]?.headers['traceparent']).toBeDefined();
    expect(seen[1]?.headers['authorization']).toBeUndefined();
  });

  it('keeps it where it may go, with the headers of the call', async () => {
    limited();
    await redirect('/x');
    expect(seen[1]?.headers).toMatchObject({
      baggage: expect.stringContaining('s-1'),
      authorization: 'secret',
    });
    // Each request has a span of its own.
    expect(seen.map(({ headers }) => headers['traceparent']?.split('-')[2])).toEqual(clients().map(spanId));
  });

  it('drops baggage that was given by hand where it may not go', async () => {
    limited();
    await redirect(`${other}/x`, 302, { headers: { baggage: 'mine=1' } });
    expect(seen[1]?.headers['baggage']).toBeUndefined();
  });

  it.each([
    [301, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [302, 'PUT', 'PUT', 'b'],
    [307, 'POST', 'POST', 'b'],
    [308, 'POST', 'POST', 'b'],
  ])('%s turns %s into %s', async (status, method, then, body) => {
    limited();
    await redirect('/x', status, { method, body: 'b', headers: { 'content-type': 'text/x' } });
    expect(seen[1]).toMatchObject({ method: then, body });
    expect(seen[1]?.headers['content-type']).toBe(body === '' ? undefined : 'text/x');
  });

  it('sends no baggage with a body that cannot be sent twice', async () => {
    limited();
    const request = new Request(`${base}/redirect?status=307&to=/x`, { method: 'POST', body: 'b' });
    await withSession('s-1', () => fetch(request));
    expect(seen.map(({ headers, body }) => [headers['baggage'], body])).toEqual([
      [undefined, 'b'],
      [undefined, 'b'],
    ]);
  });

  it('leaves redirects to whoever asked for them', async () => {
    limited();
    expect((await redirect('/x', 302, { redirect: 'manual' })).status).toBe(302);
    await expect(redirect('/x', 302, { redirect: 'error' })).rejects.toThrow('fetch failed');
    expect(seen).toHaveLength(2);
  });

  it('gives up as fetch does', async () => {
    limited();
    await expect(withSession('s-1', () => fetch(`${base}/loop`))).rejects.toThrow('redirect count');
    expect(seen).toHaveLength(21);
    await expect(redirect('ftp://127.0.0.1/')).rejects.toThrow('scheme');
  });
});
