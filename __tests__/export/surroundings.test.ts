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
