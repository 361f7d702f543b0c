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

export class SpanQueue {
  /** Everything that is not settled, also what is on its way. */
  bytes = 0;
  spans = 0;
  #open: Batch | undefined;
  readonly #sealed: Batch[] = [];
  readonly #limits: QueueLimits;
  readonly #encoder: SpanEncoder;
  readonly #onTicket: (ticket: Ticket) => void;
  #newestNext = false;

  constructor(limits: QueueLimits, encoder: SpanEncoder, onTicket: (ticket: Ticket) => void) {
    this.#limits = limits;
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
    if (this.bytes + record.length > limits.maxQueueBytes || this.spans >= limits.maxQueueSpans) return false;
    if (this.#open !== undefined && this.#open.size + record.length > limits.maxBatchBytes) this.seal();
    if (this.#open === undefined) {
      this.#open = new Batch(this.#encoder, new Ticket());
      this.#onTicket(this.#open.ticket);
    }
    this.#open.append(record, group);
    this.bytes += record.length;
    this.spans++;
    if (this.#open.count >= limits.maxBatchSpans || this.#open.size >= limits.maxBatchBytes) this.seal();
    return true;
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
    this.#open.seal();
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
    return this.#newestNext || this.#sealed.length < 3 ? this.#sealed.shift() : this.#sealed.pop();
  }

  /** Returns a batch that was not delivered; it is the oldest. */
  putBack(batch: Batch): void {
    this.#sealed.unshift(batch);
  }

  /** Frees the room of spans that are settled. */
  release(batch: Batch): void {
    this.bytes -= batch.size;
    this.spans -= batch.count;
  }
}
