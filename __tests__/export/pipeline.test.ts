import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
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
  const pipeline = new ExportPipeline({ url: server.url, scheduledDelayMs: 20, ...options });
  pipelines.push(pipeline);
  return pipeline;
}

function end(pipeline: ExportPipeline, count: number, name = 'work'): void {
  for (let i = 0; i < count; i++) pipeline.onEnd(makeSpan(name));
}

describe('a healthy backend', () => {
  test.each(['http/protobuf', 'http/json'] as const)('gets every span once over %s', async (protocol) => {
    const pipeline = start({ protocol, headers: { authorization: 'Bearer key' } });
    end(pipeline, 700);
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 700, failed: 0, dropped: 0 });
    const report = await server.report();
    expect(report).toMatchObject({ spans: 700, duplicates: 0 });
    expect(report.lastHeaders).toMatchObject({
      authorization: 'Bearer key',
      'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
      'user-agent': expect.stringMatching(/^spanwise\//),
    });
  });

  test('gets spans without any flush, soon', async () => {
    end(start(), 3);
    await until('3 spans', async () => (await server.report()).spans === 3);
  });

  test('gets a burst of 10,000 in one tick', async () => {
    const pipeline = start();
    end(pipeline, 10_000);
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 10_000, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({ spans: 10_000, duplicates: 0 });
  });

  test('gets compressed bodies where asked for, and plain ones if it cannot unpack', async () => {
    const pipeline = start({ compression: 'gzip' });
    end(pipeline, 100);
    await pipeline.flush();
    expect((await server.report()).encodings).toEqual({ gzip: 1 });
    await server.behave({ mode: 'ok', gzipStatus: 415 });
    const other = start({ compression: 'gzip' });
    end(other, 100);
    expect(await other.flush()).toMatchObject({ ok: true, delivered: 100 });
    end(other, 100);
    expect(await other.flush()).toMatchObject({ ok: true, delivered: 100 });
    expect((await server.report()).encodings).toEqual({ gzip: 2, identity: 2 });
  });

  test('gets no span that is not sampled', async () => {
    const pipeline = start();
    const context = {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 0,
    };
    pipeline.onEnd(makeSpan('unsampled', { spanContext: () => context }));
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 0, failed: 0, dropped: 0 });
    expect((await server.report()).requests).toBe(0);
  });

  test('works in a provider of OpenTelemetry, also by forceFlush and shutdown', async () => {
    const pipeline = start({ scheduledDelayMs: 60_000 });
    const provider = new BasicTracerProvider({ spanProcessors: [pipeline] });
    provider.getTracer('t').startSpan('one').end();
    await provider.forceFlush();
    expect((await server.report()).names).toEqual({ one: 1 });
    provider.getTracer('t').startSpan('two').end();
    await provider.shutdown();
    expect((await server.report()).names).toEqual({ one: 1, two: 1 });
  });

  test('gets each span at once in immediate mode', async () => {
    const pipeline = start({ mode: 'immediate', scheduledDelayMs: 60_000 });
    end(pipeline, 1);
    await until('the span', async () => (await server.report()).spans === 1);
    expect(await pipeline.flush({ timeoutMs: 1_000 })).toMatchObject({ ok: true, delivered: 1 });
  });
});
