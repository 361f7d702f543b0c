import {
  diag,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
} from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { collectDiagnostics } from '../support/diagnostics.js';
import { sessionSampler, type SessionSamplerOptions } from '../../lib/sampler/session-sampler.js';
import { withOwner, type SpanOwner } from '../../lib/tracer/owner.js';
import { SamplingDecision, type Sampler, type SamplingResult } from '../../lib/tracer/sdk-contract.js';
import { holds, is } from '../support/quick.js';

const { NOT_RECORD, RECORD, RECORD_AND_SAMPLED } = SamplingDecision;

let said: string[] = [];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(() => {
  diag.disable();
  jest.useRealTimers();
});

let traces = 0;
const newTraceId = () => (++traces).toString(16).padStart(32, 'a');
const inSession = (sessionId: string, base: Context = ROOT_CONTEXT): Context =>
  propagation.setBaggage(base, propagation.createBaggage({ session_id: { value: sessionId } }));
const under = (traceFlags: number, isRemote: boolean, base: Context = ROOT_CONTEXT): Context =>
  trace.setSpanContext(base, { traceId: newTraceId(), spanId: 'b'.repeat(16), traceFlags, isRemote });
const ask = (
  sampler: Sampler,
  at: Context,
  {
    name = 'work',
    attributes = {},
    traceId = newTraceId(),
  }: { name?: string; attributes?: Attributes; traceId?: string } = {},
): SamplingResult =>
  sampler.shouldSample(at, traceId, name, SpanKind.INTERNAL, attributes, []) as SamplingResult;
const keeps = (sampler: Sampler, at: Context, span?: Parameters<typeof ask>[2]): boolean =>
  ask(sampler, at, span).decision === RECORD_AND_SAMPLED;
const ids = Array.from({ length: 400 }, (_, index) => `session-${index}`);

describe('a session is kept or dropped whole', () => {
  test('every trace of a session has the same answer, in every service', () => {
    const here = sessionSampler({ ratio: 0.5 });
    const there = sessionSampler({ ratio: 0.5 });
    const kept = ids.filter((id) => keeps(here, inSession(id)));
    expect(kept.length).toBeGreaterThan(150);
    expect(kept.length).toBeLessThan(250);
    for (const id of ids) {
      for (const sampler of [here, there]) expect(keeps(sampler, inSession(id))).toBe(kept.includes(id));
    }
  });

  test('what a small ratio keeps, a larger one keeps too', () => {
    const small = sessionSampler({ ratio: 0.1 });
    const large = sessionSampler({ ratio: 0.4 });
    for (const id of ids) if (keeps(small, inSession(id))) expect(keeps(large, inSession(id))).toBe(true);
  });

  test('0 keeps nothing and 1 everything', () => {
    for (const id of ids) {
      expect(keeps(sessionSampler({ ratio: 0 }), inSession(id))).toBe(false);
      expect(keeps(sessionSampler(), inSession(id))).toBe(true);
    }
  });

  test('the session is found in any spelling, in the owner’s defaults and in the attributes', () => {
    const sampler = sessionSampler({ ratio: 0.5 });
    const [first] = ids.filter((id) => keeps(sampler, inSession(id)));
    const last = ids.filter((id) => !keeps(sampler, inSession(id))).at(-1)!;
    const spelled = (value: string) =>
      propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ 'honeyhive.session_id': { value } }));
    const owned = (sessionId: string) =>
      withOwner(ROOT_CONTEXT, {
        live: true,
        identity: { sessionId, keys: { session: ['session_id'], project: ['project'], source: ['source'] } },
      } as unknown as SpanOwner);
    for (const [id, expected] of [
      [first!, true],
      [last, false],
    ] as const) {
      expect(keeps(sampler, spelled(id))).toBe(expected);
      expect(keeps(sampler, owned(id))).toBe(expected);
      expect(keeps(sampler, ROOT_CONTEXT, { attributes: { 'honeyhive.session_id': id } })).toBe(expected);
      expect(keeps(sampler, ROOT_CONTEXT, { attributes: { 'session.id': id } })).toBe(expected);
    }
  });

  test('a trace without a session is decided by its id', () => {
    const sampler = sessionSampler({ ratio: 0.5 });
    expect(keeps(sampler, ROOT_CONTEXT, { traceId: `${'0'.repeat(18)}80000000000000` })).toBe(true);
    expect(keeps(sampler, ROOT_CONTEXT, { traceId: `${'f'.repeat(18)}7fffffffffffff` })).toBe(false);
  });
});

describe('parents', () => {
  test('a caller’s decision is followed, whatever the session says', () => {
    const sampler = sessionSampler({ ratio: 0.5, rules: [{ name: 'work', keep: true }] });
    for (const remote of [true, false]) {
      for (const id of ids.slice(0, 20)) {
        expect(keeps(sampler, inSession(id, under(TraceFlags.SAMPLED, remote)))).toBe(true);
        expect(keeps(sampler, inSession(id, under(TraceFlags.NONE, remote)))).toBe(false);
      }
    }
  });

  test('a remote one can be ignored, a local one never', () => {
    const sampler = sessionSampler({ ratio: 0.5, remoteParent: 'ignore' });
    for (const id of ids.slice(0, 50)) {
      const alone = keeps(sampler, inSession(id));
      expect(keeps(sampler, inSession(id, under(TraceFlags.SAMPLED, true)))).toBe(alone);
      expect(keeps(sampler, inSession(id, under(TraceFlags.NONE, true)))).toBe(alone);
      expect(keeps(sampler, inSession(id, under(TraceFlags.SAMPLED, false)))).toBe(true);
    }
  });
});

describe('rules', () => {
  const decide = (rules: SessionSamplerOptions['rules'], span: Parameters<typeof ask>[2], ratio = 0) =>
    keeps(sessionSampler({ ratio, rules }), inSession('session-1'), span);

  test.each([
    ['GET /health', 'GET /health', true],
    ['GET /health', 'GET /healthy', false],
    ['GET /*', 'GET /x', true],
    ['*chat*', 'a chat b', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['a*bc*c', 'abc', false],
    ['*', '', true],
    [/^get/i, 'GET /', true],
    [/x/g, 'x', true],
  ])('by name: %p and %p', (name, span, expected) => {
    for (let time = 0; time < 2; time++)
      expect(decide([{ name, keep: true }], { name: span })).toBe(expected);
  });

  test('a name of stars and a long text take no time', () => {
    expect(
      decide([{ name: '*a'.repeat(200) + '*', keep: true }], {
        name: `${'a'.repeat(199)}${'b'.repeat(20_000)}`,
      }),
    ).toBe(false);
  });

  test('by event type and attributes, all of them together', () => {
    const rules = [
      {
        eventType: 'model' as const,
        attributes: {
          tier: 'gold',
          'http.route': /^\/pay/,
          size: (value: unknown) => Number(value) > 5,
          list: ['a'],
        },
        keep: true,
      },
    ];
    const attributes = {
      honeyhive_event_type: 'model',
      tier: 'gold',
      'http.route': '/pay/1',
      size: 6,
      list: ['a'],
    };
    expect(decide(rules, { attributes })).toBe(true);
    for (const change of [
      { honeyhive_event_type: 'tool' },
      { tier: 'silver' },
      { 'http.route': '/x' },
      { 'http.route': 5 },
      { size: 5 },
      { list: ['b'] },
    ]) {
      expect(decide(rules, { attributes: { ...attributes, ...change } })).toBe(false);
    }
  });

  test('an attribute is never one of Object.prototype', () => {
    expect(
      decide([{ attributes: { toString: (value: unknown) => value !== undefined }, keep: true }], {}),
    ).toBe(false);
  });

  test('the first that matches decides, before the ratio', () => {
    expect(
      decide(
        [
          { name: 'a', keep: false },
          { name: 'a', keep: true },
        ],
        { name: 'a' },
        1,
      ),
    ).toBe(false);
    expect(
      decide(
        [
          { name: 'b', keep: false },
          { name: 'a', keep: true },
        ],
        { name: 'a' },
        0,
      ),
    ).toBe(true);
  });

  test('a number is a share of the sessions, and nested like the ratio', () => {
    const sampler = sessionSampler({ ratio: 0.1, rules: [{ eventType: 'model', keep: 0.5 }] });
    const attributes = { honeyhive_event_type: 'model' };
    const byRule = ids.filter((id) => keeps(sampler, inSession(id), { attributes }));
    const byRatio = ids.filter((id) => keeps(sampler, inSession(id)));
    expect(byRule.length).toBeGreaterThan(150);
    for (const id of byRatio) expect(byRule).toContain(id);
  });

  test('a callback that throws is reported and does not match', () => {
    const attributes = {
      x: () => {
        throw new Error('no');
      },
    };
    expect(decide([{ attributes, keep: true }], {})).toBe(false);
    expect(said[0]).toContain('SPW_CALLBACK');
  });

  test.each([
    [null],
    [{}],
    [{ keep: 2 }],
    [{ keep: 'yes' }],
    [{ name: 5, keep: true }],
    [{ attributes: 1, keep: true }],
  ])('the bad rule %j is reported and left out', (rule) => {
    expect(decide([rule as never], {}, 1)).toBe(true);
    expect(said[0]).toContain('SPW_OPTION');
  });
});

describe('the rate limit', () => {
  test('admits so many new sessions a second and splits none', () => {
    jest.useFakeTimers({ now: 1_000_000 });
    const sampler = sessionSampler({ rateLimit: 2 });
    expect(['a', 'b', 'c'].map((id) => keeps(sampler, inSession(id)))).toEqual([true, true, false]);
    jest.setSystemTime(1_000_500);
    // Half a second gives one more; who was decided stays decided.
    expect(['a', 'b', 'c', 'd', 'e'].map((id) => keeps(sampler, inSession(id)))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    jest.setSystemTime(900_000);
    expect(keeps(sampler, inSession('f'))).toBe(false);
    expect(keeps(sampler, inSession('a'))).toBe(true);
  });

  test('a slow one admits one session in so many seconds', () => {
    jest.useFakeTimers({ now: 0 });
    const sampler = sessionSampler({ rateLimit: 0.1 });
    expect(['a', 'b'].map((id) => keeps(sampler, inSession(id)))).toEqual([true, false]);
    jest.setSystemTime(10_000);
    expect(keeps(sampler, inSession('c'))).toBe(true);
  });

  test('counts only what the ratio keeps, and not what a rule always keeps', () => {
    jest.useFakeTimers({ now: 0 });
    const sampler = sessionSampler({
      rateLimit: 1,
      rules: [
        { name: 'vip', keep: true },
        { name: 'no', keep: false },
      ],
    });
    for (const id of ids) expect(keeps(sampler, inSession(id), { name: 'vip' })).toBe(true);
    for (const id of ids) expect(keeps(sampler, inSession(id), { name: 'no' })).toBe(false);
    expect(keeps(sampler, inSession('x'))).toBe(true);
    expect(keeps(sampler, inSession('y'))).toBe(false);
  });

  test('remembers the sessions it saw last and forgets the oldest', () => {
    jest.useFakeTimers({ now: 0 });
    const sampler = sessionSampler({ rateLimit: 1 });
    expect(keeps(sampler, inSession('first'))).toBe(true);
    for (let index = 0; index < 9_999; index++) keeps(sampler, inSession(`s${index}`));
    expect(keeps(sampler, inSession('first'))).toBe(true);
    for (let index = 0; index < 9_999; index++) keeps(sampler, inSession(`t${index}`));
    expect(keeps(sampler, inSession('first'))).toBe(true);
    for (let index = 0; index < 10_000; index++) keeps(sampler, inSession(`u${index}`));
    expect(keeps(sampler, inSession('first'))).toBe(false);
  });
});

describe('what travels in the trace state', () => {
  test('the session’s randomness and the threshold, and a sampler of the specification agrees', () => {
    const sampler = sessionSampler({ ratio: 0.25 });
    for (const id of ids) {
      const { decision, traceState } = ask(sampler, inSession(id));
      if (decision !== RECORD_AND_SAMPLED) {
        expect(traceState).toBeUndefined();
        continue;
      }
      const [, th, rv] = /^th:([0-9a-f]{1,14});rv:([0-9a-f]{14})$/.exec(traceState!.get('ot')!)!;
      expect(th).toBe('c');
      expect(BigInt(`0x${rv}`)).toBeGreaterThanOrEqual(BigInt(`0x${th!.padEnd(14, '0')}`));
    }
  });

  test('no threshold behind a rate limit, no randomness without a session', () => {
    expect(ask(sessionSampler({ rateLimit: 5 }), inSession('a')).traceState!.get('ot')).toMatch(
      /^rv:[0-9a-f]{14}$/,
    );
    expect(ask(sessionSampler(), ROOT_CONTEXT).traceState!.get('ot')).toBe('th:0');
    const always = sessionSampler({ rateLimit: 5, rules: [{ name: 'work', keep: true }] });
    expect(ask(always, ROOT_CONTEXT).traceState!.get('ot')).toBe('th:0');
    expect(ask(sessionSampler({ rateLimit: 5 }), ROOT_CONTEXT).traceState!.get('ot')).toBeUndefined();
  });
});

describe('with OpenTelemetry’s samplers', () => {
  const exported = new InMemorySpanExporter();
  const provider = (sampler: Sampler) =>
    new BasicTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exported)] });
  beforeEach(() => exported.reset());

  test('as the root of a parent-based one', () => {
    const sampler = new ParentBasedSampler({ root: sessionSampler({ ratio: 0 }) });
    const tracer = provider(sampler).getTracer('t');
    tracer.startSpan('root', {}, inSession('a')).end();
    tracer.startSpan('child', {}, under(TraceFlags.SAMPLED, true)).end();
    expect(exported.getFinishedSpans().map((span) => span.name)).toEqual(['child']);
  });

  test('with one as the fallback for traces without a session', () => {
    const off = sessionSampler({ fallback: new AlwaysOffSampler() });
    const on = sessionSampler({ ratio: 0, fallback: new AlwaysOnSampler() });
    expect(keeps(off, ROOT_CONTEXT)).toBe(false);
    expect(keeps(off, inSession('a'))).toBe(true);
    expect(keeps(on, ROOT_CONTEXT)).toBe(true);
    expect(keeps(on, inSession('a'))).toBe(false);
    expect(
      ask(sessionSampler({ keepErrors: true, fallback: new AlwaysOffSampler() }), ROOT_CONTEXT).decision,
    ).toBe(RECORD);
    expect(String(off)).toBe('SessionSampler{ratio=1,fallback=AlwaysOffSampler}');
  });

  test('a whole tree follows its root through the SDK', () => {
    const tracer = provider(sessionSampler({ ratio: 0.5 })).getTracer('t');
    for (const id of ids.slice(0, 40)) {
      const root = tracer.startSpan('root', {}, inSession(id));
      const child = tracer.startSpan('child', {}, trace.setSpan(inSession(id), root));
      expect(child.isRecording()).toBe(root.isRecording());
      child.end();
      root.end();
    }
    expect(exported.getFinishedSpans().length % 2).toBe(0);
    expect(exported.getFinishedSpans().length).toBeGreaterThan(10);
  });
});

describe('never throws', () => {
  test('a fallback that throws: the span is kept and it is reported', () => {
    const fallback = {
      shouldSample: () => {
        throw new Error('no');
      },
    };
    expect(keeps(sessionSampler({ fallback }), ROOT_CONTEXT)).toBe(true);
    expect(said[0]).toContain('SPW_INTERNAL');
  });

  test.each([
    [{ ratio: 2 }],
    [{ ratio: Number.NaN }],
    [{ rateLimit: -1 }],
    [{ fallback: {} }],
    [{ remoteParent: 'x' }],
    [{ rules: 5 }],
    [{ ratios: 1 }],
  ])('the bad option %j is reported and left out', (options) => {
    expect(keeps(sessionSampler(options as never), inSession('a'))).toBe(true);
    expect(said[0]).toContain('SPW_OPTION');
  });

  test('any session id and name have an answer, and the same one again', () => {
    const sampler = sessionSampler({ ratio: 0.5, rules: [{ name: '*a*b*', keep: true }] });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (id, name) => {
        const traceId = newTraceId();
        const { decision } = ask(sampler, inSession(id), { name, traceId });
        holds(decision === NOT_RECORD || decision === RECORD_AND_SAMPLED, decision);
        is(ask(sampler, inSession(id), { name, traceId }).decision, decision);
      }),
      { numRuns: Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 300) },
    );
  }, 600_000);
});
