import { context, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics, SpanwiseError } from '../../lib/diagnostics.js';
import { createSdkEngine } from '../../lib/engine/sdk.js';
import { installContextManager } from '../../lib/engine/context-manager.js';
import { collectDiagnostics, LINE, RecordingProcessor } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
  installContextManager();
});
afterEach(() => {
  context.disable();
});

describe('createSdkEngine', () => {
  test('builds spans with the installed SDK and passes them to every processor', () => {
    const [first, second] = [new RecordingProcessor(), new RecordingProcessor()];
    const engine = createSdkEngine({ spanProcessors: [first, second], resource: { team: 'blue' } });
    expect(engine.kind).toBe('sdk');
    const tracer = engine.provider.getTracer('t', '1');
    tracer.startActiveSpan('parent', (parent) => {
      tracer.startSpan('child').end();
      parent.end();
    });
    expect(first.ended.map((span) => span.name)).toEqual(['child', 'parent']);
    expect(second.ended).toHaveLength(2);
    const [child, parent] = first.ended;
    expect(child!.parentSpanContext?.spanId).toBe(parent!.spanContext().spanId);
    expect(child!.resource.attributes).toMatchObject({
      team: 'blue',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.version': expect.stringMatching(new RegExp(`^${LINE}\\.`)),
    });
  });

  test('names the install command when no SDK can be resolved', () => {
    const build = () => createSdkEngine({ spanProcessors: [] }, ['/nowhere/at/all.js']);
    expect(build).toThrow(SpanwiseError);
    expect(build).toThrow(/SPW_MISSING_PACKAGE.*npm install @opentelemetry\/sdk-trace-node/);
  });

  test('keeps the faults of processors, samplers and id generators away from the caller', () => {
    const recorder = new RecordingProcessor();
    const fault = () => {
      throw new Error('boom');
    };
    const engine = createSdkEngine({
      spanProcessors: [
        { onStart: fault, onEnding: fault, onEnd: fault, forceFlush: fault, shutdown: fault },
        recorder,
      ],
      sampler: { shouldSample: fault, toString: fault },
      idGenerator: { generateTraceId: fault, generateSpanId: () => 'not an id' },
    });
    engine.provider.getTracer('t').startSpan('s').end();
    expect(recorder.ended).toHaveLength(1);
    expect(trace.isSpanContextValid(recorder.ended[0]!.spanContext())).toBe(true);
    expect(messages.filter((line) => line.includes('SPW_CALLBACK'))).toHaveLength(6);
  });

  test('flushes and shuts down every processor though one fails, and shuts down once', async () => {
    const recorder = new RecordingProcessor();
    const failing = new RecordingProcessor();
    failing.forceFlush = () => Promise.reject(new Error('no flush'));
    failing.shutdown = () => {
      throw new Error('no shutdown');
    };
    const engine = createSdkEngine({ spanProcessors: [failing, recorder] });
    await engine.forceFlush();
    await engine.shutdown();
    await engine.shutdown();
    expect(recorder.calls).toEqual(['forceFlush', 'shutdown']);
    expect(messages.some((line) => line.includes('no flush'))).toBe(true);
    expect(messages.some((line) => line.includes('no shutdown'))).toBe(true);
  });
});
