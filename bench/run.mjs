/**
 * `npm run bench`: one table of what tracing costs, ours against hand-written OpenTelemetry, and the published peers.
 *
 *   npm run bench                      all rows, three fresh processes each; writes docs/benchmarks.md
 *   npm run bench -- --check           fails when a median misses its gate, or could not be measured
 *   npm run bench -- --node 24         on another Node (npm brings it into a folder of the system's temporary ones)
 *   npm run bench -- --line 3          against OpenTelemetry 3.x, as ESM (npm ci in bench/otel3 first)
 *   npm run bench -- --matrix          the calls' rows on Node 20, 22, 24 and 26 with both lines
 *   npm run bench -- --only creation   some suites; writes nothing
 *   npm run bench -- --processes 1     fewer processes than three: a first look; writes nothing
 *   npm run bench -- --peers only      the published peers alone; otherwise they come last (npm ci in bench first)
 */
import { cpus } from 'node:os';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { median } from './measure.mjs';
import { nodeBinary, versionOf } from './node-binary.mjs';
import { measureOnce } from './process.mjs';
import { writeSection } from './report.mjs';
import { ROWS } from './rows.mjs';
import { createStage } from './stage.mjs';
import { MAX_SPREAD, summarise, table, verdictOf, number, spreadOf } from './verdict.mjs';

const here = import.meta.dirname;
const root = path.dirname(here);

const argument = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
};
const has = (name) => process.argv.includes(`--${name}`);
const only = argument('only')?.split(',');

/** How often a suite is measured anew when its spread is too wide. */
const ATTEMPTS = 3;
const PROCESSES = Number(argument('processes') ?? 3);
const SETTINGS = { rounds: 30, roundMs: 8 };

/** Measures a suite until its rows with a gate are steady, or the attempts are over. */
async function measureSuite(stage, suite, rows, node) {
  const best = { summary: {}, medians: {}, unit: 'ns' };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const runs = [];
    for (let at = 0; at < PROCESSES; at++) runs.push(await measureOnce(stage, suite, SETTINGS, node));
    for (const row of rows) {
      const next = summarise(runs.map(({ results }) => results[row.key]));
      // Each row keeps the attempt that measured it best.
      const before = best.summary[row.key];
      if (before === undefined || spreadOf(row, next) < spreadOf(row, before)) best.summary[row.key] = next;
    }
    if (attempt === 1) {
      best.unit = runs[0].unit;
      for (const name of Object.keys(runs[0].medians)) {
        best.medians[name] = median(runs.map((each) => each.medians[name]));
      }
    }
    const wide = rows.filter(
      (row) => row.gate !== undefined && spreadOf(row, best.summary[row.key]) > MAX_SPREAD,
    );
    if (wide.length === 0) break;
    console.error(`${suite}: spread of ${wide.map(({ key }) => key).join(', ')} too wide`);
  }
  return best;
}

async function measureRows(rows, line, node) {
  const { folder, remove } = createStage(line);
  const results = [];
  const absolute = [];
  try {
    for (const suite of new Set(rows.map((row) => row.suite))) {
      const own = rows.filter((row) => row.suite === suite);
      const started = Date.now();
      const { summary, medians, unit } = await measureSuite(folder, suite, own, node);
      for (const row of own) {
        const found = summary[row.key];
        results.push({ ...row, ...found, spread: spreadOf(row, found), verdict: verdictOf(row, found) });
      }
      for (const [name, value] of Object.entries(medians)) absolute.push([suite, name, value, unit]);
      console.error(`${suite}: done in ${Math.round((Date.now() - started) / 1000)} s`);
    }
  } finally {
    remove();
  }
  return { results, absolute };
}

function versionsOf(line) {
  const folder = line === '2' ? root : path.join(here, 'otel3');
  const names = [
    '@opentelemetry/api',
    line === '2' ? '@opentelemetry/sdk-trace-node' : '@opentelemetry/sdk-trace',
  ];
  return names
    .map(
      (name) =>
        `${name} ${JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8')).version}`,
    )
    .join(', ');
}

const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${process.platform} ${process.arch}`;
const today = () => new Date().toISOString().slice(0, 10);

async function measureTable(line, major) {
  const node = nodeBinary(major);
  const rows = ROWS.filter(
    ({ suite }) => only === undefined || only.includes(suite) || only.includes(suite.split(':')[0]),
  );
  const { results, absolute } = await measureRows(rows, line, node);
  const text = table(
    ['what', 'ratio', 'spread', 'gate', 'verdict'],
    results.map(({ label, middle, spread, gate, verdict, unit }) => [
      label,
      number(middle) + (unit === undefined ? '' : ` ${unit}`),
      `${Math.round(spread * 100)} %`,
      gate === undefined ? '' : `${gate}${unit === undefined ? '' : ` ${unit}`}`,
      verdict,
    ]),
  );
  console.log(text);
  if (only === undefined && PROCESSES >= 3) {
    const cells = absolute.map(([suite, name, value, unit]) => [suite, name, `${amount(value)} ${unit}`]);
    await writeSection(
      `Node ${versionOf(node).slice(1).split('.')[0]}, OpenTelemetry ${line}.x`,
      `Measured ${today()} on Node ${versionOf(node)}, ${versionsOf(line)}, ${machine()}.\n\n${text}\n\n` +
        `<details><summary>Medians</summary>\n\n${table(['suite', 'case', 'median'], cells)}\n\n</details>`,
    );
  }
  return results;
}

const amount = (value) => (value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3));

/** The calls' rows everywhere, in about a quarter of an hour. */
async function measureMatrix() {
  const suites = ['creation', 'identity', 'uninitialised', 'entry'];
  const rows = ROWS.filter(({ suite }) => suites.includes(suite));
  const columns = [];
  for (const line of ['2', '3']) {
    for (const major of ['20', '22', '24', '26']) {
      console.error(`Node ${major}, OpenTelemetry ${line}.x`);
      const { results } = await measureRows(rows, line, nodeBinary(major));
      columns.push({ title: `${major} / ${line}.x`, results });
    }
  }
  const text = table(
    ['what', 'gate', ...columns.map(({ title }) => title)],
    rows.map((row) => [
      row.label,
      row.gate === undefined ? '' : String(row.gate),
      ...columns.map(({ results }) => {
        const { middle, verdict } = results.find(({ suite, key }) => suite === row.suite && key === row.key);
        return number(middle) + (verdict === 'not measured' ? ' (?)' : '');
      }),
    ]),
  );
  console.log(text);
  if (PROCESSES < 3) return labelled(columns);
  await writeSection(
    'Every Node and both lines',
    `Measured ${today()} on ${machine()}. A question mark: the spread was above ${MAX_SPREAD * 100} %.\n\n${text}`,
  );
  return labelled(columns);
}

const labelled = (columns) =>
  columns.flatMap(({ title, results }) =>
    results.map((each) => ({ ...each, label: `${each.label} (${title})` })),
  );

async function main() {
  const plain = ['node', 'line', 'only', 'matrix', 'processes'].every((name) => !has(name));
  const withPeers = has('peers') || plain;
  let results = [];
  if (argument('peers') !== 'only') {
    results = has('matrix')
      ? await measureMatrix()
      : await measureTable(argument('line') ?? '2', argument('node'));
  }
  if (withPeers) {
    const { measurePeers } = await import('./peers.mjs');
    const node = nodeBinary(argument('node'));
    const peers = await measurePeers({ rounds: 15, roundMs: 8 }, PROCESSES, node);
    if (peers !== undefined) {
      console.log(`\n${peers.table}`);
      const where = `Measured ${today()} on Node ${versionOf(node)}, ${machine()}.`;
      await writeSection('Peers', `${where}\n\n${peers.text}`);
    }
  }
  if (has('check')) {
    const bad = results.filter(({ verdict }) => verdict !== '' && verdict !== 'ok');
    for (const { label, verdict, middle, gate } of bad) {
      console.error(`${verdict}: ${label}: ${number(middle)}, gate ${gate}`);
    }
    if (bad.length > 0 || results.length === 0) process.exitCode = 1;
  }
}

await main();
