/**
 * The requests we send, held to files: what stands behind an endpoint (a Collector, Kafka, ClickHouse, Jaeger, Tempo,
 * HoneyHive) is not started here, so a change of what it would get has to be seen in a diff.
 *
 * `UPDATE_GOLDEN=1` writes the files anew; the independent decoder decides what they mean.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createTraceState, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { ExportPipeline, type PipelineOptions } from '../../lib/export/pipeline.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { makeSpan } from './make-span.js';
import { decodeJson, decodeProtobuf, type DecodedResource } from './otlp-decode.js';

const GOLDEN = '__tests__/export/golden';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SESSION = '993a64ba-02f6-46d0-b615-7e415eb010a0';
const SECOND = 1_786_000_000;

const identity = {
  'honeyhive.session_id': SESSION,
  'session.id': SESSION,
  'honeyhive.project': 'shop',
  'honeyhive.source': 'agent-server',
};
const spanContext = (spanId: string, more: object = {}) => ({
  traceId: TRACE,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
  ...more,
});
const agent = {
  attributes: { 'service.name': 'agent', 'service.version': '1.4.0', 'host.cpus': 2, tags: ['blue', 'grün'] },
};
const worker = { attributes: { 'service.name': 'worker' } };
const ours = { name: 'spanwise', version: '0.1.0' };
const theirs = {
  name: '@opentelemetry/instrumentation-http',
  version: '0.223.0',
  schemaUrl: 'https://example.com/1',
};

/** A request through two services: an entry, a failed call below it, and a message that links back. */
const SPANS: ReadableSpan[] = [
  makeSpan('AgentController.invoke', {
    kind: SpanKind.SERVER,
    spanContext: () => spanContext('00000000000000a1', { traceState: createTraceState('vendor=1,other=2') }),
    parentSpanContext: spanContext('b7ad6b7169203331', { isRemote: true }),
    startTime: [SECOND, 0],
    endTime: [SECOND + 2, 500_000_001],
    attributes: {
      ...identity,
      honeyhive_event_type: 'chain',
      'honeyhive_inputs.arg0': 'where is my parcel? 🎁',
      'honeyhive_outputs.result': 'on its way',
      'honeyhive_metrics.cost': 0.0012,
      'gen_ai.usage.input_tokens': 1_234,
      'cache.hit': false,
      whole: 3,
      negative: -7,
      large: Number.MAX_SAFE_INTEGER,
      list: ['a', '', 'b'],
      numbers: [1, 2.5, -3],
      flags: [true, false],
      empty: '',
    },
    resource: agent,
    instrumentationScope: ours,
  }),
  makeSpan('GET', {
    kind: SpanKind.CLIENT,
    spanContext: () => spanContext('00000000000000a2'),
    parentSpanContext: spanContext('00000000000000a1'),
    startTime: [SECOND, 250_000_000],
    endTime: [SECOND + 1, 0],
    status: { code: SpanStatusCode.ERROR, message: 'the parcel service answered 500' },
    attributes: { ...identity, 'http.request.method': 'GET', 'http.response.status_code': 500 },
    events: [
      {
        name: 'exception',
        time: [SECOND + 1, 0],
        attributes: { 'exception.type': 'HttpError', 'exception.message': 'the parcel service answered 500' },
        droppedAttributesCount: 1,
      },
    ],
    droppedAttributesCount: 2,
    droppedEventsCount: 1,
    droppedLinksCount: 3,
    resource: agent,
    instrumentationScope: theirs,
  }),
  makeSpan('orders process', {
    kind: SpanKind.CONSUMER,
    spanContext: () => ({ ...spanContext('00000000000000b1'), traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }),
    parentSpanContext: undefined,
    startTime: [SECOND + 3, 1],
    endTime: [SECOND + 3, 1],
    status: { code: SpanStatusCode.OK },
    attributes: { ...identity, 'honeyhive.source': 'worker', 'messaging.system': 'kafka' },
    links: [{ context: spanContext('00000000000000a2', { isRemote: true }), attributes: { why: 'batch' } }],
    resource: worker,
    instrumentationScope: ours,
  }),
];

interface Received {
  readonly url: string | undefined;
  readonly method: string | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

let received: Received[];
let url: string;
let close: () => Promise<void>;
beforeEach(async () => {
  received = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url, method, headers } = request;
      received.push({ url, method, headers, body: Buffer.concat(chunks) });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
});
afterEach(() => close());

async function send(options: Partial<PipelineOptions>): Promise<Received> {
  const pipeline = new ExportPipeline({ url, ...options });
  for (const span of SPANS) pipeline.onEnd(span);
  expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: SPANS.length });
  await pipeline.shutdown();
  expect(received).toHaveLength(1);
  return received[0]!;
}

function expectGolden(file: string, text: string): void {
  const path = `${GOLDEN}/${file}`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  expect(existsSync(path)).toBe(true);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const hexLines = (bytes: Buffer): string => `${bytes.toString('hex').replace(/.{1,96}(?=.)/g, '$&\n')}\n`;
const golden = (): DecodedResource[] =>
  JSON.parse(readFileSync(`${GOLDEN}/decoded.json`, 'utf8')) as DecodedResource[];

describe('an export request', () => {
  test('in protobuf is, byte for byte, what it was', async () => {
    const { url, method, headers, body } = await send({});
    expect([method, url]).toEqual(['POST', '/v1/traces']);
    expect(headers['content-type']).toBe('application/x-protobuf');
    expect(headers['user-agent']).toMatch(/^spanwise\/\d/);
    expectGolden('decoded.json', pretty(decodeProtobuf(body)));
    expectGolden('request.pb.hex', hexLines(body));
  });

  test('in JSON is what it was, and means the same', async () => {
    const { headers, body } = await send({ protocol: 'http/json' });
    expect(headers['content-type']).toBe('application/json');
    expectGolden('request.json', pretty(JSON.parse(body.toString())));
    expect(decodeJson(body)).toEqual(golden());
  });

  test('means the same when it is compressed', async () => {
    const { headers, body } = await send({ compression: 'gzip' });
    expect(headers['content-encoding'] ?? 'none').toBe('gzip');
    expect(decodeProtobuf(gunzipSync(body))).toEqual(golden());
  });
});

describe('the golden request', () => {
  const spans = () => golden().flatMap(({ scopes }) => scopes.flatMap(({ spans: inside }) => inside));

  // What the guide and its configurations rely on; the files could be updated, these cannot.
  test('carries the session on every span, under both names', () => {
    for (const { attributes } of spans()) {
      expect([attributes['session.id'], attributes['honeyhive.session_id']]).toEqual([SESSION, SESSION]);
    }
    expect(spans()).toHaveLength(SPANS.length);
  });

  test('names services, parents, kinds, errors and links as OTLP numbers them', () => {
    expect(golden().map(({ attributes }) => attributes['service.name'])).toEqual(['agent', 'worker']);
    expect(spans().map(({ kind, status, parentSpanId }) => [kind, status.code, parentSpanId])).toEqual([
      [2, 0, 'b7ad6b7169203331'],
      [3, 2, '00000000000000a1'],
      [5, 1, ''],
    ]);
    expect(spans()[2]?.links).toMatchObject([{ traceId: TRACE, spanId: '00000000000000a2' }]);
    expect(spans()[0]).toMatchObject({
      start: '1786000000000000000',
      end: '1786000002500000001',
      traceState: 'vendor=1,other=2',
    });
  });

  test('keeps whole numbers whole, in JSON as text', () => {
    expect(spans()[0]?.attributes).toMatchObject({ whole: 3, negative: -7, large: Number.MAX_SAFE_INTEGER });
    const json = readFileSync(`${GOLDEN}/request.json`, 'utf8');
    expect(json).toContain('"intValue": "9007199254740991"');
    expect(json).toContain(`"traceId": "${TRACE}"`);
  });
});
