/**
 * `npm run bench`: one table of what tracing costs, ours against hand-written OpenTelemetry.
 *
 *   npm run bench                      all rows, three fresh processes each; writes docs/benchmarks.md
 *   npm run bench -- --check           fails when a median misses its gate, or could not be measured
 *   npm run bench -- --quick           one short process each, gates twice as wide; writes nothing
 *   npm run bench -- --line 3          against OpenTelemetry 3.x (npm ci in bench/otel3 first)
 *   npm run bench -- --only creation   some suites
 *   npm run bench -- --peers           also the published peers (npm ci in bench first)
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { median } from './measure.mjs';
import { ROWS } from './rows.mjs';
import { createStage } from './stage.mjs';

const here = import.meta.dirname;
const root = path.dirname(here);
const run = promisify(execFile);

const argument = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
};
const quick = process.argv.includes('--quick');
const check = process.argv.includes('--check');
const line = argument('line') ?? '2';
const only = argument('only')?.split(',');
const withPeers = process.argv.includes('--peers');

/** A spread above this counts as not measured. */
const MAX_SPREAD = 0.15;
/** How often a suite is measured anew when its spread is too wide. */
const ATTEMPTS = 4;
const PROCESSES = quick ? 1 : 3;
const SETTINGS = quick ? { rounds: 8, roundMs: 4 } : { rounds: 40, roundMs: 8 };
/** In CI, on machines of unknown temper, only what is clearly wrong may fail. */
const GATE_FACTOR = quick ? 2 : 1;

async function measureOnce(stage, suite, settings = SETTINGS) {
  const file = path.join(stage, 'suites', `${suite.split(':')[0]}.mjs`);
  const flags = /flags = \[(.*)\]/.exec(readFileSync(file, 'utf8'))?.[1]?.match(/--[\w-]+/g) ?? [];
  const { stdout } = await run(
    process.execPath,
    ['--no-warnings', ...flags, path.join(stage, 'worker.mjs'), suite, JSON.stringify(settings)],
    // In the stage, so that the SDK is found from the application's folder as in real life.
    { cwd: stage, maxBuffer: 1 << 26, env: { ...process.env, NODE_OPTIONS: '' } },
  );
  return JSON.parse(stdout.slice(stdout.lastIndexOf('@@') + 2));
}

/** The results of some processes as medians with their spread. */
function summarise(runs) {
  const summary = {};
  for (const key of Object.keys(runs[0].results)) {
    const values = runs.map(({ results }) => results[key]);
    const middle = median(values);
    summary[key] = {
      middle,
      worst: Math.max(...values),
      spread: (Math.max(...values) - Math.min(...values)) / Math.abs(middle),
    };
  }
  return summary;
}

async function measureSuite(stage, suite, rows) {
  let best;
  for (let attempt = 1; attempt <= (quick ? 1 : ATTEMPTS); attempt++) {
    const runs = [];
    for (let at = 0; at < PROCESSES; at++) runs.push(await measureOnce(stage, suite));
    const summary = summarise(runs);
    const medians = {};
    for (const name of Object.keys(runs[0].medians)) {
      medians[name] = median(runs.map((each) => each.medians[name]));
    }
    const next = { summary, medians, unit: runs[0].unit };
    // Each row keeps the attempt that measured it best.
    if (best === undefined) best = next;
    else {
      for (const key of Object.keys(summary)) {
        if (summary[key].spread < best.summary[key].spread) best.summary[key] = summary[key];
      }
    }
    const wide = rows.filter(({ key, gate }) => gate !== undefined && best.summary[key].spread > MAX_SPREAD);
    if (wide.length === 0) break;
    if (!quick && attempt < ATTEMPTS) {
      console.error(`${suite}: spread of ${wide.map(({ key }) => key).join(', ')} too wide, again`);
    }
  }
  return best;
}

function verdictOf({ gate }, { middle, spread }) {
  if (gate === undefined) return '';
  if (!quick && spread > MAX_SPREAD) return 'not measured';
  return middle <= gate * GATE_FACTOR ? 'ok' : 'missed';
}

const number = (value) => (value < 0.1 ? value.toFixed(3) : value.toFixed(2));

function table(header, lines) {
  const widths = header.map((title, at) => Math.max(title.length, ...lines.map((cells) => cells[at].length)));
  const format = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [
    format(header),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...lines.map(format),
  ].join('\n');
}

const versionIn = (folder, name) => {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
};

async function main() {
  const { folder, remove } = createStage(line);
  const results = [];
  const absolute = [];
  try {
    const rows = ROWS.filter(({ suite }) => only === undefined || only.includes(suite.split(':')[0]));
    for (const suite of new Set(rows.map((row) => row.suite))) {
      const own = rows.filter((row) => row.suite === suite);
      const { summary, medians, unit } = await measureSuite(folder, suite, own);
      for (const row of own) {
        const found = summary[row.key];
        results.push({ ...row, ...found, verdict: verdictOf(row, found) });
      }
      for (const [name, value] of Object.entries(medians)) absolute.push([suite, name, value, unit]);
      console.error(`${suite}: done`);
    }
  } finally {
    remove();
  }
  const main = table(
    ['what', 'ratio', 'spread', 'gate', 'verdict'],
    results.map(({ label, middle, spread, gate, verdict }) => [
      label,
      number(middle),
      quick ? '' : `${Math.round(spread * 100)} %`,
      gate === undefined ? '' : String(gate * GATE_FACTOR),
      verdict,
    ]),
  );
  console.log(main);

  let peers;
  if (withPeers) {
    const { measurePeers } = await import('./peers.mjs');
    peers = await measurePeers(SETTINGS, quick ? 1 : 3);
    console.log(`\n${peers.table}`);
  }
  const otel = ['@opentelemetry/api', '@opentelemetry/sdk-trace-node', '@opentelemetry/sdk-trace']
    .map((name) => [name, versionIn(line === '2' ? root : path.join(here, 'otel3'), name)])
    .filter(([, version]) => version !== undefined)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
  if (!quick && only === undefined) await writeDocs(main, absolute, peers, otel);
  if (check) {
    const bad = results.filter(({ verdict }) => verdict !== '' && verdict !== 'ok');
    for (const { label, verdict, middle, gate } of bad) {
      console.error(`${verdict}: ${label}: ${number(middle)}, gate ${gate * GATE_FACTOR}`);
    }
    if (bad.length > 0) process.exitCode = 1;
  }
}

async function writeDocs(main, absolute, peers, otel) {
  const file = path.join(root, 'docs', line === '2' ? 'benchmarks.md' : `benchmarks-otel${line}.md`);
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const peersBefore = /## Peers\n[\s\S]*$/.exec(before)?.[0];
  const text = `# Benchmarks

Written by \`npm run bench\`; do not edit. What the rows mean is in \`bench/rows.mjs\`.

Measured ${new Date().toISOString().slice(0, 10)} on Node ${process.version}, ${otel}, ${os.cpus().length} × ${
    os.cpus()[0]?.model.trim() ?? 'unknown'
  }, ${os.type()} ${os.arch()}.

A ratio is the overhead of Spanwise in units of the overhead of hand-written OpenTelemetry that does the same. Only
ratios of cases that took turns in one process are compared, by CPU time; each is the median of ${PROCESSES} fresh processes, and the
spread is the distance between the lowest and the highest of them.

${main}

## Medians

| suite | case | median |
| --- | --- | --- |
${absolute.map(([suite, name, value, unit]) => `| ${suite} | ${name} | ${format(value)} ${unit} |`).join('\n')}

${peers === undefined ? (peersBefore ?? '') : `## Peers\n\n${peers.text}\n`}`;
  const prettier = await import('prettier');
  const style = await prettier.resolveConfig(file);
  writeFileSync(file, await prettier.format(text, { ...style, parser: 'markdown' }));
  console.error(`written: ${path.relative(root, file)}`);
}

const format = (value) => (value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3));

await main();
