import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { collectDiagnostics } from '../support/diagnostics.js';
import { ExportPipeline, type PipelineOptions } from '../../lib/export/pipeline.js';
import type { Behaviour } from './children/server.js';
import { cleanUp, makeSpan, pause, startServer, until, type TestServer } from './harness.js';

// Children share the machine with whatever else runs: no test is decided by its speed.
jest.setTimeout(30_000);

let server: TestServer;
let pipelines: ExportPipeline[] = [];
let messages: string[] = [];

beforeEach(async () => {
  messages = collectDiagnostics();
  server = await startServer();
});

afterEach(async () => {
  await Promise.all(pipelines.map((pipeline) => pipeline.shutdown({ timeoutMs: 0 })));
  pipelines = [];
  await server.stop();
  diag.disable();
});

afterAll(cleanUp);

function start(options: Partial<PipelineOptions> = {}): ExportPipeline {
  const pipeline = new ExportPipeline({
    url: server.url,
    scheduledDelayMs: 20,
    requestTimeoutMs: 1_500,
    ...options,
  });
  pipelines.push(pipeline);
  return pipeline;
}

function end(pipeline: ExportPipeline, count: number, name = 'work'): void {
  for (let i = 0; i < count; i++) pipeline.onEnd(makeSpan(name));
}

const troubles: [string, Behaviour | 'refused'][] = [
  ['refuses connections', 'refused'],
  ['hangs', { mode: 'hang' }],
  ['drips', { mode: 'drip' }],
  ['resets connections', { mode: 'reset' }],
  ['answers 503', { mode: 'status', status: 503 }],
  ['answers 429', { mode: 'status', status: 429, headers: { 'retry-after': '0' } }],
];

async function misbehave(bad: TestServer, trouble: Behaviour | 'refused'): Promise<void> {
  if (trouble === 'refused') await bad.close();
  else await bad.behave(trouble);
}

/** Every kind of trouble at once, each with a backend and a pipeline of its own: what takes time is waiting. */
function withEach<T>(
  work: (trouble: Behaviour | 'refused', bad: TestServer, pipeline: ExportPipeline) => Promise<T>,
) {
  return Promise.all(
    troubles.map(async ([name, trouble]) => {
      const bad = await startServer();
      try {
        return { name, ...(await work(trouble, bad, start({ url: bad.url }))) };
      } finally {
        await bad.stop();
      }
    }),
  );
}

describe('a backend that refuses connections, hangs, drips, resets, or answers 503 or 429', () => {
  test('gets all spans once when it is well again', async () => {
    const outcomes = await withEach(async (trouble, bad, pipeline) => {
      end(pipeline, 50, 'before');
      await pipeline.flush();
      await misbehave(bad, trouble);
      for (let i = 0; i < 10; i++) {
        end(pipeline, 20, 'during');
        await pause(50);
      }
      if (trouble === 'refused') await bad.listen();
      await bad.behave({ mode: 'ok' });
      end(pipeline, 50, 'after');
      const result = await pipeline.flush({ timeoutMs: 20_000 });
      const { spans, duplicates, names } = await bad.report();
      return { result, spans, duplicates, names };
    });
    expect(outcomes).toEqual(
      troubles.map(([name]) => ({
        name,
        result: { ok: true, delivered: 250, failed: 0, dropped: 0 },
        spans: 300,
        duplicates: 0,
        names: { before: 50, during: 200, after: 50 },
      })),
    );
    expect(messages.filter((message) => message.includes('does not take spans'))).toHaveLength(1);
  });

  test('makes a flush say so at its deadline, and no shutdown reject or wait', async () => {
    const outcomes = await withEach(async (trouble, bad, pipeline) => {
      await misbehave(bad, trouble);
      end(pipeline, 10);
      const started = performance.now();
      const result = await pipeline.flush({ timeoutMs: 300 });
      const shutdowns = [await pipeline.shutdown({ timeoutMs: 300 }), await pipeline.shutdown()];
      return { result, shutdowns, inTime: performance.now() - started < 10_000 };
    });
    expect(outcomes).toEqual(
      troubles.map(([name]) => ({
        name,
        result: { ok: false, delivered: 0, failed: 10, dropped: 0 },
        shutdowns: [undefined, undefined],
        inTime: true,
      })),
    );
    expect(messages.join('\n')).toMatch(/10 spans are lost/);
  });

  test('holds a shutdown up for 2 s unless told otherwise', async () => {
    await server.close();
    const pipeline = start();
    end(pipeline, 1);
    const started = performance.now();
    await pipeline.shutdown();
    expect(performance.now() - started).toBeGreaterThan(1_900);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('Retry-After', () => {
  test('is honoured, also by a flush', async () => {
    const pipeline = start();
    await server.behave({ mode: 'status', status: 503, headers: { 'retry-after': '2' } });
    end(pipeline, 10);
    await until('the refusal', async () => (await server.report()).requests === 1);
    await server.behave({ mode: 'ok' });
    end(pipeline, 10);
    expect(await pipeline.flush({ timeoutMs: 20_000 })).toEqual({
      ok: true,
      delivered: 20,
      failed: 0,
      dropped: 0,
    });
    const { times, spans, duplicates } = await server.report();
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(1_990);
    expect({ spans, duplicates }).toEqual({ spans: 20, duplicates: 0 });
  });

  test('ends a flush that would wait in vain', async () => {
    const pipeline = start();
    await server.behave({ mode: 'status', status: 503, headers: { 'retry-after': '600' } });
    end(pipeline, 10);
    expect(await pipeline.flush({ timeoutMs: 300_000 })).toMatchObject({ ok: false, failed: 10 });
    expect(await pipeline.flush({ timeoutMs: 300_000 })).toMatchObject({ ok: false, failed: 10 });
    expect((await server.report()).requests).toBe(1);
  });
});

describe('after an outage', () => {
  test('new spans do not wait for all the old ones', async () => {
    await server.close();
    const pipeline = start({ maxBatchSpans: 50, concurrency: 2 });
    end(pipeline, 3_000, 'old');
    await pause(100);
    await server.behave({ mode: 'ok', delayMs: 50 });
    await server.listen();
    await until('the backend to be used', async () => (await server.report()).spans > 0);
    end(pipeline, 10, 'new');
    await until('the new spans', async () => (await server.report()).names['new'] === 10);
    expect((await server.report()).names['old'] ?? 0).toBeLessThan(2_500);
    expect(await pipeline.flush()).toMatchObject({ ok: true });
    expect(await server.report()).toMatchObject({ spans: 3_010, duplicates: 0 });
  }, 20_000);

  test('a kept-alive connection that was closed meanwhile costs nothing', async () => {
    const pipeline = start();
    end(pipeline, 1);
    await pipeline.flush();
    await server.cut();
    end(pipeline, 1);
    expect(await pipeline.flush({ timeoutMs: 5_000 })).toMatchObject({ ok: true, delivered: 1 });
  });
});
