import {
  context,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { AlwaysOnSampler, BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { SessionTracer } from '../../lib/session/session-tracer.js';
import { withSpan } from '../../lib/span/with-span.js';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { keepErrors } from '../../lib/sampler/keep-errors.js';
import { sessionSampler } from '../../lib/sampler/session-sampler.js';
import { recordSpans, type SpanRecorder } from '../../lib/testing/index.js';

type EngineOptions = Parameters<typeof createSpanwiseEngine>[0];
const engines: [string, (recorder: SpanRecorder) => Tracer][] = [
  [
    'OpenTelemetry’s SDK',
    (recorder) =>
      new BasicTracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [recorder] }).getTracer('t'),
  ],
  [
    'our own engine',
    (recorder) =>
      createSpanwiseEngine({ spanProcessors: [recorder] } as unknown as EngineOptions).provider.getTracer(
        't',
      ),
  ],
];

afterEach(() => {
  jest.useRealTimers();
  diag.disable();
});

describe.each(engines)('with %s', (_name, tracerFor) => {
  const start = (tracer: Tracer, name: string, parent?: Span, attributes = {}): Span =>
    tracer.startSpan(
      name,
      { attributes },
      parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent),
    );

  test('finished spans come in the order of their ends, running ones in that of their starts', () => {
    const recorder = recordSpans();
    const tracer = tracerFor(recorder);
    const root = start(tracer, 'root');
    const child = start(tracer, 'child', root);
    expect(recorder.running.map((span) => span.name)).toEqual(['root', 'child']);
    expect(recorder.spans).toEqual([]);
    child.end();
    expect(recorder.spans.map((span) => span.name)).toEqual(['child']);
    root.end();
    expect(recorder.spans.map((span) => span.name)).toEqual(['child', 'root']);
    expect(recorder.running).toEqual([]);
  });

  test('spans are found by name, expression and what they hold', () => {
    const recorder = recordSpans();
    const tracer = tracerFor(recorder);
    const root = start(tracer, 'Agent.invoke', undefined, {
      honeyhive_event_type: 'chain',
      'honeyhive.session_id': 's-1',
    });
    const call = start(tracer, 'Model.call', root, { tokens: 5, list: ['a', 'b'] });
    call.setStatus({ code: SpanStatusCode.ERROR });
    call.end();
    root.end();
    const named = (query: Parameters<SpanRecorder['find']>[0]) => recorder.find(query)?.name;
    expect(named('Agent.invoke')).toBe('Agent.invoke');
    expect(named('Agent')).toBeUndefined();
    expect(named(/model/i)).toBe('Model.call');
    expect(named({ status: 'error' })).toBe('Model.call');
    expect(named({ status: 'unset', kind: 'INTERNAL' })).toBe('Agent.invoke');
    expect(named({ kind: SpanKind.SERVER })).toBeUndefined();
    expect(named({ eventType: 'chain' })).toBe('Agent.invoke');
    expect(named({ session: 's-1' })).toBe('Agent.invoke');
    expect(named({ session: /^x/ })).toBeUndefined();
    expect(named({ parent: 'Agent.invoke' })).toBe('Model.call');
    expect(named({ parent: null })).toBe('Agent.invoke');
    expect(named({ parent: 'Model.call' })).toBeUndefined();
    expect(named({ attributes: { tokens: 5, list: ['a', 'b'], none: undefined } })).toBe('Model.call');
    expect(named({ attributes: { tokens: expect.any(Number) as never } })).toBe('Model.call');
    expect(named({ attributes: { tokens: 6 } })).toBeUndefined();
    expect(named({ attributes: { list: ['a'] } })).toBeUndefined();
    expect(named({ attributes: { toString: undefined } })).toBe('Model.call');
    expect(recorder.findAll(/./).map((span) => span.name)).toEqual(['Model.call', 'Agent.invoke']);
  });

  test('clear forgets, also those that still run', () => {
    const recorder = recordSpans();
    const tracer = tracerFor(recorder);
    start(tracer, 'done').end();
    const late = start(tracer, 'late');
    recorder.clear();
    late.end();
    start(tracer, 'new').end();
    expect(recorder.spans.map((span) => span.name)).toEqual(['new']);
    expect(recorder.running).toEqual([]);
  });

  test('the tree shows what is stable, in the order of starts', () => {
    const recorder = recordSpans();
    const tracer = tracerFor(recorder);
    const session = { 'honeyhive.session_id': 's-1' };
    const root = start(tracer, 'Agent.invoke', undefined, { ...session, honeyhive_event_type: 'chain' });
    const first = start(tracer, 'Tool.search', root, { ...session, honeyhive_event_type: 'tool', q: 'ham' });
    const second = start(tracer, 'Model.call', root, session);
    start(tracer, 'retry\nnow', first, session).end();
    second.setStatus({ code: SpanStatusCode.ERROR, message: 'no answer' });
    second.end();
    first.end();
    root.end();
    const remote = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 1,
      isRemote: true,
    });
    tracer.startSpan('GET /x', { kind: SpanKind.SERVER }, remote).end();
    start(tracer, 'slow');
    expect(recorder.tree({ attributes: ['q'] })).toBe(
      [
        'Agent.invoke [chain] session=s-1',
        '├─ Tool.search [tool] q="ham"',
        '│  └─ retry\\u000anow',
        '└─ Model.call ERROR: no answer',
        'GET /x SERVER (parent is remote)',
        'slow (still running)',
      ].join('\n'),
    );
  });
});

describe('under fake timers durations are what the test made of them', () => {
  test('with our own engine', () => {
    jest.useFakeTimers({ now: 1_700_000_000_000 });
    const recorder = recordSpans();
    const span = engines[1]![1](recorder).startSpan('wait');
    jest.advanceTimersByTime(250);
    span.end();
    expect(recorder.tree({ durations: true })).toBe('wait 250 ms');
    expect(recorder.find('wait')!.startTime).toEqual([1_700_000_000, 0]);
  });

  test('with OpenTelemetry’s SDK if the start is given', () => {
    jest.useFakeTimers({ now: 1_700_000_000_000 });
    const recorder = recordSpans();
    const span = engines[0]![1](recorder).startSpan('wait', { startTime: Date.now() });
    jest.advanceTimersByTime(250);
    span.end();
    expect(recorder.tree({ durations: true })).toBe('wait 250 ms');
  });
});

test('an empty recorder says so', () => {
  expect(recordSpans().tree()).toBe('(no spans)');
});

test('spans over the limit are counted and reported, not kept', () => {
  const said = collectDiagnostics();
  const recorder = recordSpans({ maxSpans: 2 });
  const tracer = engines[0]![1](recorder);
  for (const name of ['a', 'b', 'c', 'd']) tracer.startSpan(name).end();
  expect(recorder.spans.map((span) => span.name)).toEqual(['a', 'b']);
  expect(recorder.dropped).toBe(2);
  expect(said[0]).toContain('SPW_DROPPED');
});

test('a chain of any depth and a long list are drawn within their lines', () => {
  const recorder = recordSpans({ maxSpans: 20_000 });
  const tracer = engines[0]![1](recorder);
  let at = context.active();
  for (let level = 0; level < 5_000; level++) at = trace.setSpan(at, tracer.startSpan('deep', {}, at));
  const lines = recorder.tree().split('\n');
  expect(lines).toHaveLength(201);
  expect(lines.at(-1)).toBe('… 4800 more');
});

test('behind keepErrors, the copies that are forwarded are the spans that were started', () => {
  const recorder = recordSpans();
  const tracer = new BasicTracerProvider({
    sampler: sessionSampler({ ratio: 0, keepErrors: true }),
    spanProcessors: [keepErrors(recorder)],
  }).getTracer('t');
  tracer.startSpan('bad').setStatus({ code: SpanStatusCode.ERROR }).end();
  expect(recorder.tree()).toBe('bad ERROR');
  expect(recorder.spans).toHaveLength(1);
});

test('it keeps its spans when the tracer is shut down', async () => {
  const recorder = recordSpans();
  const provider = new BasicTracerProvider({ spanProcessors: [recorder] });
  provider.getTracer('t').startSpan('x').end();
  await provider.forceFlush();
  await provider.shutdown();
  expect(recorder.spans).toHaveLength(1);
});

test('given to a tracer, it sees spans with their session', async () => {
  const recorder = recordSpans();
  const sessionId = '6f1ed002-ab5d-4a5b-9a7f-2f0d7a9f1c11';
  const tracer = SessionTracer.init({
    name: 'recorded',
    project: 'p',
    testMode: true,
    global: false,
    sessionId,
    spanProcessors: [recorder],
  });
  try {
    await withSpan({ name: 'work', tracer: 'recorded' }, async () => undefined);
    expect(recorder.tree()).toBe(`work [tool] session=${sessionId}`);
  } finally {
    await tracer.shutdown();
  }
});
