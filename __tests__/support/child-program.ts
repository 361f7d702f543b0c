/** Programs of the tests that run in processes and threads of their own, bundled from TypeScript. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-child-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const built = new Map<string, Promise<string>>();

/** The decorator protocol that a program is compiled for. */
export type Protocol = 'tc39' | 'legacy';

/**
 * Bundles a program, with the library's sources in it.
 *
 * @param source its path, from the project's folder
 * @param protocol of its decorators
 * @returns the path of what plain Node runs
 */
export function childProgram(source: string, protocol: Protocol = 'tc39'): Promise<string> {
  const key = `${protocol} ${source}`;
  let program = built.get(key);
  if (program === undefined) built.set(key, (program = bundle(source, protocol)));
  return program;
}

async function bundle(source: string, protocol: Protocol): Promise<string> {
  const name = `${path.basename(source, '.ts')}${protocol === 'legacy' ? '-legacy' : ''}`;
  const outfile = path.join(folder, `${name}.cjs`);
  await build({
    ...(protocol === 'legacy'
      ? { tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } } }
      : {}),
    entryPoints: [path.resolve(source)],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

/** Removes what was bundled. */
export function removePrograms(): void {
  rmSync(folder, { recursive: true, force: true });
}
