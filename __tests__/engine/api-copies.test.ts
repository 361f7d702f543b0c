import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

/**
 * The API as it is published since 1.10, once as CJS and once as ESM, rebuilt from the installed one; each test
 * runs an application of its own, because copies of the API meet only in a whole process.
 */
const root = process.cwd();
const esbuild = (...args: string[]) =>
  execFileSync(join(root, 'node_modules/.bin/esbuild'), args, { stdio: 'pipe' });
let app: string;

beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'spanwise-api-copies-'));
  const api = join(app, 'node_modules/@opentelemetry/api');
  mkdirSync(join(api, 'dist'), { recursive: true });
  const installed = join(root, 'node_modules/@opentelemetry/api');
  const entry = [`${installed}/build/esm/index.js`, `${installed}/dist/index.mjs`].find(existsSync)!;
  esbuild(entry, '--bundle', '--format=cjs', `--outfile=${api}/dist/index.cjs`);
  esbuild(entry, '--bundle', '--format=esm', `--outfile=${api}/dist/index.mjs`);
  writeFileSync(
    join(api, 'package.json'),
    JSON.stringify({
      name: '@opentelemetry/api',
      version: '1.9.1',
      exports: { '.': { require: './dist/index.cjs', default: './dist/index.mjs' } },
    }),
  );
  // A library that brings a copy of its own.
  const nested = join(app, 'node_modules/library/node_modules/@opentelemetry/api');
  mkdirSync(nested, { recursive: true });
  cpSync(api, nested, { recursive: true });
  writeFileSync(
    join(app, 'node_modules/library/index.js'),
    'module.exports = require("@opentelemetry/api");',
  );
  for (const [format, extension] of [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ]) {
    esbuild(
      join(root, 'lib/engine/api-copies.ts'),
      '--bundle',
      '--platform=node',
      '--external:@opentelemetry/*',
      '--log-level=error',
      '--log-override:empty-import-meta=silent',
      `--format=${format}`,
      `--outfile=${app}/lib.${extension}`,
    );
  }
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

const COMMON = `
  const said = [];
  const note = (line) => said.push(line);
  ours.diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} });
  const early = other.trace.getTracer('early');
  const made = [];
  const provider = { getTracer: (name) => ({ startSpan: () => void made.push(name), startActiveSpan() {} }) };
  if (fix) ensureApiCopies();
  ours.trace.setGlobalTracerProvider(provider);
  early.startSpan('s');
  ours.trace.getTracer('ours').startSpan('s');
  console.log(JSON.stringify({ two: other.trace !== ours.trace, made, said }));
`;
const run = (extension: 'mjs' | 'cjs', header: string) => {
  const file = join(app, `app-${Math.random().toString(36).slice(2)}.${extension}`);
  writeFileSync(file, header + COMMON);
  const printed = execFileSync(process.execPath, ['--no-warnings', file], { cwd: app, encoding: 'utf8' });
  return JSON.parse(printed) as { two: boolean; made: string[]; said: string[] };
};
const esm = (fix: boolean, second = "createRequire(import.meta.url)('@opentelemetry/api')") => `
  import { createRequire } from 'node:module';
  import * as ours from '@opentelemetry/api';
  import { ensureApiCopies } from './lib.mjs';
  const other = ${second};
  const fix = ${fix};`;

describe('ensureApiCopies', () => {
  test('an ESM application: an early tracer of the CJS copy gets our provider', () => {
    expect(run('mjs', esm(false))).toMatchObject({ two: true, made: ['ours'] });
    expect(run('mjs', esm(true))).toEqual({ two: true, made: ['early', 'ours'], said: [] });
  });

  test('a CJS application: an early tracer of the ESM copy gets our provider', () => {
    const header = `
      const ours = require('@opentelemetry/api');
      const { ensureApiCopies } = require('./lib.cjs');
      const other = require('./node_modules/@opentelemetry/api/dist/index.mjs');
      const fix = true;`;
    expect(run('cjs', header)).toEqual({ two: true, made: ['early', 'ours'], said: [] });
  });

  test('a library with a copy of its own is connected too, and reported', () => {
    const result = run('mjs', esm(true, "createRequire(import.meta.url)('library')"));
    expect(result).toMatchObject({ two: true, made: ['early', 'ours'] });
    expect(result.said).toEqual([expect.stringContaining('SPW_API_COPY')]);
  });

  test('with a provider registered already nothing is changed', () => {
    const header = `${esm(true)}
      const theirs = { getTracer: () => ({ startSpan: () => void made.push('theirs'), startActiveSpan() {} }) };
      other.trace.setGlobalTracerProvider(theirs);`;
    const result = run('mjs', header);
    expect(result.made).toEqual(['theirs', 'theirs']);
  });
});
