/**
 * What a span is called: its ids, flags and trace state, kept as numbers until someone reads them.
 */
import { TraceFlags, type SpanContext, type TraceState } from '@opentelemetry/api';
import type { ByteSink, CompactIdentity } from '../tracer/sdk-contract.js';
import { anchorAt, type Anchor } from './clock.js';
import { hex64, random32, randomNonZero32 } from './ids.js';

/** W3C trace context level 2: the trace id is random in its last 7 bytes. */
export const RANDOM_FLAG = 0x02;

/** What the spans of one trace share inside this process: the trace id, and the anchor of their clock. */
export class LocalTrace {
  readonly anchor: Anchor;
  private text: string;
  private readonly w0: number;
  private readonly w1: number;
  private readonly w2: number;
  private readonly w3: number;

  /**
   * @param now the monotonic clock, in milliseconds
   * @param traceId a given trace id, 32 hexadecimal digits; a random one is made when first read unless given
   */
  constructor(now: number, traceId: string = '') {
    this.anchor = anchorAt(now);
    this.text = traceId;
    // Drawn at once and kept as small integers: drawing later would make the id depend on who looks first.
    const random = traceId === '';
    this.w0 = random ? random32() : 0;
    this.w1 = random ? random32() : 0;
    this.w2 = random ? random32() : 0;
    this.w3 = random ? randomNonZero32() : 0;
  }

  /** Writes the trace id, without making a text of it. */
  write(sink: ByteSink): void {
    if (this.text === '') sink.id128(this.w0, this.w1, this.w2, this.w3);
    else sink.hex(this.text);
  }

  get traceId(): string {
    if (this.text === '') this.text = hex64(this.w0, this.w1) + hex64(this.w2, this.w3);
    return this.text;
  }
}

/**
 * A span's context, which is also its own `SpanContext`: the ids become text at the first `read`.
 *
 * What makes the text is private by `#`, so that a copy or a comparison of the context sees the four fields of the
 * interface and nothing else.
 */
export class SpanIdentity implements SpanContext, CompactIdentity {
  traceId = '';
  spanId: string;
  readonly traceFlags: number;
  readonly traceState: TraceState | undefined;
  readonly #trace: LocalTrace;
  readonly #high: number;
  readonly #low: number;

  constructor(trace: LocalTrace, flags: number, traceState: TraceState | undefined, spanId: string = '') {
    this.spanId = spanId;
    this.traceFlags = flags;
    this.traceState = traceState;
    this.#trace = trace;
    this.#high = random32();
    this.#low = randomNonZero32();
  }

  get trace(): LocalTrace {
    return this.#trace;
  }

  get sampled(): boolean {
    return (this.traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  writeTraceId(sink: ByteSink): void {
    this.#trace.write(sink);
  }

  writeSpanId(sink: ByteSink): void {
    if (this.spanId === '') sink.id64(this.#high, this.#low);
    else sink.hex(this.spanId);
  }

  /** The context with its ids as text. */
  read(): SpanContext {
    if (this.traceId === '') {
      if (this.spanId === '') this.spanId = hex64(this.#high, this.#low);
      this.traceId = this.#trace.traceId;
    }
    return this;
  }
}
