/**
 * Makes a checkout ready to run: dependencies installed and `dist/` built, each only if missing or older than what
 * it is made from. `npm run demo` starts here, so that it is one command on a fresh clone.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands, entries, root } from './entries.mjs';

const at = (...parts) => path.join(root, ...parts);
const changed = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const npm = (...args) => execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });

/** Whether what is installed is what the lockfile names. */
function isInstalled() {
  const installed = at('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const has = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const wants = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  return Object.entries(wants).every(
    ([place, { version, optional }]) =>
      place === '' || (has[place] === undefined ? optional === true : has[place].version === version),
  );
}

/** Runs `npm ci` if the installed packages are not those of the lockfile. */
export function ensureInstalled() {
  // A linked folder belongs to another checkout, which `npm ci` here would empty.
  const linked = lstatSync(at('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() === true;
  if (linked || isInstalled()) return;
  npm('ci', '--no-audit', '--no-fund', '--loglevel', 'error');
}

/** Builds if an entry is missing, or any source is newer than the oldest built entry. */
export function ensureBuilt() {
  const built = [...entries(), ...commands()].map(({ name }) => changed(at('dist', `${name}.js`)));
  const sources = readdirSync(at('lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => changed(path.join(entry.parentPath, entry.name)));
  const config = ['rollup.config.mjs', '.ci/entries.mjs', 'tsconfig.json'].map((file) => changed(at(file)));
  if (Math.min(...built) > Math.max(...sources, ...config)) return;
  npm('run', '--silent', 'build');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  ensureBuilt();
}
