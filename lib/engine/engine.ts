/**
 * The engine contract: what makes spans for a tracer, whoever built it.
 *
 * Nothing outside this folder and the session knows whether OpenTelemetry's SDK or our own engine runs.
 */
import type { Attributes, TracerProvider } from '@opentelemetry/api';
import type { IdGenerator, Resource, Sampler, SpanLimits, SpanProcessor } from '../tracer/sdk-contract.js';

/** What an engine is built from. */
export interface EngineOptions {
  /**
   * Merged over the default resource. Values may be promises, and a resource of either SDK line is taken too.
   * @default service.name from OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES, else unknown_service
   */
  resource?: Attributes | Resource;
  /** @default OTEL_TRACES_SAMPLER, else parent-based with every root sampled */
  sampler?: Sampler;
  /** @default the OTEL_SPAN_* and OTEL_ATTRIBUTE_* limits, else 128 of each and no length limit */
  spanLimits?: SpanLimits;
  /** @default random ids */
  idGenerator?: IdGenerator;
  /** See every span in this order. */
  spanProcessors: readonly SpanProcessor[];
}

/** Makes spans: a provider and the lifecycle of what hangs on it. */
export interface Engine {
  readonly kind: 'sdk' | 'spanwise';
  readonly provider: TracerProvider;
  readonly resource: Resource;
  /** Whether a span below an unsampled one can be left out without asking: the default sampler decides. */
  readonly parentBased: boolean;
  /** Flushes every processor; one that fails is reported and stops no other. Never rejects. */
  forceFlush(): Promise<void>;
  /** Shuts every processor down once; one that fails is reported and stops no other. Never rejects. */
  shutdown(): Promise<void>;
}
