/**
 * Makes spans at a rate, in windows in which the cases take turns, and prints what each cost this thread: hand-written
 * OpenTelemetry and ours, each once with a processor that does nothing and once with one that sends.
 */
import { openSync, readSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { noop, stockProvider } from '../raw.mjs';

const { rate, windowMs, turns, pauseMs, cases, port, delays = false } = JSON.parse(process.argv[2]);
const url = `http://127.0.0.1:${port}/v1/traces`;

/**
 * Milliseconds that the main thread has run: whatever else runs on the machine does not count, and neither do other
 * threads of this process. Exact each time the thread has slept.
 */
const threadCpu = clockOfThread();

function clockOfThread() {
  if (process.threadCpuUsage !== undefined) {
    return () => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1e3;
    };
  }
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`);
    const text = Buffer.alloc(64);
    return () => Number.parseInt(text.latin1Slice(0, readSync(file, text, 0, 64, 0)), 10) / 1e6;
  } catch {
    return () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e3;
    };
  }
}

/** Ours with and without a sender make the same spans: with a session that exists, and nothing to be told of it. */
const ALIKE = {
  global: false,
  sessionId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  skipBackendSessionCreation: true,
};

/** A case: the tracer, a flush, and how many spans have arrived so far. */
const makers = {
  async 'raw nothing'() {
    return { tracer: (await stockProvider([noop])).getTracer('bench', '1.0.0') };
  },
  async raw() {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
    const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
    const exporter = new OTLPTraceExporter({ url });
    const send = exporter.export.bind(exporter);
    let delivered = 0;
    exporter.export = (spans, done) =>
      send(spans, (result) => {
        if (result.code === 0) delivered += spans.length;
        done(result);
      });
    const processor = new BatchSpanProcessor(exporter);
    const tracer = (await stockProvider([processor])).getTracer('bench', '1.0.0');
    const flush = async () => {
      await processor.forceFlush();
      const arrived = delivered;
      delivered = 0;
      return arrived;
    };
    return { tracer, flush };
  },
  async 'ours nothing'() {
    const { SessionTracer } = await import('spanwise');
    const options = { name: 'nothing', testMode: true, spanProcessors: [noop] };
    return { tracer: SessionTracer.init({ ...ALIKE, ...options }).provider.getTracer('bench', '1.0.0') };
  },
  async ours() {
    const { SessionTracer } = await import('spanwise');
    const ours = SessionTracer.init({ ...ALIKE, name: 'ours', endpoint: url });
    return {
      tracer: ours.provider.getTracer('bench', '1.0.0'),
      flush: async () => (await ours.flush()).delivered,
    };
  },
};

/** A function of its own for each case, so that none is compiled for what another one's tracer is. */
const makeWith = (name) =>
  new Function(
    'tracer',
    `/* ${name} */ let made = 0; return () => {
      tracer
        .startSpan('GET /agent/invoke', {
          attributes: {
            'app.session': '993a64ba-02f6-46d0-b615-7e415eb010a0',
            'app.project': 'shop',
            'http.request.method': 'GET',
            'url.path': '/agent/invoke',
            'http.response.status_code': 200,
            'gen_ai.usage.input_tokens': made++,
            'cache.hit': false,
            'cost.usd': 0.0012,
          },
        })
        .end();
    };`,
  );

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (numbers, part) =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))];

/** One turn of a case: what its spans cost, and for how long each turn of the event loop was busy with them. */
async function turn({ make, flush }) {
  globalThis.gc();
  await pause(5);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const busy = [];
  let made = 0;
  const cpu = threadCpu();
  const started = performance.now();
  let seen = cpu;
  let due = 0;
  if (delays) delay.enable();
  for (let at = started; at - started < windowMs; at = performance.now()) {
    // Where the machine has stood still, what was missed is not made up for: a burst would be the delay that it measures.
    due = Math.min(((at - started) / 1_000) * rate, due + (rate / 1_000) * pauseMs * 2);
    while (made < due) {
      make();
      made++;
    }
    await pause(pauseMs);
    if (!delays) continue;
    const now = threadCpu();
    busy.push(now - seen);
    seen = now;
  }
  delay.disable();
  // The last spans count too.
  const arrived = await flush?.();
  await pause(1);
  const spent = threadCpu() - cpu;
  return {
    each: (spent * 1_000) / made,
    sent: (arrived ?? made) / made,
    ...(delays && { busyP99: percentile(busy, 0.99), delayP99: delay.percentile(99) / 1e6 }),
  };
}

const subjects = {};
for (const name of cases) {
  const { tracer, flush } = await makers[name]();
  subjects[name] = { make: makeWith(name)(tracer), flush };
}
for (let round = 0; round < 40; round++) {
  for (const { make, flush } of Object.values(subjects)) {
    for (let at = 0; at < 500; at++) make();
    await pause(3);
    if (round % 10 === 9) await flush?.();
  }
}
const results = Object.fromEntries(cases.map((name) => [name, []]));
for (let at = 0; at < turns; at++) {
  const order = cases.map((_, index) => cases[(index + at) % cases.length]);
  for (const name of at % 2 === 0 ? order : order.reverse()) results[name].push(await turn(subjects[name]));
}
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));
