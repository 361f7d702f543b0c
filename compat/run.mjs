/**
 * `npm run compat`: whether the package, as it is published, works in everything it says it works in.
 *
 * It is packed and installed in a folder outside of the checkout, beside runtimes, lines of OpenTelemetry, compilers,
 * bundlers and test runners in exact versions (versions.mjs), and used there as users do. Options: `--list`,
 * `--quick` (what CI runs), `--only node24,otel3+bun` (cells with that word; `+` for several in one cell), `--suite` (the whole test suite on OpenTelemetry 3.x as
 * well; `--jest __tests__/engine` for a part of it), `--table FILE` (what ran, as Markdown), `--keep`, `--verbose`.
 */
import { availableParallelism } from 'node:os';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cells as bundlers } from './cells/bundlers.mjs';
import { cells as compilers } from './cells/compilers.mjs';
import { cells as receivers } from './cells/receivers.mjs';
import { cells as runtimes } from './cells/runtimes.mjs';
import { cells as suite } from './cells/suite.mjs';
import { cells as types } from './cells/types.mjs';
import { cells as users } from './cells/users.mjs';
import { Stage } from './stage.mjs';

const { values: options } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    suite: { type: 'boolean', default: false },
    only: { type: 'string' },
    table: { type: 'string' },
    keep: { type: 'boolean', default: false },
    jest: { type: 'string', multiple: true, default: [] },
    verbose: { type: 'boolean', default: false },
  },
});

const all = [...runtimes, ...compilers, ...bundlers, ...types, ...users, ...receivers, ...suite];

/** Whether a cell was asked for: by its words, else by how much is to be run. */
function isWanted({ id, quick, suite }) {
  if (options.only === undefined) return suite ? options.suite : quick || !options.quick;
  const words = id.split(' ');
  return options.only.split(',').some((term) => term.split('+').every((word) => words.includes(word.trim())));
}

const wanted = all.filter(isWanted);
if (options.list) {
  for (const { id, what, quick, suite } of wanted) {
    console.log(`${id.padEnd(28)} ${suite ? '--suite' : quick ? '--quick' : '       '}  ${what}`);
  }
} else {
  process.exitCode = await main();
}

async function main() {
  if (wanted.length === 0) {
    console.error('no cell is called that; --list shows them');
    return 2;
  }
  const started = Date.now();
  const stage = new Stage();
  const results = [];
  try {
    stage.quick = options.quick;
    stage.suiteArguments = options.jest;
    await stage.pack();
    stage.plan([...new Set(wanted.flatMap((cell) => cell.runtimes ?? []))]);
    const waiting = [...wanted];
    const worker = async () => {
      for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
        const result = await runCell(cell, stage);
        results.push(result);
        print(result);
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, Math.min(4, availableParallelism())) }, worker));
  } finally {
    if (options.keep) console.log(`kept in ${stage.folder}`);
    await stage.remove(options.keep);
  }
  const failed = results.filter(({ ok }) => !ok);
  const checks = results.reduce((sum, { checks }) => sum + checks.length, 0);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `\n${results.length - failed.length} of ${wanted.length} cells passed, ${checks} checks, ${seconds} s`,
  );
  if (options.table !== undefined) writeFileSync(options.table, table(results));
  return failed.length === 0 && results.length === wanted.length ? 0 : 1;
}

async function runCell(cell, stage) {
  const started = Date.now();
  let checks;
  try {
    checks = await cell.run(stage);
    // A cell that checks nothing proves nothing.
    if (checks.length === 0) checks = [{ name: 'it checked something', ok: false }];
  } catch (error) {
    checks = [{ name: 'it ran', ok: false, note: error.message }];
  }
  return { cell, checks, ok: checks.every(({ ok }) => ok), seconds: (Date.now() - started) / 1000 };
}

function print({ cell, checks, ok, seconds }) {
  console.log(
    `${ok ? 'ok   ' : 'FAIL '} ${cell.id.padEnd(28)} ${checks.length} checks, ${seconds.toFixed(1)} s`,
  );
  for (const { name, ok: passed, note } of checks) {
    if (passed && !options.verbose) continue;
    console.log(
      `        ${passed ? 'ok' : 'FAIL'} ${name}${note ? `: ${note.trim().slice(0, 4_000).replaceAll('\n', '\n           ')}` : ''}`,
    );
  }
}

function table(results) {
  const order = new Map(all.map(({ id }, n) => [id, n]));
  const rows = [...results]
    .sort((a, b) => order.get(a.cell.id) - order.get(b.cell.id))
    .map(({ cell, checks, ok }) => {
      const passed = checks.filter((check) => check.ok).length;
      return `| ${cell.id} | ${cell.what} | ${ok ? 'pass' : 'FAIL'} | ${passed} of ${checks.length} |`;
    });
  return ['| Cell | What | Result | Checks |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}
