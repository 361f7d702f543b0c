/**
 * Puts the build and these files into a folder as an application would have them installed, so that what is
 * measured is the package, with OpenTelemetry of the line that is asked for.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const here = import.meta.dirname;
const root = path.dirname(here);

/**
 * @param line '2' for the SDK that the project develops with, '3' for that of bench/otel3
 * @param dist the folder of the build
 * @returns the stage's folder and a function that removes it
 */
export function createStage(line, dist = path.join(root, 'dist')) {
  if (!existsSync(path.join(dist, 'index.js'))) throw new Error(`no build in ${dist}: run npm run build`);
  const installed = path.join(line === '2' ? root : path.join(here, 'otel3'), 'node_modules');
  if (!existsSync(installed)) throw new Error(`no packages in ${installed}: run npm ci there`);
  const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-bench-'));
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, 'spanwise'), { recursive: true });
  cpSync(dist, path.join(modules, 'spanwise/dist'), { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(modules, 'spanwise/package.json'));
  // What bench/otel3 does not bring, the frameworks above all, is what the project develops with.
  for (const from of new Set([installed, path.join(root, 'node_modules')])) {
    for (const name of readdirSync(from)) {
      if (name.startsWith('.') || existsSync(path.join(modules, name))) continue;
      symlinkSync(path.join(from, name), path.join(modules, name));
    }
  }
  for (const name of ['worker.mjs', 'measure.mjs', 'raw.mjs', 'suites', 'http', 'export-load']) {
    cpSync(path.join(here, name), path.join(folder, name), { recursive: true });
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
