/** What the export tests share: spans, children bundled from TypeScript, and the misbehaving server. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import type { Behaviour, Report } from './children/server.js';

export { makeSpan, spanId } from './make-span.js';

const folder = mkdtempSync(join(tmpdir(), 'spanwise-export-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const built = new Map<string, string>();

/** A folder of this test file's own; gone when it ends. */
export function temporary(name: string): string {
  return mkdtempSync(join(folder, `${name}-`));
}

/** Removes everything the tests left. */
export function cleanUp(): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Bundles a child program so that plain Node runs it. */
export function child(name: string): string {
  const known = built.get(name);
  if (known !== undefined) return known;
  const outfile = join(folder, `${name}.cjs`);
  buildSync({
    entryPoints: [resolve('__tests__/export/children', `${name}.ts`)],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outfile,
    logLevel: 'error',
  });
  built.set(name, outfile);
  return outfile;
}

export interface TestServer {
  readonly url: string;
  readonly pid: number;
  behave(behaviour: Behaviour): Promise<void>;
  report(): Promise<Report>;
  /** Refuses connections from now on. */
  close(): Promise<void>;
  /** Listens again, on the same port. */
  listen(): Promise<void>;
  /** Closes the connections that are open. */
  cut(): Promise<void>;
  forgetNames(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a receiver in a process of its own. */
export async function startServer(behaviour: Behaviour = { mode: 'ok' }): Promise<TestServer> {
  const process_ = fork(child('server'), { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(process_, 'message');
  const ask = async (command: object): Promise<any> => {
    const reply = once(process_, 'message');
    process_.send(command);
    return (await reply)[0];
  };
  const { port } = await ask({ do: 'listen' });
  await ask({ do: 'behave', behaviour });
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    pid: process_.pid as number,
    behave: async (next) => void (await ask({ do: 'behave', behaviour: next })),
    report: async () => (await ask({ do: 'report' })).report,
    close: async () => void (await ask({ do: 'close' })),
    listen: async () => void (await ask({ do: 'listen' })),
    cut: async () => void (await ask({ do: 'cut' })),
    forgetNames: async () => void (await ask({ do: 'forget-names' })),
    stop: async () => {
      const gone = once(process_, 'exit');
      process_.disconnect();
      await gone;
    },
  };
}

export interface AppResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

/** Starts a child program; `ready` resolves when it first prints a line. */
export function startApp(
  name: string,
  env: Record<string, string>,
  nodeArgs: string[] = [],
): { process: ChildProcess; ready: Promise<void>; result: Promise<AppResult>; output: () => string } {
  const started = performance.now();
  const app = spawn(process.execPath, [...nodeArgs, child(name)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let printed = (): void => {};
  const ready = new Promise<void>((resolve_) => (printed = resolve_));
  app.stdout.on('data', (chunk) => {
    stdout += chunk;
    if (stdout.includes('\n')) printed();
  });
  app.stderr.on('data', (chunk) => (stderr += chunk));
  const result = once(app, 'close').then(([code, signal]) => {
    printed();
    return { code, signal, stdout, stderr, ms: performance.now() - started };
  });
  return { process: app, ready, result, output: () => stdout };
}

export interface LoadApp {
  readonly pid: number;
  ask(command: object): Promise<any>;
  stop(): Promise<void>;
}

/** Starts an application that makes spans on command. */
export async function startLoad(url: string, options: object = {}, rate = 200): Promise<LoadApp> {
  const app = fork(child('load-app'), {
    execArgv: ['--expose-gc'],
    env: { PATH: process.env['PATH'], URL: url, RATE: String(rate), OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(app, 'message');
  return {
    pid: app.pid as number,
    ask: async (command) => {
      const reply = once(app, 'message');
      app.send(command);
      return (await reply)[0];
    },
    stop: async () => {
      const gone = once(app, 'exit');
      app.kill('SIGKILL');
      await gone;
    },
  };
}

/** Waits until a condition holds; fails loudly when it never does. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 15_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await pause(20);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve_) => setTimeout(resolve_, ms));
}
