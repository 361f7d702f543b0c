/**
 * Runs in a process of its own, traced (`traced` as argument) or not, and prints what a user can see of it as JSON:
 * values, errors, and what the process was told about rejections that nobody handled.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import got from 'got';
import knexModule from 'knex';
import ky from 'ky';
import libsql from 'libsql';
import { createRequire } from 'node:module';
import { Observable, throwError } from 'rxjs';
import { drizzle } from 'drizzle-orm/sqlite-proxy';
import { sql } from 'drizzle-orm';
import { Recorder, useContexts } from './settle-harness.js';

const traced = process.argv.includes('traced');
const recorder = new Recorder();
const trace = <F extends (...args: any[]) => any>(fn: F): F => (traced ? recorder.trace(fn) : fn);

const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(`unhandled ${describe(reason)}`));
process.on('rejectionHandled', () => unhandled.push('handled late'));
process.on('uncaughtException', (error) => unhandled.push(`uncaught ${describe(error)}`));

function describe(reason: unknown): string {
  return reason instanceof Error
    ? `${reason.name}: ${reason.message.split('\n')[0]?.replace(/:\d+/, ':port')}`
    : String(reason);
}
async function outcome(fn: () => unknown): Promise<string> {
  try {
    return `value ${JSON.stringify(await fn())}`;
  } catch (error) {
    return `error ${describe(error)}`;
  }
}
const settled = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
};

class Job<T> extends Promise<T> {
  static made = 0;
  constructor(executor: ConstructorParameters<typeof Promise<T>>[0]) {
    super(executor);
    Job.made++;
  }
  label(): string {
    return 'job';
  }
}

const fails = async (): Promise<never> => {
  await sleep(1);
  throw new Error('no');
};
const withExtra = <T>(promise: Promise<T>): Promise<T> & { extra(): string } =>
  Object.assign(promise, { extra: () => 'extra' });
const failingExtra = (): Promise<never> & { extra(): string } => withExtra(fails());
const failingJob = (): Job<never> =>
  new Job((_resolve, reject) => void setTimeout(() => reject(new Error('no')), 1));

const server = createServer((request, response) => {
  response.statusCode = request.url === '/fail' ? 500 : 200;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url }));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const require = createRequire(`${process.cwd()}/package.json`);
const SqliteDialect = require('knex/lib/dialects/better-sqlite3/index.js');
class LibsqlDialect extends SqliteDialect {
  _driver(): unknown {
    return libsql;
  }
}
const knex = (knexModule as any)({
  client: LibsqlDialect,
  connection: { filename: ':memory:' },
  useNullAsDefault: true,
  pool: { min: 1, max: 1 },
});
await knex.schema.createTable('t', (table: any) => table.integer('n'));
await knex('t').insert([{ n: 1 }, { n: 2 }]);
const sqlite = new libsql(':memory:');
const db = drizzle(async (text, params, method) => {
  await sleep(1);
  const statement = sqlite.prepare(text).raw();
  return { rows: (method === 'get' ? statement.get(...params) : statement.all(...params)) as any[] };
});

const scenarios: Record<string, () => unknown> = {
  'async value': () => trace(async () => 1)(),
  'async error': () => trace(fails)(),
  'async error ignored': () => void trace(fails)(),
  'async error in then ignored': () => void trace(fails)().then(() => 1),
  'async error in finally ignored': () => void trace(fails)().finally(() => 1),
  'async error caught': () => trace(fails)().catch(describe),
  'async error caught late': async () => {
    const promise = trace(fails)();
    await sleep(5);
    await settled();
    return promise.catch(describe);
  },
  'async error nested ignored': () => void trace(trace(fails))(),
  'async error nested twice caught': () => trace(trace(trace(fails)))().catch(describe),
  'rejected at once ignored': () => void trace(() => Promise.reject(new Error('no')))(),
  'sync error': () =>
    trace((): unknown => {
      throw new Error('sync');
    })(),

  'extras value': async () => {
    const promise = trace(() => withExtra(Promise.resolve(1)))();
    return [promise.extra(), await promise, promise.extra()];
  },
  'extras error': () => trace(failingExtra)(),
  'extras error ignored': () => void trace(failingExtra)(),
  'extras error nested ignored': () => void trace(trace(failingExtra))(),
  'extras error nested caught': () => trace(trace(failingExtra))().catch(describe),
  'extras error in then ignored': () => void trace(failingExtra)().then(() => 1),
  'extras error in finally ignored': () => void trace(failingExtra)().finally(() => 1),
  'extras error caught': () => trace(failingExtra)().catch(describe),
  'extras error in all': () => Promise.all([trace(failingExtra)(), sleep(1)]),
  'extras error in race': () => Promise.race([trace(failingExtra)(), sleep(1000, 1, { ref: false })]),
  'extras error in allSettled': async () =>
    (await Promise.allSettled([trace(failingExtra)()])).map(({ status }) => status),
  'extras error resolved into another': () => new Promise((resolve) => resolve(trace(failingExtra)())),
  'extras error returned by async': () => (async () => trace(failingExtra)())(),
  'extras error through Promise.resolve': () => Promise.resolve(trace(failingExtra)()).catch(describe),
  'extras error caught late': async () => {
    const promise = trace(failingExtra)();
    await sleep(5);
    await settled();
    return promise.catch(describe);
  },

  'subclass value': async () => {
    Job.made = 0;
    const job = trace(() => new Job<number>((resolve) => resolve(1)))();
    const made = Job.made;
    return [made, job instanceof Job, job.label(), job.then(() => 1) instanceof Job, await job];
  },
  'subclass error ignored': () => void trace(failingJob)(),
  'subclass error caught': () => trace(failingJob)().catch(describe),
  'subclass error in finally ignored': () => void trace(failingJob)().finally(() => 1),

  'ky json': () => trace(() => ky(`${base}/json`))().json(),
  'ky response': async () => (await trace(() => ky(`${base}/json`))()).status,
  'ky error': () => trace(() => ky(`${base}/fail`, { retry: 0 }))(),
  'ky error json': () => trace(() => ky(`${base}/fail`, { retry: 0 }))().json(),
  'ky error ignored': async () => {
    void trace(() => ky(`${base}/fail`, { retry: 0 }))();
    await sleep(60);
  },
  'ky json traced': () => trace(() => ky(`${base}/json`).json())(),

  'got json': () => trace(() => got(`${base}/json`))().json(),
  'got response': async () => (await trace(() => got(`${base}/json`))()).statusCode,
  'got error': () => trace(() => got(`${base}/fail`, { retry: { limit: 0 } }))(),
  'got error json': () => trace(() => got(`${base}/fail`, { retry: { limit: 0 } }))().json(),
  'got json then': () =>
    trace(() => got(`${base}/json`))()
      .json()
      .then((body: any) => body.url),
  'got json traced': () => trace(() => got(`${base}/json`).json())().then((body: any) => body.url),
  'got error ignored': async () => {
    void trace(() => got(`${base}/fail`, { retry: { limit: 0 } }))();
    await sleep(60);
  },
  'got cancelled': () => {
    const promise = trace(() => got(`${base}/json`))();
    promise.cancel();
    return promise;
  },

  'execa value': async () => (await trace(() => execa('echo', ['hi']))()).stdout,
  'execa parts': async () => {
    const child = trace(() => execa('echo', ['hi']))();
    let text = '';
    for await (const line of child) text += line;
    return [typeof child.pid, typeof child.stdout.pipe, text, child.constructor.name];
  },
  'execa error': () => trace(() => execa('sh', ['-c', 'exit 3']))(),
  'execa error ignored': async () => {
    void trace(() => execa('sh', ['-c', 'exit 3']))();
    await sleep(100);
  },
  'execa kill': async () => {
    const child = trace(() => execa('sleep', ['10']))();
    const killed = child.kill();
    return [killed, await child.catch((error: any) => error.signal)];
  },

  'knex rows': () => trace(() => knex('t').select('n'))().where('n', '>', 1),
  'knex error': () => trace(() => knex('missing').select('n'))(),
  'knex error in then ignored': async () => {
    void trace(() => knex('missing').select('n'))().then(() => 1);
    await sleep(20);
  },
  'knex never asked': () => void trace(() => knex('missing').select('n'))(),
  'knex twice': async () => {
    const query = trace(() => knex('t').count('* as c'))();
    return [await query, await query];
  },
  'knex catch': () => trace(() => knex('missing'))().catch(() => 'caught'),
  'knex finally': () => trace(() => knex('t').select())().finally(() => 'ignored'),
  'knex stream': async () => {
    const rows: unknown[] = [];
    for await (const row of trace(() => knex('t').select('n'))().stream()) rows.push(row);
    return rows;
  },
  'knex sub-query': () =>
    knex('t')
      .whereIn('n', trace(() => knex('t').max('n'))())
      .select('n'),

  'drizzle rows': () => trace(() => db.select({ n: sql`1` }).from(sql`sqlite_master`))().limit(1),
  'drizzle error': () => trace(() => db.all(sql`select * from missing`))(),
  'drizzle error in then ignored': async () => {
    void trace(() => db.all(sql`select * from missing`))().then(() => 1);
    await sleep(60);
  },

  'async generator error ignored': async () => {
    const generator = trace(async function* () {
      yield 1;
      throw new Error('no');
    })();
    await generator.next();
    void generator.next();
  },
  'async generator loop': async () => {
    const seen: number[] = [];
    for await (const n of trace(async function* () {
      yield* [1, 2, 3];
    })()) {
      seen.push(n);
      if (n === 2) break;
    }
    return seen;
  },
  'observable error without a handler': async () => {
    trace(() => throwError(() => new Error('no')))().subscribe(() => {});
    await sleep(5);
  },
  'observable error in next': async () => {
    trace(() => new Observable<number>((s) => s.next(1)))().subscribe(() => {
      throw new Error('in next');
    });
    await sleep(5);
  },
  'stream error without a listener': async () => {
    trace(() => new Readable({ read() {} }))().destroy(new Error('no'));
    await sleep(5);
  },
  'stream error in a loop': async () => {
    const stream = trace(() => new Readable({ read() {} }))();
    setTimeout(() => stream.destroy(new Error('no')), 1);
    for await (const _ of stream) void _;
  },

  'dropped thenable': () => void trace(() => knex('t').select())(),
  'dropped generator': () => {
    const generator = trace(function* () {
      yield 1;
    })();
    return generator.next();
  },
  'dropped generator never pulled': () => {
    void trace(function* () {
      yield 1;
    })();
  },
  'dropped async generator': async () =>
    trace(async function* () {
      yield 1;
    })().next(),
  'dropped async iterable': () => void trace(() => iterable())(),
  'dropped iteration of an async iterable': () => {
    const stream = trace(() => iterable())();
    return stream[Symbol.asyncIterator]().next();
  },
  'dropped observable': () => void trace(() => new Observable())(),
  'dropped stream': () => void trace(() => new Readable({ read() {} }))(),
  'dropped web stream': () => void trace(() => new ReadableStream())(),
  'dropped builder with a living clone': async () => {
    const clone = (() => trace(() => knex('t').select('n'))().clone())();
    await collect();
    return clone;
  },
  'dropped thenable while it runs': async () => {
    const result = (() => trace(() => slowThenable())().then((n: number) => n + 1))();
    await collect();
    return result;
  },
};

function iterable(): AsyncIterable<number> {
  return {
    async *[Symbol.asyncIterator]() {
      yield 1;
      yield 2;
    },
  };
}
function slowThenable(): Promise<number> {
  const thenable = { then: (...args: any[]) => sleep(30, 1).then(...args) };
  return thenable as unknown as Promise<number>;
}
async function collect(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await settled();
  }
}

const only = process.argv.find((argument) => argument.startsWith('only='))?.slice(5);
const report: Record<string, unknown> = {};
useContexts();
for (const [name, run] of Object.entries(scenarios)) {
  if (only !== undefined && name !== only) continue;
  unhandled.length = 0;
  const before = recorder.runs.length;
  const result = await outcome(run);
  await sleep(5);
  await settled();
  if (traced && name.startsWith('dropped')) await collect();
  report[name] = { result, unhandled: [...unhandled], runs: recorder.ends.slice(before) };
}
server.close();
server.closeAllConnections();
await knex.destroy();
process.stdout.write(`\n${JSON.stringify(report)}\n`, () => process.exit(0));
