/**
 * Becoming OpenTelemetry's global provider and propagator, without taking them from anyone.
 */
import {
  context,
  propagation,
  trace,
  type Context,
  type Span,
  type SpanOptions,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { warn } from '../diagnostics.js';
import { awaitLangChainCallbacks, reportLateGuard } from './langchain-callbacks.js';
import { ownerOf, type SpanOwner } from '../tracer/owner.js';
import { tracerRegistry } from '../tracer/registry.js';

/** OpenTelemetry's own table of globals; reading it is the only way to ask without registering. */
const API = Symbol.for('opentelemetry.js.api.1');

/** Whether someone has registered this kind of global. */
export function hasGlobal(kind: 'trace' | 'propagation' | 'context'): boolean {
  return (globalThis as { [API]?: Record<string, unknown> })[API]?.[kind] !== undefined;
}

/**
 * The provider that we register globally: it gives each span to the tracer that owns its context.
 *
 * Other libraries take their tracer once, at start-up; which session tracer a span of theirs belongs to is only
 * known when the span starts.
 */
export class RoutingTracerProvider implements TracerProvider {
  readonly isSpanwise = true;

  getTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer {
    const tracer = new RoutingTracer(name, version, options);
    if (awaitLangChainCallbacks(name)) tracer.watchFirstSpan();
    return tracer;
  }
}

class RoutingTracer implements Tracer {
  readonly #byOwner = new WeakMap<SpanOwner, Tracer>();
  #isNew = false;

  constructor(
    private readonly name: string,
    private readonly version: string | undefined,
    private readonly options: { schemaUrl?: string } | undefined,
  ) {}

  /** A span in the same turn means that the span is why the tracer was asked for. */
  watchFirstSpan(): void {
    this.#isNew = true;
    queueMicrotask(() => (this.#isNew = false));
  }

  startSpan(name: string, options?: SpanOptions, parent: Context = context.active()): Span {
    if (this.#isNew) reportLateGuard(this.name);
    return this.#tracer(parent).startSpan(name, options, parent);
  }

  startActiveSpan(name: string, ...rest: any[]): any {
    const fn = rest[rest.length - 1] as (span: Span) => unknown;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined;
    const parent = rest.length > 2 && rest[1] !== undefined ? (rest[1] as Context) : context.active();
    const span = this.startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), fn, undefined, span);
  }

  #tracer(parent: Context): Tracer {
    const owner = ownerOf(parent) ?? tracerRegistry.list().find((tracer) => tracer.takesGlobalSpans);
    if (owner === undefined) return NO_TRACER;
    let tracer = this.#byOwner.get(owner);
    if (tracer === undefined) {
      tracer = owner.provider.getTracer(this.name, this.version, this.options);
      this.#byOwner.set(owner, tracer);
    }
    return tracer;
  }
}

/** Makes what a span becomes where nobody makes any: one that records nothing and keeps its parent's id. */
export const NO_TRACER: Tracer = {
  startSpan(_name, _options, parent) {
    const remote = trace.getSpanContext(parent ?? context.active());
    return trace.wrapSpanContext(
      remote ?? { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 },
    );
  },
  startActiveSpan(name: string, ...rest: any[]): any {
    return (rest[rest.length - 1] as (span: Span) => unknown)(this.startSpan(name));
  },
};

/**
 * Registers provider and propagator globally where nobody has, and says so where somebody did.
 *
 * @param propagator the propagator to register
 * @param insist whether to report what could not be had
 */
export function registerGlobals(propagator: TextMapPropagator, insist: boolean): void {
  if (!hasGlobal('trace')) {
    trace.setGlobalTracerProvider(new RoutingTracerProvider());
    reportLaterRegistrations();
  } else if (insist && !isOurs()) {
    warn(
      'SPW_GLOBAL',
      'another tracer provider is registered globally, so spans of other libraries go there; pass it as `provider`, or add IdentitySpanProcessor to it',
      'provider',
    );
  }
  if (!hasGlobal('propagation')) propagation.setGlobalPropagator(propagator);
  else if (insist && !isOurs()) {
    warn(
      'SPW_GLOBAL',
      'another propagator is registered globally; entries and injectContextIntoCarrier use ours all the same',
      'propagator',
    );
  }
}

function isOurs(): boolean {
  const provider = trace.getTracerProvider() as { getDelegate?(): unknown; isSpanwise?: boolean };
  const delegate = (provider.getDelegate?.() ?? provider) as { isSpanwise?: boolean };
  return delegate.isSpanwise === true;
}

/** OpenTelemetry only tells its own logger, silent by default, when a later registration fails. */
function reportLaterRegistrations(): void {
  const original = trace.setGlobalTracerProvider as typeof trace.setGlobalTracerProvider & {
    isSpanwise?: true;
  };
  if (original.isSpanwise === true) return;
  const reporting = function (provider: TracerProvider): boolean {
    const taken = original.call(trace, provider);
    if (!taken) {
      warn(
        'SPW_GLOBAL',
        'someone tried to register another global tracer provider and was refused, because Spanwise is registered; init with { global: false } to leave the place to it',
        'later-provider',
      );
    }
    return taken;
  };
  trace.setGlobalTracerProvider = Object.assign(reporting, { isSpanwise: true as const });
}
