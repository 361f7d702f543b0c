/**
 * `npm run bench:hostile`: how long the event loop stands still at the first call that meets what a stranger sends.
 *
 * Every value is met in fresh processes, because a first call is what a stranger gets: nothing is compiled yet. Times
 * are wall-clock times of the one synchronous call, of which the median of five processes counts; on a busy machine
 * they say nothing, and `--cpu` takes the time that the main thread was running instead (Linux only).
 *
 * Some values cost whoever looks at them at all: a text put together of pieces is copied at the first look, and names
 * are listed all at once. Where we have to look, the same look by itself is measured in processes of its own (`floor`),
 * and what counts is what we add to it.
 *
 * `--warm` has each process trace fifty ordinary calls before: what a stranger costs a service that is running.
 * `--check` fails if one is over 5 ms. Further words choose rows.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
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
const keys = (count, name = (index) => `key_${index}`) => {
  const value = {};
  for (let index = 0; index < count; index++) value[name(index)] = index;
  return value;
};
/** Numbers as names, none next to another. */
const scattered = (index) => (index * 7_919 + 1) % 1_000_003;
/** A text as it comes from a socket: flat, and not put together of pieces. */
const text = (length, of = 'x') => Buffer.alloc(length, of).toString('latin1');
const entries = (count) => Array.from({ length: count }, (_, index) => `key${index}=value${index}`).join(',');
const circular = () => {
  const value = { name: 'circle' };
  value.self = value;
  return value;
};
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const sleep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
class Instance {
  id = 1;
  toJSON() {
    return sleep();
  }
}

/** What arrives in an argument or a result whose capture was asked for. */
const VALUES = {
  'nothing special': () => ({ query: 'tea', page: 1 }),
  'depth 100,000': () => nested(100_000),
  'a 22-level shared graph': () => shared(22),
  '100,000 keys': () => keys(100_000),
  '100,000 keys a level down': () => ({ table: keys(100_000) }),
  '100,000 keys of JSON': () => JSON.parse(JSON.stringify(keys(100_000))),
  '100,000 indices': () => keys(100_000, (index) => index),
  '100 objects of 10,000 keys': () => Array.from({ length: 100 }, () => keys(10_000)),
  '10,000 objects of 100 keys': () => Array.from({ length: 10_000 }, () => keys(100)),
  'a text of 100 MB': () => text(100_000_000),
  '1,000 texts of 1 MB': () => new Array(1_000).fill(text(1_000_000)),
  '5 million array items': () => new Array(5_000_000).fill(1),
  'a Map of a million entries': () =>
    new Map(Array.from({ length: 1_000_000 }, (_, index) => [index, index])),
  'a circle': circular,
  '10,000 boxed BigInts': () => Array.from({ length: 10_000 }, () => Object.fromEntries([['a', Object(1n)]])),
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
  'a stream': () => Readable.from(['a']),
  'a socket': () => new Socket(),
  'toJSON that takes a second': () => ({ toJSON: sleep }),
  'instances whose toJSON takes a second': () => new Array(1_000).fill(new Instance()),
  'an error with a cause': () => new Error('no', { cause: keys(100_000) }),
  'secrets in 64 KB': () => 'password=x '.repeat(6_000),
};

/** What cannot be looked at in the time by anyone, with the look by itself. */
const WITH_FLOOR = {
  '100,000 scattered indices': [() => keys(100_000, scattered), (value) => Object.keys(value).length],
};

/** What is thrown by the traced function. */
const ERRORS = {
  'an error with nothing special': () => new Error('no'),
  'an error with a cause of 100,000 keys': () => new Error('no', { cause: keys(100_000) }),
  'a chain of 100,000 causes': () => {
    let cause;
    for (let index = 0; index < 100_000; index++) {
      cause = { __proto__: Error.prototype, message: 'no', cause };
    }
    return new Error('no', { cause });
  },
  'a message of 20 MB': () => new Error(text(20_000_000)),
  'a stack of 20 MB': () => Object.assign(new Error('no'), { stack: text(20_000_000) }),
  'an AggregateError of 100,000': () => new AggregateError(new Array(100_000).fill(new Error('no'))),
  'an object of 100,000 keys': () => keys(100_000),
  'a Proxy': () => new Proxy(new Error('no'), {}),
};

/** What arrives as headers. */
const CARRIERS = {
  'nothing special': () => ({ traceparent, baggage: 'session_id=1' }),
  'baggage of 20 MB': () => ({ traceparent, baggage: `${text(20_000_000)}` }),
  'baggage of 20 MB of entries': () => ({ traceparent, baggage: text(20_000_000, 'k=v,') }),
  'baggage of 20 MB of identity': () => ({ traceparent, baggage: text(20_000_000, 'session_id=v,') }),
  'baggage of 20 MB of percent signs': () => ({ traceparent, baggage: text(20_000_000, '%') }),
  'baggage of 20 MB of semicolons': () => ({ traceparent, baggage: text(20_000_000, ';') }),
  'baggage of 20 MB of bytes': () => ({ traceparent, baggage: Buffer.alloc(20_000_000, 'k=v,') }),
  'baggage of 10,000 entries': () => ({ traceparent, baggage: entries(10_000) }),
  '10,000 lines of baggage': () => ({ traceparent, baggage: entries(10_000).split(',') }),
  'tracestate of 1 MB': () => ({ traceparent, tracestate: `a=${text(1_000_000)}` }),
  'traceparent of 20 MB': () => ({ traceparent: text(20_000_000, '01-') }),
  'a carrier of 100,000 keys': () => ({ ...keys(100_000), traceparent }),
  'a carrier of 100,000 keys and no trace': () => keys(100_000),
  'a carrier of 5 million items': () => new Array(5_000_000).fill('x'),
  'a list of 1,000 objects of 10,000 keys': () => new Array(1_000).fill(keys(10_000)),
  'a list of pairs, a million': () => new Array(1_000_000).fill(['x', 'y']),
  'a Map of a million entries': () =>
    new Map(Array.from({ length: 1_000_000 }, (_, index) => [`k${index}`, 'v'])),
  'a 22-level shared graph': () => ({ _meta: shared(22), headers: shared(22), req: shared(22) }),
  'depth 100,000': () => ({ _meta: nested(100_000), req: nested(100_000) }),
  'a circle': () => {
    const ring = {};
    return Object.assign(ring, { _meta: ring, req: ring, raw: ring, headers: ring });
  },
  'a revoked Proxy': VALUES['a revoked Proxy'],
  'a socket': () => new Socket(),
};

const CARRIERS_WITH_FLOOR = {
  'baggage of 20 MB in pieces': [
    () => ({ traceparent, baggage: `a=${text(20_000_000)}` }),
    ({ baggage }) => baggage.charCodeAt(0),
  ],
  'a carrier of 100,000 scattered indices': [
    () => ({ ...keys(100_000, scattered), traceparent }),
    (value) => Object.keys(value).length,
  ],
};

const makers = (table) => Object.fromEntries(Object.entries(table).map(([name, [make]]) => [name, make]));
const floors = (table) => Object.fromEntries(Object.entries(table).map(([name, [, look]]) => [name, look]));
const ROWS = {
  argument: { ...VALUES, ...makers(WITH_FLOOR) },
  result: { ...VALUES, ...makers(WITH_FLOOR) },
  thrown: ERRORS,
  carrier: { ...CARRIERS, ...makers(CARRIERS_WITH_FLOOR) },
};
const FLOORS = {
  argument: floors(WITH_FLOOR),
  result: floors(WITH_FLOOR),
  thrown: {},
  carrier: floors(CARRIERS_WITH_FLOOR),
};

/** How long the main thread has been running, in milliseconds; undefined where the system does not tell. */
function threadClock() {
  let descriptor;
  try {
    descriptor = fs.openSync('/proc/self/schedstat');
  } catch {
    return undefined;
  }
  const bytes = Buffer.alloc(64);
  return () => {
    // Has the kernel bring its books up to date.
    process.cpuUsage();
    const length = fs.readSync(descriptor, bytes, 0, 64, 0);
    return Number.parseInt(bytes.latin1Slice(0, length), 10) / 1e6;
  };
}

async function measure(kind, name, isFloor) {
  const { extractContextFromCarrier, SessionTracer, trace } = await import('../dist/index.js');
  SessionTracer.init({
    project: 'bench',
    spanProcessors: [],
    sessionId: '00000000-0000-4000-8000-000000000001',
  });
  const value = ROWS[kind][name]();
  const traced = {
    argument: () => trace((argument) => typeof argument, { name: 'call', inputs: true }),
    result: () => trace(() => value, { name: 'call', outputs: true }),
    thrown: () =>
      trace(
        () => {
          throw value;
        },
        { name: 'call', outputs: true },
      ),
    carrier: () => extractContextFromCarrier,
  }[kind]();
  const call = isFloor ? FLOORS[kind][name] : traced;
  if (words.includes('--warm')) {
    const ordinary = trace((argument) => typeof argument, { name: 'ordinary', inputs: true, outputs: true });
    for (let count = 0; count < 50; count++) {
      ordinary(VALUES['nothing special']());
      extractContextFromCarrier(CARRIERS['nothing special']());
    }
  }
  // Garbage of making the value is not the call's.
  globalThis.gc();
  const clock = threadClock() ?? (() => Number.NaN);
  clock();
  const cpuFrom = clock();
  const from = performance.now();
  try {
    call(value);
  } catch {
    // As it was meant to.
  }
  const ms = performance.now() - from;
  process.stdout.write(JSON.stringify({ ms, cpu: clock() - cpuFrom }));
  process.exit(0);
}

const [, , ...words] = process.argv;

function medianOf(kind, name, isFloor) {
  const times = Array.from({ length: PROCESSES }, () => {
    const one = [isFloor ? '--floor' : '--one', kind, name, ...words.filter((word) => word === '--warm')];
    const args = ['--expose-gc', '--no-warnings', fileURLToPath(import.meta.url), ...one];
    const said = execFileSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { ms, cpu } = JSON.parse(said);
    return words.includes('--cpu') ? cpu : ms;
  }).sort((a, b) => a - b);
  return times[Math.floor(PROCESSES / 2)];
}

if (words[0] === '--one' || words[0] === '--floor') {
  await measure(words[1], words[2], words[0] === '--floor');
} else {
  if (words.includes('--cpu') && threadClock() === undefined)
    throw new Error('--cpu needs /proc/self/schedstat');
  const wanted = words.filter((word) => !word.startsWith('--'));
  const over = [];
  for (const [kind, table] of Object.entries(ROWS)) {
    for (const name of Object.keys(table)) {
      if (wanted.length > 0 && !wanted.some((word) => `${kind} ${name}`.includes(word))) continue;
      const ms = medianOf(kind, name, false);
      const floor = FLOORS[kind][name] === undefined ? 0 : medianOf(kind, name, true);
      const isOver = ms - floor > LIMIT_MS;
      if (isOver) over.push(name);
      const also = floor > 0 ? ` (floor ${floor.toFixed(2)} ms)` : '';
      console.log(
        `${ms.toFixed(2).padStart(8)} ms  ${kind.padEnd(9)} ${name}${also}${isOver ? '  OVER' : ''}`,
      );
    }
  }
  if (words.includes('--check') && over.length > 0) process.exitCode = 1;
}
