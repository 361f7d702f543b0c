/**
 * `npm run bench:ci`: a guard for each hot path that fits into CI and cannot flake.
 *
 * Ratios of cases that take turns in one process, by CPU time, hardly depend on the machine; the ceilings lie well
 * above them; and a row that is above its ceiling is measured again in fresh processes, of which the best counts.
 * What fails here has become slower, and not unlucky.
 *
 *   npm run bench:ci                         in about three quarters of a minute
 *   npm run bench:ci -- --only creation      some suites
 */
import { measureOnce } from './process.mjs';
import { ROWS } from './rows.mjs';
import { createStage } from './stage.mjs';

const ATTEMPTS = 4;
const SETTINGS = { rounds: 10, roundMs: 4, warmUpMs: 120, turns: 3, short: true };

const argument = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const only = argument('only')?.split(',');

const { folder, remove } = createStage('2');
const guarded = ROWS.filter(
  ({ ceiling, suite }) => ceiling !== undefined && (only === undefined || only.includes(suite)),
);
const failed = [];
const began = Date.now();
try {
  for (const suite of new Set(guarded.map((row) => row.suite))) {
    let open = guarded.filter((row) => row.suite === suite);
    const best = {};
    for (let attempt = 1; attempt <= ATTEMPTS && open.length > 0; attempt++) {
      const { results } = await measureOnce(folder, suite, SETTINGS);
      for (const { key } of open) best[key] = Math.min(best[key] ?? Infinity, results[key]);
      open = open.filter(({ key, ceiling }) => !(best[key] <= ceiling));
    }
    for (const row of guarded.filter((each) => each.suite === suite)) {
      const fine = !open.includes(row);
      if (!fine) failed.push(row);
      console.log(
        `${fine ? 'ok    ' : 'FAILED'} ${best[row.key].toFixed(3)} of at most ${row.ceiling}: ${row.label}`,
      );
    }
  }
} finally {
  remove();
}
console.log(
  `${guarded.length - failed.length} of ${guarded.length} below their ceilings, ${Math.round((Date.now() - began) / 1000)} s`,
);
if (failed.length > 0 || guarded.length === 0) process.exitCode = 1;
