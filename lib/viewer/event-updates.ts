/** What `PUT /events` merged into events and sessions, kept apart from them: it may come before they do. */
import type { JsonObject } from '../honeyhive/event.js';
import { mergeUpdate } from './event-view.js';
import { sizeOf } from './item.js';

export class EventUpdates {
  /** Least recently changed first. */
  readonly #updates = new Map<string, JsonObject>();
  #bytes = 0;

  /** Roughly the bytes in use. */
  get bytes(): number {
    return this.#bytes;
  }

  get(eventId: string): JsonObject | undefined {
    return this.#updates.get(eventId);
  }

  entries(): Iterable<[eventId: string, update: JsonObject]> {
    return this.#updates.entries();
  }

  merge(eventId: string, update: JsonObject): void {
    const merged = mergeUpdate(this.#updates.get(eventId), update);
    this.drop(eventId);
    this.#updates.set(eventId, merged);
    this.#bytes += sizeOf(merged);
  }

  drop(eventId: string): void {
    const update = this.#updates.get(eventId);
    if (update === undefined) return;
    this.#bytes -= sizeOf(update);
    this.#updates.delete(eventId);
  }

  /** Forgets the oldest until the rest fits. */
  shrinkTo(bytes: number): void {
    for (const eventId of this.#updates.keys()) {
      if (this.#bytes <= bytes) return;
      this.drop(eventId);
    }
  }
}
