/** How the pipeline gets on with what is around it: instrumentations, contexts, other runtimes, threads. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ExportPipeline } from '../../lib/export/pipeline.js';
import { cleanUp, makeSpan, startApp, startServer, until, type TestServer } from './harness.js';

// Children share the machine with whatever else runs: no test is decided by its speed.
jest.setTimeout(30_000);

let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.stop());
afterAll(cleanUp);

test('its own requests are not traced', async () => {
  const app = await startApp('traced-app', { URL: server.url }).result;
  // The control shows that requests are traced here.
  expect(JSON.parse(app.stdout)).toEqual({ ours: 0, all: 1 });
  expect((await server.report()).lastHeaders).toHaveProperty('traceparent');
});

test('it holds on to no context of the requests whose spans it sends', async () => {
  const storage = new AsyncLocalStorage<object>();
  const seen: unknown[] = [];
  const headers = (): Record<string, string> => {
    seen.push(storage.getStore());
    return {};
  };
  const pipeline = new ExportPipeline({ url: server.url, scheduledDelayMs: 5, headers });
  storage.run({ request: 1 }, () => pipeline.onEnd(makeSpan()));
  await until('the span', async () => (await server.report()).spans === 1);
  await storage.run({ request: 2 }, async () => {
    pipeline.onEnd(makeSpan());
    await pipeline.flush();
  });
  expect(seen).toEqual([undefined, undefined]);
  await pipeline.shutdown();
});

test('a headers callback that throws costs its headers only', async () => {
  const headers = (): never => {
    throw new Error('no key');
  };
  const pipeline = new ExportPipeline({ url: server.url, headers });
  pipeline.onEnd(makeSpan());
  expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 1 });
  await pipeline.shutdown();
});

test('a URL that is none is said at once', () => {
  for (const url of ['nonsense', 'ftp://host/', '']) {
    expect(() => new ExportPipeline({ url })).toThrow(`[SPW_OPTION] the export URL "${url}" cannot be used`);
  }
});

test('it keeps no process alive', async () => {
  await server.behave({ mode: 'hang' });
  const app = startApp('ending-app', { URL: server.url, HOW: 'natural later', DELAY: '1', TIMEOUT: '0' });
  const { code, ms } = await app.result;
  expect((await server.report()).requests).toBe(1);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(8_000);
});

describe('without Node’s modules', () => {
  const original = process.getBuiltinModule;
  beforeEach(() => {
    (process as any).getBuiltinModule = undefined;
  });
  afterEach(() => {
    process.getBuiltinModule = original;
  });

  test('it delivers by fetch, compressed if asked to', async () => {
    const pipeline = new ExportPipeline({ url: server.url, compression: 'gzip', spool: true });
    for (let i = 0; i < 100; i++) pipeline.onEnd(makeSpan());
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 100, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({ spans: 100, encodings: { gzip: 1 } });
    await pipeline.shutdown();
  });

  test.each([
    ['hangs', { mode: 'hang' as const }],
    ['drips', { mode: 'drip' as const }],
    ['resets', { mode: 'reset' as const }],
  ])('it survives a backend that %s', async (_, behaviour) => {
    await server.behave(behaviour);
    const pipeline = new ExportPipeline({ url: server.url, requestTimeoutMs: 1_000 });
    pipeline.onEnd(makeSpan());
    expect(await pipeline.flush({ timeoutMs: 1_200 })).toMatchObject({ ok: false, failed: 1 });
    await server.behave({ mode: 'ok' });
    expect(await pipeline.flush({ timeoutMs: 10_000 })).toMatchObject({ ok: true, delivered: 1 });
    expect(await server.report()).toMatchObject({ spans: 1, duplicates: 0 });
    await pipeline.shutdown();
  });
});

/** As in workerd, where a timer or a request belongs to the request that is served and dies with it. */
describe('where nothing outlives the request that is served', () => {
  const { fetch: original } = globalThis;
  let dead: boolean;
  let died: number;
  beforeEach(() => {
    dead = false;
    died = 0;
    Object.defineProperty(globalThis, 'navigator', {
      value: { userAgent: 'Cloudflare-Workers' },
      configurable: true,
      writable: true,
    });
    globalThis.fetch = ((...args: Parameters<typeof fetch>) =>
      dead && ++died ? new Promise(() => {}) : original(...args)) as typeof fetch;
  });
  const dyingFlush = async (pipeline: ExportPipeline): Promise<void> => {
    dead = true;
    const before = died;
    pipeline.onEnd(makeSpan());
    void pipeline.flush({ timeoutMs: 1 });
    await until('the request', () => died > before);
    dead = false;
  };
  afterEach(() => {
    globalThis.fetch = original;
    delete (globalThis as { navigator?: unknown }).navigator;
  });

  test('each flush sends what is there itself, however many requests died on their way', async () => {
    const pipeline = new ExportPipeline({ url: server.url, concurrency: 1 });
    for (let i = 0; i < 3; i++) await dyingFlush(pipeline);
    pipeline.onEnd(makeSpan('alive'));
    const flushed = pipeline.flush({ timeoutMs: 500 });
    await until('the span', async () => (await server.report()).spans === 1);
    await flushed;
    await pipeline.shutdown({ timeoutMs: 1 });
  });

  test('what was on its way when its request died is sent again', async () => {
    const pipeline = new ExportPipeline({ url: server.url, requestTimeoutMs: 50 });
    await dyingFlush(pipeline);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await pipeline.flush({ timeoutMs: 5_000 })).toMatchObject({ ok: true, delivered: 1 });
    await pipeline.shutdown();
  });

  test('no timer is set when a span ends: only a flush sends', async () => {
    const timers = [
      jest.spyOn(globalThis, 'setTimeout'),
      jest.spyOn(globalThis, 'setImmediate'),
    ] as jest.SpiedFunction<any>[];
    const pipeline = new ExportPipeline({ url: server.url, scheduledDelayMs: 1, maxBatchSpans: 1 });
    try {
      pipeline.onEnd(makeSpan());
      pipeline.onEnd(makeSpan());
      for (const timer of timers) expect(timer).not.toHaveBeenCalled();
    } finally {
      for (const timer of timers) timer.mockRestore();
    }
    expect((await server.report()).requests).toBe(0);
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 2 });
    await pipeline.shutdown();
  });
});

describe('in a worker thread', () => {
  test.each(['natural', 'process.exit', 'uncaught error'])(
    'at its end (%s) all spans arrive',
    async (how) => {
      const app = await startApp('thread-app', { URL: server.url, HOW: how }).result;
      expect(app.stdout).toContain('main goes on');
      expect(await server.report()).toMatchObject({ spans: 100, duplicates: 0 });
    },
  );
});
