/**
 * The pipeline around someone else's exporter: the same bounded queue and truthful flush; retrying and encoding stay
 * the exporter's business.
 *
 * The stock processor in its place drops over 2,048 waiting spans silently and resolves a flush while an export is
 * still running.
 */
import { singleLine, warn, warnError, describeError } from '../diagnostics.js';
import type { ExportResult, ReadableSpan, SpanExporter, SpanProcessor } from '../tracer/sdk-contract.js';
import { joinExit, leaveExit, type ExitParticipant } from './exit-hooks.js';
import { Ledger, type FlushResult } from './ledger.js';
import { backgroundTimer } from './platform.js';
import { quietly } from './quiet.js';
import { Ticket } from './ticket.js';

/** How spans get to a user's exporter. */
export interface ExporterPipelineOptions {
  /** Any OpenTelemetry exporter, of either line. */
  exporter: SpanExporter;
  /** `immediate` exports each span at once. @default 'batch' */
  mode?: 'batch' | 'immediate';
  /** What may wait, in spans. @default 16384 */
  maxQueueSpans?: number;
  /** @default 512 */
  maxBatchSpans?: number;
  /** How long a span may wait for others, in milliseconds. @default 1000 */
  scheduledDelayMs?: number;
  /** How long one export may take, in milliseconds. @default 30000 */
  requestTimeoutMs?: number;
  /**
   * How long a shutdown, a natural end or a signal may wait, in milliseconds; 0 keeps out of the end. What waits at
   * `process.exit` or an uncaught error is lost, because an exporter cannot run then. @default 2000
   */
  exitTimeoutMs?: number;
  /** Is told about spans that will never be exported: how many, and why. */
  onDrop?: (count: number, reason: string) => void;
}

interface Pending {
  readonly spans: ReadableSpan[];
  readonly ticket: Ticket;
}

const SAMPLED = 1;

/**
 * Hands finished, sampled spans to an exporter in batches, one export at a time, as its contract asks.
 *
 * @example
 * const pipeline = new ExporterPipeline({ exporter: new ConsoleSpanExporter() });
 */
export class ExporterPipeline implements SpanProcessor {
  readonly #options: Required<Omit<ExporterPipelineOptions, 'onDrop'>> &
    Pick<ExporterPipelineOptions, 'onDrop'>;
  readonly #ledger = new Ledger();
  readonly #quietly = quietly();
  readonly #batches: Pending[] = [];
  /** Spans in the queue and on their way. */
  #waiting = 0;
  #dropped = 0;
  #running = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #shutdown: Promise<void> | undefined;
  readonly #participant: ExitParticipant;

  constructor(options: ExporterPipelineOptions) {
    const positive = (value: number | undefined, fallback: number): number =>
      typeof value === 'number' && value >= 0 ? value : fallback;
    this.#options = {
      exporter: options.exporter,
      mode: options.mode ?? 'batch',
      maxQueueSpans: positive(options.maxQueueSpans, 16_384),
      maxBatchSpans: Math.max(1, positive(options.maxBatchSpans, 512)),
      scheduledDelayMs: positive(options.scheduledDelayMs, 1_000),
      requestTimeoutMs: positive(options.requestTimeoutMs, 30_000),
      exitTimeoutMs: positive(options.exitTimeoutMs, 2_000),
      onDrop: options.onDrop,
    };
    this.#participant = {
      exitTimeoutMs: this.#options.exitTimeoutMs,
      pending: () => this.#ledger.pending,
      flush: (limits) => this.flush(limits),
      kick: () => this.#pump(),
      // An exporter of someone else's cannot be run on another thread: at `process.exit` there is no more to do.
      exitJobs: () => [],
      survived: () => {},
      exitOver: () => {
        const left = this.#ledger.pending;
        if (left > 0)
          warn(
            'SPW_EXPORT',
            `${left} spans are lost: the process ended before the exporter took them`,
            'exit',
          );
      },
    };
    if (this.#options.exitTimeoutMs > 0) joinExit(this.#participant);
  }

  /** Nothing happens at a span's start. */
  onStart(): void {}

  /**
   * Queues a finished span; those not sampled are passed over.
   *
   * @param span a span of either OpenTelemetry line
   */
  onEnd(span: ReadableSpan): void {
    try {
      if ((span.spanContext().traceFlags & SAMPLED) === 0) return;
      if (this.#shutdown !== undefined) return this.#drop('it ended after the shutdown');
      if (this.#waiting >= this.#options.maxQueueSpans) return this.#drop('the queue is full');
      let open = this.#batches.at(-1);
      if (open === undefined || open.spans.length >= this.#options.maxBatchSpans) {
        open = this.#emptyBatch();
        this.#batches.push(open);
      }
      // An empty batch is not waited for.
      if (open.spans.length === 0) this.#ledger.enter(open.ticket);
      open.spans.push(span);
      open.ticket.spans++;
      this.#waiting++;
      const now = this.#options.mode === 'immediate' || this.#batches.length > 1;
      if (now && !this.#running) this.#quietly(() => queueMicrotask(() => this.#pump()));
      else
        this.#timer ??= this.#quietly(() =>
          backgroundTimer(() => this.#pump(), this.#options.scheduledDelayMs),
        );
    } catch (error) {
      warnError('SPW_INTERNAL', 'a span could not be queued', error);
    }
  }

  /**
   * Exports what has ended so far and waits for the exporter's answers.
   *
   * @param options `timeoutMs`: how long to wait, 10,000 ms unless given
   * @returns what became of every span that ended before the call and since the last flush; never rejects
   */
  async flush(options: { timeoutMs?: number } = {}): Promise<FlushResult> {
    const timeoutMs = options.timeoutMs ?? 10_000;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // This timer also keeps the process alive for as long as someone waits.
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    // Spans that end from now on go into a batch of their own.
    const last = this.#batches.at(-1);
    const flushed = this.#ledger.flush(deadline);
    if (last !== undefined && last.spans.length > 0) this.#batches.push(this.#emptyBatch());
    this.#pump();
    const result = await flushed;
    if (this.#options.exporter.forceFlush !== undefined) {
      // Async, so that what is thrown at once is caught below like what is rejected.
      const flushing = this.#quietly(async () => this.#options.exporter.forceFlush?.());
      await Promise.race([
        flushing.catch((error) => this.#complain('its forceFlush failed', error)),
        deadline,
      ]);
    }
    clearTimeout(timer);
    return result;
  }

  /** Like `flush`, as OpenTelemetry's providers call it; resolves in any case. */
  async forceFlush(): Promise<void> {
    const { ok, failed, dropped } = await this.flush();
    if (!ok) warn('SPW_EXPORT', `a flush left ${failed} spans undelivered and ${dropped} dropped`, 'flush');
  }

  /**
   * Exports what it can within the time, then shuts the exporter down.
   *
   * @param options `timeoutMs`: how long that may take, 2,000 ms unless given
   * @returns resolves in any case; the second call returns the same promise
   */
  shutdown(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#shutdown ??= this.#stop(options.timeoutMs ?? this.#options.exitTimeoutMs);
    return this.#shutdown;
  }

  async #stop(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    await this.flush({ timeoutMs });
    clearTimeout(this.#timer);
    for (const batch of this.#batches.splice(0)) this.#fail(batch, 'not exported before the shutdown');
    let timer: ReturnType<typeof setTimeout> | undefined;
    const rest = new Promise<void>(
      (resolve) => (timer = setTimeout(resolve, Math.max(50, end - performance.now()))),
    );
    try {
      await Promise.race([this.#quietly(async () => this.#options.exporter.shutdown()), rest]);
    } catch (error) {
      this.#complain('its shutdown failed', error);
    }
    clearTimeout(timer);
    leaveExit(this.#participant);
  }

  #emptyBatch(): Pending {
    return { spans: [], ticket: new Ticket() };
  }

  #pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#running) return;
    let batch = this.#batches.shift();
    while (batch !== undefined && batch.spans.length === 0) batch = this.#batches.shift();
    if (batch === undefined) return;
    this.#running = true;
    const sent = batch;
    void this.#quietly(() => this.#export(sent)).then(() => {
      this.#running = false;
      this.#pump();
    });
  }

  async #export(batch: Pending): Promise<void> {
    const { exporter, requestTimeoutMs } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const result = await new Promise<ExportResult>((resolve) => {
      const late = (): void =>
        resolve({ code: 1, error: new Error(`no answer within ${requestTimeoutMs} ms`) });
      timer = backgroundTimer(late, requestTimeoutMs);
      try {
        exporter.export(batch.spans, resolve);
      } catch (error) {
        resolve({ code: 1, error: error instanceof Error ? error : new Error(String(error)) });
      }
    });
    clearTimeout(timer);
    const count = batch.spans.length;
    if (result.code === 0) {
      this.#waiting -= count;
      this.#ledger.settle(batch.ticket, count, 0);
    } else {
      this.#complain(`it failed to export ${count} spans`, result.error);
      this.#fail(batch, 'the exporter failed');
    }
  }

  #fail(batch: Pending, reason: string): void {
    const count = batch.spans.length;
    if (count === 0) return;
    this.#waiting -= count;
    this.#ledger.settle(batch.ticket, 0, count);
    this.#tell(count, reason);
  }

  #complain(what: string, error: unknown): void {
    const why = error === undefined ? 'no reason given' : describeError(error);
    warn('SPW_EXPORT', `the exporter: ${what} (${singleLine(why, 200)})`, what);
  }

  #drop(reason: string): void {
    this.#dropped++;
    this.#ledger.drop(1);
    warn('SPW_DROPPED', `${this.#dropped} spans dropped so far: ${reason}`, 'dropped');
    this.#tell(1, reason);
  }

  #tell(count: number, reason: string): void {
    try {
      this.#options.onDrop?.(count, reason);
    } catch (error) {
      warnError('SPW_CALLBACK', 'onDrop of the export pipeline threw', error);
    }
  }
}
