import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Socket,
} from 'node:net';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { Subject } from 'rxjs';
import {
  bindContext,
  extractContextFromCarrier,
  injectContextIntoCarrier,
  trace,
  withBaggage,
  withDistributedTraceContext,
  withSession,
  withSpan,
  type ReadableSpan,
} from '../../lib/index.js';
import { shutdownAll, startTracer, type Recorder } from '../support/harness.js';

// Each test shows both: what is lost without the remedy of docs/guides/context-loss.md, and that the remedy keeps it.

afterEach(shutdownAll);

/** Words of a line of the page, and the tests above that hold it. */
const HELD_BY: readonly (readonly [words: string, title: string])[] = [
  ['An `EventEmitter` that requests share', 'event emitters'],
  ['An emitter that belongs to one request', 'event emitters'],
  ['An `EventTarget`', 'event targets'],
  ['An RxJS `Subject`', 'subjects'],
  ["`req.on('data')`", "req.on('end') of a server"],
  ['A connection that the first request opened', 'a connection that the first request opened'],
  ['A connection pool with callbacks', 'connection pools'],
  ['A batch loader', 'batch loaders'],
  ['A queue in memory', 'queues in memory'],
  ['A timer that requests share', 'timers that requests share'],
  ['A promise that requests share', 'a promise that requests share'],
  ['An async generator', 'async generators'],
  ['`postMessage`, worker threads', 'messages'],
];

const sessionOf = (span: ReadableSpan): unknown => span.attributes['honeyhive.session_id'];
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function started(): Recorder {
  return startTracer({ baggageAttributes: ['user_id'] }).recorder;
}

/** Runs in a session of that id, with a span of that id around it. */
const inSession = <T>(id: string, fn: () => T): T => withSession(id, () => withSpan(id, fn));

describe('event emitters', () => {
  it('run a listener in the session of whoever emits', async () => {
    const recorder = started();
    const bus = new EventEmitter();
    inSession('a', () => bus.once('job', () => withSpan('lost', () => undefined)));
    inSession('b', () => bus.emit('job'));
    expect(sessionOf(recorder.span('lost'))).toBe('b');
  });

  it('run a bound listener in the session that added it', () => {
    const recorder = started();
    const bus = new EventEmitter();
    inSession('a', () =>
      bus.once(
        'job',
        bindContext(() => withSpan('kept', () => undefined)),
      ),
    );
    inSession('b', () => bus.emit('job'));
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });

  it('run every listener of a bound emitter in the session that bound it', () => {
    const recorder = started();
    const bus = inSession('a', () => bindContext(new EventEmitter()));
    inSession('b', () => {
      bus.on('job', () => withSpan('kept', () => undefined));
      bus.emit('job');
    });
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });
});

describe('event targets', () => {
  it('run a listener in the session of whoever dispatches, or aborts', () => {
    const recorder = started();
    const controller = new AbortController();
    inSession('a', () =>
      controller.signal.addEventListener('abort', () => withSpan('lost', () => undefined)),
    );
    inSession('b', () => controller.abort());
    expect(sessionOf(recorder.span('lost'))).toBe('b');
  });

  it('run every listener of a bound target in the session that bound it', () => {
    const recorder = started();
    const controller = new AbortController();
    inSession('a', () =>
      bindContext(controller.signal).addEventListener('abort', () => withSpan('kept', () => undefined)),
    );
    inSession('b', () => controller.abort());
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });
});

describe('subjects', () => {
  it('run a subscriber in the session of whoever calls next', () => {
    const recorder = started();
    const subject = new Subject<string>();
    inSession('a', () => subject.subscribe(() => withSpan('lost', () => undefined)));
    inSession('b', () => subject.next('job'));
    expect(sessionOf(recorder.span('lost'))).toBe('b');
  });

  it('run a bound subscriber in the session that subscribed', () => {
    const recorder = started();
    const subject = new Subject<string>();
    inSession('a', () => subject.subscribe(bindContext(() => withSpan('kept', () => undefined))));
    inSession('b', () => subject.next('job'));
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });
});

describe('a connection that the first request opened', () => {
  /** What arrives on a connection that was opened in session a, while session b waits for it. */
  async function answerThrough(open: (connect: () => Socket) => Socket): Promise<Recorder> {
    const recorder = started();
    const server = createTcpServer((socket) => socket.on('data', (data) => socket.write(data)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = inSession('a', () => open(() => connectTcp(port, '127.0.0.1')));
    try {
      await inSession(
        'b',
        () =>
          new Promise<void>((resolve) => {
            socket.once('data', () => {
              withSpan('arrived', () => undefined);
              resolve();
            });
            socket.write('ping');
          }),
      );
    } finally {
      socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
    return recorder;
  }

  it('runs what arrives on it in the session of that request, for ever', async () => {
    const recorder = await answerThrough((connect) => connect());
    expect(sessionOf(recorder.span('arrived'))).toBe('a');
  });

  it('runs it in no session if it was opened outside of all', async () => {
    const recorder = await answerThrough((connect) => context.with(ROOT_CONTEXT, connect));
    expect(['a', 'b']).not.toContain(sessionOf(recorder.span('arrived')));
  });
});

describe('timers that requests share', () => {
  class Debounced {
    #timer: NodeJS.Timeout | undefined;
    constructor(readonly run: () => void) {}
    ask(): void {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.run();
      }, 1);
    }
  }
  const asked = async (run: () => void): Promise<void> => {
    await new Promise<void>((resolve) => {
      const debounced = new Debounced(() => {
        run();
        resolve();
      });
      inSession('a', () => debounced.ask());
      inSession('b', () => debounced.ask());
    });
  };

  it('run in the session that started them', async () => {
    const recorder = started();
    await asked(() => withSpan('lost', () => undefined));
    expect(sessionOf(recorder.span('lost'))).toBe('a');
  });

  it('run in no session when what they run is bound outside of all', async () => {
    const recorder = started();
    await asked(bindContext(() => withSpan('swept', () => undefined), ROOT_CONTEXT));
    expect(['a', 'b']).not.toContain(sessionOf(recorder.span('swept')));
  });
});

describe('a promise that requests share', () => {
  const cached = (load: () => Promise<string>): (() => Promise<string>) => {
    let loading: Promise<string> | undefined;
    return () => (loading ??= load());
  };

  it('is loaded in the session of the first that asked, and each goes on in its own', async () => {
    const recorder = started();
    const get = cached(() => withSpan('load', async () => 'page'));
    const ask = (id: string) =>
      inSession(id, async () => {
        await get();
        withSpan(`after-${id}`, () => undefined);
      });
    await Promise.all([ask('a'), ask('b')]);
    expect(sessionOf(recorder.span('load'))).toBe('a');
    expect(sessionOf(recorder.span('after-a'))).toBe('a');
    expect(sessionOf(recorder.span('after-b'))).toBe('b');
  });

  it('is loaded in no session when the load is bound outside of all', async () => {
    const recorder = started();
    const get = cached(bindContext(() => withSpan('load', async () => 'page'), ROOT_CONTEXT));
    await Promise.all([inSession('a', get), inSession('b', get)]);
    expect(['a', 'b']).not.toContain(sessionOf(recorder.span('load')));
  });
});

describe("req.on('end') of a server", () => {
  /** A server that starts a session per request, and then waits for the request's body by events. */
  async function bodyThrough(
    listen: (request: IncomingMessage, done: () => void) => void,
  ): Promise<Recorder> {
    const recorder = started();
    const server = createServer((request, response) => {
      inSession('a', () => listen(request, () => response.end()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await new Promise<void>((resolve, reject) => {
        const call = httpRequest({ port, host: '127.0.0.1', method: 'POST' }, (response) => {
          response.resume();
          response.once('end', resolve);
        });
        call.once('error', reject);
        call.write('first');
        setTimeout(() => call.end('second'), 20);
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    return recorder;
  }

  it('runs outside of the session that added it', async () => {
    const recorder = await bodyThrough((request, done) => {
      request.resume();
      request.on('end', () => {
        withSpan('lost', () => undefined);
        done();
      });
    });
    expect(sessionOf(recorder.span('lost'))).not.toBe('a');
  });

  it('runs inside of it on a bound request', async () => {
    const recorder = await bodyThrough((request, done) => {
      bindContext(request);
      request.resume();
      request.on('end', () => {
        withSpan('kept', () => undefined);
        done();
      });
    });
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });

  it('is not needed where the body is read with for await', async () => {
    const recorder = await bodyThrough((request, done) => {
      void (async () => {
        for await (const _chunk of request);
        withSpan('kept', () => undefined);
        done();
      })();
    });
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });
});

describe('connection pools', () => {
  class Pool {
    #busy = false;
    readonly #waiting: (() => void)[] = [];
    acquire(use: () => void): void {
      if (this.#busy) this.#waiting.push(use);
      else {
        this.#busy = true;
        use();
      }
    }
    release(): void {
      this.#busy = false;
      this.#waiting.shift()?.();
    }
  }

  it('call back in the session of the one that releases', () => {
    const recorder = started();
    const pool = new Pool();
    pool.acquire(() => undefined);
    inSession('a', () => pool.acquire(() => withSpan('lost', () => undefined)));
    inSession('b', () => pool.release());
    expect(sessionOf(recorder.span('lost'))).toBe('b');
  });

  it('call back a bound function in the session that waits', () => {
    const recorder = started();
    const pool = new Pool();
    pool.acquire(() => undefined);
    inSession('a', () => pool.acquire(bindContext(() => withSpan('kept', () => undefined))));
    inSession('b', () => pool.release());
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });

  it('keep the session of the one that awaits a promise for the connection', async () => {
    const recorder = started();
    const pool = new Pool();
    pool.acquire(() => undefined);
    const waiting = inSession('a', async () => {
      await new Promise<void>((resolve) => pool.acquire(resolve));
      withSpan('kept', () => undefined);
    });
    inSession('b', () => pool.release());
    await waiting;
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });
});

describe('batch loaders', () => {
  class Loader {
    #batch: { key: string; done: (value: string) => void }[] = [];
    constructor(readonly loadMany: (keys: string[]) => string[]) {}
    load(key: string): Promise<string> {
      return new Promise((done) => {
        this.#batch.push({ key, done });
        if (this.#batch.length > 1) return;
        setImmediate(() => {
          const batch = this.#batch;
          this.#batch = [];
          const values = this.loadMany(batch.map((one) => one.key));
          batch.forEach((one, index) => one.done(values[index]!));
        });
      });
    }
  }

  it('load what all ask for in the session of the first', async () => {
    const recorder = started();
    const loader = new Loader((keys) => withSpan('lost', () => keys));
    await Promise.all([inSession('a', () => loader.load('1')), inSession('b', () => loader.load('2'))]);
    expect(sessionOf(recorder.span('lost'))).toBe('a');
  });

  it('load in no session when bound to where they were made, and go on in each one’s own', async () => {
    const recorder = started();
    const outside = context.active();
    const loader = new Loader(bindContext((keys: string[]) => withSpan('batch', () => keys), outside));
    const load = (id: string) =>
      inSession(id, async () => {
        await loader.load(id);
        withSpan(`after-${id}`, () => undefined);
      });
    await Promise.all([load('a'), load('b')]);
    expect(['a', 'b']).not.toContain(sessionOf(recorder.span('batch')));
    expect(sessionOf(recorder.span('after-a'))).toBe('a');
    expect(sessionOf(recorder.span('after-b'))).toBe('b');
  });
});

describe('queues in memory', () => {
  class Queue {
    readonly #jobs: (() => void)[] = [];
    #working: Promise<void> | undefined;
    push(job: () => void): Promise<void> {
      this.#jobs.push(job);
      return (this.#working ??= this.#work());
    }
    async #work(): Promise<void> {
      await tick();
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) job();
    }
  }

  it('run every job in the session that started the worker', async () => {
    const recorder = started();
    const queue = new Queue();
    void inSession('a', () => queue.push(() => undefined));
    await inSession('b', () => queue.push(() => withSpan('lost', () => undefined)));
    expect(sessionOf(recorder.span('lost'))).toBe('a');
  });

  it('run a bound job in the session that pushed it', async () => {
    const recorder = started();
    const queue = new Queue();
    void inSession('a', () => queue.push(() => undefined));
    await inSession('b', () => queue.push(bindContext(() => withSpan('kept', () => undefined))));
    expect(sessionOf(recorder.span('kept'))).toBe('b');
  });
});

describe('async generators', () => {
  it('run each step in the session of whoever pulls', async () => {
    const recorder = started();
    const words = withSession('a', async function* () {
      withSpan('lost', () => undefined);
      yield 'word';
    });
    await inSession('b', () => words.next());
    expect(sessionOf(recorder.span('lost'))).toBe('b');
  });

  it('run each step of a traced generator in the session that called it', async () => {
    const recorder = started();
    const words = trace(
      async function* () {
        withSpan('kept', () => undefined);
        yield 'word';
      },
      { name: 'words' },
    );
    const stream = withSession('a', () => words());
    await inSession('b', () => stream.next());
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });

  it('run a bound step in the session that bound it', async () => {
    const recorder = started();
    const words = (async function* () {
      withSpan('kept', () => undefined);
      yield 'word';
    })();
    const next = inSession('a', () => bindContext(() => words.next()));
    await inSession('b', next);
    expect(sessionOf(recorder.span('kept'))).toBe('a');
  });
});

describe('messages', () => {
  it('between ports arrive in no session, unless they carry it', async () => {
    const recorder = started();
    const { port1, port2 } = new MessageChannel();
    try {
      const arrived = once(port2, 'message');
      inSession('a', () => {
        const carrier: Record<string, string> = {};
        injectContextIntoCarrier(carrier);
        port1.postMessage({ carrier });
      });
      const [{ carrier }] = (await arrived) as [{ carrier: Record<string, string> }];
      withSpan('lost', () => undefined);
      withDistributedTraceContext(carrier, () => withSpan('kept', () => undefined));
      expect(sessionOf(recorder.span('lost'))).not.toBe('a');
      expect(sessionOf(recorder.span('kept'))).toBe('a');
      expect(recorder.span('kept').parentSpanContext?.spanId).toBe(recorder.span('a').spanContext().spanId);
    } finally {
      port1.close();
    }
  });

  it('from a worker thread bring the session back, if the worker sends the carrier on', async () => {
    const recorder = started();
    const echo = `require('node:worker_threads').parentPort.on('message', (m) => {
      require('node:worker_threads').parentPort.postMessage(m);
    });`;
    const worker = new Worker(echo, { eval: true });
    try {
      const answered = once(worker, 'message');
      inSession('a', () =>
        withBaggage({ user_id: 'u-1' }, () => {
          const carrier: Record<string, string> = {};
          injectContextIntoCarrier(carrier);
          worker.postMessage({ carrier });
        }),
      );
      const [{ carrier }] = (await answered) as [{ carrier: Record<string, string> }];
      const extracted = extractContextFromCarrier(carrier)!;
      bindContext(() => withSpan('kept', () => undefined), extracted)();
      expect(recorder.span('kept').attributes).toMatchObject({
        'honeyhive.session_id': 'a',
        'baggage.user_id': 'u-1',
      });
    } finally {
      await worker.terminate();
    }
  });
});

it('each line of the page is held here, or where the page says', () => {
  const page = readFileSync('docs/guides/context-loss.md', 'utf8');
  const rows = page.split('\n').filter((line) => /^\| (?!Where|-)/.test(line));
  const own = readFileSync('__tests__/lab/context-loss.test.ts', 'utf8');
  const titles = [...own.matchAll(/^describe\((['"])(.*)\1/gm)].map((match) => match[2]!);
  const keyOf = (row: string): string | undefined => HELD_BY.find(([words]) => row.includes(words))?.[1];
  expect(rows.filter((row) => keyOf(row) === undefined)).toEqual([]);
  expect(HELD_BY.filter(([words]) => !rows.some((row) => row.includes(words)))).toEqual([]);
  expect(HELD_BY.filter(([, title]) => !titles.includes(title))).toEqual([]);
});
