import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { BetterSQLiteSession } from 'drizzle-orm/better-sqlite3/session';
import { BaseSQLiteDatabase, integer, SQLiteSyncDialect, sqliteTable } from 'drizzle-orm/sqlite-core';
import { drizzle } from 'drizzle-orm/sqlite-proxy';
import { gt } from 'drizzle-orm';
import knexModule, { type Knex } from 'knex';
import libsql from 'libsql';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import mongoose from 'mongoose';
import { endOpenRuns } from '../../lib/span/settle.js';
import { active, inConsumer, Recorder, settled, useContexts } from './settle-harness.js';

let recorder: Recorder;
beforeEach(() => {
  useContexts();
  recorder = new Recorder();
});
afterEach(() => {
  endOpenRuns();
  context.disable();
});

const names = (): string[] => recorder.runs.map(({ name }) => name);

describe('a knex query', () => {
  let knex: Knex;
  const queried: (string | undefined)[] = [];
  beforeAll(async () => {
    const SqliteDialect = createRequire(`${process.cwd()}/package.json`)(
      'knex/lib/dialects/better-sqlite3/index.js',
    );
    class LibsqlDialect extends SqliteDialect {
      _driver(): unknown {
        return libsql;
      }
    }
    knex = knexModule({
      client: LibsqlDialect as never,
      connection: { filename: ':memory:' },
      useNullAsDefault: true,
      pool: { min: 1, max: 1 },
    });
    await knex.schema.createTable('t', (table) => table.integer('n'));
    await knex('t').insert([{ n: 1 }, { n: 2 }, { n: 3 }]);
    knex.on('query', () => queried.push(active()));
  });
  beforeEach(() => void queried.splice(0));
  afterAll(() => knex.destroy());

  it('stays a chainable builder that nothing has run', async () => {
    const query = knex('t');
    const traced = recorder.trace(() => query)();
    expect(traced).toBe(query);
    expect(traced.where('n', '>', 1)).toBe(query);
    expect(traced.toQuery()).toBe('select * from `t` where `n` > 1');
    expect(Object.keys(traced)).toEqual(Object.keys(knex('t').where('n', '>', 1)));
    await settled();
    expect([...queried, ...recorder.ends]).toEqual(['open']);
    expect(await traced.orderBy('n')).toEqual([{ n: 2 }, { n: 3 }]);
    expect([...queried, ...recorder.ends]).toEqual(['body', 'succeed']);
    expect(recorder.value()).toEqual([{ n: 2 }, { n: 3 }]);
  });

  it('calls its consumer back in the context of the consumer', async () => {
    const seen = await inConsumer(() =>
      recorder
        .trace(() => knex('t'))()
        .then(() => active()),
    );
    const caught = await inConsumer(() =>
      recorder
        .trace(() => knex('missing'))()
        .catch(() => active()),
    );
    let last: string | undefined;
    await inConsumer(() =>
      recorder
        .trace(() => knex('t'))()
        .finally(() => void (last = active())),
    );
    expect([seen, caught, last]).toEqual(['consumer', 'consumer', 'consumer']);
    expect(queried).toEqual(['body', 'body', 'body']);
    expect(recorder.ends).toEqual(['succeed', 'fail', 'succeed']);
  });

  it('has a run each time it is run', async () => {
    const traced = recorder.trace(() => knex('t').max('n as n'))();
    expect([await traced, await traced]).toEqual([[{ n: 3 }], [{ n: 3 }]]);
    expect([queried, names(), recorder.ends]).toEqual([
      ['body', 'body+'],
      ['body', 'body+'],
      ['succeed', 'succeed'],
    ]);
  });

  it('is followed into its clones', async () => {
    const traced = recorder.trace(() => knex('t'))();
    const [rows, count] = await Promise.all([traced.clone().limit(1), traced.clone().count('* as c')]);
    expect([rows, count]).toEqual([[{ n: 1 }], [{ c: 3 }]]);
    expect(queried).toEqual(['body', 'body+']);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });

  it('is absorbed by an async function, as it would be without us', async () => {
    expect(await recorder.trace(async () => knex('t').where({ n: 1 }))()).toEqual([{ n: 1 }]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('returned by two traced methods ends both spans, and runs in the inner one', async () => {
    const inner = recorder.trace(() => knex('t'), 'inner');
    await recorder.trace(() => inner().where({ n: 1 }), 'outer')();
    expect(queried).toEqual(['inner']);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });

  it('runs in a transaction and as a stream', async () => {
    await knex.transaction(async (trx) => {
      expect(
        await recorder
          .trace(() => knex('t').where({ n: 1 }))()
          .transacting(trx),
      ).toEqual([{ n: 1 }]);
    });
    const rows: unknown[] = [];
    for await (const row of recorder
      .trace(() => knex('t').where({ n: 2 }))()
      .stream())
      rows.push(row);
    expect(rows).toEqual([{ n: 2 }]);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });

  it('of the schema and raw ones are followed too', async () => {
    expect(await recorder.trace(() => knex.schema.hasTable('t'))()).toBe(true);
    expect(await recorder.trace(() => knex.raw('select 1 as n'))()).toEqual([{ n: 1 }]);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });
});

describe('a drizzle query', () => {
  const table = sqliteTable('t', { n: integer('n') });
  const connection = new libsql(':memory:');
  connection.exec('create table t (n integer); insert into t values (1), (2)');
  const queried: (string | undefined)[] = [];
  const db = drizzle(async (text, params, method) => {
    await sleep(1);
    queried.push(active());
    const statement = connection.prepare(text).raw();
    return { rows: (method === 'get' ? statement.get(...params) : statement.all(...params)) as unknown[] };
  });
  beforeEach(() => void queried.splice(0));

  it('stays chainable, and runs once in its span', async () => {
    const query = recorder.trace(() => db.select().from(table).$dynamic())();
    expect(query.where(gt(table.n, 1))).toBe(query);
    expect(query.toSQL().sql).toContain('where');
    await settled();
    expect([...queried, ...recorder.ends]).toEqual(['open']);
    expect(await query).toEqual([{ n: 2 }]);
    expect([...queried, ...recorder.ends]).toEqual(['body', 'succeed']);
  });

  it.each<[string, (query: any) => unknown]>([
    ['execute', (query) => query.execute()],
    ['all', (query) => query.all()],
    ['catch', (query) => query.catch(() => 0)],
    ['finally', (query) => query.finally(() => 0)],
    ['prepare', (query) => query.then((rows: unknown) => rows)],
  ])('ends when it is run with %s', async (_name, run) => {
    expect(await run(recorder.trace(() => db.select().from(table))())).toEqual([{ n: 1 }, { n: 2 }]);
    expect([...queried, ...recorder.ends]).toEqual(['body', 'succeed']);
  });

  it('fails with the error of its driver', async () => {
    const missing = sqliteTable('missing', { n: integer('n') });
    const query = recorder.trace(() => db.select().from(missing))();
    const error = await query.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect(recorder.runs[0]?.ends).toEqual([{ how: 'fail', value: error }]);
  });

  it('on a synchronous driver stays synchronous', async () => {
    const dialect = new SQLiteSyncDialect();
    // What drizzle's better-sqlite3 driver makes, around another package of the same interface.
    const session = new BetterSQLiteSession(connection as never, dialect, undefined);
    const sync = new BaseSQLiteDatabase('sync', dialect, session as never, undefined);
    expect(
      recorder
        .trace(() => sync.select().from(table))()
        .all(),
    ).toEqual([{ n: 1 }, { n: 2 }]);
    expect(
      recorder
        .trace(() => sync.select().from(table))()
        .get(),
    ).toEqual({ n: 1 });
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
    expect(await recorder.trace(() => sync.select().from(table))()).toEqual([{ n: 1 }, { n: 2 }]);
    expect(recorder.ends).toEqual(['succeed', 'succeed', 'succeed']);
  });
});

describe('a mongoose query', () => {
  // No server: what goes to the driver ends at a collection of ours, everything above is mongoose.
  const connection = mongoose.createConnection();
  const Model = connection.model(
    'Thing',
    new mongoose.Schema({ n: Number }, { autoIndex: false, autoCreate: false }),
  );
  const found: (string | undefined)[] = [];
  beforeAll(() => {
    const collection = Model.collection as any;
    collection.find = () => ({
      toArray: async () => {
        await sleep(1);
        found.push(active());
        return [{ n: 1 }];
      },
    });
  });
  beforeEach(() => void found.splice(0));

  it('stays chainable, and runs once in its span', async () => {
    const query = Model.find();
    const traced = recorder.trace(() => query)();
    expect(traced.where({ n: 1 }).lean()).toBe(query);
    expect(found).toEqual([]);
    expect(await traced).toEqual([{ n: 1 }]);
    expect([...found, ...recorder.ends]).toEqual(['body', 'succeed']);
  });

  it('ends when it is run with exec, and fails when run twice', async () => {
    const traced = recorder.trace(() => Model.find().lean())();
    expect(await traced.exec()).toEqual([{ n: 1 }]);
    await expect(traced.exec()).rejects.toThrow('already executed');
    expect([...found, ...recorder.ends]).toEqual(['body', 'succeed', 'fail']);
  });
});

describe('other thenables', () => {
  it('may have their own promise: asking again is no further run', async () => {
    class Query extends Promise<number> {
      static override get [Symbol.species](): PromiseConstructor {
        return Promise;
      }
      handled = 0;
      private resolveLater: (value: number) => void;
      constructor() {
        let resolveLater: (value: number) => void;
        super((resolve) => void (resolveLater = resolve));
        this.resolveLater = resolveLater!;
      }
      override then(...args: any[]): any {
        if (this.handled++ === 0) this.resolveLater(1);
        return super.then(...args);
      }
    }
    const query: any = recorder.trace(() => new Query())();
    await settled();
    expect(query.handled).toBe(0);
    expect([await query, await query]).toEqual([1, 1]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('may have a catch and a finally that do not use then', async () => {
    const seen: unknown[] = [];
    const make = (fails = false): any => {
      const ask = async (): Promise<number> => {
        await sleep(1);
        seen.push(active());
        if (fails) throw new Error('no');
        return 1;
      };
      return {
        [Symbol.toStringTag]: 'PrismaPromise',
        then: (a: any, b: any) => ask().then(a, b),
        catch: (a: any) => ask().catch(a),
        finally: (a: any) => ask().finally(a),
        requestTransaction: () => ask(),
      };
    };
    expect(
      await recorder
        .trace(() => make())()
        .catch(() => 2),
    ).toBe(1);
    expect(
      await recorder
        .trace(() => make(true))()
        .catch(() => active()),
    ).toBe(undefined);
    expect(
      await recorder
        .trace(() => make())()
        .finally(() => 2),
    ).toBe(1);
    expect(
      await recorder
        .trace(() => make())()
        .requestTransaction(),
    ).toBe(1);
    const promise = recorder.trace(() => make())();
    expect(await Promise.all([promise, promise])).toEqual([1, 1]);
    expect(recorder.ends).toEqual(['succeed', 'fail', 'succeed', 'succeed', 'succeed']);
    expect(seen).toEqual(Array(6).fill('body'));
  });

  it('may bring a stream, also beside its response', async () => {
    const stream = (): AsyncIterable<number> => ({
      async *[Symbol.asyncIterator]() {
        yield 1;
      },
    });
    const make = (): any => ({
      async parse() {
        return stream();
      },
      then(a: any, b: any) {
        return this.parse().then(a, b);
      },
      asResponse: async () => new Response(''),
      async withResponse() {
        return { data: await this.parse(), response: await this.asResponse() };
      },
    });
    const drain = async (source: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of source);
    };
    const direct = await recorder.trace(make)();
    const { data } = await recorder.trace(make)().withResponse();
    expect(recorder.ends).toEqual(['open', 'open']);
    await drain(direct as never);
    await drain(data);
    await recorder.trace(make)().asResponse();
    expect(recorder.ends).toEqual(['succeed', 'succeed', 'succeed']);
  });

  it('may ask themselves with then, also after an await', async () => {
    const thenable: any = {
      async exec() {
        await sleep(1);
        return this.then((value: number) => value + 1);
      },
      then(a: any, b: any) {
        return Promise.resolve(1).then(a, b);
      },
    };
    expect(
      await recorder
        .trace(() => thenable)()
        .exec(),
    ).toBe(2);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('may throw at once', () => {
    const error = new Error('no');
    const thenable: any = {
      then() {
        throw error;
      },
    };
    expect(() =>
      recorder
        .trace(() => thenable)()
        .then(),
    ).toThrow(error);
    expect(recorder.ends).toEqual(['fail']);
  });

  it('may be frozen', async () => {
    const thenable: any = Object.freeze({ then: (resolve: any) => resolve(1) });
    expect(await recorder.trace(() => thenable)()).toBe(1);
    expect(recorder.ends).toEqual(['cancel']);
  });

  it('may be functions', async () => {
    const callable: any = Object.assign(() => 'called', { then: (resolve: any) => resolve(1) });
    const traced = recorder.trace(() => callable)();
    expect(traced()).toBe('called');
    expect(await traced).toBe(1);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('are not asked for anything when they are remote proxies', () => {
    const asked: PropertyKey[] = [];
    const remote = new Proxy(function () {}, {
      get(_target, key) {
        asked.push(key);
        return remote;
      },
    });
    recorder.trace(() => remote)();
    expect(asked).toEqual([]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('run once without a context manager as well', async () => {
    context.disable();
    let runs = 0;
    const thenable: any = {
      async exec() {
        runs++;
        return 1;
      },
      then(a: any, b: any) {
        return this.exec().then(a, b);
      },
    };
    expect(await recorder.trace(() => thenable)()).toBe(1);
    expect([runs, ...recorder.ends]).toEqual([1, 'succeed']);
  });
});
