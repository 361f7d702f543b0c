/**
 * Spanwise's public surface, in flow order. The folders, each knowing only those below it:
 *
 * ```text
 *   decorators/   6  what a user writes
 *   session/      5  SessionTracer: options, sessions, lifecycle
 *   span/         4  the life of a span
 *   propagation/  3  what travels between processes
 *   processor/    3  stamps identity on every span
 *   sampler/      3  rules that keep or drop whole sessions
 *   export/       3  nothing lost between a span's end and the backend
 *   honeyhive/    3  sessions and events at the backend
 *   engine/       3  where spans are made
 *   tracer/       2  who owns a span
 *   context/      1  what travels inside the process
 *   capture/      1  values → attributes
 *   conventions   0  every name; diagnostics: everything we say
 * ```
 *
 * @module spanwise
 */

// decorators
export { Trace } from './decorators/trace.js';
export { DistributedEntry } from './decorators/distributed-entry.js';
export { Enrich } from './decorators/enrich.js';
export type { Decorator } from './decorators/decorator-types.js';
export type { EntryOptions, Payload, TraceOptions } from './decorators/options.js';

// session
export { SessionTracer } from './session/session-tracer.js';
export type { Instrumentation, SessionTracerConfig, SessionTracerOptions } from './session/options.js';
export {
  enrichSession,
  withSession,
  type SessionOptions,
  type SessionPayload,
} from './session/with-session.js';
export { tracerRegistry } from './tracer/registry.js';
export type { OwnerSettings, SpanOwner, Trust } from './tracer/owner.js';

// span
export { withSpan, type WithSpanOptions } from './span/with-span.js';
export { trace, type FunctionTraceOptions } from './span/trace-function.js';
export { enrichSpan, enrichSpanContext, type SpanPayload } from './span/enrich-span.js';

// tracer
export type {
  ReadableSpan,
  Sampler,
  SpanExporter,
  SpanLimits,
  SpanProcessor,
  WritableSpan,
} from './tracer/sdk-contract.js';

// context
export { getBaggage, withBaggage } from './context/baggage.js';
export { bindContext } from './context/bind.js';
export type { Identity, IdentityDefaults, IdentityKeys } from './context/identity.js';

// propagation
export {
  extractContextFromCarrier,
  injectContextIntoCarrier,
  withDistributedTraceContext,
} from './propagation/propagate.js';
export type { BaggageAllowList } from './propagation/admit.js';
export { SpanwisePropagator, type PropagatorOptions } from './propagation/propagator.js';

// processor
export { IdentitySpanProcessor } from './processor/identity-span-processor.js';

// sampler
export { sessionSampler, type SessionSamplerOptions } from './sampler/session-sampler.js';
export { keepErrors, type KeepErrorsOptions } from './sampler/keep-errors.js';
export type { AttributeMatch, SamplingRule } from './sampler/rules.js';

// export
export { ExportPipeline, type FlushResult, type PipelineOptions } from './export/pipeline.js';

// backend
export { HoneyHiveClient, type HoneyHiveClientOptions } from './honeyhive/client.js';
export { waitForEvents } from './honeyhive/wait-for-events.js';
export { whereIs, type EventFilter } from './honeyhive/filter.js';
export type { HoneyHiveEvent, JsonObject } from './honeyhive/event.js';

// capture
export type { Redactor, RedactOption, RedactRules } from './capture/redact.js';

export type { EventType } from './conventions.js';
export { SpanwiseError, type DiagnosticCode } from './diagnostics.js';
