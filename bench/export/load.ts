/** Makes spans at a rate and prints what that cost the main thread; see main-thread.mjs. */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ExportPipeline } from '../../lib/export/pipeline.js';

const { CASE = '', URL: url = '', RATE = '5000', SECONDS = '3', GZIP = '' } = process.env;
const rate = Number(RATE);
const seconds = Number(SECONDS);

/** Nanoseconds that the main thread has run. */
function mainThread(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]);
}

let exported = 0;
/** Waits for the last span. */
let finish = async (): Promise<void> => provider.forceFlush();

function processor(): any {
  if (CASE === 'nothing') {
    return { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
  }
  if (CASE === 'stock') {
    const exporter = new OTLPTraceExporter({ url, compression: (GZIP ? 'gzip' : 'none') as any });
    const original = exporter.export.bind(exporter);
    exporter.export = (spans, done) =>
      original(spans, (result) => {
        if (result.code === 0) exported += spans.length;
        done(result);
      });
    return new BatchSpanProcessor(exporter);
  }
  const pipeline = new ExportPipeline({ url, compression: GZIP ? 'gzip' : 'none' });
  finish = async () => {
    exported = (await pipeline.flush()).delivered;
  };
  return pipeline;
}

const provider = new BasicTracerProvider({ spanProcessors: [processor()] });
const tracer = provider.getTracer('bench', '1.0.0');
let made = 0;

function make(): void {
  const span = tracer.startSpan('GET /agent/invoke', {
    attributes: {
      'honeyhive.session_id': '993a64ba-02f6-46d0-b615-7e415eb010a0',
      'honeyhive.project': 'shop',
      'http.request.method': 'GET',
      'url.path': '/agent/invoke',
      'http.response.status_code': 200,
      'gen_ai.usage.input_tokens': made,
      'cache.hit': false,
      'cost.usd': 0.0012,
    },
  });
  span.end();
  made++;
}

for (let i = 0; i < 20_000; i++) {
  make();
  if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
await finish();

const delay = monitorEventLoopDelay({ resolution: 1 });
made = 0;
exported = 0;
const cpu = mainThread();
delay.enable();
const started = performance.now();
while (performance.now() - started < seconds * 1_000) {
  const due = ((performance.now() - started) / 1_000) * rate;
  while (made < due) make();
  await new Promise((resolve) => setTimeout(resolve, 2));
}
delay.disable();
// The last spans count too.
await finish();
const cpuMicros = (mainThread() - cpu) / 1_000;
console.log(JSON.stringify({ made, exported, cpuMicros, delayP99Ms: delay.percentile(99) / 1e6 }));
process.exit(0);
