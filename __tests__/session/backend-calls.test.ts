import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { buildSync } from 'esbuild';
import { BackendCalls } from '../../lib/session/backend-calls.js';
import { collectDiagnostics } from '../support/diagnostics.js';

const PLENTY_MS = 60_000;
const never = (): Promise<never> => new Promise(() => undefined);
let said: string[];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(() => diag.disable());

describe('BackendCalls', () => {
  it('waits for what is under way, and forgets what is done', async () => {
    const calls = new BackendCalls(false);
    let done = false;
    void calls.run('call', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done = true;
    });
    expect(await calls.flush(PLENTY_MS)).toBe(true);
    expect(done).toBe(true);
    expect(await calls.flush(PLENTY_MS)).toBe(true);
  });

  it('tells of a failure once, answers false once, and never rejects', async () => {
    const calls = new BackendCalls(false);
    await expect(calls.run('PUT /events', () => Promise.reject(new Error('refused')))).resolves.toBe(false);
    await calls.run('PUT /events', () => Promise.reject(new Error('refused')));
    expect(said).toEqual([expect.stringContaining('[SPW_BACKEND] PUT /events failed: refused')]);
    expect(await calls.flush(PLENTY_MS)).toBe(false);
    expect(await calls.flush(PLENTY_MS)).toBe(true);
  });

  it('says nothing and holds nobody up where nothing was configured', async () => {
    const calls = new BackendCalls(true);
    await calls.run('call', () => Promise.reject(new Error('nobody there')));
    void calls.run('call', never);
    expect(said).toEqual([]);
    expect(await calls.flush(PLENTY_MS)).toBe(true);
  });

  it('is bounded: a call too many is given up and reported', async () => {
    const calls = new BackendCalls(false);
    const waiting: (() => void)[] = [];
    for (let i = 0; i < 1_000; i++) {
      void calls.run('call', () => new Promise<void>((resolve) => waiting.push(resolve)));
    }
    await expect(calls.run('call', () => Promise.resolve())).resolves.toBe(false);
    expect(said[0]).toContain('given up');
    for (const end of waiting) end();
    expect(await calls.flush(PLENTY_MS)).toBe(false);
  });

  it('is not waited for longer than told', async () => {
    const calls = new BackendCalls(false);
    void calls.run('POST /session/start', never);
    expect(await calls.flush(10)).toBe(false);
  });

  it('keeps a process alive while it is waited for, and only then', () => {
    const { outputFiles } = buildSync({
      stdin: {
        contents: `
          import { BackendCalls } from './lib/session/backend-calls.ts';
          const calls = new BackendCalls(false);
          void calls.run('POST /session/start', () => new Promise(() => {}));
          process.stdout.write(String(await calls.flush(20)));`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      packages: 'external',
    });
    const program = outputFiles[0]!.text;
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })).toBe(
      'false',
    );
  });
});
