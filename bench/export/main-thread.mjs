// Main-thread CPU per exported span and event-loop delay, beside OpenTelemetry's batch processor and exporter.
//
//   node bench/export/main-thread.mjs [--rounds 3] [--seconds 3] [--rates 5000,20000,50000] [--gzip]
//
// Every measurement is a fresh process; the cases are interleaved, and the cost of making the spans, measured in the
// same way with a processor that does nothing, is subtracted. Two shared cores: only the ratios mean something.
import { spawn, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    rates: { type: 'string', default: '5000,20000,50000' },
    gzip: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const rates = values.rates.split(',').map(Number);
const cases = ['nothing', 'stock', 'spanwise'];

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'spanwise-bench-'));
const load = join(folder, 'load.mjs');
buildSync({
  entryPoints: [join(here, 'load.ts')],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  outfile: load,
  logLevel: 'error',
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
});

const sink = fork(join(here, '../export-load/sink.mjs'), { execArgv: [] });
const [{ port }] = await once(sink, 'message');

async function measure(name, rate) {
  const env = {
    ...process.env,
    CASE: name,
    RATE: String(rate),
    SECONDS: values.seconds,
    GZIP: values.gzip ? '1' : '',
  };
  env.URL = `http://127.0.0.1:${port}/v1/traces`;
  const child = spawn(process.execPath, [load], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  await once(child, 'close');
  return JSON.parse(text);
}

const results = new Map();
try {
  for (let round = 0; round < rounds; round++) {
    for (const rate of rates) {
      // Another order each round, so that no case always follows the same one.
      for (let i = 0; i < cases.length; i++) {
        const name = cases[(i + round) % cases.length];
        const key = `${name} ${rate}`;
        results.set(key, [...(results.get(key) ?? []), await measure(name, rate)]);
      }
    }
  }
} finally {
  sink.disconnect();
  rmSync(folder, { recursive: true, force: true });
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const range = (list) => `${Math.min(...list).toFixed(1)}-${Math.max(...list).toFixed(1)}`;
const rows = [];
for (const rate of rates) {
  const of = (name, pick) => results.get(`${name} ${rate}`).map(pick);
  const base = median(of('nothing', (r) => r.cpuMicros / r.made));
  const cost = (name) => of(name, (r) => (r.cpuMicros - base * r.made) / Math.max(1, r.exported));
  const stock = median(cost('stock'));
  for (const name of ['stock', 'spanwise']) {
    const costs = cost(name);
    rows.push({
      'spans/s': rate,
      case: name,
      'µs per exported span': median(costs).toFixed(2),
      spread: range(costs),
      'ratio to stock': (median(costs) / stock).toFixed(2),
      'delay p99 ms': median(of(name, (r) => r.delayP99Ms)).toFixed(2),
      'without export': median(of('nothing', (r) => r.delayP99Ms)).toFixed(2),
      'not exported': `${((100 * median(of(name, (r) => r.made - r.exported))) / median(of(name, (r) => r.made))).toFixed(1)} %`,
    });
  }
}
console.log(
  `Node ${process.version}, ${rounds} rounds of ${values.seconds} s, 8 attributes${values.gzip ? ', gzip' : ''}`,
);
console.table(rows);
