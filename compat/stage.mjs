/**
 * The place where everything is tried: a folder outside the checkout, with the packed tarball and what goes beside it.
 */
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../.ci/entries.mjs';
import { ensureBuilt } from '../.ci/prepare.mjs';
import { RUNTIMES } from './versions.mjs';

const exec = promisify(execFile);
const NPM_QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
const MAX_OUTPUT = 50_000_000;
const TIMEOUT_MS = 120_000;

/** Runs a program to its end; its output is in the error if it fails. */
export async function run(command, args, { cwd, env = {}, timeout = TIMEOUT_MS } = {}) {
  const clean = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: '0' };
  for (const name of Object.keys(clean)) if (/^(?:npm_|OTEL_|HH_)/.test(name)) delete clean[name];
  try {
    const { stdout, stderr } = await exec(command, args, {
      cwd,
      env: { ...clean, ...env },
      timeout,
      maxBuffer: MAX_OUTPUT,
    });
    return { stdout, stderr };
  } catch (error) {
    const said = [error.stdout, error.stderr].filter(Boolean).join('\n').trim();
    error.message = `${path.basename(command)} ${args.join(' ')}: ${said || error.message}`;
    throw error;
  }
}

export class Stage {
  #installs = new Map();
  #background = new Set();

  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'spanwise-compat-'));
  }

  /** Packs the package as it is published. */
  async pack() {
    ensureBuilt();
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', this.folder];
    const { stdout } = await run('npm', args, { cwd: root });
    this.tarball = path.join(this.folder, JSON.parse(stdout)[0].filename);
  }

  /** Remembers what will be needed, so that the runtimes are installed together. */
  plan(runtimes) {
    this.runtimes = runtimes;
  }

  at(...parts) {
    return path.join(this.folder, ...parts);
  }

  /** A folder with files in it. */
  fill(name, files) {
    mkdirSync(this.at(name), { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(this.at(name, file)), { recursive: true });
      writeFileSync(this.at(name, file), text);
    }
    return this.at(name);
  }

  /** A folder that begins as a copy of another, packages included. */
  copy(from, name) {
    cpSync(from, this.at(name), { recursive: true, verbatimSymlinks: true });
    return this.at(name);
  }

  /**
   * A project with packages in it, installed once.
   *
   * @param packages name → version
   * @param options `ours`: whether the tarball is one of them
   * @returns its folder
   */
  install(name, packages, { ours = true } = {}) {
    let installed = this.#installs.get(name);
    if (installed === undefined) {
      installed = this.#install(name, packages, ours);
      this.#installs.set(name, installed);
    }
    return installed;
  }

  async #install(name, packages, ours) {
    const dependencies = { ...packages, ...(ours ? { spanwise: `file:${this.tarball}` } : {}) };
    const folder = this.fill(name, {
      'package.json': JSON.stringify({ name: 'a-user', private: true, type: 'module', dependencies }),
    });
    await run('npm', ['install', ...NPM_QUIET, '--loglevel', 'error'], { cwd: folder, timeout: 600_000 });
    return folder;
  }

  /** The binary of a runtime. */
  async runtime(name) {
    const { package: wanted, version } = RUNTIMES[name];
    const isThisNode = wanted.startsWith('node-') && process.version === `v${version}`;
    if (isThisNode || (name === 'node20' && process.version.startsWith('v20.'))) return process.execPath;
    const packages = Object.fromEntries(
      this.runtimes.map((each) => [each, `npm:${RUNTIMES[each].package}@${RUNTIMES[each].version}`]),
    );
    if (process.version.startsWith('v20.')) delete packages.node20;
    const folder = await this.install('runtimes', packages, { ours: false });
    return path.join(folder, 'node_modules', name, RUNTIMES[name].binary);
  }

  /** Starts a server that is ended with the stage at the latest; resolves when it has printed `ready`. */
  start(command, args, { cwd, env = {}, ready }) {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
    let said = '';
    const stop = () =>
      new Promise((resolve) => {
        this.#background.delete(stop);
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', resolve);
        child.kill('SIGKILL');
      });
    this.#background.add(stop);
    return new Promise((resolve, reject) => {
      const fail = (why) => void stop().then(() => reject(new Error(`${command}: ${why} ${said}`)));
      const timer = setTimeout(() => fail('was not ready in 20 s.'), 20_000);
      child.once('exit', (code) => fail(`ended with ${code}.`));
      child.once('error', (error) => fail(error.message));
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          said += chunk;
          const found = ready.exec(said);
          if (found === null) return;
          clearTimeout(timer);
          resolve({ found, stop, said: () => said });
        });
      }
    });
  }

  async remove(keep) {
    await Promise.all([...this.#background].map((stop) => stop()));
    if (!keep && existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A file of the checkout. */
export const source = (...parts) => readFileSync(path.join(root, ...parts), 'utf8');
