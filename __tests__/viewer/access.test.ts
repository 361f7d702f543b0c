import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { isLoopback } from '../../lib/viewer/access.js';
import { JSON_HEADERS, send, traceRequest, viewerWith } from './requests.js';

const body = JSON.stringify(traceRequest({}));

describe('the Host of a request', () => {
  it.each([
    'localhost',
    'localhost:4318',
    '127.0.0.1:1',
    '127.1.2.3',
    '[::1]:4318',
    'LocalHost',
    'a.localhost:80',
  ])('may be %s', async (host) => {
    const viewer = await viewerWith();
    const reply = await send(viewer, 'POST', '/v1/traces', { ...JSON_HEADERS, host }, body);
    expect(reply.status).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:4318',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#localhost',
    'localhost@evil.example',
    'user@localhost',
    '10.0.0.1',
    '[::2]',
    '0.0.0.0',
  ])('may not be %j, even with a valid body', async (host) => {
    const viewer = await viewerWith();
    for (const [method, path] of [
      ['POST', '/v1/traces'],
      ['POST', '/v1/events/export'],
      ['GET', '/api/sessions'],
      ['GET', '/'],
    ] as const) {
      const reply = await send(
        viewer,
        method,
        path,
        { ...JSON_HEADERS, host },
        method === 'POST' ? body : '',
      );
      expect(reply.status).toBe(403);
      expect(reply.body.toString()).not.toContain('<html');
    }
    expect(viewer.store.size).toBe(0);
  });

  it('may not be missing', async () => {
    const viewer = await viewerWith();
    const text = await new Promise<string>((resolve) => {
      const socket = connect(viewer.port, viewer.host);
      socket.write('GET /api/sessions HTTP/1.0\r\n\r\n');
      let received = '';
      socket.on('data', (chunk) => (received += String(chunk)));
      socket.on('close', () => resolve(received));
    });
    expect(text).toContain('HTTP/1.1 403');
  });

  it('may be what was allowed, and any address where the viewer is open to the network', async () => {
    const named = await viewerWith({ allowedHosts: ['Viewer.Test'] });
    expect((await send(named, 'GET', '/api/sessions', { host: 'viewer.test:80' })).status).toBe(200);
    const open = await viewerWith({ host: '0.0.0.0' });
    expect(open.url).toBe(`http://localhost:${open.port}`);
    expect((await send(open, 'GET', '/api/sessions', { host: '10.1.2.3:80' })).status).toBe(200);
    expect((await send(open, 'GET', '/api/sessions', { host: 'evil.example' })).status).toBe(403);
  });
});

describe('the Origin of a write', () => {
  it('may be the viewer’s own', async () => {
    const viewer = await viewerWith();
    const host = `localhost:${viewer.port}`;
    const headers = { ...JSON_HEADERS, host, origin: `http://${host}` };
    expect((await send(viewer, 'POST', '/v1/traces', headers, body)).status).toBe(200);
  });

  it.each(['https://evil.example', 'null', 'http://localhost', 'http://localhost:1'])(
    'may not be %s',
    async (origin) => {
      const viewer = await viewerWith();
      for (const [method, path] of [
        ['POST', '/v1/traces'],
        ['POST', '/session/start'],
        ['PUT', '/events'],
      ] as const) {
        const headers = { ...JSON_HEADERS, host: `localhost:${viewer.port}`, origin };
        expect((await send(viewer, method, path, headers, body)).status).toBe(403);
      }
      expect(viewer.store.size).toBe(0);
    },
  );
});

it('every reply forbids to be stored, guessed at, framed or read by other sites', async () => {
  const viewer = await viewerWith();
  for (const path of ['/', '/api/sessions', '/nothing']) {
    const { headers } = await send(viewer, 'GET', path);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'/);
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  }
});

it.each([
  ['localhost', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['x.localhost', true],
  ['0.0.0.0', false],
  ['128.0.0.1', false],
  ['127.evil.example', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
