/** Measures the published peers that bench/package.json installs, each in fresh processes of its own. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { median } from './measure.mjs';
import { PEERS } from './peers/all.mjs';

const here = import.meta.dirname;
const run = promisify(execFile);

/**
 * @param settings of a process
 * @param processes how many fresh processes each peer gets
 * @returns the table, and the text around it
 */
export async function measurePeers(settings, processes) {
  if (!existsSync(path.join(here, 'node_modules')))
    throw new Error('no peers installed: run npm ci in bench');
  const lines = [];
  for (const name of Object.keys(PEERS)) {
    const { version } = JSON.parse(
      readFileSync(path.join(here, 'node_modules', name, 'package.json'), 'utf8'),
    );
    const found = { sync: [], async: [] };
    let failure = '';
    for (let at = 0; at < processes && failure === ''; at++) {
      try {
        const { stdout } = await run(
          process.execPath,
          ['--no-warnings', path.join(here, 'peers/worker.mjs'), name, JSON.stringify(settings)],
          { cwd: here, maxBuffer: 1 << 26, timeout: 120_000 },
        );
        const results = JSON.parse(stdout.slice(stdout.lastIndexOf('@@') + 2));
        for (const [kind, value] of Object.entries(results)) found[kind].push(value);
      } catch (error) {
        failure = String(error.stderr || error.message)
          .split('\n')
          .find((each) => /Error|refused|not/.test(each))
          ?.slice(0, 80);
      }
    }
    const cell = (values) => (values.length === 0 ? '' : median(values).toFixed(2));
    lines.push(
      `| ${name} ${version} | ${cell(found.sync)} | ${cell(found.async)} | ${failure ?? 'failed'} |`,
    );
    console.error(`${name}: ${failure || 'done'}`);
  }
  const table = ['| peer | sync | async | not measured |', '| --- | --- | --- | --- |', ...lines].join('\n');
  const text =
    'Overhead of one traced call in units of hand-written OpenTelemetry 2.x, nothing exported, recording of\n' +
    `arguments and results off where it can be.\n\n${table}`;
  return { table, text };
}
