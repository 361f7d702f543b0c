/**
 * What became of the spans of a batch, also after it was split, and who waits for it.
 */

/** One batch of spans as the queue made it: open until every span of it is delivered or given up. */
export class Ticket {
  spans = 0;
  delivered = 0;
  failed = 0;
  /** Requests that may still be spent on finding the spans that the backend refuses. */
  splitsLeft = 64;
  /** The backend called it too large; the largest part that it then took, in bytes. */
  tooLarge: number | undefined;
  /** Its spans stay on disk for the next process, although this one settled them as not delivered. */
  kept = false;
  /** Called once when the last span is settled. */
  onSettled: ((ticket: Ticket) => void) | undefined;

  get open(): boolean {
    return this.delivered + this.failed < this.spans;
  }

  /** Notes what became of some of its spans. */
  settle(delivered: number, failed: number): void {
    this.delivered += delivered;
    this.failed += failed;
    if (this.open) return;
    this.onSettled?.(this);
    this.onSettled = undefined;
  }
}
