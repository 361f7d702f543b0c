import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import {
  GuardedIdGenerator,
  GuardedProcessor,
  GuardedSampler,
  sampleSafely,
} from '../../lib/engine/guard.js';
import { randomIds } from '../../lib/engine/ids.js';
import { collectDiagnostics, RecordingProcessor } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});
const boom = (): never => {
  throw new Error('boom');
};

describe('GuardedProcessor', () => {
  test('passes everything on', async () => {
    const inner = new RecordingProcessor();
    const guarded = new GuardedProcessor(inner);
    const span = {} as never;
    guarded.onStart(span, ROOT_CONTEXT);
    guarded.onEnding!(span);
    guarded.onEnd(span);
    await guarded.forceFlush();
    await guarded.shutdown();
    expect([inner.started, inner.ending, inner.ended].map((list) => list[0] === span)).toEqual([
      true,
      true,
      true,
    ]);
    expect(inner.contexts).toEqual([ROOT_CONTEXT]);
    expect(inner.calls).toEqual(['forceFlush', 'shutdown']);
  });

  test('has an onEnding only if the processor has one', () => {
    const without = { onStart: boom, onEnd: boom, forceFlush: boom, shutdown: boom };
    expect(new GuardedProcessor(without).onEnding).toBeUndefined();
  });

  test('reports what a processor throws', () => {
    const guarded = new GuardedProcessor({
      onStart: boom,
      onEnding: boom,
      onEnd: boom,
      forceFlush: boom,
      shutdown: boom,
    });
    guarded.onStart({}, ROOT_CONTEXT);
    guarded.onEnding!({});
    guarded.onEnd({});
    expect(messages).toHaveLength(3);
  });
});

describe('sampleSafely', () => {
  const parent = (traceFlags: number) =>
    trace.setSpanContext(ROOT_CONTEXT, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags });
  const ask = (shouldSample: () => unknown, from = ROOT_CONTEXT) =>
    sampleSafely({ shouldSample, toString: () => '' }, from, 'a'.repeat(32), 'n', 0, {}, []).decision;

  test('passes a decision on', () => {
    for (const decision of [0, 1, 2] as const) expect(ask(() => ({ decision }))).toBe(decision);
    expect(messages).toEqual([]);
  });

  test('follows the parent where the sampler throws or decides nothing', () => {
    for (const shouldSample of [boom, () => null, () => ({ decision: 3 })]) {
      expect([ask(shouldSample), ask(shouldSample, parent(1)), ask(shouldSample, parent(0))]).toEqual([
        2, 2, 0,
      ]);
    }
  });

  test('a guarded sampler describes itself without throwing', () => {
    expect(String(new GuardedSampler({ shouldSample: boom, toString: () => 'mine' }))).toBe('mine');
    expect(String(new GuardedSampler({ shouldSample: boom, toString: boom }))).toContain(
      'without a description',
    );
  });
});

describe('GuardedIdGenerator', () => {
  test.each([
    ['throws', boom],
    ['gives no string', () => 5],
    ['gives zeroes', () => '0'.repeat(32)],
    ['gives upper case', () => 'A'.repeat(32)],
    ['gives too few digits', () => 'a'],
  ])('replaces an id when the generator %s', (_name, make) => {
    const ids = new GuardedIdGenerator({ generateTraceId: make, generateSpanId: make } as never, randomIds);
    expect(ids.generateTraceId()).toMatch(/^[0-9a-f]{32}$/);
    expect(ids.generateSpanId()).toMatch(/^[0-9a-f]{16}$/);
    expect(messages.length).toBeGreaterThan(0);
  });
});
