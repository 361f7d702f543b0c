/**
 * The same program in two processes, traced and not: whatever a user can see of it must be equal, above all what the
 * process is told about rejections and errors that nobody handled.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');

type Report = Record<string, { result: string; unhandled: string[]; runs: string[] }>;

function runChild(code: string, args: string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      ['--expose-gc', '--no-warnings', '--input-type=module', '-', ...args],
      { cwd: root, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stderr}`));
        else resolve(JSON.parse(stdout.trim().split('\n').at(-1)!));
      },
    );
    child.stdin!.end(code);
  });
}

let plain: Report;
let traced: Report;
beforeAll(async () => {
  const { outputFiles } = buildSync({
    entryPoints: [join(here, 'settle-child.ts')],
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'error',
  });
  const code = outputFiles[0]!.text;
  [plain, traced] = await Promise.all([runChild(code, []), runChild(code, ['traced'])]);
}, 60_000);

describe('traced and untraced', () => {
  it('ran every scenario', () => {
    expect(Object.keys(plain).length).toBeGreaterThan(60);
    expect(Object.keys(traced)).toEqual(Object.keys(plain));
  });

  it('are the same to the user in every scenario', () => {
    const seen = (report: Report): unknown =>
      Object.fromEntries(
        Object.entries(report).map(([name, { result, unhandled }]) => [name, { result, unhandled }]),
      );
    expect(seen(traced)).toEqual(seen(plain));
  });

  it('can tell a rejection that nobody handled', () => {
    expect(plain['async error ignored']?.unhandled).toEqual(['unhandled Error: no']);
    expect(plain['extras error caught late']?.unhandled).toEqual(['unhandled Error: no', 'handled late']);
    expect(plain['async error caught']?.unhandled).toEqual([]);
  });

  it('end one span per run of the body, as it ended', () => {
    const runs = Object.fromEntries(Object.entries(traced).map(([name, { runs }]) => [name, runs.join()]));
    expect(runs).toMatchObject({
      'async value': 'succeed',
      'async error ignored': 'fail',
      'async error nested twice caught': 'fail,fail,fail',
      'extras error ignored': 'fail',
      'subclass value': 'succeed',
      'ky json': 'succeed',
      'ky error json': 'fail',
      'ky error ignored': 'fail',
      'got json': 'succeed',
      'got error': 'fail',
      'execa value': 'succeed',
      'execa parts': 'succeed',
      'execa error': 'fail',
      'execa error ignored': 'cancel',
      'execa kill': 'fail',
      'knex rows': 'succeed',
      'knex error': 'fail',
      'knex twice': 'succeed,succeed',
      'knex catch': 'fail',
      'knex finally': 'succeed',
      'knex stream': 'succeed',
      'drizzle rows': 'succeed',
      'drizzle error': 'fail',
      'async generator loop': 'cancel',
      'observable error without a handler': 'fail',
      'stream error without a listener': 'fail',
      'stream error in a loop': 'fail',
    });
  });

  it('abandon what was dropped unconsumed, once it is collected', () => {
    const dropped = Object.entries(traced).filter(([name]) => name.startsWith('dropped'));
    expect(Object.fromEntries(dropped.map(([name, { runs }]) => [name, runs.join()]))).toEqual({
      'dropped thenable': 'abandon',
      'dropped generator': 'abandon',
      'dropped generator never pulled': '',
      'dropped async generator': 'abandon',
      'dropped async iterable': 'abandon',
      'dropped iteration of an async iterable': 'abandon',
      'dropped observable': 'abandon',
      'dropped stream': 'abandon',
      'dropped web stream': 'abandon',
      'dropped builder with a living clone': 'succeed',
      'dropped thenable while it runs': 'succeed',
    });
  });
});
