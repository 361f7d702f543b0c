import { context, createContextKey, ROOT_CONTEXT, trace, type Context } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { installContextManager } from '../../lib/engine/context-manager.js';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { createSdkEngine } from '../../lib/engine/sdk.js';
import type { WritableSpan } from '../../lib/tracer/sdk-contract.js';
import { collectDiagnostics, RecordingProcessor } from './support.js';

let messages: string[];
let seen: RecordingProcessor;
beforeAll(() => installContextManager());
afterAll(() => context.disable());
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
  seen = new RecordingProcessor();
});
const make = (options = {}) => createSpanwiseEngine({ spanProcessors: [seen], ...options });
const below = (span: unknown): Context => trace.setSpan(ROOT_CONTEXT, span as never);
const nanos = ([seconds, rest]: readonly [number, number]) => seconds * 1e9 + rest;

describe('SpanwiseTracer', () => {
  test('takes a span of another engine for a parent, and the other way round', () => {
    const ours = make().provider.getTracer('t');
    const theirs = createSdkEngine({ spanProcessors: [seen] }).provider.getTracer('t');
    const parent = theirs.startSpan('parent', {}, ROOT_CONTEXT);
    const child = ours.startSpan('child', {}, below(parent)) as WritableSpan;
    const grandchild = theirs.startSpan('grandchild', {}, below(child)) as WritableSpan;
    expect(child.parentSpanContext).toEqual(parent.spanContext());
    expect(grandchild.parentSpanContext).toEqual(child.spanContext());
    expect(grandchild.spanContext().traceId).toBe(parent.spanContext().traceId);
  });

  test('a child and its parent agree about the parent’s context', () => {
    const tracer = make().provider.getTracer('t');
    const parent = tracer.startSpan('parent', {}, ROOT_CONTEXT);
    const child = tracer.startSpan('child', {}, below(parent)) as WritableSpan;
    expect(child.parentSpanContext).toBe(parent.spanContext());
  });

  test('children of an unsampled span are unsampled, and carry its trace', () => {
    const tracer = make({
      sampler: { shouldSample: () => ({ decision: 0 }), toString: () => '' },
    }).provider.getTracer('t');
    const root = tracer.startSpan('root', {}, ROOT_CONTEXT);
    const child = make().provider.getTracer('t').startSpan('child', {}, below(root));
    expect([root.isRecording(), child.isRecording()]).toEqual([false, false]);
    expect(child.spanContext().traceId).toBe(root.spanContext().traceId);
    expect(child.spanContext().spanId).not.toBe(root.spanContext().spanId);
    expect(seen.started).toEqual([]);
  });

  test('an unreadable parent makes a root and a report', () => {
    const unreadable = {
      spanContext: () => {
        throw new Error('no');
      },
    };
    const span = make().provider.getTracer('t').startSpan('s', {}, below(unreadable)) as WritableSpan;
    expect(span.parentSpanContext).toBeUndefined();
    expect(messages).toEqual([expect.stringContaining('SPW_INTERNAL')]);
  });

  test('options that throw give a span that records nothing, and a report', () => {
    const options = {
      get kind(): number {
        throw new Error('no');
      },
    };
    const span = make().provider.getTracer('t').startSpan('s', options);
    expect(span.isRecording()).toBe(false);
    expect(messages).toEqual([expect.stringContaining('SPW_INTERNAL')]);
  });

  test('null options, an unknown kind and links that are no list are taken for nothing', () => {
    const tracer = make().provider.getTracer('t');
    tracer.startSpan('a', null as never).end();
    tracer.startSpan('b', { kind: 9 as never, links: 5 as never, attributes: 5 as never }).end();
    expect(seen.ended.map((span) => [span.kind, span.links, span.attributes])).toEqual([
      [0, [], {}],
      [0, [], {}],
    ]);
  });

  test('sampler attributes that cannot be read do not reach the caller', () => {
    const attributes = {
      get bad(): string {
        throw new Error('no');
      },
    };
    const sampler = { shouldSample: () => ({ decision: 2, attributes }), toString: () => '' };
    make({ sampler })
      .provider.getTracer('t')
      .startSpan('s', { attributes: { a: 1 } })
      .end();
    expect(seen.ended[0]!.attributes).toEqual({ a: 1 });
    expect(messages).toEqual([expect.stringContaining('SPW_CALLBACK')]);
  });

  test('startActiveSpan keeps what the context held and takes back the span afterwards', () => {
    const key = createContextKey('k');
    const tracer = make().provider.getTracer('t');
    context.with(ROOT_CONTEXT.setValue(key, 'kept'), () => {
      tracer.startActiveSpan('s', (span) => {
        expect(context.active().getValue(key)).toBe('kept');
        expect(trace.getActiveSpan()).toBe(span);
      });
      expect(trace.getActiveSpan()).toBeUndefined();
    });
    expect(tracer.startActiveSpan('s', undefined as never)).toBeUndefined();
  });

  test('the spans of a trace share one clock, which is set anew in a trace that takes long', () => {
    jest.useFakeTimers({ now: 1_700_000_000_000 });
    try {
      const tracer = make().provider.getTracer('t');
      const root = tracer.startSpan('root', {}, ROOT_CONTEXT) as WritableSpan;
      jest.advanceTimersByTime(1_000);
      // The wall clock is set back by an hour: within the trace nothing jumps.
      jest.setSystemTime(1_700_000_000_000 - 3_600_000);
      const soon = tracer.startSpan('soon', {}, below(root)) as WritableSpan;
      expect(nanos(soon.startTime) - nanos(root.startTime)).toBe(1e9);
      jest.advanceTimersByTime(120_000);
      const late = tracer.startSpan('late', {}, below(root)) as WritableSpan;
      expect(late.startTime[0]).toBe(Math.floor(Date.now() / 1000));
      expect(late.spanContext().traceId).toBe(root.spanContext().traceId);
    } finally {
      jest.useRealTimers();
    }
  });

  test('a span does not keep its parent alive', () => {
    const tracer = make().provider.getTracer('t');
    let span = tracer.startSpan('0', {}, ROOT_CONTEXT);
    const first = span;
    for (let i = 1; i < 5; i++) span = tracer.startSpan(`${i}`, {}, below(span));
    expect(reaches(span, first)).toBe(false);
    expect(reaches(span, span)).toBe(true);
  });
});

/** Whether `target` can be reached from `from` over ordinary properties. */
function reaches(from: object, target: object): boolean {
  const seenObjects = new Set<object>([seen]);
  const queue: object[] = [from];
  while (queue.length > 0) {
    const next = queue.pop()!;
    if (next === target) return true;
    if (seenObjects.has(next)) continue;
    seenObjects.add(next);
    for (const property of Object.values(Object.getOwnPropertyDescriptors(next))) {
      if (typeof property.value === 'object' && property.value !== null) queue.push(property.value as object);
    }
  }
  return false;
}
