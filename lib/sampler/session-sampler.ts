/**
 * A sampler that keeps or drops whole sessions.
 */
import {
  createTraceState,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type SpanContext,
  type SpanKind,
} from '@opentelemetry/api';
import { identityOf } from '../context/identity.js';
import { ATTR_OTEL_SESSION_ID, ATTR_SESSION_ID } from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import { ownerOf } from '../tracer/owner.js';
import { SamplingDecision, type Sampler, type SamplingResult } from '../tracer/sdk-contract.js';
import { SessionRateLimit } from './rate-limit.js';
import { compileRules, isRatio, type CompiledRule, type SamplingRule } from './rules.js';
import {
  reaches,
  sessionRandomness,
  thresholdOf,
  toHex,
  traceRandomness,
  type Randomness,
} from './session-hash.js';

/**
 * How sessions are sampled.
 *
 * @category Sampling
 */
export interface SessionSamplerOptions {
  /** The share of sessions that is kept, 0 to 1. @default 1 */
  ratio?: number;
  /** Exceptions from the ratio; the first that matches decides. */
  rules?: readonly SamplingRule[];
  /**
   * New sessions per second that are kept at most, in this process. Set it where sessions begin: other services
   * follow through their parents.
   */
  rateLimit?: number;
  /**
   * Traces of dropped sessions are exported all the same if a span of this process fails in them. Until then their
   * spans are recorded and held back, which costs as much as keeping them, except for the export. A tracer whose
   * `sampler` this is does so with its own exporter; processors of yours need `keepErrors` around them. @default false
   */
  keepErrors?: boolean;
  /** Asked about traces without a session. @default the same ratio, by trace id */
  fallback?: Sampler;
  /**
   * What a caller's decision counts: `follow` keeps what the caller keeps and drops what it drops, so that no trace is
   * torn; `ignore` lets the session decide again. A span's parent in the same process is always followed.
   * @default 'follow'
   */
  remoteParent?: 'follow' | 'ignore';
}

const OPTIONS: ReadonlySet<string> = new Set([
  'ratio',
  'rules',
  'rateLimit',
  'keepErrors',
  'fallback',
  'remoteParent',
]);

function complain(what: string): void {
  warn('SPW_OPTION', `sessionSampler: ${what}`, `sampler:${what}`);
}

/** OpenTelemetry's own entry of the trace state. */
const TRACE_STATE_KEY = 'ot';

class SessionSampler implements Sampler {
  /** Asks whoever exports for this sampler to let failed traces through. */
  readonly keepsErrors: boolean;
  private readonly ratio: number;
  private readonly rules: readonly CompiledRule[];
  private readonly limit: SessionRateLimit | undefined;
  private readonly dropped: SamplingResult;
  private readonly fallback: Sampler | undefined;
  private readonly ignoreRemote: boolean;

  constructor(options: SessionSamplerOptions) {
    for (const key of Object.keys(options)) if (!OPTIONS.has(key)) complain(`there is no option "${key}"`);
    const { ratio = 1, rateLimit, keepErrors, fallback, remoteParent = 'follow' } = options;
    if (!isRatio(ratio)) complain('ratio must be 0 to 1; every session is kept');
    this.ratio = isRatio(ratio) ? ratio : 1;
    this.rules = compileRules(options.rules);
    const limited = typeof rateLimit === 'number' && rateLimit > 0 && Number.isFinite(rateLimit);
    if (rateLimit !== undefined && !limited)
      complain('rateLimit must be a number above 0; there is no limit');
    this.limit = limited ? new SessionRateLimit(rateLimit) : undefined;
    this.keepsErrors = keepErrors === true;
    this.dropped = { decision: this.keepsErrors ? SamplingDecision.RECORD : SamplingDecision.NOT_RECORD };
    const delegates = typeof fallback?.shouldSample === 'function';
    if (fallback !== undefined && !delegates) complain('fallback is no sampler; the ratio is used');
    this.fallback = delegates ? fallback : undefined;
    if (remoteParent !== 'follow' && remoteParent !== 'ignore')
      complain('remoteParent must be follow or ignore');
    this.ignoreRemote = remoteParent === 'ignore';
  }

  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    try {
      const parent = trace.getSpanContext(context);
      if (
        parent !== undefined &&
        trace.isSpanContextValid(parent) &&
        !(parent.isRemote && this.ignoreRemote)
      ) {
        return this.follow(parent);
      }
      const sessionId = sessionOf(context, attributes);
      const randomness = sessionId === undefined ? traceRandomness(traceId) : sessionRandomness(sessionId);
      const rule = this.rules.find((candidate) => candidate.matches(spanName, attributes));
      if (rule === undefined && sessionId === undefined && this.fallback !== undefined) {
        return this.ask(this.fallback.shouldSample(context, traceId, spanName, spanKind, attributes, links));
      }
      return this.decide(
        rule?.keep ?? this.ratio,
        randomness,
        sessionId ?? traceId,
        sessionId !== undefined,
        parent,
      );
    } catch (error) {
      warnError('SPW_INTERNAL', 'the sampler failed and the span was kept', error);
      return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    }
  }

  private follow(parent: SpanContext): SamplingResult {
    // The parent's trace state goes on with the span by itself only if a sampler hands it on.
    const { traceState } = parent;
    if ((parent.traceFlags & TraceFlags.SAMPLED) === 0) return { ...this.dropped, traceState };
    return { decision: SamplingDecision.RECORD_AND_SAMPLED, traceState };
  }

  /** Another sampler's answer; what it drops may still be wanted for its errors. */
  private ask(answer: SamplingResult): SamplingResult {
    return answer.decision === SamplingDecision.NOT_RECORD
      ? { ...answer, decision: this.dropped.decision }
      : answer;
  }

  private decide(
    keep: boolean | number,
    randomness: Randomness,
    session: string,
    explicit: boolean,
    parent: SpanContext | undefined,
  ): SamplingResult {
    const threshold = typeof keep === 'number' ? thresholdOf(keep) : undefined;
    const always = keep === true;
    const kept = always || (threshold !== undefined && keep !== 0 && reaches(randomness, threshold));
    if (!kept || (!always && this.limit?.admits(session) === false)) {
      return { ...this.dropped, traceState: parent?.traceState };
    }
    // Behind a rate limit nobody knows how many sessions one stands for.
    const known = this.limit === undefined || always;
    const state = parent?.traceState ?? createTraceState();
    const value = probability(
      state.get(TRACE_STATE_KEY),
      explicit ? randomness : undefined,
      known ? (threshold ?? thresholdOf(1)) : undefined,
    );
    return {
      decision: SamplingDecision.RECORD_AND_SAMPLED,
      traceState: value === '' ? state : state.set(TRACE_STATE_KEY, value),
    };
  }

  toString(): string {
    const parts = [`ratio=${this.ratio}`];
    if (this.rules.length > 0) parts.push(`rules=${this.rules.length}`);
    if (this.limit !== undefined) parts.push('rateLimit');
    if (this.fallback !== undefined) parts.push(`fallback=${String(this.fallback)}`);
    return `SessionSampler{${parts.join(',')}}`;
  }
}

/** `th:…;rv:…`: with what probability the trace was kept, and the session's randomness for samplers downstream. */
function probability(
  before: string | undefined,
  randomness: Randomness | undefined,
  threshold: Randomness | undefined,
): string {
  const parts = (before ?? '').split(';').filter((part) => part !== '' && !/^(?:th|rv):/.test(part));
  if (threshold !== undefined) parts.push(`th:${toHex(threshold).replace(/0+$/, '') || '0'}`);
  if (randomness !== undefined) parts.push(`rv:${toHex(randomness)}`);
  return parts.join(';');
}

function sessionOf(context: Context, attributes: Attributes): string | undefined {
  const { sessionId } = identityOf(context, ownerOf(context)?.identity);
  if (sessionId !== undefined) return sessionId;
  const attribute = attributes[ATTR_SESSION_ID] ?? attributes[ATTR_OTEL_SESSION_ID];
  return typeof attribute === 'string' && attribute !== '' ? attribute : undefined;
}

/**
 * A sampler that keeps or drops whole sessions, by a hash of the session's id that is the same in every service.
 *
 * A session kept at a ratio of 0.1 is also kept at 0.5, so services with different ratios never tear one. Rules
 * look at a trace's first span in this service. The tracer's own session is one session: a process that never gets
 * or makes another is kept or dropped as a whole. It is an OpenTelemetry sampler: use it alone, as the `root` of a
 * `ParentBasedSampler`, or with another one as its `fallback`. With `keepErrors` use it alone: a `ParentBasedSampler`
 * would not record the children of an unsampled span.
 *
 * The hash: `murmur3_32(utf8(id), 0) · 2²⁴ + ⌊murmur3_32(utf8(id), 1) / 2⁸⌋`, kept if at least `(1 − ratio) · 2⁵⁶`.
 * It travels as `rv` in the `ot` entry of the trace state, the threshold as `th`.
 *
 * @param options see each field; what is unknown or bad is reported (`SPW_OPTION`) and left out
 * @returns a sampler for both lines of OpenTelemetry's SDK; it never throws
 * @example
 * ```ts
 * import { sessionSampler, SessionTracer, withSpan } from 'spanwise';
 *
 * SessionTracer.init({
 *   sessionId: '00000000-0000-4000-8000-000000000001',
 *   sampler: sessionSampler({ ratio: 1, rules: [{ name: 'GET /health*', keep: false }] }),
 * });
 * withSpan('GET /health', () => undefined);
 * withSpan('GET /orders', () => undefined);
 * ```
 * ```text
 * GET /orders [tool] session=00000000-0000-4000-8000-000000000001
 * ```
 * @see https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 * @category Sampling
 */
export function sessionSampler(options: SessionSamplerOptions = {}): Sampler {
  return new SessionSampler(typeof options === 'object' && options !== null ? options : {});
}
