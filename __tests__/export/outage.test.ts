import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { ExportPipeline, type PipelineOptions } from '../../lib/export/pipeline.js';
import type { Behaviour } from './children/server.js';
import { cleanUp, makeSpan, pause, startServer, until, type TestServer } from './harness.js';

let server: TestServer;
let pipelines: ExportPipeline[] = [];
let messages: string[] = [];

beforeEach(async () => {
  messages = [];
  resetDiagnostics();
  const note = (message: string): void => void messages.push(message);
  diag.setLogger(
    { error: note, warn: note, info() {}, debug() {}, verbose() {} },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
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
    requestTimeoutMs: 400,
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

async function misbehave(trouble: Behaviour | 'refused'): Promise<void> {
  if (trouble === 'refused') await server.close();
  else await server.behave(trouble);
}

async function recover(): Promise<void> {
  await server.behave({ mode: 'ok' });
}

describe.each(troubles)('a backend that %s', (_, trouble) => {
  test('gets all spans once when it is well again', async () => {
    const pipeline = start();
    end(pipeline, 50, 'before');
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 50 });
    await misbehave(trouble);
    for (let i = 0; i < 10; i++) {
      end(pipeline, 20, 'during');
      await pause(50);
    }
    if (trouble === 'refused') await server.listen();
    await recover();
    end(pipeline, 50, 'after');
    const result = await pipeline.flush({ timeoutMs: 12_000 });
    expect(result).toEqual({ ok: true, delivered: 250, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({
      spans: 300,
      duplicates: 0,
      names: { before: 50, during: 200, after: 50 },
    });
    expect(messages.filter((message) => message.includes('does not take spans'))).toHaveLength(1);
  }, 30_000);

  test('makes a flush say so at its deadline, and no shutdown reject or wait', async () => {
    const pipeline = start({ requestTimeoutMs: 10_000 });
    await misbehave(trouble);
    end(pipeline, 10);
    const started = performance.now();
    expect(await pipeline.flush({ timeoutMs: 300 })).toEqual({
      ok: false,
      delivered: 0,
      failed: 10,
      dropped: 0,
    });
    expect(performance.now() - started).toBeLessThan(2_000);
    await expect(pipeline.shutdown({ timeoutMs: 300 })).resolves.toBeUndefined();
    await expect(pipeline.shutdown()).resolves.toBeUndefined();
    expect(messages.join('\n')).toMatch(/10 spans are lost/);
  }, 20_000);
});

describe('Retry-After', () => {
  test('is honoured, also by a flush, which then does not wait in vain', async () => {
    const pipeline = start();
    await server.behave({ mode: 'status', status: 503, headers: { 'retry-after': '2' } });
    end(pipeline, 10);
    await until('the refusal', async () => (await server.report()).requests === 1);
    await server.behave({ mode: 'ok' });
    end(pipeline, 10);
    const started = performance.now();
    expect(await pipeline.flush({ timeoutMs: 1_000 })).toMatchObject({ ok: false, failed: 20 });
    expect(performance.now() - started).toBeLessThan(900);
    expect((await server.report()).requests).toBe(1);
    expect(await pipeline.flush({ timeoutMs: 8_000 })).toEqual({
      ok: true,
      delivered: 20,
      failed: 0,
      dropped: 0,
    });
    const { times, spans, duplicates } = await server.report();
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(1_990);
    expect({ spans, duplicates }).toEqual({ spans: 20, duplicates: 0 });
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
