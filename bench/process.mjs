/** Measures one suite in one fresh process. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * @param stage the folder of the stage
 * @param suite the suite's name, with what it is asked for after a colon
 * @param settings of the suite
 * @param node the binary that measures
 * @returns its results, and the medians of its cases
 */
export async function measureOnce(stage, suite, settings, node = process.execPath) {
  const file = path.join(stage, 'suites', `${suite.split(':')[0]}.mjs`);
  const flags = /flags = \[(.*)\]/.exec(readFileSync(file, 'utf8'))?.[1]?.match(/--[\w-]+/g) ?? [];
  const { stdout } = await run(
    node,
    ['--no-warnings', ...flags, path.join(stage, 'worker.mjs'), suite, JSON.stringify(settings)],
    // In the stage, so that the SDK is found from the application's folder as in real life.
    { cwd: stage, maxBuffer: 1 << 26, timeout: 180_000, env: { ...process.env, NODE_OPTIONS: '' } },
  );
  return JSON.parse(stdout.slice(stdout.lastIndexOf('@@') + 2));
}
