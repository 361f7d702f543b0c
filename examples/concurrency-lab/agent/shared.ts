/**
 * What all requests of the agent server share: a pool, a batch loader, a queue. Each of them runs a callback in the
 * context of whoever happens to drive it, unless it is bound, so each could mix sessions.
 */
import { EventEmitter } from 'node:events';
import { bindContext } from 'spanwise';

/** What keeps a callback in its own context; taken away, the verifier must find it out (`--break context`). */
const keep = process.env['BREAK'] === 'context' ? <T>(callback: T): T => callback : bindContext;

/** A few connections for many requests; who waits is called back by the one that releases. */
export class Pool {
  #free: number;
  readonly #waiting: ((connection: number) => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  acquire(use: (connection: number) => void): void {
    if (this.#free > 0) use(this.#free--);
    else this.#waiting.push(keep(use));
  }

  release(connection: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next(connection);
  }
}

/** Collects the keys of many requests and loads them together, as DataLoader does. */
export class BatchLoader {
  #batch: { key: string; done: (value: string) => void }[] = [];
  /** The most keys that were ever loaded together, to show that requests did share batches. */
  largest = 0;

  load(key: string, done: (value: string) => void): void {
    this.#batch.push({ key, done: keep(done) });
    // One timer for all: it runs in the context of the request that came first.
    if (this.#batch.length === 1) setTimeout(() => this.#run(), 1);
  }

  #run(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.largest = Math.max(this.largest, batch.length);
    for (const { key, done } of batch) done(`a page about ${key}`);
  }
}

/** One worker takes the jobs of all requests, in turn. */
export class Queue {
  readonly #jobs: (() => Promise<void>)[] = [];
  #working = false;

  push(job: () => Promise<void>): void {
    this.#jobs.push(keep(job));
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await job();
    this.#working = false;
  }
}

/** Tells everybody at once; a listener runs in the context of whoever emits. */
export const bus = new EventEmitter().setMaxListeners(0);
export const pool = new Pool(32);
export const loader = new BatchLoader();
export const queue = new Queue();
