/**
 * The books: how many spans were delivered, refused or dropped, and what each flush may say about it.
 */
import type { Ticket } from './ticket.js';

/**
 * What became of the spans that a flush covers.
 *
 * @category Export
 */
export interface FlushResult {
  /** Whether every span that ended before the call, and since the last flush, was received by the backend. */
  readonly ok: boolean;
  /** Spans the backend confirmed. */
  readonly delivered: number;
  /** Spans the backend refused, or that were not delivered by the deadline (those are still tried). */
  readonly failed: number;
  /** Spans that never were sent: the queue was full, or they could not be encoded. */
  readonly dropped: number;
}

interface Waiter {
  readonly tickets: Set<Ticket>;
  delivered: number;
  failed: number;
  dropped: number;
  done: () => void;
}

export class Ledger {
  /** All open tickets with spans in them. */
  readonly #open = new Set<Ticket>();
  readonly #waiters = new Set<Waiter>();
  /** What was settled since the last flush, for the next one to report. */
  #delivered = 0;
  #failed = 0;
  #dropped = 0;

  /** Spans that are neither delivered nor given up. */
  get pending(): number {
    let spans = 0;
    for (const ticket of this.#open) spans += ticket.spans - ticket.delivered - ticket.failed;
    return spans;
  }

  enter(ticket: Ticket): void {
    this.#open.add(ticket);
  }

  drop(count: number): void {
    this.#dropped += count;
  }

  settle(ticket: Ticket, delivered: number, failed: number): void {
    let covered = false;
    for (const waiter of this.#waiters) {
      if (!waiter.tickets.has(ticket)) continue;
      covered = true;
      waiter.delivered += delivered;
      waiter.failed += failed;
    }
    if (!covered) {
      this.#delivered += delivered;
      this.#failed += failed;
    }
    ticket.settle(delivered, failed);
    if (ticket.open) return;
    this.#open.delete(ticket);
    for (const waiter of this.#waiters) {
      if (waiter.tickets.delete(ticket) && waiter.tickets.size === 0) waiter.done();
    }
  }

  /**
   * Waits until every span that is open now is settled.
   *
   * @param deadline resolves when it is no use to wait longer
   */
  async flush(deadline: Promise<void>): Promise<FlushResult> {
    const waiter: Waiter = {
      tickets: new Set(this.#open),
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: this.#dropped,
      done: () => {},
    };
    this.#delivered = this.#failed = this.#dropped = 0;
    if (waiter.tickets.size > 0) {
      const settled = new Promise<void>((resolve) => (waiter.done = resolve));
      this.#waiters.add(waiter);
      await Promise.race([settled, deadline]);
      this.#waiters.delete(waiter);
    }
    let failed = waiter.failed;
    for (const ticket of waiter.tickets) failed += ticket.spans - ticket.delivered - ticket.failed;
    const { delivered, dropped } = waiter;
    return { ok: failed === 0 && dropped === 0, delivered, failed, dropped };
  }
}
