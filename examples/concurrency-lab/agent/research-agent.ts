import { bindContext, enrichSpan, Trace } from 'spanwise';
import { bus, loader, pool, queue } from './shared.js';

/** One request's work. It is handed from call to call, so that nothing here depends on the context that is tested. */
export interface Work {
  readonly identifier: string;
  readonly query: string;
  readonly delayMs: number;
  readonly fail: boolean;
  /** How many traced calls were made: what tracing must show in the end, counted without it. */
  spans: number;
}

/** Counts a traced call, and says on its span for whom it is: from what was handed on, and not from any context. */
export function count(work: Work): void {
  work.spans++;
  enrichSpan({ metadata: { session_identifier: work.identifier } });
}

/** An agent whose every step goes through something that all requests share. Standard (TC39) decorators. */
export class ResearchAgent {
  @Trace({ eventType: 'chain' })
  async research(work: Work): Promise<string> {
    count(work);
    const page = await this.search(work);
    await this.index(work);
    if (work.fail) throw new PlannedError(`planned for ${work.identifier}`);
    let answer = '';
    for await (const word of this.write(work, page)) answer += answer === '' ? word : ` ${word}`;
    return answer;
  }

  /** Through the pool and the loader: both call back. */
  @Trace({ eventType: 'tool' })
  search(work: Work): Promise<string> {
    count(work);
    return new Promise((resolve, reject) => {
      pool.acquire((connection) => {
        setTimeout(() => {
          loader.load(work.query, (page) => {
            pool.release(connection);
            this.read(work, page).then(resolve, reject);
          });
        }, work.delayMs);
      });
    });
  }

  @Trace({ eventType: 'tool' })
  async read(work: Work, page: string): Promise<string> {
    count(work);
    return page;
  }

  /** Through the queue, whose worker runs in the context of whoever started it. */
  @Trace({ eventType: 'tool' })
  index(work: Work): Promise<void> {
    count(work);
    return new Promise((resolve, reject) => {
      queue.push(() => this.store(work).then(resolve, reject));
    });
  }

  /** Told by an event that another request may have caused. */
  @Trace({ eventType: 'tool' })
  async store(work: Work): Promise<void> {
    count(work);
    const note = new Promise<void>((resolve) => {
      bus.once(
        'stored',
        bindContext(() => resolve(this.note(work))),
      );
    });
    bus.emit('stored');
    await note;
  }

  @Trace({ eventType: 'tool' })
  async note(work: Work): Promise<void> {
    count(work);
  }

  /** A stream of words, as a model gives them. */
  @Trace({ eventType: 'model', config: { model: 'offline-1' } })
  async *write(work: Work, page: string): AsyncGenerator<string> {
    count(work);
    for (const word of page.split(' ')) {
      await new Promise((resolve) => setImmediate(resolve));
      yield word;
    }
  }
}

/** An error that the run asked for; any other is a fault of the lab. */
export class PlannedError extends Error {
  override name = 'PlannedError';
}
