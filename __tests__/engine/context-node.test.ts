import {
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { describe, expect, test } from '@jest/globals';
import { DEFAULTS_KEY, MEMBER_KEY, OWNER_KEY, REMOTE_KEY } from '../../lib/context/keys.js';
import { contextWithSpan } from '../../lib/engine/context-node.js';

const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const BAGGAGE = createContextKey('OpenTelemetry Baggage Key');
const OTHER = createContextKey('other');
const KEYS = [SUPPRESSED, BAGGAGE, OWNER_KEY, MEMBER_KEY, DEFAULTS_KEY, REMOTE_KEY, OTHER];
const span = (digit: string): Span =>
  trace.wrapSpanContext({ traceId: digit.repeat(32), spanId: digit.repeat(16), traceFlags: 1 });

describe('contextWithSpan', () => {
  test('sets the span where the API looks for it', () => {
    const one = span('1');
    expect(trace.getSpan(contextWithSpan(ROOT_CONTEXT, one))).toBe(one);
  });

  test('keeps what an ordinary context holds, and what a node holds', () => {
    let ordinary: Context = ROOT_CONTEXT;
    KEYS.forEach((key, at) => (ordinary = ordinary.setValue(key, at)));
    const node = contextWithSpan(ordinary, span('1'));
    const nested = contextWithSpan(node, span('2'));
    for (const made of [node, nested]) {
      expect(KEYS.map((key) => made.getValue(key))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
    expect(trace.getSpan(nested)?.spanContext().spanId).toBe('2'.repeat(16));
    expect(trace.getSpan(node)?.spanContext().spanId).toBe('1'.repeat(16));
  });

  test('sets and deletes every key without changing the context it came from', () => {
    const node = contextWithSpan(ROOT_CONTEXT, span('1'));
    for (const key of KEYS) {
      const set = node.setValue(key, 'value');
      expect(set.getValue(key)).toBe('value');
      expect(KEYS.filter((other) => set.getValue(other) !== undefined)).toEqual([key]);
      expect(node.getValue(key)).toBeUndefined();
      expect(set.deleteValue(key).getValue(key)).toBeUndefined();
      expect(set.getValue(key)).toBe('value');
      expect(trace.getSpan(set)).toBe(trace.getSpan(node));
    }
    expect(trace.getSpan(trace.deleteSpan(node))).toBeUndefined();
  });

  test('a deleted key of the ordinary context below does not come back', () => {
    for (const key of KEYS) {
      const node = contextWithSpan(ROOT_CONTEXT.setValue(key, 'below'), span('1'));
      expect(node.deleteValue(key).getValue(key)).toBeUndefined();
    }
  });

  test('baggage of the API goes in and out', () => {
    const baggage = propagation.createBaggage({ a: { value: '1' } });
    const node = propagation.setBaggage(contextWithSpan(ROOT_CONTEXT, span('1')), baggage);
    expect(propagation.getBaggage(node)).toBe(baggage);
    expect(propagation.getBaggage(propagation.deleteBaggage(node))).toBeUndefined();
  });

  test('nesting does not make chains: the hundredth context is as large as the first', () => {
    let node = contextWithSpan(ROOT_CONTEXT.setValue(OTHER, 1), span('1'));
    const { rest } = node as unknown as { rest: Context };
    for (let depth = 0; depth < 100; depth++) {
      node = contextWithSpan(node.setValue(MEMBER_KEY, depth), span('2'));
      expect((node as unknown as { rest: Context }).rest).toBe(rest);
    }
  });

  test('a context that cannot be read is left to the API', () => {
    const unreadable = {
      getValue: () => {
        throw new Error('no');
      },
      setValue: () => 'set',
      deleteValue: () => unreadable,
    } as unknown as Context;
    expect(contextWithSpan(unreadable, span('1'))).toBe('set');
  });
});
