import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { readB3, readB3Multi, writeB3, writeB3Multi } from '../../lib/propagation/b3.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { SPAN, TRACE, TRACEPARENT } from './helpers.js';

const single = (b3: string | string[]) => readB3((key) => (key === 'b3' ? b3 : undefined));
const multi = (headers: Record<string, string>) => readB3Multi((key) => headers[key]);

describe('the single header', () => {
  it.each([
    [`${TRACE}-${SPAN}-1`, 1],
    [`${TRACE}-${SPAN}-d`, 1],
    [`${TRACE}-${SPAN}-0`, 0],
    [`${TRACE}-${SPAN}`, 0],
    [`${TRACE}-${SPAN}-1-00f067aa0ba902b7`, 1],
    [` ${TRACE.toUpperCase()}-${SPAN}-1 `, 1],
  ])('%s names a caller', (b3, traceFlags) => {
    expect(single(b3)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags, isRemote: true });
  });

  it('ids of 64 bits are padded', () => {
    expect(single(`${SPAN}-${SPAN}-1`)?.traceId).toBe(`0000000000000000${SPAN}`);
  });

  it.each([
    '0',
    '1',
    'd',
    '',
    '-',
    `${TRACE}`,
    `${TRACE}-x-1`,
    `${'0'.repeat(32)}-${SPAN}-1`,
    `${TRACE}0-${SPAN}-1`,
    // Their lower seven bits are those of a digit.
    `${TRACE.slice(1)}\u02e1-${SPAN}-1`,
    `${TRACE}-${SPAN.slice(1)}\u02b0-1`,
    'x'.repeat(10_000),
  ])('%s names none', (b3) => expect(single(b3)).toBeUndefined());

  it('sent twice, it names none', () =>
    expect(single([`${TRACE}-${SPAN}-1`, `${TRACE}-${SPAN}-0`])).toBeUndefined());
});

describe('the separate headers', () => {
  const ids = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN };
  it.each([
    [{ ...ids, 'x-b3-sampled': '1' }, 1],
    [{ ...ids, 'x-b3-sampled': 'true' }, 1],
    [{ ...ids, 'x-b3-flags': '1' }, 1],
    [{ ...ids, 'x-b3-sampled': '0' }, 0],
    [ids, 0],
  ])('%j name a caller', (headers, traceFlags) => {
    expect(multi(headers)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags, isRemote: true });
  });

  it.each([{}, { 'x-b3-traceid': TRACE }, { 'x-b3-spanid': SPAN }, { ...ids, 'x-b3-spanid': '0' }])(
    '%j name none',
    (headers) => {
      expect(multi(headers as Record<string, string>)).toBeUndefined();
    },
  );
});

describe('the formats of the propagator', () => {
  const getter = { get: (c: any, k: string) => c[k], keys: (c: any) => Object.keys(c) };
  const setter = { set: (c: any, k: string, v: string) => void (c[k] = v) };
  const ctx = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 3 });
  const inject = (formats: readonly ('w3c' | 'b3' | 'b3multi')[]): unknown => {
    const carrier = {};
    new SpanwisePropagator({ formats }).inject(ctx, carrier, setter);
    return carrier;
  };

  it('each is written on request, and only then', () => {
    expect(inject(['w3c'])).toEqual({ traceparent: `00-${TRACE}-${SPAN}-03` });
    expect(inject(['b3'])).toEqual({ b3: `${TRACE}-${SPAN}-1` });
    expect(inject(['b3multi'])).toEqual({ 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' });
    expect(Object.keys(inject(['w3c', 'b3']) as object)).toEqual(['traceparent', 'b3']);
  });

  it('are read in their order, in any case of names', () => {
    const other = '1'.repeat(32);
    const headers = {
      TraceParent: TRACEPARENT,
      B3: `${other}-${SPAN}-1`,
      'X-B3-TraceId': TRACE,
      'X-B3-SpanId': SPAN,
    };
    const read = (...formats: ('w3c' | 'b3' | 'b3multi')[]): string | undefined =>
      trace.getSpanContext(new SpanwisePropagator({ formats }).extract(ROOT_CONTEXT, headers, getter))
        ?.traceId;
    expect(read('w3c', 'b3')).toBe(TRACE);
    expect(read('b3', 'w3c')).toBe(other);
    expect(read('b3multi')).toBe(TRACE);
  });

  it('written is what is read', () => {
    const span = { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true };
    const headers: Record<string, string> = {};
    const write = (key: string, value: string): void => void (headers[key] = value);
    writeB3(span, write);
    writeB3Multi(span, write);
    expect(readB3((key) => headers[key])).toEqual(span);
    expect(readB3Multi((key) => headers[key])).toEqual(span);
  });
});
