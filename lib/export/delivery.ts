/**
 * The delivery loop: takes batches from the queue, sends a few at once, and deals with every kind of answer.
 *
 * What it cures of the stock processor and exporter: they send one batch at a time, drop it after five tries
 * within its own timeout, drop all of it for one span that is refused, and forget Retry-After between batches.
 */
import { singleLine, warn, warnError } from '../diagnostics.js';
import type { Batch } from './batch.js';
import { compress } from './compression.js';
import { GroupHeads } from './group-heads.js';
import type { ExitJob } from './exit-worker.js';
import type { Ledger } from './ledger.js';
import { backgroundTimer } from './platform.js';
import type { SpanQueue } from './queue.js';
import type { Quietly } from './quiet.js';
import { backoffMs, judge, type Verdict } from './retry-policy.js';
import type { Sending, Transport } from './transport.js';

export interface DeliveryOptions {
  readonly headers: () => Record<string, string>;
  /** Bodies from this size on are compressed; Infinity for never. */
  readonly compressFrom: number;
  readonly requestTimeoutMs: number;
  readonly concurrency: number;
  /** Requests die with whoever is being served: each flush sends for itself, and what died is sent again. */
  readonly requestBound: boolean;
  /** The endpoint, as messages name it. */
  readonly endpoint: string;
  /** Spans that will never be delivered, and why. */
  readonly onLost: (count: number, reason: string) => void;
}

interface Flight {
  readonly batch: Batch;
  readonly since: number;
  sending: Sending | undefined;
}

export class Delivery {
  readonly #queue: SpanQueue;
  readonly #ledger: Ledger;
  readonly #transport: Transport;
  readonly #quietly: Quietly;
  readonly #options: DeliveryOptions;
  readonly #heads = new GroupHeads();
  readonly #flights = new Set<Flight>();
  #compressFrom: number;
  /** Failed requests since the last one that succeeded. */
  #failures = 0;
  #pausedUntil = 0;
  /** Until when the backend asked not to be called; nothing shortens that. */
  #refusedUntil = 0;
  #resume: ReturnType<typeof setTimeout> | undefined;
  /** Whether a batch was refused as a whole since the last success, so that splitting is no use. */
  #refusesAll = false;
  #stopped = false;
  /** Called when the backend asks for silence. */
  onRefusal: (untilMs: number) => void = () => {};

  constructor(
    queue: SpanQueue,
    ledger: Ledger,
    transport: Transport,
    quietly: Quietly,
    options: DeliveryOptions,
  ) {
    this.#queue = queue;
    this.#ledger = ledger;
    this.#transport = transport;
    this.#quietly = quietly;
    this.#options = options;
    this.#compressFrom = options.compressFrom;
    queue.onLost = (batch) => this.#settle(batch, 0, batch.count, 'the disk lost them');
  }

  /** Until when (on the clock of `performance.now`) the backend asked not to be called. */
  get refusedUntil(): number {
    return this.#refusedUntil;
  }

  /** The batches that are on their way. */
  get flights(): Iterable<{ readonly batch: Batch; readonly sending: Sending | undefined }> {
    return this.#flights;
  }

  get heads(): GroupHeads {
    return this.#heads;
  }

  /** Forgets a backoff of our own, so that a flush tries at once; what the backend asked for stands. */
  wake(): void {
    this.#pausedUntil = this.#refusedUntil;
  }

  /**
   * Sends what there is, as far as it may be sent now.
   *
   * @param due whether batches that are not full may go too
   */
  pump(due: boolean): void {
    // With every connection busy the due batch takes its place in the backlog, or it would never be taken; during an
    // outage it goes on filling instead.
    if (due && this.#failures === 0) this.#queue.seal();
    if (this.#options.requestBound) this.#takeBackTheDead();
    while (!this.#stopped && !this.#queue.empty) {
      const wait = this.#pausedUntil - performance.now();
      if (wait > 0) {
        this.#resumeIn(wait);
        return;
      }
      // A backend in trouble is asked by one request at a time, whether it is back.
      if (this.#flights.size >= this.#places()) return;
      const batch = this.#queue.take(due);
      if (batch === undefined) return;
      const flight: Flight = { batch, since: performance.now(), sending: undefined };
      this.#flights.add(flight);
      void this.#quietly(() => this.#deliver(flight));
    }
  }

  #places(): number {
    // A place that waits for another one's request might never come free.
    if (this.#options.requestBound) return Infinity;
    return this.#failures > 0 ? 1 : this.#options.concurrency;
  }

  /** A request without an answer after its own timeout died with whoever was served then. */
  #takeBackTheDead(): void {
    const before = performance.now() - this.#options.requestTimeoutMs;
    for (const flight of this.#flights) {
      if (flight.since >= before) continue;
      this.#flights.delete(flight);
      this.#queue.putBack(flight.batch);
    }
  }

  /** After `exitJobs`, and yet the process lives. */
  goOn(): void {
    this.#stopped = false;
    this.pump(false);
  }

  /** Gives up what is on its way and sends nothing any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#resume);
    for (const { sending } of this.#flights) sending?.abort();
    // The aborted requests put their batches back in the next turn.
    for (let turn = 0; turn < 10 && this.#flights.size > 0; turn++) await Promise.resolve();
    for (const { batch } of this.#flights) this.#queue.putBack(batch);
    this.#flights.clear();
    this.#transport.close();
  }

  /**
   * Everything that is not with the operating system yet, as requests for a blocking delivery: the process is about
   * to end, and this loop will not run again.
   */
  exitJobs(url: string): ExitJob[] {
    this.#stopped = true;
    // What the backend asked for holds to the end.
    if (this.#refusedUntil > performance.now()) return [];
    const batches: Batch[] = [];
    for (const flight of this.#flights) {
      // Sent again it would arrive twice.
      if (flight.sending?.handedOver() === true) continue;
      this.#flights.delete(flight);
      batches.push(flight.batch);
    }
    for (const batch of this.#queue.drain()) {
      // What is on disk only stays there; reading all of it takes too long for an end.
      if (batch.parked) this.#queue.putBack(batch);
      else batches.push(batch);
    }
    return batches.map((batch) => ({
      url,
      headers: { ...this.#options.headers(), 'content-type': batch.encoder.contentType },
      pieces: batch.body((group) => this.#heads.of(group, batch.encoder)),
      settle: (status) => {
        if (status >= 200 && status < 300) this.#settle(batch, batch.count, 0, '');
        else this.#queue.putBack(batch);
      },
    }));
  }

  /**
   * Nothing more is sent: what is left is kept on disk, or counted as lost.
   *
   * @param keep makes sure that a batch is on disk; false if it is not
   */
  giveUpAll(reason: string, keep: (batch: Batch) => boolean): void {
    let lost = 0;
    let kept = 0;
    const giveUp = (batch: Batch, why: string): number => {
      if (keep(batch)) {
        kept += batch.count;
        // The original's file has spans of other parts too; this part has one of its own.
        if (batch.stored) batch.ticket.kept = true;
        this.#settle(batch, 0, batch.count, undefined);
        return 0;
      }
      this.#settle(batch, 0, batch.count, why);
      return batch.count;
    };
    for (const { batch } of this.#flights) {
      const count = giveUp(batch, 'sent, and not confirmed when the process ended');
      if (count > 0)
        warn('SPW_EXPORT', `${count} spans were sent, and not confirmed when the process ended`, 'sent');
    }
    this.#flights.clear();
    for (const batch of this.#queue.drain()) lost += giveUp(batch, reason);
    if (lost > 0) warn('SPW_EXPORT', `${lost} spans are lost: ${reason}`, reason);
    if (kept > 0) warn('SPW_SPOOL', `${kept} spans are kept on disk for the next process`, 'kept');
  }

  #resumeIn(ms: number): void {
    clearTimeout(this.#resume);
    this.#resume = this.#quietly(() => backgroundTimer(() => this.pump(true), Math.ceil(ms)));
  }

  async #deliver(flight: Flight): Promise<void> {
    const { batch } = flight;
    let verdict: Verdict;
    let compressed = false;
    try {
      await this.#heads.settle(batch);
      const pieces = batch.body((group) => this.#heads.of(group, batch.encoder));
      const body = await compress(pieces, this.#compressFrom);
      compressed = body.encoding !== undefined;
      const headers: Record<string, string> = {
        ...this.#options.headers(),
        'content-type': batch.encoder.contentType,
      };
      if (body.encoding !== undefined) headers['content-encoding'] = body.encoding;
      if (this.#stopped) return;
      flight.sending = this.#transport.send({
        pieces: body.pieces,
        headers,
        timeoutMs: this.#options.requestTimeoutMs,
      });
      const answer = await flight.sending.answer;
      // Some receivers cannot unpack: they say so with 415, or stumble over it with 400.
      const cannotUnpack = compressed && (answer.status === 415 || answer.status === 400);
      if (cannotUnpack && this.#compressFrom !== Infinity && !this.#unpacks) {
        this.#compressFrom = Infinity;
        verdict = { kind: 'again', message: `HTTP ${answer.status} for a compressed body` };
      } else {
        verdict = judge(answer);
      }
      if (compressed && verdict.kind === 'delivered') this.#unpacks = true;
    } catch (error) {
      warnError('SPW_INTERNAL', 'a batch could not be put together', error);
      verdict = { kind: 'hopeless', message: 'it could not be put together' };
    }
    if (!this.#flights.delete(flight)) return;
    this.#handle(batch, verdict);
    if (verdict.kind === 'delivered' && flight.sending?.released() === true) this.#queue.reuse(batch);
    this.pump(false);
  }

  /** Whether a compressed request was accepted before. */
  #unpacks = false;

  #handle(batch: Batch, verdict: Verdict): void {
    const { endpoint } = this.#options;
    switch (verdict.kind) {
      case 'delivered': {
        this.#recovered();
        const { ticket } = batch;
        if (ticket.tooLarge !== undefined) {
          ticket.tooLarge = Math.max(ticket.tooLarge, batch.size);
          this.#queue.limitBatches(ticket.tooLarge);
        }
        const rejected = Math.min(verdict.rejected, batch.count);
        const said = verdict.message === '' ? '' : ` (“${singleLine(verdict.message, 200)}”)`;
        if (rejected > 0) {
          const what = `${endpoint} rejected ${rejected} of ${batch.count} spans${said}`;
          warn('SPW_EXPORT', `${what}; they are not sent again`, 'partial');
        } else if (said !== '') {
          warn('SPW_EXPORT', `${endpoint} took all spans and remarked${said}`, 'remark');
        }
        this.#settle(batch, batch.count - rejected, rejected, 'rejected by the backend');
        return;
      }
      case 'again':
        if (batch.attempts++ < 3) this.#queue.putBack(batch);
        else this.#retryLater(batch, undefined, verdict.message);
        return;
      case 'retry':
        batch.attempts++;
        this.#retryLater(batch, verdict.afterMs, verdict.message);
        return;
      case 'too-large':
        batch.ticket.tooLarge ??= 0;
        this.#split(batch, verdict);
        return;
      case 'refused':
        this.#split(batch, verdict);
        return;
      case 'hopeless':
        this.#refuse(batch, verdict.message);
        return;
    }
  }

  #recovered(): void {
    this.#failures = 0;
    this.#refusesAll = false;
    this.#pausedUntil = this.#refusedUntil;
  }

  #retryLater(batch: Batch, afterMs: number | undefined, message: string): void {
    this.#queue.putBack(batch);
    if (this.#stopped) return;
    this.#failures++;
    const now = performance.now();
    if (afterMs !== undefined) {
      this.#refusedUntil = Math.max(this.#refusedUntil, now + afterMs);
      this.onRefusal(this.#refusedUntil);
    }
    this.#pausedUntil = Math.max(
      this.#refusedUntil,
      now + (afterMs === undefined ? backoffMs(this.#failures) : 0),
    );
    const { endpoint } = this.#options;
    warn('SPW_EXPORT', `${endpoint} does not take spans (${message}); they are kept and sent again`, 'retry');
  }

  /**
   * Halves a batch that was refused, down to the span at fault. Where both halves were refused before, and nothing
   * accepted since, the backend takes nothing of ours, and each batch costs one request only.
   */
  #split(batch: Batch, verdict: Verdict): void {
    const { ticket } = batch;
    const useful = verdict.kind === 'too-large' || !this.#refusesAll;
    if (batch.count > 1 && useful && ticket.splitsLeft > 0) {
      ticket.splitsLeft--;
      const [first, second] = batch.split();
      this.#queue.putBack(second);
      this.#queue.putBack(first);
      return;
    }
    this.#refuse(batch, verdict.message);
    // The last span of a whole batch, and none of it got through.
    if (!ticket.open && ticket.delivered === 0) this.#refusesAll = true;
  }

  #refuse(batch: Batch, message: string): void {
    const names = batch.names(3).map((name) => `“${singleLine(name, 80)}”`);
    const more = batch.count > names.length ? ` and ${batch.count - names.length} more` : '';
    warn(
      'SPW_EXPORT',
      `${this.#options.endpoint} refused ${batch.count} span(s), ${names.join(', ')}${more} (${message}); they are lost`,
      'refused',
    );
    this.#settle(batch, 0, batch.count, `refused by the backend: ${message}`);
  }

  #settle(batch: Batch, delivered: number, failed: number, reason: string | undefined): void {
    this.#queue.release(batch);
    this.#ledger.settle(batch.ticket, delivered, failed);
    if (failed > 0 && reason !== undefined) this.#options.onLost(failed, reason);
  }
}
