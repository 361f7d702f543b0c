import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { exportedNames } from './support/architecture.js';
// @ts-expect-error plain JavaScript, because the check of the packed tarball uses it too
import { readme, runProgram } from '../.ci/readme.mjs';

const page = readFileSync('README.md', 'utf8');
const { program, span } = readme() as { program: string; span: object };
const surface = exportedNames('index.ts', readFileSync('lib/index.ts', 'utf8')).values;

describe('the program of the README', () => {
  let folder: string;
  // A folder below the project, so that the program finds the API; `spanwise` in it is bundled from the sources.
  beforeAll(async () => {
    mkdirSync('artifacts', { recursive: true });
    folder = mkdtempSync(path.resolve('artifacts/readme-'));
    // Its own name, or `spanwise` would mean the package around it, and its build.
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'reader', private: true }));
    const own = path.join(folder, 'node_modules', 'spanwise');
    await build({
      entryPoints: ['lib/index.ts'],
      outfile: path.join(own, 'index.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      logLevel: 'error',
    });
    writeFileSync(
      path.join(own, 'package.json'),
      JSON.stringify({ name: 'spanwise', exports: './index.mjs' }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has ten lines', () => {
    expect(program.split('\n').filter((line) => line.trim() !== '')).toHaveLength(10);
  });

  it.each(['standard', 'legacy'])(
    'prints and produces what the page says, with %s decorators',
    async (protocol) => {
      const { printed, spans } = await runProgram(program, folder, protocol === 'legacy');
      expect(printed).toBe('7\n');
      expect(spans).toEqual([span]);
    },
  );
});

describe('the README', () => {
  it('names only what the package exports', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| ---'));
    const ours = rows.map((row) => row.replaceAll('\\|', '').split('|')[2] ?? '');
    const named = ours.flatMap((cell) => [...cell.matchAll(/`@?([A-Za-z]+)/g)].map((match) => match[1]!));
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !surface.includes(name))).toEqual([]);
  });

  it('links to pages that exist', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links.filter((target) => !target.startsWith('http'))) {
      expect(readFileSync(link, 'utf8').length).toBeGreaterThan(0);
    }
  });

  it('names only commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...page.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1]!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
