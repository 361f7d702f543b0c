import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { builtin, loadOptionalPackage, requires } from '../../lib/engine/optional-package.js';

let root: string;
let from: string[];
const install = (name: string, manifest: object, files: Record<string, string>): void => {
  const folder = join(root, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, ...manifest }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'spanwise-optional-'));
  from = [join(root, 'noop.js')];
  install('plain', { version: '2.3.4', main: 'index.js' }, { 'index.js': 'exports.hello = "plain";' });
  install('broken', { version: '1.0.0', main: 'index.js' }, { 'index.js': 'throw new Error("broken");' });
  install(
    'dual',
    { version: '3.1.0', exports: { '.': { require: './index.cjs', default: './index.mjs' } } },
    { 'index.cjs': 'exports.format = "cjs";', 'index.mjs': 'export const format = "esm";' },
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('loadOptionalPackage', () => {
  test('finds a package from a place, with its version', () => {
    expect(loadOptionalPackage('plain', undefined, from)).toMatchObject({
      exports: { hello: 'plain' },
      version: '2.3.4',
    });
  });

  test('passes over versions that are not wanted', () => {
    expect(loadOptionalPackage('plain', (version) => version.startsWith('3.'), from)).toBeUndefined();
  });

  test('knows the version of a package that hides its package.json', () => {
    let seen: string | undefined;
    loadOptionalPackage('dual', (version) => ((seen = version), true), from);
    expect(seen).toBe('3.1.0');
  });

  test('loads one of the two formats of a dual package', () => {
    // Jest on Node 20 cannot require ESM; outside of it the ESM copy comes.
    expect(['cjs', 'esm']).toContain(loadOptionalPackage('dual', undefined, from)!.exports.format);
  });

  test('gives undefined for what is missing or broken', () => {
    expect(loadOptionalPackage('not-there', undefined, from)).toBeUndefined();
    expect(loadOptionalPackage('broken', undefined, from)).toBeUndefined();
  });

  test('resolves from the application and from this package unless told otherwise', () => {
    expect(loadOptionalPackage('@opentelemetry/api')?.version).toMatch(/^1\./);
    expect(requires().length).toBeGreaterThanOrEqual(2);
  });
});

describe('builtin', () => {
  test('gives a Node built-in, and undefined for another name', () => {
    expect(builtin<typeof import('node:path')>('node:path')?.join('a', 'b')).toBe(join('a', 'b'));
    expect(builtin('node:nothing-like-this')).toBeUndefined();
  });
});
