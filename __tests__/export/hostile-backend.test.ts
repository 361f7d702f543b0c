import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { collectDiagnostics } from '../support/diagnostics.js';
import { ExportPipeline, type PipelineOptions } from '../../lib/export/pipeline.js';
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
    requestTimeoutMs: 10_000,
    ...options,
  });
  pipelines.push(pipeline);
  return pipeline;
}

function end(pipeline: ExportPipeline, count: number, name = 'work'): void {
  for (let i = 0; i < count; i++) pipeline.onEnd(makeSpan(name));
}

describe('a full queue', () => {
  test('drops an exact number, says so once, and calls back', async () => {
    await server.close();
    let told = 0;
    const pipeline = start({
      requestTimeoutMs: 10_000,
      maxQueueSpans: 60_000,
      onDrop: (count) => void (told += count),
    });
    end(pipeline, 100_000);
    expect(told).toBe(40_000);
    expect(messages.filter((message) => message.includes('SPW_DROPPED'))).toHaveLength(1);
    await server.listen();
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 60_000, failed: 0, dropped: 40_000 });
    expect(await server.report()).toMatchObject({ spans: 60_000, duplicates: 0 });
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 0, failed: 0, dropped: 0 });
  }, 20_000);

  test('is bounded in bytes, whatever the spans', async () => {
    await server.close();
    const pipeline = start({ maxQueueBytes: 100_000 });
    for (let i = 0; i < 50; i++)
      pipeline.onEnd(makeSpan('big', { attributes: { text: 'x'.repeat(10_000) } }));
    const result = await pipeline.flush({ timeoutMs: 100 });
    expect(result.failed).toBe(9);
    expect(result.dropped).toBe(41);
  });

  test('survives a callback that throws', async () => {
    const pipeline = start({
      maxQueueSpans: 1,
      onDrop: () => {
        throw new Error('from the callback');
      },
    });
    end(pipeline, 2);
    expect(messages.join()).toContain('from the callback');
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 1, failed: 0, dropped: 1 });
  });
});

describe('flush', () => {
  test('with a batch on its way waits for the answer', async () => {
    await server.behave({ mode: 'ok', delayMs: 500 });
    const pipeline = start({ requestTimeoutMs: 5_000 });
    end(pipeline, 512);
    await until('the request', async () => (await server.report()).requests === 1);
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 512, failed: 0, dropped: 0 });
  });

  test('covers the spans before it and not those after', async () => {
    await server.behave({ mode: 'ok', delayMs: 200 });
    const pipeline = start({ requestTimeoutMs: 5_000 });
    end(pipeline, 5);
    const first = pipeline.flush();
    end(pipeline, 7);
    const second = pipeline.flush();
    expect(await first).toEqual({ ok: true, delivered: 5, failed: 0, dropped: 0 });
    expect(await second).toMatchObject({ ok: true, delivered: 12 });
  });

  test('reports what failed before it was called', async () => {
    await server.behave({
      mode: 'status',
      status: 401,
      headers: { 'content-type': 'text/plain' },
      body: 'bad key',
    });
    const pipeline = start();
    end(pipeline, 3);
    await until('the complaint', () => messages.length > 0);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 0, failed: 3, dropped: 0 });
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 0, failed: 0, dropped: 0 });
    expect(messages[0]).toContain('HTTP 401: bad key');
  });

  test('of a provider resolves although spans were lost', async () => {
    await server.behave({ mode: 'status', status: 404 });
    const pipeline = start();
    end(pipeline, 3);
    await expect(pipeline.forceFlush()).resolves.toBeUndefined();
    expect(messages.join()).toContain('a flush left 3 spans undelivered');
  });
});

describe('spans that a backend does not take', () => {
  test('one span of 8 MB does not take 400 others with it', async () => {
    await server.behave({ mode: 'ok', limitBytes: 4_194_304 });
    const pipeline = start();
    end(pipeline, 200);
    pipeline.onEnd(makeSpan('giant', { attributes: { prompt: 'x'.repeat(8_388_608) } }));
    end(pipeline, 200);
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 401, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({
      spans: 401,
      names: { work: 400, giant: 1 },
      duplicates: 0,
    });
    expect(messages.join()).toContain('span “giant” is over 2097152 bytes and was cut');
  });

  test('nor do six of 100 MB, and memory stays bounded', async () => {
    await server.behave({ mode: 'ok', limitBytes: 4_194_304 });
    const pipeline = start();
    const huge = Buffer.alloc(100_000_000, 'y').toString('latin1');
    end(pipeline, 200);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 6; i++) pipeline.onEnd(makeSpan(`giant-${i}`, { attributes: { [`p${i}`]: huge } }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64_000_000);
    end(pipeline, 200);
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 406, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({ spans: 406, duplicates: 0 });
    for (let i = 0; i < 6; i++) expect(messages.join()).toContain(`giant-${i}`);
  });

  test('a span over the backend’s own limit is found by halving, and named', async () => {
    await server.behave({ mode: 'ok', limitBytes: 100_000 });
    const pipeline = start();
    end(pipeline, 300);
    pipeline.onEnd(makeSpan('too-large', { attributes: { text: 'x'.repeat(150_000) } }));
    end(pipeline, 300);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 600, failed: 1, dropped: 0 });
    expect(await server.report()).toMatchObject({ spans: 600, names: { work: 600 }, duplicates: 0 });
    expect(messages.join()).toContain('“too-large”');
    expect((await server.report()).requests).toBeLessThan(60);
  });

  test('a limit of the backend is learned from', async () => {
    await server.behave({ mode: 'ok', limitBytes: 100_000 });
    const pipeline = start();
    end(pipeline, 2_000);
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 2_000 });
    const before = (await server.report()).requests;
    end(pipeline, 2_000);
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 2_000 });
    const { requests, spans, duplicates } = await server.report();
    expect({ spans, duplicates }).toEqual({ spans: 4_000, duplicates: 0 });
    expect(requests - before).toBeLessThan(before);
    expect(requests - before).toBeLessThan(14);
  });

  test('a span that gets a 400 is found by halving, and named', async () => {
    await server.behave({ mode: 'ok', refuseName: 'bad' });
    const pipeline = start({ onDrop: (count, reason) => void messages.push(`lost ${count}: ${reason}`) });
    end(pipeline, 400);
    end(pipeline, 1, 'bad');
    end(pipeline, 111);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 511, failed: 1, dropped: 0 });
    const { names, requests, duplicates } = await server.report();
    expect({ names, duplicates }).toEqual({ names: { work: 511 }, duplicates: 0 });
    expect(requests).toBeLessThan(25);
    expect(messages.join()).toMatch(/refused 1 span\(s\), “bad” \(HTTP 400: span bad is not welcome\)/);
    expect(messages.join()).toContain('lost 1: refused by the backend: HTTP 400');
  });

  test('a backend that refuses everything is not stormed', async () => {
    await server.behave({ mode: 'status', status: 400 });
    const pipeline = start();
    end(pipeline, 1_000);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 0, failed: 1_000, dropped: 0 });
    const first = (await server.report()).requests;
    expect(first).toBeLessThan(140);
    for (let i = 0; i < 5; i++) {
      end(pipeline, 1_000);
      expect(await pipeline.flush()).toMatchObject({ failed: 1_000 });
    }
    expect((await server.report()).requests - first).toBe(5);
    await server.behave({ mode: 'ok' });
    end(pipeline, 10);
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 10 });
  });

  test('a partial success is counted and not sent again', async () => {
    await server.behave({ mode: 'ok', rejectSpans: 3 });
    const pipeline = start();
    end(pipeline, 10);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 7, failed: 3, dropped: 0 });
    await pause(200);
    expect((await server.report()).requests).toBe(1);
    expect(messages.join()).toContain('rejected 3 of 10 spans (“too old”)');
  });
});
