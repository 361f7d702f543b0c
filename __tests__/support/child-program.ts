/** Programs of the tests that run in processes and threads of their own, bundled from TypeScript. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-child-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const built = new Map<string, Promise<string>>();

/**
 * Bundles a program, with the library's sources in it.
 *
 * @param source its path, from the project's folder
 * @returns the path of what plain Node runs
 */
export function childProgram(source: string): Promise<string> {
  let program = built.get(source);
  if (program === undefined) built.set(source, (program = bundle(source)));
  return program;
}

async function bundle(source: string): Promise<string> {
  const outfile = path.join(folder, `${path.basename(source, '.ts')}.cjs`);
  await build({
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
