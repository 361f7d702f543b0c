/**
 * Guards around what users plug in: a processor, sampler or id generator that throws is reported, and the traced
 * call goes on as if it had not been there.
 */
import {
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type SpanKind,
} from '@opentelemetry/api';
import { warn, warnError } from '../diagnostics.js';
import {
  SamplingDecision,
  type IdGenerator,
  type Sampler,
  type SamplingResult,
  type SpanProcessor,
} from '../tracer/sdk-contract.js';

/** A processor whose faults stay inside. */
export class GuardedProcessor implements SpanProcessor {
  /** Present only if the processor has one, because the SDK calls what it finds. */
  readonly onEnding?: (span: any) => void;

  constructor(private readonly inner: SpanProcessor) {
    if (typeof inner.onEnding === 'function') {
      this.onEnding = (span) => {
        try {
          inner.onEnding!(span);
        } catch (error) {
          warnError('SPW_CALLBACK', "a span processor's onEnding failed", error);
        }
      };
    }
  }

  onStart(span: any, parentContext: Context): void {
    try {
      this.inner.onStart(span, parentContext);
    } catch (error) {
      warnError('SPW_CALLBACK', "a span processor's onStart failed", error);
    }
  }

  onEnd(span: any): void {
    try {
      this.inner.onEnd(span);
    } catch (error) {
      warnError('SPW_CALLBACK', "a span processor's onEnd failed", error);
    }
  }

  async forceFlush(): Promise<void> {
    await this.inner.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.inner.shutdown();
  }
}

/** A sampler whose faults stay inside; see {@link sampleSafely}. */
export class GuardedSampler implements Sampler {
  constructor(private readonly inner: Sampler) {}

  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    return sampleSafely(this.inner, context, traceId, spanName, spanKind, attributes, links);
  }

  toString(): string {
    try {
      return String(this.inner);
    } catch {
      return 'a sampler without a description';
    }
  }
}

/**
 * Asks a sampler. One that throws, or answers with something else than a decision, is reported, and the span is
 * sampled as its parent was, a root always: losing traces would be worse than having too many.
 */
export function sampleSafely(
  sampler: Sampler,
  context: Context,
  traceId: string,
  spanName: string,
  spanKind: SpanKind,
  attributes: Attributes,
  links: Link[],
): SamplingResult {
  try {
    const result = sampler.shouldSample(
      context,
      traceId,
      spanName,
      spanKind,
      attributes,
      links,
    ) as SamplingResult;
    const decision = result.decision;
    if (decision === 0 || decision === 1 || decision === 2) return result;
    warn('SPW_CALLBACK', 'the sampler answered without a decision; the parent’s is used', 'sampler-decision');
  } catch (error) {
    warnError('SPW_CALLBACK', 'the sampler failed; the parent’s decision is used', error);
  }
  const parent = trace.getSpanContext(context);
  const sampled =
    parent === undefined ||
    !trace.isSpanContextValid(parent) ||
    (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
  return { decision: sampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;

/** An id generator whose faults stay inside: where it throws or makes an invalid id, a random one is used. */
export class GuardedIdGenerator implements IdGenerator {
  constructor(
    private readonly inner: IdGenerator,
    private readonly fallback: IdGenerator,
  ) {}

  generateTraceId = (): string => {
    try {
      const id: unknown = this.inner.generateTraceId();
      if (typeof id === 'string' && TRACE_ID.test(id)) return id;
      warn('SPW_CALLBACK', 'the id generator made an invalid trace id; a random one is used', 'trace-id');
    } catch (error) {
      warnError('SPW_CALLBACK', 'the id generator failed; a random id is used', error);
    }
    return this.fallback.generateTraceId();
  };

  generateSpanId = (): string => {
    try {
      const id: unknown = this.inner.generateSpanId();
      if (typeof id === 'string' && SPAN_ID.test(id)) return id;
      warn('SPW_CALLBACK', 'the id generator made an invalid span id; a random one is used', 'span-id');
    } catch (error) {
      warnError('SPW_CALLBACK', 'the id generator failed; a random id is used', error);
    }
    return this.fallback.generateSpanId();
  };
}
