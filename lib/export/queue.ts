/**
 * The queue of encoded spans: bounded by bytes, because spans are not alike, and made of batches, so that nothing
 * is sorted or copied when it is time to send.
 */
import { Batch } from './batch.js';
import type { Group, SpanEncoder } from './span-encoder.js';
import { Ticket } from './ticket.js';

export interface QueueLimits {
  readonly maxQueueBytes: number;
  readonly maxQueueSpans: number;
  readonly maxBatchBytes: number;
  readonly maxBatchSpans: number;
}

/** One odd refusal must not make every span a request. */
const LEAST_BATCH_BYTES = 32_768;

/** One batch fills while another is on its way. */
const MOST_SPARE = 2;

/** Where spans are kept besides memory. */
export interface QueueStore {
  /** A batch begins. */
  open(batch: Batch): void;
  append(batch: Batch, record: Uint8Array, group: Group): void;
  /** Brings a parked batch back into memory; false if it is lost. */
  reload(batch: Batch): boolean;
}

export class SpanQueue {
  /** Is told about a batch that the disk lost. */
  onLost: (batch: Batch) => void = () => {};
  /** Everything that is not settled, also what is on its way. */
  bytes = 0;
  spans = 0;
  #open: Batch | undefined;
  readonly #sealed: Batch[] = [];
  readonly #limits: QueueLimits;
  #maxBatchBytes: number;
  readonly #encoder: SpanEncoder;
  readonly #onTicket: (ticket: Ticket) => void;
  readonly #store: QueueStore | undefined;
  #newestNext = false;
  readonly #spare: Uint8Array[] = [];

  constructor(
    limits: QueueLimits,
    encoder: SpanEncoder,
    onTicket: (ticket: Ticket) => void,
    store?: QueueStore,
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#maxBatchBytes = limits.maxBatchBytes;
    this.#encoder = encoder;
    this.#onTicket = onTicket;
  }

  /**
   * Adds a span.
   *
   * @returns false if there is no room
   */
  offer(record: Uint8Array, group: Group): boolean {
    const limits = this.#limits;
    if (this.#overfull(record.length) && !this.#park(record.length)) return false;
    if (this.#open !== undefined && this.#open.size + record.length > this.#maxBatchBytes) this.seal();
    if (this.#open === undefined) {
      this.#open = new Batch(this.#encoder, new Ticket(), this.#spare.pop());
      this.#store?.open(this.#open);
      this.#onTicket(this.#open.ticket);
    }
    this.#open.append(record, group);
    this.#store?.append(this.#open, record, group);
    this.bytes += record.length;
    this.spans++;
    if (this.#open.count >= limits.maxBatchSpans || this.#open.size >= this.#maxBatchBytes) this.seal();
    return true;
  }

  /** The backend took so much at once, and not more. */
  limitBatches(bytes: number): void {
    this.#maxBatchBytes = Math.min(Math.max(bytes, LEAST_BATCH_BYTES), this.#limits.maxBatchBytes);
  }

  /** Whether a batch waits that cannot take more spans. */
  get full(): boolean {
    return this.#sealed.length > 0;
  }

  get empty(): boolean {
    return this.#sealed.length === 0 && this.#open === undefined;
  }

  /** Closes the open batch: spans that end from now on belong to the next one. */
  seal(): void {
    if (this.#open === undefined) return;
    // Only a backlog has to be small: the memory of a batch that goes at once is soon used again.
    if (this.full) this.#open.seal();
    this.#open.file?.close();
    this.#sealed.push(this.#open);
    this.#open = undefined;
  }

  /**
   * The next batch to send. With a backlog every other one is the newest, so that after an outage new spans do not
   * wait for all the old ones.
   *
   * @param due whether a batch that is not full may go too
   */
  take(due: boolean): Batch | undefined {
    if (due) this.seal();
    this.#newestNext = !this.#newestNext;
    for (;;) {
      const batch = this.#newestNext || this.#sealed.length < 3 ? this.#sealed.shift() : this.#sealed.pop();
      if (batch === undefined || !batch.parked) return batch;
      if (this.#store?.reload(batch) === true) {
        this.#count(batch, 1);
        return batch;
      }
      this.onLost(batch);
    }
  }

  /** Everything that waits, parked or not; the queue is empty then. */
  drain(): Batch[] {
    this.seal();
    return this.#sealed.splice(0);
  }

  /** Adds a whole batch, as the newest. */
  add(batch: Batch): void {
    this.#onTicket(batch.ticket);
    this.#sealed.push(batch);
    this.#count(batch, 1);
  }

  /** Returns a batch that was not delivered; it is the oldest. */
  putBack(batch: Batch): void {
    this.#sealed.unshift(batch);
  }

  /** Frees the room of spans that are settled. */
  release(batch: Batch): void {
    if (!batch.parked) this.#count(batch, -1);
  }

  /**
   * Takes over the memory of a batch that was delivered. Memory that is new each time costs a batch's pages, copies as it
   * grows and is trimmed, and the garbage collector's attention: 0.3 of 3.6 µs for a span.
   */
  reuse(batch: Batch): void {
    if (this.#spare.length >= MOST_SPARE) return;
    const memory = batch.reclaim();
    if (memory !== undefined) this.#spare.push(memory);
  }

  #count(batch: Batch, sign: 1 | -1): void {
    this.bytes += sign * batch.size;
    this.spans += sign * batch.count;
  }

  #overfull(length: number): boolean {
    return this.bytes + length > this.#limits.maxQueueBytes || this.spans >= this.#limits.maxQueueSpans;
  }

  /**
   * Makes room by giving back the memory of batches that are on disk, from the newest on, which are sent last; half
   * of the queue at once, so that this is rare.
   */
  #park(length: number): boolean {
    const { maxQueueBytes, maxQueueSpans } = this.#limits;
    for (let i = this.#sealed.length - 1; i >= 0; i--) {
      if (this.bytes <= maxQueueBytes / 2 && this.spans <= maxQueueSpans / 2) break;
      const batch = this.#sealed[i];
      if (batch === undefined || batch.parked || batch.depth > 0 || batch.file?.complete !== true) continue;
      batch.park();
      this.#count(batch, -1);
    }
    return !this.#overfull(length);
  }
}
