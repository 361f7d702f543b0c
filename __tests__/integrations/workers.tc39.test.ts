import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { getBaggage, withSession, withSpan } from '../../lib/index.js';
import {
  carrierEnv,
  continueFromParent,
  continueMessages,
  withCarrier,
} from '../../lib/integrations/workers.js';
import { childProgram, removePrograms } from '../support/child-program.js';
import { parentId, shutdownAll, spanId, startTracer, traceId } from '../support/harness.js';

interface Ended {
  name: string;
  traceId: string;
  spanId: string;
  parentId?: string;
  session: string;
}
/** A worker of any kind, as its parent sees it. */
interface Started {
  send(message: unknown): void;
  on(event: 'message', listener: (message: any) => void): unknown;
  ended: Promise<unknown>;
}

const PROGRAM = '__tests__/integrations/children/job-worker.ts';
// Without the variables that jest's own processes have.
const plain = (): Record<string, string | undefined> => ({ PATH: process.env['PATH'] });

const KINDS: Record<string, (program: string, env?: Record<string, string>) => Started> = {
  'a worker thread': (program, env = {}) => {
    const worker = new Worker(program, {
      workerData: withCarrier({ shop: 7 }),
      execArgv: [],
      env: { ...plain(), ...env },
    });
    return {
      send: (message) => worker.postMessage(message),
      on: (event, listener) => worker.on(event, listener),
      ended: once(worker, 'exit'),
    };
  },
  'a child process': (program, env = {}) => {
    const child = fork(program, { env: carrierEnv({ ...plain(), ...env }), execArgv: [] });
    return {
      send: (message) => child.send(message as object),
      on: (event, listener) => child.on(event, listener),
      ended: once(child, 'exit'),
    };
  },
  'a worker of a cluster': (program, env = {}) => {
    cluster.setupPrimary({ exec: program, execArgv: [] });
    const worker = cluster.fork(carrierEnv({ NODE_OPTIONS: '', ...env }));
    return {
      send: (message) => worker.send(message as object),
      on: (event, listener) => worker.on(event, listener),
      ended: once(worker, 'exit'),
    };
  },
};

// A busy machine takes a while to start 20 threads; nothing here waits for time to pass.
jest.setTimeout(60_000);
afterEach(shutdownAll);
afterAll(removePrograms);

/** Resolves with the first message that has the field. */
const first = (worker: Started, field: string): Promise<any> =>
  new Promise((resolve) => {
    worker.on('message', (message: Record<string, unknown>) => {
      if (field in message) resolve(message[field]);
    });
  });

describe.each(Object.entries(KINDS))('%s', (_kind, start) => {
  it('starts in the trace and session of whoever started it', async () => {
    const program = await childProgram(PROGRAM);
    const { recorder } = startTracer({ propagateTo: [] });
    const worker = withSession({ sessionId: 'mine', skipApiCall: true }, () =>
      withSpan('starter', () => start(program)),
    );
    const span = (await first(worker, 'ended')) as Ended;
    worker.send('stop');
    await worker.ended;
    const starter = recorder.span('starter');
    expect(span).toMatchObject({
      name: 'started',
      session: 'mine',
      traceId: traceId(starter),
      parentId: spanId(starter),
    });
  });

  it('does 20 jobs of 20 sessions at once, each in its own, and the answers come back in them', async () => {
    const program = await childProgram(PROGRAM);
    const { recorder } = startTracer();
    // What the tracer thinks of network callers is nothing to its own threads and children.
    const worker = start(program, { TRUST: 'restart' });
    await first(worker, 'ready');
    const spans = new Map<string, Ended>();
    const allEnded = new Promise<void>((resolve) => {
      worker.on('message', ({ ended }: { ended?: Ended }) => {
        if (ended?.name.startsWith('job') !== true) return;
        spans.set(ended.name, ended);
        if (spans.size === 20) resolve();
      });
    });
    const answers = new Map<number, { session: string; here: unknown }>();
    const allDone = new Promise<void>((resolve) => {
      worker.on(
        'message',
        continueMessages((message: { done?: number; session?: string }) => {
          if (message.done === undefined) return;
          expect(message).not.toHaveProperty('spanwise');
          withSpan(`answer ${message.done}`, () => undefined);
          answers.set(message.done, {
            session: message.session as string,
            here: getBaggage('session_id'),
          });
          if (answers.size === 20) resolve();
        }),
      );
    });
    for (let id = 0; id < 20; id++) {
      withSession({ sessionId: `s${id}`, skipApiCall: true }, () =>
        withSpan(`sender ${id}`, () => worker.send(withCarrier({ id }))),
      );
    }
    await Promise.all([allDone, allEnded]);
    worker.send(withCarrier('stop'));
    await worker.ended;
    for (let id = 0; id < 20; id++) {
      const sender = recorder.span(`sender ${id}`);
      const job = spans.get(`job ${id}`)!;
      expect(job).toMatchObject({ session: `s${id}`, traceId: traceId(sender), parentId: spanId(sender) });
      expect(answers.get(id)).toEqual({ session: `s${id}`, here: `s${id}` });
      expect(parentId(recorder.span(`answer ${id}`))).toBe(job.spanId);
    }
  });
});

describe('20 worker threads that 20 sessions start at once', () => {
  it('each find their own, and their workerData as it was', async () => {
    const program = await childProgram(PROGRAM);
    startTracer();
    const started = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const worker = withSession({ sessionId: `s${i}`, skipApiCall: true }, () =>
          KINDS['a worker thread']!(program),
        );
        const [span, data] = await Promise.all([first(worker, 'ended'), first(worker, 'data')]);
        worker.send('stop');
        await worker.ended;
        return { session: (span as Ended).session, data };
      }),
    );
    expect(started).toEqual(Array.from({ length: 20 }, (_, i) => ({ session: `s${i}`, data: { shop: 7 } })));
  });
});

describe('messages', () => {
  const CLONES: Record<string, (message: unknown) => unknown> = {
    'structured clone': (message) => structuredClone(message),
    JSON: (message) => JSON.parse(JSON.stringify(message)),
  };

  it.each(Object.entries(CLONES))('come out as they went in, by %s', (_name, clone) => {
    startTracer();
    const got: unknown[] = [];
    const take = continueMessages((message) => got.push(message, getBaggage('session_id')));
    const sent = [{ a: 1, nested: { b: [2] } }, 'text', 7, null, [1, 2], {}, { spanwise: 'mine' }];
    withSession({ sessionId: 'mine', skipApiCall: true }, () =>
      sent.map((message) => clone(withCarrier(message))),
    ).forEach((message) => take(message));
    expect(got).toEqual([...sent.slice(0, 6).flatMap((message) => [message, 'mine']), {}, 'mine']);
  });

  it('that are maps and buffers, too, and what is transferred stays the same', () => {
    startTracer();
    const buffer = new Uint8Array([1, 2]);
    const sent = withCarrier({ buffer });
    expect(sent.buffer).toBe(buffer);
    expect(sent).not.toBe(buffer);
    const take = continueMessages((message: unknown) => message);
    expect(take(structuredClone(withCarrier(new Map([['a', 1]]))))).toEqual(new Map([['a', 1]]));
    expect(take(withCarrier(undefined))).toBeUndefined();
  });

  it('that were sent without a carrier are handed on as they are, in the context that is active', () => {
    startTracer();
    const take = continueMessages((message: unknown) => [message, getBaggage('session_id')]);
    const message = { job: 1 };
    withSession({ sessionId: 'here', skipApiCall: true }, () => {
      expect(take(message)).toEqual([message, 'here']);
      expect((take(message) as unknown[])[0]).toBe(message);
    });
  });

  it.each([
    ['no object', { spanwise: 5 }],
    ['no headers', { spanwise: {} }],
    ['broken headers', { spanwise: { headers: { traceparent: 'x', baggage: '%%%=,,;' } } }],
    [
      'headers that throw',
      {
        spanwise: {
          headers: new Proxy(
            {},
            {
              get: () => {
                throw new Error('no');
              },
            },
          ),
        },
      },
    ],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('no');
          },
        },
      ),
    ],
  ])('that are mangled still reach the handler: %s', (_what, message) => {
    startTracer();
    let calls = 0;
    continueMessages((_message: unknown) => calls++)(message);
    expect(calls).toBe(1);
  });

  it('without a tracer are still opened', () => {
    const take = continueMessages((message: unknown) => message);
    expect(take(withCarrier({ a: 1 }))).toEqual({ a: 1 });
  });

  it('keep the handler’s name, length, receiver, further arguments and errors', () => {
    function handle(this: unknown, message: string, socket: number): string {
      if (message === 'bad') throw new RangeError('mine');
      return `${String(this)} ${message} ${socket}`;
    }
    const take = continueMessages(handle);
    expect([take.name, take.length]).toEqual(['handle', 2]);
    expect(take.call('me', withCarrier('hello'), 3)).toBe('me hello 3');
    expect(() => take(withCarrier('bad'), 1)).toThrow(RangeError);
  });

  it('of a sender that is refused leave its trace and session behind', () => {
    const { recorder } = startTracer();
    const sent = withSession({ sessionId: 'theirs', skipApiCall: true }, () =>
      withSpan('sender', () => withCarrier({})),
    );
    const take = continueMessages((_job: unknown) => withSpan('job', () => getBaggage('session_id')), {
      trust: 'restart',
    });
    expect(take(sent)).not.toBe('theirs');
    expect(traceId(recorder.span('job'))).not.toBe(traceId(recorder.span('sender')));
  });
});

describe('an environment', () => {
  it('carries the headers of every format, and nothing stale', () => {
    startTracer({ propagators: ['b3multi'] });
    const env = withSession({ sessionId: 'mine', skipApiCall: true }, () =>
      withSpan('starter', () => carrierEnv({ KEPT: 'yes', TRACESTATE: 'old=1', BAGGAGE: 'old=1' })),
    );
    expect(env).toMatchObject({
      KEPT: 'yes',
      TRACEPARENT: expect.stringMatching(/^00-/),
      BAGGAGE: expect.stringContaining('session_id=mine'),
      X_B3_TRACEID: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(env).not.toHaveProperty('TRACESTATE');
    expect(env['BAGGAGE']).not.toContain('old');
  });

  it('is the process’s own unless one is given, and that stays as it is', () => {
    startTracer();
    const env = withSpan('starter', () => carrierEnv());
    expect(env['PATH']).toBe(process.env['PATH']);
    expect(process.env).not.toHaveProperty('TRACEPARENT');
  });

  it('without headers is nobody’s continuation', () => {
    startTracer();
    expect(continueFromParent(() => 5)).toBe(5);
    expect(continueFromParent({ trust: 'link' }, () => getBaggage('session_id'))).toBeUndefined();
  });
});
