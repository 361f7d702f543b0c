import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS, InFlight } from '../../lib/viewer/exchange.js';
import type { Viewer } from '../../lib/viewer/start-viewer.js';
import { Store } from '../../lib/viewer/store.js';
import { receiveTraces } from '../../lib/viewer/traces-endpoint.js';
import { JSON_HEADERS, send, sendSpans, traceRequest, viewerWith } from './requests.js';

const one = Buffer.from(JSON.stringify(traceRequest({ session: 's' })));
const PROTOBUF = { 'content-type': 'application/x-protobuf' };

describe('POST /v1/traces', () => {
  it.each([
    ['plain', {}, one],
    ['gzip', { 'content-encoding': 'gzip' }, gzipSync(one)],
    ['GZIP', { 'content-encoding': 'GZIP' }, gzipSync(one)],
    ['deflate', { 'content-encoding': 'deflate' }, deflateSync(one)],
    ['deflate without its header', { 'content-encoding': 'deflate' }, deflateRawSync(one)],
    ['identity', { 'content-encoding': 'identity' }, one],
    ['chunked', { 'transfer-encoding': 'chunked' }, one],
    ['with a charset', { 'content-type': 'application/json; charset=utf-8' }, one],
  ])('takes a body that is %s', async (_name, headers, body) => {
    const viewer = await viewerWith();
    for (const path of ['/v1/traces', '/opentelemetry/v1/traces', '/v1/traces/']) {
      const reply = await send(viewer, 'POST', path, { ...JSON_HEADERS, ...headers }, body);
      expect([reply.status, reply.json]).toEqual([200, {}]);
    }
    expect(viewer.store.size).toBe(1);
  });

  it('tells what it turned away, in the encoding of the request', async () => {
    const viewer = await viewerWith();
    const json = await send(
      viewer,
      'POST',
      '/v1/traces',
      JSON_HEADERS,
      JSON.stringify(traceRequest({ id: 0 }, {})),
    );
    expect(json.json).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: 'a span has no valid span id' },
    });
    const empty = Buffer.from([0x0a, 0x04, 0x12, 0x02, 0x12, 0x00]);
    const protobuf = await send(viewer, 'POST', '/v1/traces', PROTOBUF, empty);
    expect(protobuf.status).toBe(200);
    expect(protobuf.headers['content-type']).toBe('application/x-protobuf');
    const reason = 'a span has no valid trace id';
    const message = Buffer.concat([Buffer.from([0x08, 1, 0x12, reason.length]), Buffer.from(reason)]);
    expect(protobuf.body).toEqual(Buffer.concat([Buffer.from([0x0a, message.length]), message]));
    expect(viewer.store.size).toBe(1);
  });

  it('answers an empty request with an empty success', async () => {
    const viewer = await viewerWith();
    const reply = await send(viewer, 'POST', '/v1/traces', PROTOBUF);
    expect([reply.status, reply.body.length]).toEqual([200, 0]);
  });

  it.each([
    ['JSON that is none', 400, JSON_HEADERS, 'hello'],
    ['protobuf that is none', 400, PROTOBUF, 'hello'],
    ['gzip that is none', 400, { ...JSON_HEADERS, 'content-encoding': 'gzip' }, 'hello'],
    [
      'gzip that is cut off',
      400,
      { ...JSON_HEADERS, 'content-encoding': 'gzip' },
      gzipSync(one).subarray(0, 40),
    ],
    ['an unknown encoding', 415, { ...JSON_HEADERS, 'content-encoding': 'br' }, 'x'],
    ['an encoding named like a property', 415, { ...JSON_HEADERS, 'content-encoding': 'constructor' }, 'x'],
    ['two encodings', 415, { ...JSON_HEADERS, 'content-encoding': 'gzip, gzip' }, 'x'],
    ['an unknown type', 415, { 'content-type': 'text/plain' }, '{}'],
    ['no type', 415, {}, '{}'],
  ])('refuses %s with %d and lives on', async (_name, status, headers, body) => {
    const viewer = await viewerWith();
    const reply = await send(viewer, 'POST', '/v1/traces', headers, body);
    expect(reply.status).toBe(status);
    expect(reply.body.length).toBeGreaterThan(0);
    expect((await sendSpans(viewer, {})).status).toBe(200);
  });

  it('answers errors in the encoding of the request', async () => {
    const viewer = await viewerWith();
    const json = await send(viewer, 'POST', '/v1/traces', JSON_HEADERS, 'hello');
    expect(json.json).toEqual({ message: 'the body is not JSON' });
    const protobuf = await send(viewer, 'POST', '/v1/traces', PROTOBUF, Buffer.alloc(20, 0xff));
    expect(protobuf.headers['content-type']).toBe('application/x-protobuf');
    // google.rpc.Status: the message is field 2.
    expect(protobuf.body[0]).toBe(0x12);
    expect(protobuf.body.subarray(2).toString()).toContain('not protobuf');
  });

  it('takes no other method', async () => {
    const viewer = await viewerWith();
    const reply = await send(viewer, 'GET', '/v1/traces');
    expect([reply.status, reply.headers.allow]).toEqual([405, 'POST']);
  });
});

it('is acknowledged when what came is kept, and not before', async () => {
  let keep = (): void => undefined;
  const kept = new Promise<void>((resolve) => (keep = resolve));
  const store = new Store();
  const server = createServer((request, response) => {
    void receiveTraces(request, response, store, new InFlight(DEFAULT_LIMITS), () => kept);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const viewer = { host: '127.0.0.1', port: (server.address() as AddressInfo).port } as Viewer;
  let isAnswered = false;
  const reply = sendSpans(viewer, {}).then(({ status }) => {
    isAnswered = true;
    return status;
  });
  while (store.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await fetch(`http://127.0.0.1:${viewer.port}/`); // another round trip: an answer would have come by now
  expect(isAnswered).toBe(false);
  keep();
  expect(await reply).toBe(200);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('bounds', () => {
  const limits = {
    maxBodyBytes: 2_000,
    maxDecodedBytes: 5_000,
    maxInFlightBytes: 10_000,
    bodyTimeoutMs: 30_000,
  };

  it('refuses a body that is too large, whether it says so or not', async () => {
    const viewer = await viewerWith({ limits });
    const large = 'x'.repeat(2_001);
    expect((await send(viewer, 'POST', '/v1/traces', JSON_HEADERS, large)).status).toBe(413);
    const chunked = { ...JSON_HEADERS, 'transfer-encoding': 'chunked' };
    expect((await send(viewer, 'POST', '/v1/traces', chunked, large)).status).toBe(413);
    expect((await sendSpans(viewer, {})).status).toBe(200);
  });

  it('stops decompressing a bomb', async () => {
    const viewer = await viewerWith({ limits });
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    expect(bomb.length).toBeLessThan(limits.maxBodyBytes);
    const headers = { ...JSON_HEADERS, 'content-encoding': 'gzip' };
    const reply = await send(viewer, 'POST', '/v1/traces', headers, bomb);
    expect([reply.status, reply.json.message]).toEqual([413, expect.stringContaining('when decompressed')]);
  });

  it('says 429 and when to come back while too much is under way, and recovers', async () => {
    const viewer = await viewerWith({ limits: { ...limits, maxInFlightBytes: 1_500 } });
    // Holds most of what may be under way, without an end.
    const holder = connect(viewer.port, viewer.host);
    holder.write(
      `POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1400\r\n\r\n${' '.repeat(1_399)}`,
    );
    let busy;
    do busy = await sendSpans(viewer, {});
    while (busy.status === 200);
    expect([busy.status, busy.headers['retry-after']]).toEqual([429, '1']);
    holder.destroy();
    let after;
    do after = await sendSpans(viewer, {});
    while (after.status === 429);
    expect(after.status).toBe(200);
  });

  it('says 429 when it is full and may not forget', async () => {
    const viewer = await viewerWith({ retentionBytes: 3_000, refuseWhenFull: true });
    let id = 1;
    let reply;
    do reply = await sendSpans(viewer, { id: id++, attributes: { text: 'x'.repeat(300) } });
    while (reply.status === 200 && id < 50);
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '10']);
    expect(viewer.store.evicted).toBe(0);
    expect((await send(viewer, 'POST', '/session/start', JSON_HEADERS, '{"session":{}}')).status).toBe(429);
  });

  it('gives up on a body that does not arrive', async () => {
    const viewer = await viewerWith({ limits: { ...limits, bodyTimeoutMs: 50 } });
    const text = await new Promise<string>((resolve) => {
      const socket = connect(viewer.port, viewer.host);
      socket.write(
        'POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      );
      let received = '';
      socket.on('data', (chunk) => (received += String(chunk)));
      socket.on('close', () => resolve(received));
    });
    expect(text).toContain('HTTP/1.1 408');
    expect(text).toContain('did not arrive within 50 ms');
  });

  it('survives bodies that are cut off', async () => {
    const viewer = await viewerWith();
    for (let count = 0; count < 20; count++) {
      await new Promise<void>((resolve) => {
        const socket = connect(viewer.port, viewer.host, () => {
          socket.write(
            'POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{',
          );
          socket.end(() => socket.destroy());
        });
        socket.on('close', () => resolve());
      });
    }
    expect((await sendSpans(viewer, {})).status).toBe(200);
    expect(viewer.store.size).toBe(1);
  });
});
