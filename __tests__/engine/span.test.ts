import { inspect } from 'node:util';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { createSdkEngine } from '../../lib/engine/sdk.js';
import { cleanLink } from '../../lib/engine/span.js';
import { HANDED_OVER, type WritableSpan } from '../../lib/tracer/sdk-contract.js';
import { collectDiagnostics, RecordingProcessor, stock } from './support.js';

let messages: string[];
let seen: RecordingProcessor;
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
  seen = new RecordingProcessor();
});
const start = (options = {}, spanLimits = {}): WritableSpan =>
  createSpanwiseEngine({ spanProcessors: [seen], spanLimits })
    .provider.getTracer('t', '1')
    .startSpan('op', options, ROOT_CONTEXT) as WritableSpan;

/** A span with something of everything, the same on both engines. */
const full = (create: typeof createSdkEngine, processor: RecordingProcessor): WritableSpan => {
  const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true };
  const engine = create({
    spanProcessors: [processor],
    idGenerator: { generateTraceId: () => 'c'.repeat(32), generateSpanId: () => 'd'.repeat(16) },
    resource: { 'service.name': 'shop', 'telemetry.sdk.name': 'x', 'telemetry.sdk.version': 'x' },
  });
  const span = engine.provider.getTracer('lib', '1').startSpan(
    'op',
    {
      kind: SpanKind.SERVER,
      startTime: [10, 1],
      attributes: { s: 'text', n: 1, d: 1.5, b: true, l: ['x', 'y'] },
      links: [{ context: remote, attributes: { linked: true } }],
    },
    trace.setSpanContext(ROOT_CONTEXT, remote),
  ) as WritableSpan;
  span.addEvent('happened', { e: 1 }, [11, 2]);
  span.recordException({ name: 'Error', message: 'm', stack: 's' }, [11, 3]);
  span.setStatus({ code: 2, message: 'failed' });
  span.end([12, 3]);
  return span;
};

describe('SpanwiseSpan', () => {
  test('is serialised by the stock OTLP serialisers byte for byte like a span of the SDK', () => {
    const [ours, theirs] = [new RecordingProcessor(), new RecordingProcessor()];
    full(createSpanwiseEngine, ours);
    full(createSdkEngine, theirs);
    const json = (spans: WritableSpan[]) =>
      JSON.parse(new TextDecoder().decode(JsonTraceSerializer.serializeRequest(spans as never)));
    expect(json(ours.ended)).toEqual(json(theirs.ended));
    const binary = (spans: WritableSpan[]) =>
      Buffer.from(ProtobufTraceSerializer.serializeRequest(spans as never)!).toString('hex');
    expect(binary(ours.ended)).toBe(binary(theirs.ended));
  });

  test('passes through the stock batch and simple processors and the console exporter', async () => {
    const [batched, simple] = [new InMemorySpanExporter(), new InMemorySpanExporter()];
    const engine = createSpanwiseEngine({
      spanProcessors: [
        stock(BatchSpanProcessor, batched),
        stock(SimpleSpanProcessor, simple),
        stock(SimpleSpanProcessor, new ConsoleSpanExporter()),
      ],
    });
    const dir = jest.spyOn(console, 'dir').mockImplementation(() => {});
    try {
      engine.provider
        .getTracer('t')
        .startSpan('s', { attributes: { a: 1 } })
        .end();
      await engine.forceFlush();
      expect(dir).toHaveBeenCalledTimes(1);
      expect(dir.mock.calls[0]![0]).toMatchObject({ name: 's', attributes: { a: 1 }, events: [], links: [] });
    } finally {
      dir.mockRestore();
    }
    expect(batched.getFinishedSpans().map((span) => span.name)).toEqual(['s']);
    expect(simple.getFinishedSpans()[0]).toBe(batched.getFinishedSpans()[0]);
    await engine.shutdown();
  });

  test('is logged and serialised in a few fields, though processors point back at it', () => {
    const span = start({ attributes: { a: 1 } });
    (seen as unknown as { self: unknown }).self = seen;
    span.end();
    expect(JSON.parse(JSON.stringify(span))).toMatchObject({
      name: 'op',
      attributes: { a: 1 },
      spanContext: { spanId: span.spanContext().spanId },
    });
    expect(inspect(span)).toMatch(/^SpanwiseSpan \{\s+name: 'op'/);
    expect(inspect(span)).not.toContain('RecordingProcessor');
  });

  test('gives the same arrays and status at every reading', () => {
    const span = start();
    span.end();
    expect(span.events).toBe(span.events);
    expect(span.links).toBe(span.links);
    expect(span.status).toBe(span.status);
    expect(span.startTime).toBe(span.startTime);
    expect(span.duration).toBe(span.duration);
  });

  test('attributes that a processor stamps do not use up the limit', () => {
    const span = start({}, { attributeCountLimit: 1 });
    span.attributes['stamped'] = 'yes';
    span.setAttribute('a', 1).setAttribute('b', 2).setAttribute('stamped', 'changed');
    expect(span.attributes).toEqual({ stamped: 'changed', a: 1 });
    expect(span.droppedAttributesCount).toBe(1);
  });

  test('stores arrays as they were when set', () => {
    const list = ['a'];
    const span = start();
    span.setAttribute('l', list);
    list.push('b');
    expect(span.attributes['l']).toEqual(['a']);
  });

  test('takes hostile arguments without throwing', () => {
    const span = start();
    const trap = new Proxy(
      {},
      {
        get() {
          throw new Error('trap');
        },
        ownKeys() {
          throw new Error('trap');
        },
      },
    ) as never;
    span
      .setAttributes(trap)
      .setAttributes(null as never)
      .setAttributes(undefined as never);
    span.setAttribute(Symbol('s') as never, 1).setAttribute('x', trap);
    span
      .addEvent(5 as never)
      .addEvent('e', trap)
      .addEvent('e', null as never, trap);
    span
      .addLink(trap)
      .addLink(null as never)
      .addLinks(5 as never)
      .addLinks([trap]);
    span
      .setStatus(trap)
      .setStatus(null as never)
      .setStatus({ code: 99 } as never);
    span.updateName(trap).updateName(5 as never);
    span.recordException(trap);
    span.end(trap);
    expect(span).toMatchObject({ name: 'op', attributes: {}, links: [], status: { code: 0 }, ended: true });
    expect(span.events.map((event) => event.name)).toEqual(['e', 'e']);
  });

  test('reports writing after the end once per operation', () => {
    const span = start();
    span.end();
    for (let i = 0; i < 3; i++) span.setAttribute('a', i).addEvent('e');
    expect(messages).toHaveLength(2);
    expect(messages.every((line) => line.includes('SPW_SPAN_ENDED'))).toBe(true);
  });
});

describe('cleanLink', () => {
  test('keeps context and cleaned attributes, and refuses what has no context', () => {
    const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    expect(cleanLink({ context, attributes: { a: 'xyz', b: 2 } }, 1, 2)).toEqual({
      context,
      attributes: { a: 'xy' },
      droppedAttributesCount: 1,
    });
    expect(cleanLink({ context }, 1, 1)).toEqual({ context });
    for (const link of [null, undefined, 5, {}, { context: null }])
      expect(cleanLink(link, 1, 1)).toBeUndefined();
  });
});

describe('attributes that are handed over', () => {
  const handOver = (given: Record<string, string>, spanLimits = {}): WritableSpan =>
    start({ attributes: given, [HANDED_OVER]: Object.keys(given).length }, spanLimits);

  test('are kept as they are, and count', () => {
    const given = { a: '1', b: '2' };
    const span = handOver(given, { attributeCountLimit: 3 });
    expect(span.attributes).toBe(given);
    span.setAttributes({ a: '3', c: '4', d: '5' });
    expect(span.attributes).toEqual({ a: '3', b: '2', c: '4' });
    expect(span.droppedAttributesCount).toBe(1);
  });

  test('are held to the limits all the same', () => {
    expect(handOver({ a: '1', b: '2' }, { attributeCountLimit: 1 }).attributes).toEqual({ a: '1' });
    expect(handOver({ a: '123' }, { attributeValueLengthLimit: 2 }).attributes).toEqual({ a: '12' });
  });
});
