import { describe, expect, test } from '@jest/globals';
import { createTraceState, ROOT_CONTEXT, SpanKind, trace, TraceFlags } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { Batch } from '../../lib/export/batch.js';
import { GroupHeads, Groups } from '../../lib/export/group-heads.js';
import { jsonEncoder } from '../../lib/export/otlp-json.js';
import { protobufEncoder } from '../../lib/export/otlp-protobuf.js';
import type { SpanEncoder } from '../../lib/export/span-encoder.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { makeSpan } from './make-span.js';
import { decodeJson, decodeProtobuf, spansOf, type DecodedResource } from './otlp-decode.js';

const encoders = [
  { name: 'protobuf', encoder: protobufEncoder, decode: decodeProtobuf, stock: ProtobufTraceSerializer },
  { name: 'JSON', encoder: jsonEncoder, decode: decodeJson, stock: JsonTraceSerializer },
] as const;

function batchOf(encoder: SpanEncoder, spans: ReadableSpan[], maxBytes = 1_000_000): Batch {
  const groups = new Groups();
  const batch = new Batch(encoder);
  for (const span of spans) {
    batch.append(encoder.encode(span, maxBytes).record, groups.of(span.resource, span.instrumentationScope));
  }
  return batch;
}

function bodyOf(batch: Batch): Buffer {
  const heads = new GroupHeads();
  return Buffer.concat(batch.body((group) => heads.of(group, batch.encoder)));
}

/** Real spans of the SDK, with everything a span can have, of several scopes and resources. */
function sdkSpans(): any[] {
  const spans: any[] = [];
  for (const service of ['shop', 'bank']) {
    const memory = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': service, replicas: 3, tags: ['a', 'b'] }, {
        schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
      } as any),
      spanLimits: { attributeCountLimit: 12, eventCountLimit: 2, linkCountLimit: 2 },
      spanProcessors: [new SimpleSpanProcessor(memory)],
    });
    const first = provider.getTracer('first', '1.0.0', { schemaUrl: 'https://example.com/schema' });
    const second = provider.getTracer('sécond');
    const remote = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
      traceState: createTraceState('vendor=1,other=2'),
    });
    const outer = first.startSpan('outer', { kind: SpanKind.SERVER }, remote);
    outer.setAttributes({
      text: 'plain',
      long: 'x'.repeat(300),
      wide: '日本語 🎉 '.repeat(40),
      empty: '',
      int: 42,
      negative: -7,
      big: Number.MAX_SAFE_INTEGER,
      bigger: 2 ** 60,
      double: 1.5,
      yes: true,
      list: ['a', 'b', ''],
      numbers: [1, 2.5, -3],
      over: 'the count limit',
    });
    const link = {
      context: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 },
      attributes: { why: 'retry' },
    };
    outer.addLink(link);
    outer.addLink({ context: { ...link.context, isRemote: true, traceState: createTraceState('k=v') } });
    outer.addLink(link);
    outer.addEvent('start', { at: 1 });
    outer.addEvent('middle');
    outer.addEvent('end', { list: [true, false] });
    const inner = second.startSpan('inner', { kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, outer));
    inner.setStatus({ code: 2, message: 'it failed' });
    inner.end();
    first.startSpan('ok', { kind: SpanKind.PRODUCER, root: true }).setStatus({ code: 1 }).end();
    outer.end();
    second.startSpan('last').end();
    spans.push(...memory.getFinishedSpans());
  }
  return spans;
}

describe.each(encoders)('the $name encoder', ({ encoder, decode, stock }) => {
  test('writes what OpenTelemetry’s own serializer writes', () => {
    const spans = sdkSpans();
    const theirs = decode(Buffer.from(stock.serializeRequest(spans) as Uint8Array));
    const ours = decode(bodyOf(batchOf(encoder, spans)));
    expect(ours).toEqual(theirs);
    expect(ours.map((resource: DecodedResource) => resource.scopes.length)).toEqual([2, 2]);
    expect(spansOf(ours)).toHaveLength(spans.length);
  });

  test('keeps any attribute exactly', () => {
    // `__proto__` is no key of a decoded object.
    const keys = fc.string({ minLength: 1, unit: 'grapheme' }).filter((key) => key !== '__proto__');
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }),
      fc.array(fc.maxSafeInteger(), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.dictionary(keys, value, { maxKeys: 12 }), (attributes) => {
        const [span] = spansOf(
          decode(bodyOf(batchOf(encoder, [makeSpan('any', { attributes: attributes as any })]))),
        );
        // −0 and 0 are one integer; a lone surrogate becomes U+FFFD.
        const plain = JSON.parse(JSON.stringify(attributes));
        expect(JSON.parse(JSON.stringify(span?.attributes))).toEqual(wellFormed(plain));
      }),
      { numRuns: 300 },
    );
  });

  test('keeps times to the nanosecond, also odd ones', () => {
    const times: [number, number][] = [
      [0, 0],
      [1_700_000_000, 999_999_999],
      [1_700_000_000, 1_500_000_000],
      [1_700_000_001, -1],
      [4_294_967_296, 5],
      [1_700_000_000.7, 12.9],
    ];
    for (const time of times) {
      const [span] = spansOf(
        decode(bodyOf(batchOf(encoder, [makeSpan('t', { startTime: time, endTime: time })]))),
      );
      const exact = BigInt(Math.trunc(time[0])) * 1_000_000_000n + BigInt(Math.trunc(time[1]));
      expect([span?.start, span?.end]).toEqual([String(exact), String(exact)]);
    }
  });

  test('marks flags with what is known about the parent', () => {
    const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
    const flags = (parentSpanContext: any): number | undefined =>
      spansOf(decode(bodyOf(batchOf(encoder, [makeSpan('f', { parentSpanContext })]))))[0]?.flags;
    expect(flags(undefined)).toBe(0x101);
    expect(flags(parent)).toBe(0x101);
    expect(flags({ ...parent, isRemote: true })).toBe(0x301);
  });

  test('is not affected by what the user changes later', () => {
    const attributes: Record<string, any> = { list: ['before'] };
    const batch = batchOf(encoder, [makeSpan('m', { attributes })]);
    attributes['list'].push('after');
    attributes['more'] = 1;
    expect(spansOf(decode(bodyOf(batch)))[0]?.attributes).toEqual({ list: ['before'] });
  });

  test('cuts the texts of a span that is too large and keeps the rest of it', () => {
    const attributes = { 'honeyhive.session_id': 's-1', prompt: '🎉'.repeat(400_000), small: 'stays', n: 1 };
    const encoded = encoder.encode(makeSpan('large', { attributes }), 20_000);
    expect(encoded.truncated).toBe(true);
    expect(encoded.record.length).toBeLessThanOrEqual(20_000);
    const [span] = spansOf(decode(bodyOf(batchOf(encoder, [makeSpan('large', { attributes })], 20_000))));
    expect(span?.attributes).toMatchObject({
      'honeyhive.session_id': 's-1',
      small: 'stays',
      n: 1,
      'spanwise.truncated': true,
    });
    expect(span?.attributes['prompt']).toMatch(/^(🎉)+$/u);
  });

  test('drops details of a span that is large in small pieces, and counts them', () => {
    const attributes: Record<string, any> = {};
    for (let i = 0; i < 2_000; i++) attributes[`key-${i}`] = 'some text of a middling length';
    attributes['honeyhive.session_id'] = 'the-last-one';
    const events = Array.from({ length: 100 }, () => ({ name: 'event', time: [1, 2] as [number, number] }));
    const [span] = spansOf(
      decode(bodyOf(batchOf(encoder, [makeSpan('many', { attributes, events })], 16_384))),
    );
    expect(span?.attributes).toMatchObject({
      'key-0': expect.any(String),
      'honeyhive.session_id': 'the-last-one',
    });
    expect(span?.droppedAttributesCount).toBe(2_000 - 32);
    expect(span?.droppedEventsCount).toBe(100);
  });

  test('splits into halves that hold every span once', () => {
    const other = { name: 'other' };
    const spans = Array.from({ length: 11 }, (_, i) =>
      makeSpan(`span-${i}`, i % 3 === 0 ? { instrumentationScope: other } : {}),
    );
    const batch = batchOf(encoder, spans);
    const [first, second] = batch.split();
    expect(batch.ticket.spans).toBe(11);
    expect([first.count, second.count]).toEqual([6, 5]);
    const scoped = (part: Batch) =>
      decode(bodyOf(part)).flatMap((r: DecodedResource) =>
        r.scopes.flatMap((s) => s.spans.map((x) => `${s.name}/${x.name}`)),
      );
    expect([...scoped(first), ...scoped(second)].sort()).toEqual(
      spans.map((span) => `${span.instrumentationScope.name}/${span.name}`).sort(),
    );
    const [, third] = second.split();
    expect(third.names(9)).toEqual(['span-9', 'span-10']);
  });

  test('refuses what it cannot read, by throwing, and works on afterwards', () => {
    const hostile = {
      get bad(): string {
        throw new Error('no');
      },
    };
    expect(() => encoder.encode(makeSpan('x', { attributes: hostile }), 100_000)).toThrow('no');
    expect(spansOf(decode(bodyOf(batchOf(encoder, [makeSpan('y')]))))).toHaveLength(1);
  });

  test('groups scopes of the same name even when their objects differ', () => {
    const spans = [0, 1, 2].map((i) =>
      makeSpan(`s${i}`, { instrumentationScope: { name: 'same', version: '1' } }),
    );
    expect(decode(bodyOf(batchOf(encoder, spans)))[0]?.scopes).toHaveLength(1);
  });
});

function wellFormed(value: any): any {
  if (typeof value === 'string') return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [wellFormed(k), wellFormed(v)]));
  }
  return value;
}
