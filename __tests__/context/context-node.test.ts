import { describe, expect, it } from '@jest/globals';
import { createContextKey, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { createBaggage } from '../../lib/context/baggage.js';
import { contextWithArrived, contextWithSpan } from '../../lib/context/context-node.js';
import { OWNER_KEY, REMOTE_KEY } from '../../lib/context/keys.js';

const KEY = createContextKey('context node test');
const span = trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 });
const other = trace.wrapSpanContext({ traceId: '3'.repeat(32), spanId: '4'.repeat(16), traceFlags: 1 });
const baggage = createBaggage({ a: '1' });
const REMOTE = { trust: 'continue' };

const bases = [
  ['the root', ROOT_CONTEXT],
  ['a context of OpenTelemetry’s', ROOT_CONTEXT.setValue(KEY, 'kept')],
  ['a node', contextWithSpan(ROOT_CONTEXT.setValue(KEY, 'kept'), other).setValue(OWNER_KEY, 'owner')],
] as const;

describe.each(bases)('contextWithArrived over %s', (name, base) => {
  it('holds what arrived, and what was there', () => {
    const ctx = contextWithArrived(base, span, baggage, REMOTE);
    expect(trace.getSpan(ctx)).toBe(span);
    expect(propagation.getBaggage(ctx)).toBe(baggage);
    expect(ctx.getValue(REMOTE_KEY)).toBe(REMOTE);
    expect(ctx.getValue(KEY)).toBe(name === 'the root' ? undefined : 'kept');
    expect(ctx.getValue(OWNER_KEY)).toBe(name === 'a node' ? 'owner' : undefined);
  });

  it('leaves the span or the baggage that is there if none arrived', () => {
    const filled = propagation.setBaggage(trace.setSpan(base, other), baggage);
    const ctx = contextWithArrived(filled, undefined, undefined, REMOTE);
    expect(trace.getSpan(ctx)).toBe(other);
    expect(propagation.getBaggage(ctx)).toBe(baggage);
    expect(ctx.getValue(REMOTE_KEY)).toBe(REMOTE);
  });

  it('does not change the context it came from', () => {
    const before = [trace.getSpan(base), propagation.getBaggage(base), base.getValue(REMOTE_KEY)];
    contextWithArrived(base, span, baggage, REMOTE).setValue(KEY, 'new').deleteValue(OWNER_KEY);
    expect([trace.getSpan(base), propagation.getBaggage(base), base.getValue(REMOTE_KEY)]).toEqual(before);
  });
});
