import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { serve } from '@hono/node-server';
import { readCarrier } from '../../lib/propagation/carrier.js';
import { setCurrentRequestSource, startCurrentRequest } from '../../lib/propagation/current-request.js';
import { carrierOf, findCarrier, type CarrierFinding } from '../../lib/propagation/find-carrier.js';
import { listen, SPAN, TRACE, TRACEPARENT } from './helpers.js';
import { Metadata, Msg, MsgHdrs } from './shapes.js';

const HEADERS = { traceparent: TRACEPARENT, baggage: 'a=1' };
const OTHER = { traceparent: `00-${TRACE}-${SPAN}-00` };
const traceparentOf = (finding: CarrierFinding): unknown => readCarrier(finding.carrier, 'traceparent');

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => {
  log.stop();
  setCurrentRequestSource(undefined);
});

describe('an argument that is a request or a message', () => {
  const metadata = new Metadata();
  metadata.set('traceparent', TRACEPARENT);
  const nats = new MsgHdrs();
  nats.set('Traceparent', TRACEPARENT);
  const bytes = { traceparent: Buffer.from(TRACEPARENT) };

  it.each([
    ['Headers', new Headers(HEADERS), false],
    ['a Map', new Map(Object.entries(HEADERS)), false],
    ['a fetch Request', new Request('http://localhost', { headers: HEADERS }), false],
    [
      'an object that holds a fetch Request',
      { req: new Request('http://localhost', { headers: HEADERS }) },
      false,
    ],
    ['gRPC metadata', metadata, false],
    ['a gRPC call', Object.assign(new (class ServerCall {})(), { metadata, request: {} }), false],
    ['NATS headers', nats, false],
    ['a NATS message', new Msg(nats), true],
    ['a Kafka message', { key: null, value: Buffer.from('{}'), offset: '1', headers: HEADERS }, true],
    ['a Kafka message whose value was parsed', { value: {}, offset: '1', headers: bytes }, true],
    [
      'a kafkajs payload',
      { topic: 't', partition: 0, message: { value: null, offset: '1', headers: bytes } },
      true,
    ],
    ['an AMQP message', { content: Buffer.from(''), fields: {}, properties: { headers: HEADERS } }, true],
    [
      'a Pub/Sub message',
      Object.assign(
        new (class Message {
          ack(): void {}
        })(),
        { data: Buffer.from(''), attributes: HEADERS },
      ),
      true,
    ],
    ['what an MCP tool gets', { sendNotification: () => 1, _meta: HEADERS }, false],
    [
      'what an MCP tool gets over HTTP',
      { sendNotification: () => 1, requestInfo: { headers: HEADERS } },
      false,
    ],
  ])('%s is found', (_name, argument, message) => {
    const finding = findCarrier([5, 'x', argument, { body: true }]);
    expect(finding).toMatchObject({ via: 'argument', message, ambiguous: false });
    expect(traceparentOf(finding)).toBe(TRACEPARENT);
  });

  it.each([
    ['a Kafka message', { key: null, value: '{}', offset: '1', headers: HEADERS }],
    ['an AMQP message', { content: 'text', fields: {}, properties: { headers: HEADERS } }],
    ['a gRPC call', { metadata: { ...HEADERS, getMap: 1 } }],
    ['a request', { httpVersion: '1.1', on: true, headers: HEADERS }],
    ['a request in a request', { req: { httpVersion: '1.1', headers: HEADERS } }],
    ['what an MCP tool gets', { sendNotification: true, _meta: HEADERS }],
  ])('data that looks like %s is not', (_name, argument) => {
    expect(findCarrier([JSON.parse(JSON.stringify(argument))])).toMatchObject({
      via: 'none',
      carrier: undefined,
    });
  });

  it('a body with a headers field is data, however deep', () => {
    for (const body of [
      { headers: HEADERS },
      { a: { headers: HEADERS } },
      { body: HEADERS },
      [{ headers: HEADERS }],
    ]) {
      expect(findCarrier([body])).toMatchObject({ via: 'none' });
    }
  });

  it('containers without trace headers are passed over', () => {
    expect(findCarrier([new Headers(), new Map([['a', 1]]), HEADERS])).toMatchObject({ via: 'headers' });
  });

  it('a request beside plain data decides, also when it says nothing', () => {
    const finding = findCarrier([new Request('http://localhost'), HEADERS]);
    expect(finding.via).toBe('argument');
    expect(traceparentOf(finding)).toBeUndefined();
  });

  it('the same request twice is one; two that disagree are none, and it is said', () => {
    const request = new Request('http://localhost', { headers: HEADERS });
    expect(findCarrier([request, request.headers]).ambiguous).toBe(false);
    expect(findCarrier([request, new Headers(OTHER)])).toEqual({
      carrier: undefined,
      via: 'none',
      message: false,
      ambiguous: true,
    });
    expect(log.said.join()).toMatch(/SPW_CARRIER/);
  });
});

describe('an argument that is a flat map of headers', () => {
  it.each([
    ['a plain object', HEADERS],
    ['in capitals', { TRACEPARENT, 'Content-Length': 1 }],
    ['with baggage only', { Baggage: 'a=1' }],
    ['with value arrays and bytes', { traceparent: [TRACEPARENT], cookie: ['a', 'b'], x: Buffer.from('y') }],
  ])('%s is found', (_name, argument) => {
    expect(findCarrier(['x', argument])).toEqual({
      carrier: argument,
      via: 'headers',
      message: false,
      ambiguous: false,
    });
  });

  it('a message of SQS is found by its attributes', () => {
    const attributes = { traceparent: { DataType: 'String', StringValue: TRACEPARENT } };
    const finding = findCarrier([
      { MessageId: '1', ReceiptHandle: 'h', Body: '{}', MessageAttributes: attributes },
    ]);
    expect(finding).toMatchObject({ carrier: attributes, via: 'headers', message: true });
  });

  it.each([
    ['that holds an object', { ...HEADERS, order: { id: 1 } }],
    ['without a trace header', { a: '1' }],
    ['whose trace header is no text', { traceparent: 5 }],
    ['of a class', Object.assign(new (class Job {})(), HEADERS)],
    ['with inherited headers', Object.create(HEADERS)],
  ])('an object %s is not', (_name, argument) => {
    expect(findCarrier([argument])).toMatchObject({ via: 'none' });
  });

  it('a getter is not run', () => {
    let ran = 0;
    const argument = {
      traceparent: TRACEPARENT,
      get lazy() {
        ran++;
        return 'x';
      },
    };
    findCarrier([argument]);
    expect(ran).toBe(0);
  });

  it('two that disagree are none', () => {
    expect(findCarrier([HEADERS, { ...HEADERS }])).toMatchObject({ via: 'headers' });
    expect(findCarrier([HEADERS, OTHER])).toMatchObject({ via: 'none', ambiguous: true });
  });
});

describe('the current request', () => {
  it('comes before plain data', () => {
    setCurrentRequestSource(() => new Request('http://localhost', { headers: HEADERS }));
    const finding = findCarrier([OTHER]);
    expect(finding.via).toBe('request');
    expect(traceparentOf(finding)).toBe(TRACEPARENT);
  });

  it('comes after an argument that is a message', () => {
    setCurrentRequestSource(() => new Request('http://localhost', { headers: HEADERS }));
    expect(findCarrier([{ value: Buffer.from(''), offset: '1', headers: OTHER }])).toMatchObject({
      via: 'argument',
      carrier: OTHER,
    });
  });

  it('keeps plain data out also if it has no trace headers itself', () => {
    setCurrentRequestSource(() => new Request('http://localhost'));
    expect(traceparentOf(findCarrier([OTHER]))).toBeUndefined();
  });

  it('a source that throws or knows nothing is no request', () => {
    for (const source of [
      () => {
        throw new Error('no');
      },
      () => undefined,
      () => 5,
      () => null,
    ]) {
      setCurrentRequestSource(source);
      expect(findCarrier([HEADERS])).toMatchObject({ via: 'headers' });
    }
  });

  it('setting a source gives back the one before', () => {
    const source = (): undefined => undefined;
    expect(setCurrentRequestSource(source)).toBeUndefined();
    expect(setCurrentRequestSource(undefined)).toBe(source);
  });
});

describe('hostile arguments', () => {
  const boom = (): never => {
    throw new Error('no');
  };
  const revocable = Proxy.revocable({}, {});
  revocable.revoke();

  it.each([
    ['a revoked proxy', revocable.proxy],
    [
      'a proxy that throws',
      new Proxy({}, { getPrototypeOf: boom, getOwnPropertyDescriptor: boom, ownKeys: boom, get: boom }),
    ],
    ['a chain without an end', endless()],
    ['100,000 keys', Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 'v']))],
    ['itself', itself()],
  ])('%s is no carrier and does not throw', (_name, argument) => {
    expect(findCarrier([argument])).toMatchObject({ via: 'none' });
    expect(findCarrier([argument, HEADERS])).toMatchObject({ via: 'headers' });
    expect(() => carrierOf(argument)).not.toThrow();
  });

  it('no method of a client is called', () => {
    const called: string[] = [];
    const client = new Proxy(new (class Redis {})(), {
      get(target, key) {
        called.push(String(key));
        return Reflect.get(target, key);
      },
    });
    findCarrier([client]);
    expect(called).toEqual([]);
  });

  it('getters of a class are not run', () => {
    let ran = 0;
    class Entity {
      get headers(): unknown {
        ran++;
        return HEADERS;
      }
      get req(): unknown {
        ran++;
        return HEADERS;
      }
      get metadata(): unknown {
        ran++;
        return HEADERS;
      }
      get raw(): unknown {
        ran++;
        return HEADERS;
      }
    }
    findCarrier([new Entity()]);
    expect(ran).toBe(0);
  });

  it('only so many arguments are looked at', () => {
    expect(findCarrier([...new Array(100).fill(1), HEADERS])).toMatchObject({ via: 'none' });
  });
});

describe('real servers', () => {
  beforeAll(() => startCurrentRequest());
  const closing: (() => unknown)[] = [];
  afterAll(async () => {
    for (const close of closing) await close();
  });

  const ask = async (port: number, path = '/'): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: HEADERS });
    return response.json();
  };
  const facts = (finding: CarrierFinding): unknown => ({
    via: finding.via,
    traceparent: traceparentOf(finding),
  });
  const BY_ARGUMENT = { via: 'argument', traceparent: TRACEPARENT };
  const BY_REQUEST = { via: 'request', traceparent: TRACEPARENT };

  it('node:http: the request, and without it the current one, across awaits', async () => {
    const server = http.createServer((req, res) => {
      void (async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        res.end(
          JSON.stringify(req.url === '/' ? facts(findCarrier([req, res])) : facts(findCarrier([OTHER]))),
        );
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await ask(port)).toEqual(BY_ARGUMENT);
    expect(await ask(port, '/current')).toEqual(BY_REQUEST);
    expect(findCarrier([])).toMatchObject({ via: 'none' });
  });

  it('once the response is written, the request is no longer current', async () => {
    let seen: unknown;
    const server = http.createServer((_req, res) => {
      res.end('{}');
      seen = facts(findCarrier([OTHER]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    await ask((server.address() as AddressInfo).port);
    expect(seen).toEqual({ via: 'headers', traceparent: OTHER.traceparent });
  });

  it('after the response, the request is no longer current', async () => {
    let late: Promise<unknown> | undefined;
    const server = http.createServer((_req, res) => {
      late = new Promise((resolve) =>
        res.on('close', () => setTimeout(() => resolve(facts(findCarrier([OTHER]))), 5)),
      );
      res.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    await ask((server.address() as AddressInfo).port);
    expect(await late).toEqual({ via: 'headers', traceparent: OTHER.traceparent });
  });

  it('concurrent requests on one connection keep their own', async () => {
    const server = http.createServer((req, res) => {
      setTimeout(
        () => res.end(JSON.stringify(readCarrier(findCarrier([]).carrier, 'x-id') === req.headers['x-id'])),
        5,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        (await fetch(`http://127.0.0.1:${port}`, { headers: { 'x-id': String(i) } })).json(),
      ),
    );
    expect(answers).toEqual(new Array(20).fill(true));
  });

  it('Express: its request', async () => {
    const app = express();
    app.get('/', (req, res, next) => void res.json(facts(findCarrier([req, res, next]))));
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    closing.push(() => server.close());
    expect(await ask((server.address() as AddressInfo).port)).toEqual(BY_ARGUMENT);
  });

  it('Fastify: its request', async () => {
    const app = fastify();
    app.get('/', async (request, reply) => facts(findCarrier([request, reply])));
    await app.listen({ port: 0, host: '127.0.0.1' });
    closing.push(() => app.close());
    expect(await ask((app.server.address() as AddressInfo).port)).toEqual(BY_ARGUMENT);
  });

  it('Koa: its context', async () => {
    const app = new Koa();
    app.use((ctx) => {
      ctx.body = facts(findCarrier([ctx]));
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    closing.push(() => server.close());
    expect(await ask((server.address() as AddressInfo).port)).toEqual(BY_ARGUMENT);
  });

  it('Hono: its context and its request', async () => {
    const app = new Hono();
    app.get('/', (c) => c.json(facts(findCarrier([c])) as object));
    app.get('/req', (c) => c.json(facts(findCarrier([c.req])) as object));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await ask(port)).toEqual(BY_ARGUMENT);
    expect(await ask(port, '/req')).toEqual(BY_ARGUMENT);
  });

  it('carrierOf reads the headers of what was named', () => {
    const request = new Request('http://localhost', { headers: HEADERS });
    expect(readCarrier(carrierOf({ req: request }), 'traceparent')).toBe(TRACEPARENT);
    expect(carrierOf(HEADERS)).toBe(HEADERS);
    expect(carrierOf(null)).toBeUndefined();
  });
});

function endless(): object {
  const handler: ProxyHandler<object> = { getPrototypeOf: () => new Proxy({}, handler) };
  return new Proxy({}, handler);
}

function itself(): object {
  const loop: Record<string, unknown> = {};
  for (const key of ['req', 'raw', 'request', 'node', 'message', 'metadata', 'headers', '_meta'])
    loop[key] = loop;
  return loop;
}
