import { context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DistributedEntry, withDistributedTraceContext, withSession, withSpan } from '../../lib/index.js';
import { linksOfBatch, withoutEnded } from '../../lib/propagation/message-context.js';
import { parentId, shutdownAll, spanId, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

const id = (i: number): string => i.toString(16).padStart(16, '0');
const traceparent = (i: number): string => `00-${id(i).padStart(32, 'a')}-${id(i)}-01`;
const message = (headers?: object): object => ({
  content: Buffer.from(''),
  fields: {},
  properties: { headers },
});

class Orders {
  @DistributedEntry()
  one(_message: object): void {}

  @DistributedEntry({ trust: 'restart' })
  untrusted(_messages: object[]): void {}

  @DistributedEntry({
    links: [{ context: { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 } }],
  })
  linked(_messages: object[]): void {}
}

describe('a message in the context of a request', () => {
  it('that has ended has nothing of it', () => {
    const { tracer, recorder } = startTracer();
    let late = ROOT_CONTEXT;
    withSession({ sessionId: 'of-the-request' }, () => withSpan('request', () => (late = context.active())));
    context.with(late, () => new Orders().one(message()));
    expect(parentId(recorder.span('Orders.one'))).toBeUndefined();
    expect(recorder.span('Orders.one').attributes['honeyhive.session_id']).toBe(tracer.sessionId);
    context.with(late, () =>
      withDistributedTraceContext(message({ baggage: 'session_id=own' }), () =>
        withSpan('work', () => undefined),
      ),
    );
    expect(recorder.span('work').attributes['honeyhive.session_id']).toBe('own');
  });

  it('that is going on is part of it', () => {
    const { recorder } = startTracer();
    withSpan('request', () => new Orders().one(message()));
    expect(parentId(recorder.span('Orders.one'))).toBe(spanId(recorder.span('request')));
    expect(recorder.span('Orders.one').kind).toBe(SpanKind.CONSUMER);
  });

  it('is told by the span: remote, unsampled and no spans are no ended requests', () => {
    const own = { traceId: '1'.repeat(32), spanId: '1'.repeat(16) };
    for (const spanContext of [
      { ...own, traceFlags: 1, isRemote: true },
      { ...own, traceFlags: 0 },
    ]) {
      const active = trace.setSpanContext(ROOT_CONTEXT, spanContext);
      expect(withoutEnded(active)).toBe(active);
    }
    const bare = ROOT_CONTEXT.setValue(Symbol('x'), 1);
    expect(withoutEnded(bare)).toBe(bare);
  });
});

describe('the links of a batch', () => {
  it('are one for each caller, as many as a span keeps', () => {
    const { tracer } = startTracer();
    const carriers = Array.from({ length: 300 }, (_, i) => ({ traceparent: traceparent(1 + (i >> 1)) }));
    const links = linksOfBatch([undefined, { traceparent: 'x' }, ...carriers], tracer, 'continue');
    expect(links).toHaveLength(128);
    expect(links.slice(0, 2).map(({ context: { spanId } }) => spanId)).toEqual([id(1), id(2)]);
  });

  it('are none where callers are not trusted, and stand beside those that were asked for', () => {
    const { recorder } = startTracer();
    const batch = [message({ traceparent: traceparent(1) }), message({ traceparent: traceparent(2) })];
    new Orders().untrusted(batch);
    expect(recorder.span('Orders.untrusted').links).toEqual([]);
    new Orders().linked(batch);
    const { links } = recorder.span('Orders.linked');
    expect(links.map((link) => link.context.spanId)).toEqual([id(1), id(2), '1'.repeat(16)]);
    expect(parentId(recorder.span('Orders.linked'))).toBeUndefined();
  });
});
