/** Tells open pages what changed, by server-sent events. */
import type { ServerResponse } from 'node:http';
import { HttpError } from './exchange.js';
import type { Store } from './store.js';

const MAX_PAGES = 50;
/** Spans come in bursts; a page that is told a few times a second looks alive and stays quick. */
const INTERVAL_MS = 150;
const HEARTBEAT_MS = 15_000;
/** A page that does not read is cut off before its messages fill the memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;

export class LiveFeed {
  readonly #pages = new Set<ServerResponse>();
  readonly #store: Store;
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Store) {
    this.#store = store;
    this.#unsubscribe = store.subscribe((sessionIds) => {
      if (this.#pages.size === 0) return;
      for (const id of sessionIds) this.#changed.add(id);
      this.#timer ??= setTimeout(() => this.#tell(), INTERVAL_MS).unref();
    });
    this.#heartbeat = setInterval(() => this.#send(': still here\n\n'), HEARTBEAT_MS).unref();
  }

  add(response: ServerResponse): void {
    if (this.#pages.size >= MAX_PAGES) {
      throw new HttpError(503, 'too many pages are open', { 'retry-after': '10' });
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    response.write('retry: 1000\n\n');
    this.#pages.add(response);
    response.on('close', () => this.#pages.delete(response));
  }

  close(): void {
    this.#unsubscribe();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    for (const page of this.#pages) page.end();
  }

  #tell(): void {
    this.#timer = undefined;
    const changed = this.#changed;
    this.#changed = new Set();
    const data = JSON.stringify({ revision: this.#store.revision, sessions: [...changed].slice(0, 1_000) });
    this.#send(`data: ${data}\n\n`);
  }

  #send(message: string): void {
    for (const page of this.#pages) {
      if (page.writableLength > MAX_UNREAD_BYTES) page.destroy();
      else page.write(message);
    }
  }
}
