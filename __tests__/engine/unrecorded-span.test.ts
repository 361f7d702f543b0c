import { describe, expect, test } from '@jest/globals';
import { LocalTrace, SpanIdentity } from '../../lib/engine/identity.js';
import { UnrecordedSpan } from '../../lib/engine/unrecorded-span.js';

describe('UnrecordedSpan', () => {
  test('carries its ids and keeps nothing', () => {
    const span = new UnrecordedSpan(new SpanIdentity(new LocalTrace(0), 0, undefined));
    expect(span.isRecording()).toBe(false);
    expect(span.spanContext().spanId).toMatch(/^[0-9a-f]{16}$/);
    const same = span.setAttribute().setAttributes().addEvent().addLink().addLinks().setStatus().updateName();
    expect(same).toBe(span);
    span.recordException();
    span.end();
    expect(span.isRecording()).toBe(false);
  });
});
