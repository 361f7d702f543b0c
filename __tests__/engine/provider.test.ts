import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { installContextManager } from '../../lib/engine/context-manager.js';
import { createSpanwiseEngine, type SpanwiseTracerProvider } from '../../lib/engine/provider.js';
import { collectDiagnostics, RecordingProcessor } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});
afterEach(() => {
  trace.disable();
  context.disable();
});

describe('createSpanwiseEngine', () => {
  test('can be the global provider, also for tracers taken before', () => {
    const seen = new RecordingProcessor();
    const early = trace.getTracer('early');
    installContextManager();
    const engine = createSpanwiseEngine({ spanProcessors: [seen] });
    expect(trace.setGlobalTracerProvider(engine.provider)).toBe(true);
    trace.getTracer('late').startActiveSpan('outer', (span) => {
      early.startSpan('inner').end();
      span.end();
    });
    expect(seen.ended.map((span) => [span.name, span.instrumentationScope.name])).toEqual([
      ['inner', 'early'],
      ['outer', 'late'],
    ]);
    expect(seen.ended[0]!.parentSpanContext?.spanId).toBe(seen.ended[1]!.spanContext().spanId);
  });

  test('says whether unsampled parents decide for their children', () => {
    const sampler = { shouldSample: () => ({ decision: 2 as const }), toString: () => '' };
    expect(createSpanwiseEngine({ spanProcessors: [] }).parentBased).toBe(true);
    expect(createSpanwiseEngine({ spanProcessors: [], sampler }).parentBased).toBe(false);
  });

  test('its provider can be flushed and shut down like the SDK’s', async () => {
    const seen = new RecordingProcessor();
    const provider = createSpanwiseEngine({ spanProcessors: [seen] }).provider as SpanwiseTracerProvider;
    await provider.forceFlush();
    await provider.shutdown();
    await provider.shutdown();
    expect(seen.calls).toEqual(['forceFlush', 'shutdown']);
    expect(provider.resource.attributes).toHaveProperty(['service.name']);
  });

  test('spans that were open at the shutdown can still be ended', async () => {
    const seen = new RecordingProcessor();
    const engine = createSpanwiseEngine({ spanProcessors: [seen] });
    const span = engine.provider.getTracer('t').startSpan('s', {}, ROOT_CONTEXT);
    await engine.shutdown();
    span.end();
    expect(seen.ended).toHaveLength(1);
    expect(messages).toEqual([]);
  });

  test('a list of processors that is changed later stays as it was', () => {
    const seen = new RecordingProcessor();
    const spanProcessors = [seen];
    const engine = createSpanwiseEngine({ spanProcessors });
    spanProcessors.length = 0;
    engine.provider.getTracer('t').startSpan('s').end();
    expect(seen.ended).toHaveLength(1);
  });

  test('tracers with names that could be confused are kept apart', () => {
    const { provider } = createSpanwiseEngine({ spanProcessors: [] });
    expect(provider.getTracer('a@1')).not.toBe(provider.getTracer('a', '1'));
    expect(provider.getTracer(undefined as never)).toBe(provider.getTracer(''));
    expect(messages).toEqual([expect.stringContaining('without a name')]);
  });
});
