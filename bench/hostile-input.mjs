/**
 * `npm run bench:hostile`: how long the event loop stands still at the first call that meets what a stranger sends.
 *
 * Every value is met in fresh processes, because a first call is what a stranger gets: nothing is compiled yet. Times
 * are wall-clock times of the one synchronous call, of which the median of five processes counts; on a busy machine
 * they say nothing. `--check` fails if one is over 5 ms.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const LIMIT_MS = 5;
const PROCESSES = 5;

const nested = (depth) => {
  let value = { end: true };
  for (let level = 0; level < depth; level++) value = { value };
  return value;
};
const shared = (levels) => {
  let value = { end: true };
  for (let level = 0; level < levels; level++) value = { left: value, right: value };
  return value;
};
const keys = (count) => {
  const value = {};
  for (let index = 0; index < count; index++) value[`key_${index}`] = index;
  return value;
};
/** A text as it comes from a socket: flat, and not put together of pieces. */
const text = (length) => Buffer.alloc(length, 'x').toString('latin1');
const entries = (count) => Array.from({ length: count }, (_, index) => `key${index}=value${index}`).join(',');
const circular = () => {
  const value = { name: 'circle' };
  value.self = value;
  return value;
};
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** What arrives in an argument whose capture was asked for. */
const ARGUMENTS = {
  'depth 100,000': () => nested(100_000),
  'a 22-level shared graph': () => shared(22),
  '100,000 keys': () => keys(100_000),
  '100 objects of 10,000 keys': () => Array.from({ length: 100 }, () => keys(10_000)),
  'a text of 100 MB': () => text(100_000_000),
  '5 million array items': () => new Array(5_000_000).fill(1),
  'a circle': circular,
  'a BigInt': () => 10n ** 5_000n,
  'a symbol': () => Symbol('x'),
  'throwing getters': () => ({
    get a() {
      throw new Error('no');
    },
  }),
  'a Proxy': () => new Proxy(keys(100_000), {}),
  'a revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  'a Buffer of 100 MB': () => Buffer.alloc(100_000_000),
  'toJSON that takes a second': () => ({
    toJSON: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000),
  }),
};

/** What arrives as headers. */
const CARRIERS = {
  'baggage of 20 MB': () => ({ traceparent, baggage: `a=${text(20_000_000)}` }),
  'baggage of 10,000 entries': () => ({ traceparent, baggage: entries(10_000) }),
  'tracestate of 1 MB': () => ({ traceparent, tracestate: `a=${text(1_000_000)}` }),
  'a carrier of 100,000 keys': () => ({ ...keys(100_000), traceparent }),
  'a carrier of 5 million items': () => new Array(5_000_000).fill('x'),
};

async function measure(kind, name) {
  const { extractContextFromCarrier, SessionTracer, trace } = await import('../dist/index.js');
  SessionTracer.init({
    project: 'bench',
    spanProcessors: [],
    sessionId: '00000000-0000-4000-8000-000000000001',
  });
  const value = kind === 'argument' ? ARGUMENTS[name]() : CARRIERS[name]();
  const traced = trace((argument) => typeof argument, { name: 'call', inputs: true });
  const call = kind === 'argument' ? () => traced(value) : () => extractContextFromCarrier(value);
  // Garbage of making the value is not the call's.
  globalThis.gc();
  const from = performance.now();
  call();
  const ms = performance.now() - from;
  process.stdout.write(JSON.stringify({ ms }));
  process.exit(0);
}

function medianOf(kind, name) {
  const times = Array.from({ length: PROCESSES }, () => {
    const args = ['--expose-gc', '--no-warnings', fileURLToPath(import.meta.url), kind, name];
    return JSON.parse(
      execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ).ms;
  }).sort((a, b) => a - b);
  return times[Math.floor(PROCESSES / 2)];
}

const [kind, name] = process.argv.slice(2);
if (name !== undefined) await measure(kind, name);
else {
  const rows = [
    ...Object.keys(ARGUMENTS).map((one) => ['argument', one]),
    ...Object.keys(CARRIERS).map((one) => ['carrier', one]),
  ];
  const over = [];
  for (const [what, of] of rows) {
    const ms = medianOf(what, of);
    if (ms > LIMIT_MS) over.push(of);
    console.log(`${ms.toFixed(2).padStart(8)} ms  ${what.padEnd(9)} ${of}${ms > LIMIT_MS ? '  OVER' : ''}`);
  }
  if (kind === '--check' && over.length > 0) process.exitCode = 1;
}
