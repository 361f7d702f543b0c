import { afterEach, describe, expect, it } from '@jest/globals';
import { context, trace as api } from '@opentelemetry/api';
import { enrich, enrichSpan, enrichSpanContext } from '../../lib/span/enrich-span.js';
import { withSpan } from '../../lib/span/with-span.js';
import { collectDiagnostics, shutdownAll, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

describe('enrichSpan', () => {
  it('adds to the innermost active span only', () => {
    const { recorder } = startTracer();
    withSpan('outer', () =>
      withSpan('inner', () => enrichSpan({ metadata: { tier: 'gold', deep: { a: [1] } } })),
    );
    expect(recorder.span('inner').attributes).toMatchObject({
      'honeyhive_metadata.tier': 'gold',
      'honeyhive_metadata.deep.a.0': 1,
    });
    expect(recorder.span('outer').attributes).not.toHaveProperty(['honeyhive_metadata.tier']);
  });

  it('adds to spans of other libraries too', () => {
    const { recorder } = startTracer();
    api.getTracer('library').startActiveSpan('theirs', (span) => {
      expect(enrichSpan({ feedback: { good: true } })).toBe(true);
      span.end();
    });
    expect(recorder.span('theirs').attributes['honeyhive_feedback.good']).toBe(true);
  });

  it('does not record arguments or results of its own, even where the tracer captures', () => {
    const { recorder } = startTracer({ capture: true });
    withSpan({ name: 's', outputs: false, inputs: false }, () => enrichSpan({ metadata: { a: 1 } }));
    const names = Object.keys(recorder.span('s').attributes).filter((key) => /inputs|outputs/.test(key));
    expect(names).toEqual([]);
  });

  it('sends an event update without any span, and leaves an active one alone', () => {
    const { tracer, recorder } = startTracer();
    const sent: unknown[] = [];
    tracer.updateEvent = (event) => void sent.push(event);
    expect(enrichSpan({ eventId: 'e', metadata: { a: 1 } })).toBe(true);
    withSpan('s', () => enrichSpan({ eventId: 'e', outputs: { b: 2 } }));
    expect(sent).toEqual([
      { event_id: 'e', metadata: { a: 1 } },
      { event_id: 'e', outputs: { b: 2 } },
    ]);
    expect(Object.keys(recorder.span('s').attributes).join()).not.toContain('honeyhive_outputs');
  });

  it.each([[undefined], [null], [5], ['text']])('answers %p with false and throws nothing', (payload) => {
    startTracer();
    expect(withSpan('s', () => enrichSpan(payload as never))).toBe(false);
  });

  it('answers false on a span that does not record or has ended', () => {
    const { tracer } = startTracer();
    const span = tracer.otelTracer.startSpan('s');
    span.end();
    expect(enrich(span, tracer, { metadata: { a: 1 } })).toBe(false);
    expect(enrich(undefined, tracer, { metadata: { a: 1 } })).toBe(false);
    expect(enrich(span, undefined, { metadata: { a: 1 } })).toBe(false);
  });

  it('reports unknown fields by name', () => {
    const said = collectDiagnostics();
    startTracer();
    withSpan('s', () => enrichSpan({ meta: 1 } as never));
    expect(said.join()).toContain('unknown option "meta"');
  });
});

describe('enrichSpanContext', () => {
  it('restores the context when the body throws, and records the error', () => {
    const { recorder } = startTracer();
    const before = context.active();
    expect(() =>
      enrichSpanContext({ name: 'c', metadata: { a: 1 } }, () => {
        throw new Error('body');
      }),
    ).toThrow('body');
    expect(context.active()).toBe(before);
    expect(recorder.span('c').attributes).toMatchObject({
      'honeyhive_metadata.a': 1,
      honeyhive_error: 'body',
    });
  });
});
