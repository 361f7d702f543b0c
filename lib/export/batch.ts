/**
 * A batch: encoded spans of one request, in one piece of memory, with the bookkeeping to send and split it.
 */
import { allocate } from './byte-writer.js';
import type { Group, GroupHead, SpanEncoder } from './span-encoder.js';
import type { SpoolFile } from './spool-file.js';
import { Ticket } from './ticket.js';

const FIRST_BYTES = 16_384;
/** Memory is trimmed when a sealed batch leaves more than this part of it unused. */
const WASTE = 0.25;

export class Batch {
  count = 0;
  /** How many bytes of `memory` are used. */
  size = 0;
  /** How often it was sent without an answer that settles it. */
  attempts = 0;
  /** Where its spans are on disk too. */
  file: SpoolFile | undefined;
  /** Whether it came from a file of a dead process, which still has it. */
  recovered = false;
  /** Whether its spans are on disk only. */
  parked = false;
  /** How many times its original was halved. */
  readonly depth: number;
  readonly encoder: SpanEncoder;
  readonly ticket: Ticket;
  #memory: Uint8Array;
  /** Runs of spans of one group: the group and where its run ends. */
  readonly #groups: Group[] = [];
  readonly #ends: number[] = [];

  constructor(encoder: SpanEncoder, ticket: Ticket = new Ticket(), memory?: Uint8Array, depth: number = 0) {
    this.encoder = encoder;
    this.ticket = ticket;
    this.depth = depth;
    this.#memory = memory ?? allocate(FIRST_BYTES);
  }

  /** Adds a span's record; the bytes are copied. */
  append(record: Uint8Array, group: Group): void {
    const end = this.size + record.length;
    if (end > this.#memory.length) this.#resize(Math.max(end, this.#memory.length * 2));
    this.#memory.set(record, this.size);
    this.adopt(end, group);
  }

  /** Counts a record that is in the memory already. */
  adopt(end: number, group: Group): void {
    this.size = end;
    this.count++;
    this.ticket.spans++;
    const last = this.#groups.length - 1;
    if (this.#groups[last] === group) {
      this.#ends[last] = end;
    } else {
      this.#groups.push(group);
      this.#ends.push(end);
    }
  }

  /** Whether the disk has all its spans, and no others. */
  get stored(): boolean {
    return this.depth === 0 && (this.recovered || this.file?.complete === true);
  }

  /** Gives its memory back; the disk has the spans. */
  park(): void {
    this.#memory = new Uint8Array(0);
    this.parked = true;
  }

  /** Takes its spans back from the disk. */
  refill(records: readonly Uint8Array[]): void {
    this.#memory = allocate(this.size);
    let at = 0;
    for (const record of records) {
      this.#memory.set(record, at);
      at += record.length;
    }
    this.parked = false;
  }

  /** Each span's record and group. */
  *records(): Generator<{ record: Uint8Array; group: Group }> {
    let at = 0;
    let run = 0;
    while (at < this.size) {
      const end = this.encoder.recordEnd(this.#memory, at);
      while (at >= (this.#ends[run] as number)) run++;
      yield { record: this.#memory.subarray(at, end), group: this.#groups[run] as Group };
      at = end;
    }
  }

  /**
   * Its memory for another batch, once its spans are with the backend and nothing else looks at it.
   *
   * @returns undefined for parts of a batch, and where an earlier request may still be reading
   */
  reclaim(): Uint8Array | undefined {
    if (this.depth > 0 || this.attempts > 0 || this.recovered || this.parked) return undefined;
    const memory = this.#memory;
    this.#memory = new Uint8Array(0);
    return memory;
  }

  /** Gives unused memory back, once nothing is added any more. */
  seal(): void {
    if (this.size < this.#memory.length * (1 - WASTE)) this.#resize(this.size);
  }

  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** The body of the request, in pieces that view the batch's memory. */
  body(headOf: (group: Group) => GroupHead): Uint8Array[] {
    interface Scope {
      head: GroupHead;
      slices: Uint8Array[];
    }
    const resources = new Map<unknown, { head: GroupHead; scopes: Map<unknown, Scope> }>();
    let start = 0;
    this.#groups.forEach((group, index) => {
      const end = this.#ends[index] as number;
      const head = headOf(group);
      // Groups from disk have no resource object; each stands for itself.
      const resourceKey = group.resource ?? group;
      let resource = resources.get(resourceKey);
      if (resource === undefined) resources.set(resourceKey, (resource = { head, scopes: new Map() }));
      let scope = resource.scopes.get(group);
      if (scope === undefined) resource.scopes.set(group, (scope = { head, slices: [] }));
      scope.slices.push(this.#memory.subarray(start, end));
      start = end;
    });
    return this.encoder.assemble(
      [...resources.values()].map(({ head, scopes }) => ({ head, scopes: [...scopes.values()] })),
    );
  }

  /** Two halves that share this batch's memory and ticket. */
  split(): [Batch, Batch] {
    const half = Math.ceil(this.count / 2);
    const first = this.#part(0);
    let second = first;
    let index = 0;
    let at = 0;
    for (const { record, group } of this.records()) {
      if (index++ === half) second = this.#part(at);
      second.adopt(second.size + record.length, group);
      at += record.length;
    }
    // The halves counted themselves in again.
    this.ticket.spans -= this.count;
    return [first, second];
  }

  /** The names of its spans, for messages: at most `most`. */
  names(most: number): string[] {
    const names: string[] = [];
    try {
      for (let at = 0, index = 0; index < Math.min(this.count, most); index++) {
        const end = this.encoder.recordEnd(this.#memory, at);
        names.push(this.encoder.nameOf(this.#memory.subarray(at, end)));
        at = end;
      }
    } catch {
      names.push('an unreadable one');
    }
    return names;
  }

  #part(from: number): Batch {
    return new Batch(this.encoder, this.ticket, this.#memory.subarray(from), this.depth + 1);
  }

  #resize(length: number): void {
    const resized = allocate(length);
    resized.set(this.#memory.subarray(0, this.size));
    this.#memory = resized;
  }
}
