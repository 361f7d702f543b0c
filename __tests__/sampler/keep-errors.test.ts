import {
  diag,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { keepErrors, type KeepErrorsOptions } from '../../lib/sampler/keep-errors.js';
import { sessionSampler } from '../../lib/sampler/session-sampler.js';

let said: string[] = [];
const exported = new InMemorySpanExporter();
const names = () => exported.getFinishedSpans().map((span) => span.name);
beforeEach(() => {
  said = collectDiagnostics();
  exported.reset();
});
afterEach(() => diag.disable());

function tracerWith(options?: KeepErrorsOptions, ratio = 0): Tracer {
  return new BasicTracerProvider({
    sampler: sessionSampler({ ratio, keepErrors: true }),
    spanProcessors: [keepErrors(new SimpleSpanProcessor(exported), options)],
  }).getTracer('t');
}
const start = (tracer: Tracer, name: string, parent?: Span): Span =>
  tracer.startSpan(name, {}, parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent));
const fail = (span: Span): void => {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
};

describe('of a trace that is not sampled', () => {
  test('nothing is exported if nothing fails', () => {
    const tracer = tracerWith();
    const root = start(tracer, 'root');
    start(tracer, 'child', root).end();
    root.end();
    expect(names()).toEqual([]);
  });

  test('everything of this process is exported once something fails: before, beside and after', () => {
    const tracer = tracerWith();
    const root = start(tracer, 'root');
    start(tracer, 'before', root).end();
    fail(start(tracer, 'failed', root));
    start(tracer, 'after', root).end();
    root.end();
    expect(names()).toEqual(['before', 'failed', 'after', 'root']);
  });

  test('a root that fails brings its children', () => {
    const tracer = tracerWith();
    const root = start(tracer, 'root');
    start(tracer, 'child', root).end();
    fail(root);
    expect(names()).toEqual(['child', 'root']);
  });

  test('what is exported looks sampled and is whole', () => {
    const tracer = tracerWith();
    const root = start(tracer, 'root').setAttribute('a', 1).addEvent('e');
    fail(root);
    const [span] = exported.getFinishedSpans();
    expect(span!.spanContext()).toEqual({ ...root.spanContext(), traceFlags: 1 });
    expect(root.spanContext().traceFlags).toBe(0);
    expect(span).toMatchObject({ attributes: { a: 1 }, events: [{ name: 'e' }], ended: true, kind: 0 });
    expect(span!.resource.attributes).toBeDefined();
    expect(span!.instrumentationScope.name).toBe('t');
    expect(span!.duration).toHaveLength(2);
  });

  test('traces are held apart', () => {
    const tracer = tracerWith();
    const good = start(tracer, 'good');
    const bad = start(tracer, 'bad');
    start(tracer, 'of good', good).end();
    start(tracer, 'of bad', bad).end();
    fail(bad);
    good.end();
    expect(names()).toEqual(['of bad', 'bad']);
  });
});

test('a sampled span goes through at once', () => {
  const tracer = tracerWith({}, 1);
  start(tracer, 'kept').end();
  expect(names()).toEqual(['kept']);
});

test('the spans of our own engine are kept as well', () => {
  const { provider } = createSpanwiseEngine({
    sampler: sessionSampler({ ratio: 0, keepErrors: true }),
    spanProcessors: [keepErrors(new SimpleSpanProcessor(exported))],
  } as unknown as Parameters<typeof createSpanwiseEngine>[0]);
  const tracer = provider.getTracer('t');
  const root = start(tracer, 'root');
  start(tracer, 'child', root).setAttribute('a', 1).end();
  fail(root);
  start(tracer, 'fine').end();
  expect(names()).toEqual(['child', 'root']);
  expect(exported.getFinishedSpans()[0]).toMatchObject({ attributes: { a: 1 }, ended: true });
  expect(exported.getFinishedSpans()[1]!.status.code).toBe(SpanStatusCode.ERROR);
});

describe('is bounded', () => {
  test('the oldest spans of a trace give way', () => {
    const tracer = tracerWith({ maxSpansPerTrace: 2 });
    const root = start(tracer, 'root');
    for (const name of ['1', '2', '3', '4']) start(tracer, name, root).end();
    fail(root);
    expect(names()).toEqual(['3', '4', 'root']);
    expect(said[0]).toContain('SPW_DROPPED');
  });

  test('the oldest trace gives way; what fails in it is kept alone', () => {
    const tracer = tracerWith({ maxTraces: 1 });
    const first = start(tracer, 'first');
    start(tracer, 'child', first).end();
    const second = start(tracer, 'second');
    fail(first);
    second.end();
    expect(names()).toEqual(['first']);
    expect(said[0]).toContain('SPW_DROPPED');
  });

  test('nothing is held when no span runs', () => {
    const next = new SimpleSpanProcessor(exported);
    const keeper = keepErrors(next) as unknown as { traces: Map<string, unknown> };
    const tracer = new BasicTracerProvider({
      sampler: sessionSampler({ ratio: 0, keepErrors: true }),
      spanProcessors: [keeper as never],
    }).getTracer('t');
    for (let index = 0; index < 50; index++)
      (index % 2 === 0 ? fail : (span: Span) => span.end())(start(tracer, 'x'));
    expect(keeper.traces.size).toBe(0);
  });
});

test('the next processor sees starts and endings, and is flushed and shut down', async () => {
  const next = {
    onStart: jest.fn(),
    onEnding: jest.fn(),
    onEnd: jest.fn(),
    forceFlush: jest.fn(async () => undefined),
    shutdown: jest.fn(async () => undefined),
  };
  const keeper = keepErrors(next);
  const provider = new BasicTracerProvider({
    sampler: sessionSampler({ ratio: 0, keepErrors: true }),
    spanProcessors: [keeper],
  });
  provider.getTracer('t').startSpan('x', {}, propagation.deleteBaggage(ROOT_CONTEXT)).end();
  await provider.forceFlush();
  await provider.shutdown();
  expect(next.onStart).toHaveBeenCalledTimes(1);
  expect(next.onEnd).not.toHaveBeenCalled();
  expect(next.forceFlush).toHaveBeenCalledTimes(1);
  expect(next.shutdown).toHaveBeenCalledTimes(1);
});
