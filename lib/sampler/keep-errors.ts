/**
 * Keeps the spans of failed traces that the sampler dropped.
 */
import { SpanStatusCode, TraceFlags, type Context, type SpanContext } from '@opentelemetry/api';
import { warn } from '../diagnostics.js';
import type { ReadableSpan, Sampler, SpanProcessor } from '../tracer/sdk-contract.js';

/**
 * How much is held back while nobody knows yet whether a trace fails.
 *
 * @category Sampling
 */
export interface KeepErrorsOptions {
  /** Traces at a time; the oldest gives way. @default 1000 */
  maxTraces?: number;
  /** Ended spans of one trace; the oldest give way. @default 100 */
  maxSpansPerTrace?: number;
}

interface Pending {
  /** Spans of the trace that run in this process. */
  open: number;
  failed: boolean;
  readonly ended: ReadableSpan[];
}

function positive(value: number | undefined, fallback: number): number {
  return typeof value === 'number' && value >= 1 ? Math.floor(value) : fallback;
}

class ErrorKeeper implements SpanProcessor {
  private readonly traces = new Map<string, Pending>();
  private readonly maxTraces: number;
  private readonly maxSpans: number;

  constructor(
    private readonly next: SpanProcessor,
    options: KeepErrorsOptions,
  ) {
    this.maxTraces = positive(options.maxTraces, 1_000);
    this.maxSpans = positive(options.maxSpansPerTrace, 100);
  }

  onStart(span: ReadableSpan, parentContext: Context): void {
    this.next.onStart(span, parentContext);
    const { traceId, traceFlags } = span.spanContext();
    if ((traceFlags & TraceFlags.SAMPLED) !== 0) return;
    const pending = this.traces.get(traceId);
    if (pending !== undefined) {
      pending.open++;
      return;
    }
    if (this.traces.size >= this.maxTraces) this.forgetOldest();
    this.traces.set(traceId, { open: 1, failed: false, ended: [] });
  }

  onEnding(span: ReadableSpan): void {
    this.next.onEnding?.(span);
  }

  onEnd(span: ReadableSpan): void {
    const context = span.spanContext();
    if ((context.traceFlags & TraceFlags.SAMPLED) !== 0) {
      this.next.onEnd(span);
      return;
    }
    const failed = span.status.code === SpanStatusCode.ERROR;
    const pending = this.traces.get(context.traceId);
    if (pending === undefined) {
      // Its trace had to give way; what failed is kept without the rest.
      if (failed) this.next.onEnd(asSampled(span, context));
      return;
    }
    pending.open--;
    pending.failed ||= failed;
    pending.ended.push(span);
    if (pending.failed) this.forward(pending);
    else if (pending.ended.length > this.maxSpans) {
      pending.ended.shift();
      warn('SPW_DROPPED', 'a trace has more unsampled spans than keepErrors holds; raise maxSpansPerTrace');
    }
    if (pending.open <= 0) this.traces.delete(context.traceId);
  }

  private forward(pending: Pending): void {
    for (const span of pending.ended.splice(0)) this.next.onEnd(asSampled(span, span.spanContext()));
  }

  private forgetOldest(): void {
    for (const oldest of this.traces.keys()) {
      this.traces.delete(oldest);
      warn('SPW_DROPPED', 'more unsampled traces run than keepErrors holds; raise maxTraces');
      return;
    }
  }

  forceFlush(): Promise<void> {
    return this.next.forceFlush();
  }

  shutdown(): Promise<void> {
    this.traces.clear();
    return this.next.shutdown();
  }
}

/**
 * Whether a sampler records what it drops, so that `keepErrors` can find failed traces in it. A property tells, and not
 * the class, since another copy of this package may have made the sampler.
 */
export function wantsErrorsKept(sampler: Sampler | undefined): boolean {
  return (sampler as { keepsErrors?: unknown } | undefined)?.keepsErrors === true;
}

/** A copy that exporting processors take: they pass over what is not sampled. */
function asSampled(span: ReadableSpan, context: SpanContext): ReadableSpan {
  const sampled: SpanContext = { ...context, traceFlags: context.traceFlags | TraceFlags.SAMPLED };
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => sampled,
    parentSpanContext: span.parentSpanContext,
    startTime: span.startTime,
    endTime: span.endTime,
    status: span.status,
    attributes: span.attributes,
    links: span.links,
    events: span.events,
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

/**
 * Puts a processor behind one that forwards, of the traces that were dropped by `sessionSampler({ keepErrors: true })`,
 * those in which a span of this process fails. A tracer with such a sampler does this with its own exporter; this is
 * for processors and providers of your own.
 *
 * Spans of an unsampled trace are held back while any of them runs in this process. At the first that ends with
 * status ERROR all held ones are forwarded, and every later one as it ends; if none fails, they are forgotten when
 * the last one ends. Sampled spans go through at once.
 *
 * What it cannot do: call back spans of other services. Each keeps the failed traces that it sees fail itself, so a
 * kept error's trace may lack the parts of services in which nothing went wrong. Only a collector that sees all
 * services (tail sampling) can decide about a whole trace after the fact.
 *
 * @param next the processor that exports, such as a `BatchSpanProcessor`
 * @param options bounds of what is held; what does not fit is reported (`SPW_DROPPED`)
 * @example
 * ```ts
 * import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
 * import { IdentitySpanProcessor, keepErrors, sessionSampler, SessionTracer, withSpan } from 'spanwise';
 * import { recordSpans } from 'spanwise/testing';
 *
 * const exported = recordSpans(); // in the place of a processor that exports, such as ExportPipeline
 * const provider = new NodeTracerProvider({
 *   sampler: sessionSampler({ ratio: 0, keepErrors: true }),
 *   spanProcessors: [new IdentitySpanProcessor(), keepErrors(exported)],
 * });
 * SessionTracer.init({ project: 'shop', provider });
 *
 * withSpan('fine', () => 1);
 * try {
 *   withSpan('failing', () => JSON.parse('{'));
 * } catch {
 *   console.log(exported.spans.map(({ name }) => name).join()); // failing
 * }
 * ```
 * @category Sampling
 */
export function keepErrors(next: SpanProcessor, options: KeepErrorsOptions = {}): SpanProcessor {
  return new ErrorKeeper(next, options);
}
