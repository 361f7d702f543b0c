import { createTraceState, isSpanContextValid } from '@opentelemetry/api';
import { describe, expect, test } from '@jest/globals';
import { LocalTrace, SpanIdentity } from '../../lib/engine/identity.js';

describe('LocalTrace', () => {
  test('makes one random trace id, whoever reads it', () => {
    const trace = new LocalTrace(0);
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.traceId).toBe(trace.traceId);
    expect(new LocalTrace(0).traceId).not.toBe(trace.traceId);
  });

  test('keeps a given trace id', () => {
    expect(new LocalTrace(0, 'a'.repeat(32)).traceId).toBe('a'.repeat(32));
  });
});

describe('SpanIdentity', () => {
  test('becomes a valid span context when read, and stays the same object', () => {
    const trace = new LocalTrace(0);
    const identity = new SpanIdentity(trace, 1, undefined);
    const read = identity.read();
    expect(isSpanContextValid(read)).toBe(true);
    expect(read.traceId).toBe(trace.traceId);
    expect(identity.read()).toBe(read);
    expect(read.spanId).toBe(identity.spanId);
  });

  test('two spans of a trace have different ids', () => {
    const trace = new LocalTrace(0);
    const [one, two] = [new SpanIdentity(trace, 1, undefined), new SpanIdentity(trace, 1, undefined)];
    expect(one.read().spanId).not.toBe(two.read().spanId);
    expect(one.read().traceId).toBe(two.read().traceId);
  });

  test('shows the fields of the interface and nothing else', () => {
    const traceState = createTraceState('a=1');
    const identity = new SpanIdentity(new LocalTrace(0, 'a'.repeat(32)), 3, traceState, 'b'.repeat(16));
    expect({ ...identity.read() }).toEqual({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 3,
      traceState,
    });
    expect(identity.sampled).toBe(true);
    expect(new SpanIdentity(new LocalTrace(0), 2, undefined).sampled).toBe(false);
  });
});
