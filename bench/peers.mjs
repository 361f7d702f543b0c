/** Measures the published peers that bench/package.json installs, each in fresh processes of its own. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { median } from './measure.mjs';
import { CAPTURING, PEERS } from './peers/all.mjs';
import { table } from './verdict.mjs';

const here = import.meta.dirname;
const run = promisify(execFile);

/** One process; the results of a peer, or why there are none. */
async function measureOnce(node, name, settings, capture) {
  try {
    const { stdout } = await run(
      node,
      ['--no-warnings', path.join(here, 'peers/worker.mjs'), name, JSON.stringify(settings), capture],
      { cwd: here, maxBuffer: 1 << 26, timeout: 60_000 },
    );
    return { results: JSON.parse(stdout.slice(stdout.lastIndexOf('@@') + 2)) };
  } catch (error) {
    const said = String(error.stderr || error.message).split('\n');
    return {
      failure: (said.find((line) => /Error:/.test(line)) ?? said[0]).slice(0, 90).replaceAll(here, ''),
    };
  }
}

/** What the installed version calls itself; undefined where it is not installed. */
function versionOf(name) {
  const file = path.join(here, 'node_modules', name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined;
}

/**
 * @param settings of a process
 * @param processes how many fresh processes each peer gets
 * @param node the binary that measures
 * @returns the table, and the text around it
 */
export async function measurePeers(settings, processes, node = process.execPath) {
  if (!existsSync(path.join(here, 'node_modules'))) {
    console.error('no peers installed, so none are measured: run npm ci in bench');
    return undefined;
  }
  const lines = [];
  for (const name of Object.keys(PEERS)) {
    const cells = {};
    let failure = versionOf(name) === undefined ? 'could not be installed' : undefined;
    for (const capture of CAPTURING.has(name) ? ['off', 'on'] : ['off']) {
      const found = { sync: [], async: [] };
      for (let at = 0; at < processes && failure === undefined; at++) {
        const once = await measureOnce(node, name, settings, capture);
        failure = once.failure;
        for (const [kind, value] of Object.entries(once.results ?? {})) found[kind].push(value);
      }
      for (const kind of ['sync', 'async']) {
        const values = found[kind];
        if (values.length > 0) {
          const spread = (Math.max(...values) - Math.min(...values)) / median(values);
          cells[`${kind} ${capture}`] = `${median(values).toFixed(2)} ± ${Math.round(spread * 50)} %`;
        }
      }
    }
    lines.push([
      `${name} ${versionOf(name) ?? ''}`,
      ...['sync off', 'async off', 'sync on', 'async on'].map((key) => cells[key] ?? ''),
      failure ?? '',
    ]);
    console.error(`${name}: ${failure ?? 'done'}`);
  }
  const header = ['peer', 'sync', 'async', 'sync, recording', 'async, recording', 'why not'];
  const text = table(header, lines);
  return {
    table: text,
    text:
      'Overhead of one traced call in units of hand-written OpenTelemetry 2.x, nothing exported; recording means that ' +
      'arguments and results are, where that can be switched. Each is the newest version that installs and loads: ' +
      'honeyhive 1.0.44 is published without its code, and @sentry/node 11 with a dependency that is not to be had. ' +
      `Of @amplication/opentelemetry-nestjs what wraps a method is measured.\n\n${text}`,
  };
}
