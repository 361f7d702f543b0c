/**
 * The export pipeline: a span processor from which nothing gets lost between a span's end and the backend.
 *
 * A plain `SpanProcessor` for the providers of both OpenTelemetry lines. It stands in for `BatchSpanProcessor` and
 * the OTLP exporter, which drop spans over 2,048 waiting, everything at exit, whole batches for one bad span, and
 * resolve a flush while a batch is still on its way; each file here says which of these it cures.
 */
import { describeError, singleLine, warn, warnError } from '../diagnostics.js';
import { VERSION } from '../conventions.js';
import { compactSpan, type ReadableSpan, type SpanProcessor } from '../tracer/sdk-contract.js';
import { ASKED_COMPRESS_FROM_BYTES, COMPRESS_FROM_BYTES } from './compression.js';
import { Delivery } from './delivery.js';
import { joinExit, leaveExit, type ExitParticipant } from './exit-hooks.js';
import { fetchTransport } from './fetch-transport.js';
import { Groups } from './group-heads.js';
import { httpTransport } from './http-transport.js';
import { Ledger, type FlushResult } from './ledger.js';
import { jsonEncoder } from './otlp-json.js';
import { protobufEncoder } from './otlp-protobuf.js';
import { atLeast, endpointOf, type PipelineOptions } from './pipeline-options.js';
import { backgroundTimer, builtin, hasRequestBoundIo } from './platform.js';
import { SpanQueue } from './queue.js';
import { Spool } from './spool.js';
import { quietly } from './quiet.js';
import type { SpanEncoder } from './span-encoder.js';
import type { Transport } from './transport.js';

export type { FlushResult } from './ledger.js';
export type { PipelineOptions } from './pipeline-options.js';

const MIB = 1_048_576;
const DEFAULT_FLUSH_MS = 10_000;
const SAMPLED = 1;

/**
 * Sends finished, sampled spans to an OTLP endpoint, and loses none that can be kept.
 *
 * A backend that does not answer or refuses spans is reported as `SPW_EXPORT`, spans that found no room as `SPW_DROPPED`.
 *
 * @example
 * ```ts
 * import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
 * import { ExportPipeline } from 'spanwise';
 *
 * const pipeline = new ExportPipeline({ url: 'http://localhost:4318/v1/traces' });
 * const provider = new BasicTracerProvider({ spanProcessors: [pipeline] });
 * provider.getTracer('shop').startSpan('order').end();
 * const { ok, delivered } = await pipeline.flush({ timeoutMs: 5_000 });
 * console.log(ok, delivered); // true 1
 * await provider.shutdown();
 * ```
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 * @category Export
 */
export class ExportPipeline implements SpanProcessor {
  readonly #encoder: SpanEncoder;
  readonly #queue: SpanQueue;
  readonly #ledger = new Ledger();
  readonly #groups = new Groups();
  readonly #delivery: Delivery;
  readonly #quietly = quietly();
  readonly #options: PipelineOptions;
  readonly #maxSpanBytes: number;
  readonly #delayMs: number;
  readonly #exitTimeoutMs: number;
  readonly #immediate: boolean;
  readonly #requestBound = hasRequestBoundIo();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a pump is about to happen. */
  #soon = false;
  #dropped = 0;
  #shutdown: Promise<void> | undefined;
  readonly #participant: ExitParticipant;
  readonly #spool: Spool | undefined;
  #recovering: Promise<void> | undefined;
  readonly #deadlines = new Set<{ readonly at: number; readonly end: () => void }>();

  /**
   * @param options where to send spans and how much may wait; only `url` is required
   * @throws SpanwiseError `SPW_OPTION` if the URL is none
   */
  constructor(options: PipelineOptions) {
    this.#options = options;
    const url = endpointOf(options.url);
    this.#encoder = options.protocol === 'http/json' ? jsonEncoder : protobufEncoder;
    const maxQueueBytes = atLeast(options.maxQueueBytes, 1, 48 * MIB);
    const maxBatchBytes = Math.min(atLeast(options.maxBatchBytes, 1, MIB), maxQueueBytes);
    this.#maxSpanBytes = Math.min(atLeast(options.maxSpanBytes, 1_024, 2 * MIB), maxQueueBytes);
    this.#immediate = options.mode === 'immediate';
    this.#delayMs = atLeast(options.scheduledDelayMs, 0, 1_000);
    this.#exitTimeoutMs = atLeast(options.exitTimeoutMs, 0, 2_000);
    this.#spool = this.#openSpool(url);
    this.#queue = new SpanQueue(
      {
        maxQueueBytes,
        maxQueueSpans: atLeast(options.maxQueueSpans, 1, Infinity),
        maxBatchBytes,
        maxBatchSpans: atLeast(options.maxBatchSpans, 1, 2_048),
      },
      this.#encoder,
      (ticket) => this.#ledger.enter(ticket),
      this.#spool,
    );
    const concurrency = atLeast(options.concurrency, 1, 4);
    const endpoint = singleLine(`${url.origin}${url.pathname}`, 200);
    this.#delivery = new Delivery(this.#queue, this.#ledger, transportFor(url, concurrency), this.#quietly, {
      headers: () => this.#headers(),
      compressFrom: compressFrom(options.compression, url),
      requestTimeoutMs: atLeast(options.requestTimeoutMs, 1, 10_000),
      concurrency,
      requestBound: this.#requestBound,
      endpoint,
      onLost: (count, reason) => this.#tell(count, reason),
    });
    this.#participant = {
      exitTimeoutMs: this.#exitTimeoutMs,
      pending: () => this.#ledger.pending,
      flush: (limits) => this.flush(limits),
      kick: () => this.#kick(),
      exitJobs: () => this.#delivery.exitJobs(url.href),
      survived: () => this.#delivery.goOn(),
      exitOver: () => this.#giveUp('the process ended before they were delivered'),
    };
    if (this.#exitTimeoutMs > 0) joinExit(this.#participant);
    this.#delivery.onRefusal = (until) => {
      for (const { at, end } of this.#deadlines) if (until > at) end();
    };
  }

  /** Nothing happens at a span's start. */
  onStart(): void {}

  /**
   * Takes a finished span: it is encoded here and now, so that nothing it holds is kept or changed afterwards.
   *
   * @param span a span of either OpenTelemetry line; those not sampled are passed over
   */
  onEnd(span: ReadableSpan): void {
    try {
      if (((compactSpan(span)?.identity ?? span.spanContext()).traceFlags & SAMPLED) === 0) return;
      if (this.#shutdown !== undefined) {
        this.#drop('it ended after the shutdown');
        return;
      }
      const { record, truncated } = this.#encoder.encode(span, this.#maxSpanBytes);
      if (truncated) {
        const what = `span “${singleLine(span.name, 80)}” is over ${this.#maxSpanBytes} bytes and was cut`;
        warn('SPW_SPAN_LIMIT', `${what}; record less or raise maxSpanBytes`, span.name);
      }
      if (!this.#queue.offer(record, this.#groups.of(span.resource, span.instrumentationScope))) {
        this.#drop('the queue is full');
        return;
      }
    } catch (error) {
      this.#drop(`span “${nameOf(span)}” could not be encoded (${describeError(error)})`);
      return;
    }
    this.#schedule();
  }

  /**
   * Sends what has ended so far and waits for the backend's answer.
   *
   * @param options `timeoutMs`: how long to wait, 10,000 ms unless given
   * @returns what became of every span that ended before the call and since the last flush; never rejects
   */
  async flush(options: { timeoutMs?: number } = {}): Promise<FlushResult> {
    const timeoutMs = atLeast(options.timeoutMs, 0, DEFAULT_FLUSH_MS);
    const at = performance.now() + timeoutMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // This timer also keeps the process alive for as long as someone waits.
    const entry = { at, end: () => {} };
    const deadline = new Promise<void>((resolve) => {
      entry.end = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    this.#deadlines.add(entry);
    try {
      this.#kick();
      if (this.#delivery.refusedUntil > at) entry.end();
      const recovered = (this.#spool?.found ?? 0) > 0 ? this.#recover() : undefined;
      const [result] = await Promise.all([
        this.#ledger.flush(deadline),
        recovered === undefined ? undefined : Promise.race([recovered, deadline]),
      ]);
      return result;
    } finally {
      clearTimeout(timer);
      this.#deadlines.delete(entry);
    }
  }

  /**
   * Like `flush`, as OpenTelemetry's providers call it.
   *
   * @returns resolves in any case, because providers pass a rejection on to code that never asked for it; spans that
   * could not be delivered are reported as `SPW_EXPORT`, and `flush` returns them
   */
  async forceFlush(): Promise<void> {
    const { ok, failed, dropped } = await this.flush();
    if (!ok) warn('SPW_EXPORT', `a flush left ${failed} spans undelivered and ${dropped} dropped`, 'flush');
  }

  /**
   * Delivers what it can within the time, then stops for good.
   *
   * @param options `timeoutMs`: how long that may take, 2,000 ms unless given
   * @returns resolves in any case; the second call returns the same promise
   */
  shutdown(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#shutdown ??= this.#stop(atLeast(options.timeoutMs, 0, this.#exitTimeoutMs));
    return this.#shutdown;
  }

  async #stop(timeoutMs: number): Promise<void> {
    try {
      await this.flush({ timeoutMs });
      clearTimeout(this.#timer);
      await this.#delivery.stop();
      this.#giveUp('the pipeline was shut down before they were delivered');
      this.#spool?.close();
    } catch (error) {
      warnError('SPW_INTERNAL', 'the export pipeline did not stop cleanly', error);
    } finally {
      leaveExit(this.#participant);
    }
  }

  #openSpool(url: URL): Spool | undefined {
    const { spool, headers } = this.#options;
    if (spool === undefined || spool === false) return undefined;
    const chosen = typeof spool === 'string' ? { directory: spool } : spool === true ? undefined : spool;
    // Another account's spans must not be sent with this one's key. Headers from a function change while the account
    // stays the same.
    const account = typeof headers === 'object' ? JSON.stringify(Object.entries(headers).sort()) : '';
    const opened = new Spool({
      directory: chosen?.directory,
      maxBytes: atLeast((chosen as { maxBytes?: number } | undefined)?.maxBytes, 1, 256 * MIB),
      destination: `${url.href} ${account}`,
      protocol: this.#encoder.protocol,
      // Written before a slow resource is complete: what is missing then is missing only after a crash.
      headOf: (group) => this.#delivery.heads.of(group, this.#encoder),
    });
    opened.onFound = () => void this.#recover();
    queueMicrotask(() => this.#quietly(() => opened.watch()));
    return opened;
  }

  /** Sends what dead processes left, one batch after the other, so that little of it is in memory at once. */
  #recover(): Promise<void> {
    this.#recovering ??= this.#recoverAll().finally(() => (this.#recovering = undefined));
    return this.#recovering;
  }

  async #recoverAll(): Promise<void> {
    try {
      while (this.#shutdown === undefined) {
        const batch = await this.#spool?.recover();
        if (batch === undefined) return;
        const { ticket } = batch;
        const settled = new Promise<void>((resolve) => {
          const before = ticket.onSettled;
          ticket.onSettled = (done) => {
            before?.(done);
            resolve();
          };
        });
        this.#queue.add(batch);
        this.#delivery.pump(false);
        await settled;
      }
    } catch (error) {
      warnError('SPW_INTERNAL', 'spooled spans could not be recovered', error);
    }
  }

  #giveUp(reason: string): void {
    this.#delivery.giveUpAll(reason, (batch) => this.#spool?.keep(batch) === true);
  }

  /** Sends what there is now. */
  #kick(): void {
    this.#delivery.wake();
    this.#queue.seal();
    this.#delivery.pump(true);
  }

  /**
   * Arranges that the span is sent, but not on the stack of the one who ended it. Where a timer dies with the request
   * that is being served, nothing can be arranged: there, spans wait for a flush.
   */
  #schedule(): void {
    if (this.#requestBound) return;
    if (this.#immediate || this.#queue.full) {
      if (this.#soon) return;
      this.#soon = true;
      this.#quietly(() => soon(() => this.#pumpSoon()));
    } else {
      this.#timer ??= this.#quietly(() => backgroundTimer(() => this.#pumpDue(), this.#delayMs));
    }
  }

  #pumpSoon(): void {
    this.#soon = false;
    this.#delivery.pump(this.#immediate);
    // The batch that is not full yet has its own time.
    if (!this.#queue.empty) this.#timer ??= backgroundTimer(() => this.#pumpDue(), this.#delayMs);
  }

  #pumpDue(): void {
    this.#timer = undefined;
    this.#delivery.pump(true);
    if (!this.#queue.empty) this.#timer = backgroundTimer(() => this.#pumpDue(), this.#delayMs);
  }

  #headers(): Record<string, string> {
    const own = { 'user-agent': `spanwise/${VERSION}` };
    const { headers } = this.#options;
    if (typeof headers !== 'function') return { ...own, ...headers };
    try {
      return { ...own, ...headers() };
    } catch (error) {
      warnError('SPW_CALLBACK', 'headers() of the export pipeline threw', error);
      return own;
    }
  }

  #drop(reason: string): void {
    this.#dropped++;
    this.#ledger.drop(1);
    warn('SPW_DROPPED', `${this.#dropped} spans dropped so far: ${reason}`, 'dropped');
    this.#tell(1, reason);
  }

  #tell(count: number, reason: string): void {
    if (this.#options.onDrop === undefined) return;
    try {
      this.#options.onDrop(count, reason);
    } catch (error) {
      warnError('SPW_CALLBACK', 'onDrop of the export pipeline threw', error);
    }
  }
}

function transportFor(url: URL, connections: number): Transport {
  // Kept-alive connections would belong to the request that opened them.
  if (hasRequestBoundIo()) return fetchTransport(url);
  const http = url.protocol === 'https:' ? builtin('node:https') : builtin('node:http');
  return http === undefined ? fetchTransport(url) : httpTransport(http as never, url, connections);
}

/** On one machine there is no network to save. */
function compressFrom(compression: 'gzip' | 'none' | undefined, url: URL): number {
  if (compression === 'none') return Infinity;
  if (compression === undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname))
    return Infinity;
  return compression === undefined ? COMPRESS_FROM_BYTES : ASKED_COMPRESS_FROM_BYTES;
}

function nameOf(span: ReadableSpan): string {
  try {
    return singleLine(span.name, 80);
  } catch {
    return '?';
  }
}

function soon(callback: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(callback);
  else setTimeout(callback, 0);
}
