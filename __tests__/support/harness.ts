/** What most tests need: a real tracer that sends nothing, its spans, and its diagnostics. */
import { diag, propagation, trace } from '@opentelemetry/api';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { SessionTracer } from '../../lib/session/session-tracer.js';
import type { SessionTracerOptions } from '../../lib/session/options.js';
import { TEST_ENGINE } from './engine.js';
import { tracerRegistry } from '../../lib/tracer/registry.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { Recorder } from './recorder.js';

export { Recorder } from './recorder.js';
export { collectDiagnostics } from './diagnostics.js';

let count = 0;

/** A live tracer without network, and the recorder of its spans. */
export function startTracer(options: SessionTracerOptions = {}): {
  tracer: SessionTracer;
  recorder: Recorder;
} {
  const recorder = new Recorder();
  const tracer = SessionTracer.init({
    name: `test-${++count}`,
    project: 'test-project',
    source: 'test-source',
    testMode: true,
    engine: TEST_ENGINE,
    ...options,
    spanProcessors: [...(options.spanProcessors ?? []), recorder],
  });
  return { tracer, recorder };
}

/** Ends all tracers and gives the global places back. */
export async function shutdownAll(): Promise<void> {
  await Promise.all(tracerRegistry.list().map((tracer) => (tracer as SessionTracer).shutdown()));
  trace.disable();
  propagation.disable();
  resetDiagnostics();
  diag.disable();
}

/** The id of a span's parent. */
export function parentId(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}

export const spanId = (span: ReadableSpan): string => span.spanContext().spanId;
export const traceId = (span: ReadableSpan): string => span.spanContext().traceId;
