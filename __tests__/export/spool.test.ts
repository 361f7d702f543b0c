import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import { collectDiagnostics } from '../support/diagnostics.js';
import { ExportPipeline, type PipelineOptions } from '../../lib/export/pipeline.js';
import { isAlive, ownLock } from '../../lib/export/spool-owner.js';
import {
  child,
  cleanUp,
  makeSpan,
  startApp,
  startServer,
  temporary,
  until,
  type TestServer,
} from './harness.js';

// Children share the machine with whatever else runs: no test is decided by its speed.
jest.setTimeout(30_000);

let server: TestServer;
let directory: string;
let pipelines: ExportPipeline[] = [];
let messages: string[] = [];

beforeEach(async () => {
  messages = collectDiagnostics();
  server = await startServer();
  directory = temporary('spool');
});

afterEach(async () => {
  await Promise.all(pipelines.map((pipeline) => pipeline.shutdown({ timeoutMs: 0 })));
  pipelines = [];
  await server.stop();
  diag.disable();
});

afterAll(cleanUp);

function start(options: Partial<PipelineOptions> = {}): ExportPipeline {
  const pipeline = new ExportPipeline({
    url: server.url,
    scheduledDelayMs: 20,
    spool: directory,
    ...options,
  });
  pipelines.push(pipeline);
  return pipeline;
}

function end(pipeline: ExportPipeline, count: number, name = 'work'): void {
  for (let i = 0; i < count; i++) pipeline.onEnd(makeSpan(name));
}

const files = (): string[] => readdirSync(directory).filter((name) => name.endsWith('.spool'));
const received = async (): Promise<number> => (await server.report()).spans;

/** Starts an application that lives on, and ends it when it did what it should. */
async function restartUntil(condition: () => Promise<boolean>): Promise<void> {
  const app = startApp('ending-app', { URL: server.url, HOW: 'stay', COUNT: '0', SPOOL: directory });
  await until('the restarted application to deliver', condition);
  await until('its files to go', () => files().length === 0);
  app.process.kill('SIGKILL');
  await app.result;
}

test('spans of a process that is killed in the same tick are delivered once by the next one', async () => {
  await server.close();
  const killed = startApp('ending-app', { URL: server.url, HOW: 'SIGKILL', SPOOL: directory });
  expect(await killed.result).toMatchObject({ signal: 'SIGKILL' });
  expect(files()).toHaveLength(1);
  await server.listen();
  await restartUntil(async () => (await received()) === 100);
  expect(await server.report()).toMatchObject({ spans: 100, duplicates: 0 });
});

test.each(['natural', 'process.exit', 'uncaught error'])(
  'after an end (%s) in an outage they are kept for the next process, and not reported lost',
  async (how) => {
    await server.close();
    const ended = await startApp('ending-app', {
      URL: server.url,
      HOW: how,
      SPOOL: directory,
      TIMEOUT: '300',
    }).result;
    expect(ended.stdout).not.toContain('lost');
    expect(ended.stderr).toContain('100 spans are kept on disk');
    await server.listen();
    await restartUntil(async () => (await received()) === 100);
    expect((await server.report()).duplicates).toBe(0);
  },
);

test('nothing stays on disk when the backend is well', async () => {
  const pipeline = start();
  end(pipeline, 3_000);
  expect(files().length).toBeGreaterThan(0);
  expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 3_000 });
  expect(files()).toEqual([]);
  await pipeline.shutdown();
  expect(readdirSync(directory)).toEqual([]);
});

test('two processes on one directory leave each other’s files alone, and share those of a dead one', async () => {
  await server.close();
  const apps = [0, 1].map(() =>
    startApp('ending-app', { URL: server.url, HOW: 'stay', SPOOL: directory, DELAY: '50' }),
  );
  await Promise.all(apps.map((app) => app.ready));
  const dead = startApp('ending-app', { URL: server.url, HOW: 'SIGKILL', SPOOL: directory });
  await dead.result;
  const late = start();
  end(late, 10);
  await server.listen();
  await until('all spans', async () => (await received()) === 310, 25_000);
  await until('all files to go', () => files().length === 0);
  expect((await server.report()).duplicates).toBe(0);
  for (const app of apps) app.process.kill('SIGKILL');
  await Promise.all(apps.map((app) => app.result));
}, 40_000);

describe('a lock', () => {
  test('is held by a living process, and not by a dead one or another one of the same number', async () => {
    const lock = JSON.parse(ownLock());
    expect(isAlive(JSON.stringify(lock), 0)).toBe(true);
    expect(isAlive(JSON.stringify({ ...lock, start: '1' }), Date.now())).toBe(lock.start === '');
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    expect(isAlive(JSON.stringify({ ...lock, pid: gone.pid }), Date.now())).toBe(false);
  });

  test('of another host or container is believed while it is touched', () => {
    const lock = JSON.stringify({ ...JSON.parse(ownLock()), place: 'elsewhere/pid:[1]' });
    expect(isAlive(lock, Date.now() - 10_000)).toBe(true);
    expect(isAlive(lock, Date.now() - 100_000)).toBe(false);
  });
});

describe('a damaged file', () => {
  async function leave(count: number): Promise<string> {
    await server.close();
    const pipeline = start();
    end(pipeline, count);
    await pipeline.shutdown({ timeoutMs: 0 });
    await server.listen();
    return join(directory, files()[0] as string);
  }

  test('that is torn loses only what was torn off', async () => {
    const path = await leave(50);
    truncateSync(path, statSync(path).size - 5);
    start();
    await until('the spans', async () => (await received()) === 49);
    await until('the file to go', () => files().length === 0);
    expect(messages.join('\n')).toContain('damaged or torn; 49 spans could be read');
  });

  test('that is corrupted keeps what stands before the damage', async () => {
    const path = await leave(50);
    const bytes = readFileSync(path);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
    writeFileSync(path, bytes);
    start();
    await until('the file to go', () => files().length === 0);
    const count = await received();
    expect(count).toBeGreaterThanOrEqual(20);
    expect(count).toBeLessThan(30);
    expect((await server.report()).names).toEqual({ work: count });
  });

  test('that is something else is put away and reported', async () => {
    const path = await leave(50);
    writeFileSync(path, 'rubbish');
    start();
    await until('the file to go', () => files().length === 0);
    expect(messages.join('\n')).toContain('damaged or torn; nothing could be read');
    expect(await received()).toBe(0);
  });
});

test('another account’s spans are not sent with this one’s key', async () => {
  await server.close();
  const first = start({ headers: { authorization: 'Bearer a' } });
  end(first, 10);
  await first.shutdown({ timeoutMs: 0 });
  await server.listen();
  const second = start({ headers: { authorization: 'Bearer b' } });
  end(second, 1);
  await second.flush();
  expect(await received()).toBe(1);
  expect(files()).toHaveLength(1);
  start({ headers: { authorization: 'Bearer a' } });
  await until('its own spans', async () => (await received()) === 11);
});

test('files that nobody sends for a week are deleted', async () => {
  await server.close();
  const first = start({ headers: { authorization: 'Bearer gone' } });
  end(first, 10);
  await first.shutdown({ timeoutMs: 0 });
  const old = new Date(Date.now() - 8 * 24 * 3_600_000);
  utimesSync(join(directory, files()[0] as string), old, old);
  start();
  await until('the file to go', () => files().length === 0);
  expect(messages.join('\n')).toContain('was deleted');
});

test('with a full queue the rest waits on disk only, and memory keeps its bound', async () => {
  await server.close();
  const pipeline = start({ maxQueueBytes: 500_000, maxBatchBytes: 50_000, spool: { directory } });
  end(pipeline, 20_000);
  expect(files().length).toBeGreaterThan(100);
  await server.listen();
  expect(await pipeline.flush()).toEqual({ ok: true, delivered: 20_000, failed: 0, dropped: 0 });
  expect(await server.report()).toMatchObject({ spans: 20_000, duplicates: 0 });
  expect(files()).toEqual([]);
}, 20_000);

describe('a disk in trouble', () => {
  test('that is full costs nothing while the process lives, and is reported', async () => {
    // A limit on the size of files fails like a full disk, and needs no rights to set up.
    const app = spawn('bash', ['-c', `ulimit -f 16; exec ${process.execPath} ${child('ending-app')}`], {
      env: { PATH: process.env['PATH'], URL: server.url, HOW: 'stay', SPOOL: directory, DELAY: '500' },
    });
    let output = '';
    app.stderr.on('data', (chunk) => (output += chunk));
    await until('the spans', async () => (await received()) === 100);
    expect(output).toContain('SPW_SPOOL');
    expect(output).toContain('spans wait in memory only');
    app.kill('SIGKILL');
    await once(app, 'exit');
  });

  test('that has no room for us by our own limit keeps to memory', async () => {
    await server.close();
    const pipeline = start({ spool: { directory, maxBytes: 30_000 }, maxBatchBytes: 10_000 });
    end(pipeline, 1_000);
    expect(files().length).toBeLessThan(6);
    expect(messages.join('\n')).toContain('which is its limit');
    await server.listen();
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 1_000 });
    expect(files()).toEqual([]);
  });

  test('or a directory that is none, keeps working and says so', async () => {
    const path = join(directory, 'a-file');
    writeFileSync(path, '');
    const pipeline = start({ spool: path });
    end(pipeline, 10);
    expect(await pipeline.flush()).toMatchObject({ ok: true, delivered: 10 });
    expect(messages.join('\n')).toContain('the spool cannot be written');
  });
});
