import { afterEach, describe, expect, it } from '@jest/globals';
import {
  context,
  defaultTextMapGetter,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as api,
} from '@opentelemetry/api';
import { SUPPRESS_TRACING_KEY } from '../../lib/context/keys.js';
import { injectContextIntoCarrier } from '../../lib/propagation/propagate.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { withSpan } from '../../lib/span/with-span.js';
import {
  collectDiagnostics,
  parentId,
  shutdownAll,
  spanId,
  startTracer,
  traceId,
} from '../support/harness.js';

afterEach(shutdownAll);

describe('withSpan', () => {
  it('runs the function once inside a span and returns its very result', () => {
    const { recorder } = startTracer();
    const result = { a: 1 };
    let runs = 0;
    const returned = withSpan('work', (span) => {
      runs++;
      expect(api.getActiveSpan()).toBe(span);
      expect(recorder.spans).toEqual([]);
      return result;
    });
    expect(returned).toBe(result);
    expect(runs).toBe(1);
    expect(recorder.span('work').kind).toBe(SpanKind.INTERNAL);
    expect(recorder.span('work').status.code).toBe(SpanStatusCode.UNSET);
    expect(api.getActiveSpan()).toBeUndefined();
  });

  it('nests: the inner span is a child in the same trace', async () => {
    const { recorder } = startTracer();
    await withSpan('outer', async () => {
      await null;
      withSpan('inner', () => undefined);
    });
    const [inner, outer] = [recorder.span('inner'), recorder.span('outer')];
    expect(parentId(inner)).toBe(spanId(outer));
    expect(traceId(inner)).toBe(traceId(outer));
    expect(parentId(outer)).toBeUndefined();
  });

  it('starts a new trace with root', () => {
    const { recorder } = startTracer();
    withSpan('outer', () => withSpan({ name: 'inner', root: true }, () => undefined));
    expect(parentId(recorder.span('inner'))).toBeUndefined();
    expect(traceId(recorder.span('inner'))).not.toBe(traceId(recorder.span('outer')));
  });

  it.each([
    ['an error', new TypeError('broken'), 'TypeError', 'broken'],
    ['a string', 'just text', 'string', 'just text'],
    ['null', null, 'null', 'null'],
    ['undefined', undefined, 'undefined', 'undefined'],
    ['an object', { message: 'shaped' }, 'Object', 'shaped'],
  ])('passes %s on unchanged and records it once', (_what, thrown, type, message) => {
    const { recorder } = startTracer();
    let runs = 0;
    let caught: unknown = 'nothing';
    try {
      withSpan('failing', () => {
        runs++;
        throw thrown;
      });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
    expect(runs).toBe(1);
    const span = recorder.span('failing');
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message });
    expect(span.events.map((event) => event.name)).toEqual(['exception']);
    expect(span.events[0]?.attributes).toMatchObject({
      'exception.type': type,
      'exception.message': message,
    });
    expect(span.attributes).toMatchObject({ honeyhive_error: message, honeyhive_error_type: type });
  });

  it('never runs the function again, whatever the error says', () => {
    startTracer();
    let runs = 0;
    expect(() =>
      withSpan('x', () => {
        runs++;
        throw new Error('Tracer error');
      }),
    ).toThrow('Tracer error');
    expect(runs).toBe(1);
  });

  it('keeps the cause of an error to itself and names subclasses by their constructor', async () => {
    class PaymentError extends Error {}
    const { recorder } = startTracer();
    const error = new PaymentError('declined', { cause: { card: 'secret-cause' } });
    await expect(withSpan('pay', () => Promise.reject(error))).rejects.toBe(error);
    const span = recorder.span('pay');
    expect(span.attributes['honeyhive_error_type']).toBe('PaymentError');
    expect(JSON.stringify([span.attributes, span.events])).not.toContain('secret-cause');
  });

  it('writes attributes, kind, names and links at the start', () => {
    const { recorder } = startTracer();
    const link = { context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } };
    withSpan(
      { eventName: 'named', eventType: 'chain', kind: SpanKind.CLIENT, attributes: { a: 1 }, links: [link] },
      () => undefined,
    );
    const span = recorder.span('named');
    expect(span.kind).toBe(SpanKind.CLIENT);
    expect(span.attributes).toMatchObject({
      a: 1,
      honeyhive_event_type: 'chain',
      honeyhive_event_name: 'named',
    });
    expect(span.links.map((each) => each.context.traceId)).toEqual([link.context.traceId]);
  });

  it('follows an async generator to its end, active inside at every step', async () => {
    const { recorder } = startTracer();
    const seen: unknown[] = [];
    const numbers = withSpan('stream', (span) =>
      (async function* () {
        for (let i = 0; i < 3; i++) {
          seen.push(api.getActiveSpan() === span);
          yield i;
        }
      })(),
    );
    const got: number[] = [];
    for await (const value of numbers) got.push(value);
    expect(got).toEqual([0, 1, 2]);
    expect(seen).toEqual([true, true, true]);
    expect(recorder.names).toEqual(['stream']);
  });

  it('reports an unknown option by name', () => {
    const said = collectDiagnostics();
    startTracer();
    withSpan({ nmae: 'x' } as never, () => undefined);
    expect(said.join()).toContain('unknown option "nmae"');
  });

  it('gives a span that records nothing when no tracer is live', () => {
    const before = context.active();
    expect(withSpan('x', (span) => [span.isRecording(), context.active() === before])).toEqual([false, true]);
  });

  it('lets the call go on when the span cannot be started', () => {
    const said = collectDiagnostics();
    const { tracer } = startTracer();
    Object.defineProperty(tracer, 'otelTracer', {
      value: {
        startSpan() {
          throw new Error('no span today');
        },
      },
    });
    expect(withSpan('x', () => 7)).toBe(7);
    expect(said.join()).toContain('no span today');
  });
});

describe('payloads', () => {
  it('are written below their namespaces, inputs before the call and outputs after it', () => {
    const { recorder } = startTracer();
    withSpan(
      {
        name: 'p',
        inputs: { query: 'tea' },
        outputs: (result: { n: number }) => ({ doubled: result.n * 2 }),
        metadata: { tags: ['a', 'b'], none: null },
        metrics: (result: { n: number }) => ({ n: result.n }),
        feedback: { good: true },
        config: { model: 'm' },
        userProperties: { plan: 'pro' },
        error: 'soft failure',
        updateEventId: 'e-1',
      },
      () => ({ n: 21 }),
    );
    expect(recorder.span('p').attributes).toMatchObject({
      'honeyhive_inputs.query': 'tea',
      'honeyhive_outputs.doubled': 42,
      'honeyhive_metadata.tags.0': 'a',
      'honeyhive_metadata.tags.1': 'b',
      'honeyhive_metrics.n': 21,
      'honeyhive_feedback.good': true,
      'honeyhive_config.model': 'm',
      'honeyhive_user_properties.plan': 'pro',
      honeyhive_error: 'soft failure',
      honeyhive_event_id: 'e-1',
    });
  });

  it('are not written unless asked for, and by default when the tracer captures', () => {
    const quiet = startTracer({ name: 'quiet' });
    withSpan({ name: 'q', tracer: 'quiet' }, () => ({ secret: 1 }));
    expect(Object.keys(quiet.recorder.span('q').attributes).filter((key) => key.includes('puts'))).toEqual(
      [],
    );
    const loud = startTracer({ name: 'loud', capture: true });
    withSpan({ name: 'l', tracer: 'loud' }, () => ({ n: 1 }));
    expect(loud.recorder.span('l').attributes).toMatchObject({ 'honeyhive_outputs.result.n': 1 });
    withSpan({ name: 'off', tracer: 'loud', outputs: false }, () => ({ n: 1 }));
    expect(loud.recorder.span('off').attributes).not.toHaveProperty(['honeyhive_outputs.result.n']);
  });

  it('survive a callback that throws: it is reported, the rest is written, the result is untouched', async () => {
    const said = collectDiagnostics();
    const { recorder } = startTracer();
    const result = await withSpan(
      {
        name: 'p',
        outputs: () => {
          throw new Error('bad callback');
        },
        metrics: () => ({ ok: 1 }),
      },
      async () => 'fine',
    );
    expect(result).toBe('fine');
    expect(recorder.span('p').attributes['honeyhive_metrics.ok']).toBe(1);
    expect(said.join()).toContain('[SPW_CALLBACK]');
  });

  it('find the token usage of a model call', async () => {
    const { recorder } = startTracer();
    await withSpan({ name: 'llm', eventType: 'model' }, async () => ({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    }));
    expect(recorder.span('llm').attributes).toMatchObject({
      'honeyhive_metrics.prompt_tokens': 3,
      'honeyhive_metrics.completion_tokens': 4,
      'honeyhive_metrics.total_tokens': 7,
    });
  });

  it('aggregate the chunks of a stream', async () => {
    const { recorder } = startTracer();
    const stream = withSpan({ name: 's', aggregate: (chunks: string[]) => chunks.join('') }, () =>
      (async function* () {
        yield 'Hel';
        yield 'lo';
      })(),
    );
    for await (const _ of stream);
    expect(recorder.span('s').attributes['honeyhive_outputs.result']).toBe('Hello');
  });

  it('are not computed at all while the span is not recording', () => {
    startTracer({ sampler: { shouldSample: () => ({ decision: 0 }), toString: () => 'none' } });
    let computed = 0;
    const count = (): unknown => ++computed;
    withSpan({ name: 'x', inputs: count, outputs: count, metadata: count, metrics: count }, () => undefined);
    expect(computed).toBe(0);
  });

  it('are redacted', () => {
    const { recorder } = startTracer();
    withSpan({ name: 'r', inputs: { password: 'hunter2', user: 'u' } }, () => undefined);
    const attributes = recorder.span('r').attributes;
    expect(JSON.stringify(attributes)).not.toContain('hunter2');
    expect(attributes['honeyhive_inputs.user']).toBe('u');
  });
});

describe('a span of a provider that misbehaves after its start', () => {
  it('costs the call neither its result nor its error', async () => {
    let asked = 0;
    const broken = {
      ...api.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }),
      attributes: {},
      spanContext: () => ({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }),
      isRecording: () => {
        if (asked++ % 2 === 0) return true;
        throw new Error('cannot say');
      },
      end: () => {
        throw new Error('cannot end');
      },
    };
    const provider = { getTracer: () => ({ startSpan: () => broken }) } as never;
    startTracer({ provider });
    const error = new Error('the body’s own');
    let runs = 0;
    const body = (): number => ++runs;
    expect(withSpan('plain', body)).toBe(1);
    await expect(withSpan('promised', () => Promise.resolve(body()))).resolves.toBe(2);
    expect(() =>
      withSpan('thrown', () => {
        body();
        throw error;
      }),
    ).toThrow(error);
    await expect(withSpan('rejected', () => Promise.reject(error))).rejects.toBe(error);
    expect(runs).toBe(3);
  });
});

describe('below an unsampled parent', () => {
  const unsampled = api.setSpanContext(ROOT_CONTEXT, {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: 0,
    isRemote: true,
  });

  it('runs the function without a span, and the id of the parent travels on, with identity', () => {
    const { tracer, recorder } = startTracer();
    const carrier: Record<string, string> = {};
    const seen = context.with(unsampled, () =>
      withSpan('s', (span) => {
        injectContextIntoCarrier(carrier);
        return span.isRecording();
      }),
    );
    expect(seen).toBe(false);
    expect(recorder.started).toEqual([]);
    expect(carrier['traceparent']).toBe('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00');
    expect(carrier['baggage']).toContain(`session_id=${tracer.sessionId}`);
  });

  it('asks a sampler of the user all the same, and starts a root where one is asked for', () => {
    const sampler = { shouldSample: () => ({ decision: 2 }), toString: () => 'always' };
    const { recorder } = startTracer({ sampler });
    context.with(unsampled, () => withSpan('sampled', () => undefined));
    expect(recorder.names).toEqual(['sampled']);
  });

  it('makes a new root, and a span of another tracer', () => {
    startTracer({ name: 'a' });
    const b = startTracer({
      name: 'b',
      sampler: { shouldSample: () => ({ decision: 2 }), toString: () => 'always' },
    });
    const one = startTracer({ name: 'c' });
    context.with(unsampled, () => {
      withSpan({ name: 'root', root: true, tracer: 'c' }, () => undefined);
      withSpan({ name: 'of b', tracer: 'b' }, () => undefined);
    });
    expect(one.recorder.names).toEqual(['root']);
    expect(b.recorder.names).toEqual(['of b']);
  });

  it('takes an invalid span for no parent at all', () => {
    const { recorder } = startTracer();
    const invalid = api.setSpanContext(ROOT_CONTEXT, {
      traceId: '0'.repeat(32),
      spanId: '0'.repeat(16),
      traceFlags: 0,
    });
    context.with(invalid, () => withSpan('s', () => undefined));
    expect(recorder.names).toEqual(['s']);
  });
});

// From the second call on, a context knows what the first call in it has found out.
describe('calls that take turns in one context', () => {
  const session = (recorder: { spans: readonly { attributes: object }[] }): unknown[] =>
    recorder.spans.map(({ attributes }) => (attributes as Record<string, unknown>)['honeyhive.session_id']);

  it('of two tracers are stamped for their own tracer each time', () => {
    const first = startTracer({ sessionId: '00000000-0000-4000-8000-00000000000a' });
    const second = startTracer({ sessionId: '00000000-0000-4000-8000-00000000000b' });
    const inside = ROOT_CONTEXT.setValue(Symbol('one request'), true);
    const sent = (): unknown => propagation.getActiveBaggage()?.getEntry('session_id')?.value;
    for (let turn = 0; turn < 4; turn++) {
      for (const { tracer } of [first, first, first, second, second, second]) {
        expect(context.with(inside, () => withSpan({ name: 'work', tracer }, sent))).toBe(tracer.sessionId);
      }
    }
    expect(session(first.recorder)).toEqual(Array(12).fill('00000000-0000-4000-8000-00000000000a'));
    expect(session(second.recorder)).toEqual(Array(12).fill('00000000-0000-4000-8000-00000000000b'));
  });

  it('of many sessions are stamped with their own', () => {
    const { recorder } = startTracer();
    const sessions = ['s-1', 's-2', 's-3'].map((value) =>
      propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ session_id: { value } })),
    );
    for (let turn = 0; turn < 3; turn++) {
      for (const inside of sessions) context.with(inside, () => withSpan('work', () => undefined));
    }
    expect(session(recorder)).toEqual(['s-1', 's-2', 's-3', 's-1', 's-2', 's-3', 's-1', 's-2', 's-3']);
  });

  it('have the attributes of their own that the first one had not', () => {
    const { recorder } = startTracer();
    for (const attributes of [undefined, { own: 1 }, undefined]) {
      withSpan({ name: 'work', ...(attributes && { attributes }) }, () => undefined);
    }
    expect(recorder.spans.map(({ attributes }) => attributes['own'])).toEqual([undefined, 1, undefined]);
    expect(new Set(session(recorder)).size).toBe(1);
  });

  it('each link to the caller that none of them has as a parent', () => {
    const { recorder } = startTracer();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const inside = new SpanwisePropagator({ trust: 'link' }).extract(
      ROOT_CONTEXT,
      { traceparent },
      defaultTextMapGetter,
    );
    for (let turn = 0; turn < 3; turn++) context.with(inside, () => withSpan('work', () => undefined));
    expect(recorder.spans.map(({ links }) => links.map((link) => link.context.spanId))).toEqual(
      Array(3).fill(['b'.repeat(16)]),
    );
  });

  it('are not traced where tracing is suppressed in between', () => {
    const { recorder } = startTracer();
    const suppressed = ROOT_CONTEXT.setValue(SUPPRESS_TRACING_KEY, true);
    for (const inside of [ROOT_CONTEXT, suppressed, ROOT_CONTEXT, suppressed]) {
      context.with(inside, () => withSpan('work', () => undefined));
    }
    withSpan('outer', () =>
      context.with(context.active().setValue(SUPPRESS_TRACING_KEY, true), () =>
        withSpan('inner', () => undefined),
      ),
    );
    expect(recorder.names).toEqual(['work', 'work', 'outer']);
  });
});
