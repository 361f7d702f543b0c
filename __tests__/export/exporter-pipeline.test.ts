import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { collectDiagnostics } from '../support/diagnostics.js';
import { ExporterPipeline, type ExporterPipelineOptions } from '../../lib/export/exporter-pipeline.js';
import type { ExportResult, SpanExporter } from '../../lib/tracer/sdk-contract.js';
import { makeSpan } from './make-span.js';

class Exporter implements SpanExporter {
  readonly batches: string[][] = [];
  running = 0;
  most = 0;
  ends = 0;
  answer: (done: (result: ExportResult) => void) => void = (done) => setTimeout(() => done({ code: 0 }), 5);
  export(spans: any[], done: (result: ExportResult) => void): void {
    this.most = Math.max(this.most, ++this.running);
    this.batches.push(spans.map(({ name }) => name));
    this.answer((result) => {
      this.running--;
      done(result);
    });
  }
  async shutdown(): Promise<void> {
    this.ends++;
  }
}

let exporter: Exporter;
let pipelines: ExporterPipeline[] = [];
let messages: string[] = [];

beforeEach(() => {
  exporter = new Exporter();
  messages = collectDiagnostics();
});

afterEach(async () => {
  await Promise.all(pipelines.map((pipeline) => pipeline.shutdown({ timeoutMs: 0 })));
  pipelines = [];
  diag.disable();
});

function start(options: Partial<ExporterPipelineOptions> = {}): ExporterPipeline {
  const pipeline = new ExporterPipeline({ exporter, scheduledDelayMs: 10, ...options });
  pipelines.push(pipeline);
  return pipeline;
}

function end(pipeline: ExporterPipeline, count: number, name = 'work'): void {
  for (let i = 0; i < count; i++) pipeline.onEnd(makeSpan(name));
}

describe('a pipeline around an exporter', () => {
  test('an exporter that throws at once, wherever it is asked, is reported, told to stop, and not waited for', async () => {
    const boom = (): never => {
      throw new Error('at once');
    };
    let stopped = 0;
    const broken = { export: boom, forceFlush: boom, shutdown: () => (stopped++, boom()) };
    const pipeline = start({ exporter: broken });
    end(pipeline, 2);
    expect(await pipeline.flush()).toMatchObject({ ok: false, failed: 2 });
    await pipeline.shutdown();
    expect(stopped).toBe(1);
    expect(messages.filter((line) => line.includes('at once')).length).toBeGreaterThanOrEqual(3);
  });

  test('hands over a burst in batches, one at a time, and waits for the last answer', async () => {
    const pipeline = start();
    end(pipeline, 10_000);
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 10_000, failed: 0, dropped: 0 });
    expect(exporter.batches.flat()).toHaveLength(10_000);
    expect(Math.max(...exporter.batches.map((batch) => batch.length))).toBe(512);
    expect(exporter.most).toBe(1);
  });

  test('exports without a flush, and at once in immediate mode', async () => {
    end(start(), 1, 'later');
    end(start({ mode: 'immediate', scheduledDelayMs: 60_000 }), 1, 'now');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(exporter.batches.flat().sort()).toEqual(['later', 'now']);
  });

  test('covers with a flush what ended before it', async () => {
    const pipeline = start();
    end(pipeline, 3);
    const first = pipeline.flush();
    end(pipeline, 4);
    expect(await first).toMatchObject({ delivered: 3 });
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 4 });
  });

  test('says what failed, by an answer, an exception or silence', async () => {
    const lost: [number, string][] = [];
    const pipeline = start({
      requestTimeoutMs: 50,
      onDrop: (count, reason) => void lost.push([count, reason]),
    });
    exporter.answer = (done) => done({ code: 1, error: new Error('no space') });
    end(pipeline, 2);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 0, failed: 2, dropped: 0 });
    exporter.answer = () => {
      throw new Error('broken');
    };
    end(pipeline, 3);
    expect(await pipeline.flush()).toMatchObject({ failed: 3 });
    exporter.answer = () => {};
    end(pipeline, 4);
    expect(await pipeline.flush()).toMatchObject({ failed: 4 });
    expect(lost.map(([count]) => count)).toEqual([2, 3, 4]);
    expect(messages.join('\n')).toMatch(/no space[^]*broken[^]*no answer within 50 ms/);
  });

  test('drops an exact number over its bound', async () => {
    const pipeline = start({ maxQueueSpans: 100 });
    end(pipeline, 150);
    expect(await pipeline.flush()).toEqual({ ok: false, delivered: 100, failed: 0, dropped: 50 });
  });

  test('shuts the exporter down once, in time, and takes nothing afterwards', async () => {
    exporter.answer = () => {};
    const pipeline = start();
    end(pipeline, 5);
    await pipeline.shutdown({ timeoutMs: 50 });
    await pipeline.shutdown();
    end(pipeline, 1);
    expect(exporter.ends).toBe(1);
    expect(exporter.batches).toHaveLength(1);
  });

  test('passes over spans that are not sampled', async () => {
    const pipeline = start();
    pipeline.onEnd(makeSpan('x', { spanContext: () => ({ traceId: 'a', spanId: 'b', traceFlags: 0 }) }));
    expect(await pipeline.flush()).toEqual({ ok: true, delivered: 0, failed: 0, dropped: 0 });
  });
});
