/** Makes spans at a rate and prints what that cost the main thread. */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { noop, stockProvider } from '../raw.mjs';

const [how, rateText, secondsText, port] = process.argv.slice(2);
const rate = Number(rateText);
const seconds = Number(secondsText);
const url = `http://127.0.0.1:${port}/v1/traces`;

/** Nanoseconds that the main thread has run; elsewhere than on Linux, the whole process. */
function mainThread() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]);
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  }
}

let delivered = 0;
let finish = async () => {};
let tracer;
if (how.startsWith('ours')) {
  const { SessionTracer } = await import('spanwise');
  const options = { global: false, skipBackendSessionCreation: true };
  const ours =
    how === 'ours'
      ? SessionTracer.init({ ...options, endpoint: url })
      : SessionTracer.init({ ...options, testMode: true, spanProcessors: [noop] });
  if (how === 'ours') finish = async () => void ({ delivered } = await ours.flush());
  tracer = ours.provider.getTracer('bench', '1.0.0');
} else {
  const processors = [noop];
  if (how === 'raw') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
    const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
    const exporter = new OTLPTraceExporter({ url });
    const send = exporter.export.bind(exporter);
    exporter.export = (spans, done) =>
      send(spans, (result) => {
        if (result.code === 0) delivered += spans.length;
        done(result);
      });
    processors[0] = new BatchSpanProcessor(exporter);
    finish = () => processors[0].forceFlush();
  }
  tracer = (await stockProvider(processors)).getTracer('bench', '1.0.0');
}

let made = 0;
function make() {
  tracer
    .startSpan('GET /agent/invoke', {
      attributes: {
        'app.session': '993a64ba-02f6-46d0-b615-7e415eb010a0',
        'app.project': 'shop',
        'http.request.method': 'GET',
        'url.path': '/agent/invoke',
        'http.response.status_code': 200,
        'gen_ai.usage.input_tokens': made,
        'cache.hit': false,
        'cost.usd': 0.0012,
      },
    })
    .end();
  made++;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (let at = 0; at < 20_000; at++) {
  make();
  if (at % 500 === 0) await pause(3);
}
await finish();

const delay = monitorEventLoopDelay({ resolution: 1 });
const before = delivered;
made = 0;
const cpu = mainThread();
delay.enable();
const started = performance.now();
while (performance.now() - started < seconds * 1_000) {
  const due = ((performance.now() - started) / 1_000) * rate;
  while (made < due) make();
  await pause(2);
}
delay.disable();
// The last spans count too.
await finish();
const cpuMicros = (mainThread() - cpu) / 1_000;
delivered -= how === 'raw' ? before : 0;
console.log(JSON.stringify({ made, delivered, cpuMicros, delayP99Ms: delay.percentile(99) / 1e6 }));
process.exit(0);
