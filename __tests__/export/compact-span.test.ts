import { describe, expect, test } from '@jest/globals';
import { createTraceState, ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { protobufEncoder } from '../../lib/export/otlp-protobuf.js';
import { COMPACT, compactSpan, type ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { makeSpan } from './make-span.js';

/** The span as any other one: all of its public fields, and no compact form. */
function plain(span: ReadableSpan): ReadableSpan {
  return new Proxy(span, {
    get: (target, key) => {
      if (key === COMPACT) return undefined;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const bytes = (span: ReadableSpan): string =>
  Buffer.from(protobufEncoder.encode(span, 100_000).record).toString('hex');

function tracerOf(idGenerator?: { generateTraceId(): string; generateSpanId(): string }): {
  tracer: ReturnType<ReturnType<typeof createSpanwiseEngine>['provider']['getTracer']>;
  ended: ReadableSpan[];
} {
  const ended: ReadableSpan[] = [];
  const processor = {
    onStart: () => undefined,
    onEnd: (span: ReadableSpan) => void ended.push(span),
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
  const engine = createSpanwiseEngine({ spanProcessors: [processor], ...(idGenerator && { idGenerator }) });
  return { tracer: engine.provider.getTracer('compact', '1.0.0'), ended };
}

describe('the compact form of a span is written as its public fields are', () => {
  const remote = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    traceState: createTraceState('vendor=1'),
  });
  const given = { generateTraceId: () => 'ab'.repeat(16), generateSpanId: () => 'cd'.repeat(8) };

  test.each([
    ['of ids of its own', undefined],
    ['of ids that were given', given],
  ])('%s', (_what, ids) => {
    const { tracer, ended } = tracerOf(ids);
    const root = tracer.startSpan('root', { attributes: { a: 'text', b: 1 } }, ROOT_CONTEXT);
    const below = trace.setSpan(ROOT_CONTEXT, root);
    tracer.startSpan('child', {}, below).end();
    root.end();
    tracer.startSpan('continued', {}, remote).end();
    const full = tracer.startSpan('full', { startTime: 1_700_000_000_000.25 }, remote);
    full.addEvent('event', { x: 1 }, [1_700_000_001, 5]);
    full.addLink({ context: root.spanContext() });
    full.setStatus({ code: SpanStatusCode.ERROR, message: 'no' });
    full.end([1_700_000_002, 7]);
    expect(ended).toHaveLength(4);
    for (const span of ended) {
      expect(compactSpan(span)).toBe(span);
      // First without a look at anything public, which would remember texts and times.
      const compact = bytes(span);
      expect(compactSpan(plain(span))).toBeUndefined();
      expect(compact).toBe(bytes(plain(span)));
    }
  });

  test('a span of anyone else has none', () => {
    expect(compactSpan(makeSpan())).toBeUndefined();
  });
});
