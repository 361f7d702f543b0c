/**
 * The engine of our own: a tracer provider behind OpenTelemetry's interface, without the SDK.
 */
import type { Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api';
import { warn } from '../diagnostics.js';
import type { Resource, SpanProcessor } from '../tracer/sdk-contract.js';
import type { Engine, EngineOptions } from './engine.js';
import { completeLimits, samplerFromEnvironment } from './environment.js';
import { GuardedIdGenerator } from './guard.js';
import { randomIds } from './ids.js';
import type { EngineState } from './maker.js';
import { createResource } from './resource.js';
import { settleAll } from './settle-all.js';
import { SpanwiseTracer, type TracerSettings } from './tracer.js';

/** Hands out tracers, one per library; also what a user can flush and shut down as with the SDK's provider. */
export class SpanwiseTracerProvider implements TracerProvider {
  private readonly tracers = new Map<string, SpanwiseTracer>();
  private down: Promise<void> | undefined;

  /** @param settings of the engine */
  constructor(private readonly settings: TracerSettings) {}

  /** The resource of every span. */
  get resource(): Resource {
    return this.settings.state.resource;
  }

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    // An invalid name still gets a working tracer, as the specification asks.
    const scope = { name: typeof name === 'string' ? name : '', version, schemaUrl: options?.schemaUrl };
    if (scope.name === '') warn('SPW_ATTRIBUTE', 'a tracer was asked for without a name', 'tracer-name');
    const key = JSON.stringify([scope.name, scope.version, scope.schemaUrl]);
    let tracer = this.tracers.get(key);
    if (tracer === undefined) this.tracers.set(key, (tracer = new SpanwiseTracer(scope, this.settings)));
    return tracer;
  }

  forceFlush(): Promise<void> {
    return settleAll(this.settings.state.processors, 'forceFlush');
  }

  shutdown(): Promise<void> {
    this.settings.state.down = true;
    return (this.down ??= settleAll(this.settings.state.processors, 'shutdown'));
  }
}

/**
 * Builds spans with our own engine, which needs no SDK.
 *
 * @param options processors, resource, sampler, limits and ids
 * @returns the engine
 */
export function createSpanwiseEngine(options: EngineOptions): Engine {
  const processors: readonly SpanProcessor[] = [...options.spanProcessors];
  const state: EngineState = {
    resource: createResource(options.resource),
    limits: completeLimits(options.spanLimits),
    processors,
    endingProcessors: processors.filter((processor) => typeof processor.onEnding === 'function'),
    down: false,
  };
  const sampler = options.sampler ?? samplerFromEnvironment();
  const ids = options.idGenerator && new GuardedIdGenerator(options.idGenerator, randomIds);
  const provider = new SpanwiseTracerProvider({ state, sampler, ids });
  return {
    kind: 'spanwise',
    provider,
    resource: state.resource,
    parentBased: sampler === undefined,
    forceFlush: () => provider.forceFlush(),
    shutdown: () => provider.shutdown(),
  };
}
