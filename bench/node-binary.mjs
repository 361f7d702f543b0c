/** Finds the Node of a major version: the one that runs, or one that npm brings into a folder outside of the project. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * @param major '20', '22', …; undefined for the Node that runs
 * @returns the path of its binary
 */
export function nodeBinary(major) {
  if (major === undefined || process.versions.node.split('.')[0] === major) return process.execPath;
  if (!/^\d{2}$/.test(major)) throw new Error(`no such Node: ${major}; ask for 20, 22, 24 or 26`);
  const folder = path.join(tmpdir(), 'spanwise-nodes', major);
  const binary = path.join(folder, 'node_modules/node/bin/node');
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', `node@${major}`], {
      cwd: folder,
      stdio: 'ignore',
    });
  }
  return binary;
}

/** What a binary calls itself. */
export function versionOf(binary) {
  return execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
}
