/**
 * `npm run demo`: an agent server (NestJS) and a client (a plain class) as two processes, several sessions at once,
 * and a check that every session is one trace across both, with nothing of another's in it.
 *
 * Flags: --once (end by itself), --json (print the verified facts), --sessions N, --port N (viewer),
 * --server-port N, --break baggage|trace (the client strips that header: the check must fail).
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');

let flags;
try {
  flags = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      break: { type: 'string' },
      sessions: { type: 'string', default: '4' },
      port: { type: 'string', default: '0' },
      'server-port': { type: 'string', default: '0' },
    },
  }).values;
} catch (error) {
  fail(error.message);
}
const count = Number(flags.sessions);
if (!Number.isInteger(count) || count < 1 || count > 1_000) fail('--sessions takes a number from 1 to 1000');
if (flags.break !== undefined && !['baggage', 'trace'].includes(flags.break)) {
  fail('--break takes baggage or trace');
}

const say = (text) => flags.json || process.stdout.write(`${text}\n`);

prepare();
const { startViewer } = await import('spanwise/viewer');
const { HoneyHiveClient } = await import('spanwise');
const { verify } = await import('./verify.mjs');
const { printTable, printTree } = await import('./print.mjs');

let viewer;
try {
  viewer = await startViewer({ port: Number(flags.port) });
} catch (error) {
  fail(
    error.code === 'EADDRINUSE' ? `port ${flags.port} is in use; give another with --port` : error.message,
  );
}

const environment = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: '', HH_API_URL: viewer.url };
const server = fork(path.join(here, 'build/server/main.js'), {
  env: { ...environment, PORT: flags['server-port'] },
});
let code = 1;
try {
  const [{ url }] = await Promise.race([
    once(server, 'message'),
    once(server, 'exit').then(() => Promise.reject(new Error('the agent server did not start'))),
  ]);
  say(`agent server at ${url}, viewer at ${viewer.url}; ${count} sessions at once\n`);
  const client = fork(path.join(here, 'build/client/main.js'), {
    env: { ...environment, SERVER_URL: url, SESSIONS: String(count), BREAK: flags.break ?? '' },
  });
  const [message] = await Promise.race([
    once(client, 'message'),
    once(client, 'exit').then(() => Promise.reject(new Error('the client failed'))),
  ]);
  const report = await verify(new HoneyHiveClient({ serverUrl: viewer.url }), message.results);
  if (flags.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    printTree(report.sessions[0]);
    printTable(report);
  }
  code = report.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
}

if (!flags.once && !flags.json && process.exitCode === undefined) {
  say(`\nLook at the sessions: ${viewer.url}\nCtrl+C ends the demo.`);
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}
if (server.connected) server.disconnect();
if (server.exitCode === null) await once(server, 'exit');
await viewer.close();
process.exit(code);

/** Installs and builds what a new clone lacks, so that one command is enough. */
function prepare() {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const run = (command, args) =>
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (!existsSync(path.join(root, 'node_modules/typescript'))) {
    say('installing…');
    run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (newest(path.join(root, 'lib')) > modified(path.join(root, 'dist/index.js'))) {
    say('building…');
    run(npm, ['run', '--silent', 'build']);
  }
  const built = modified(path.join(here, 'build/server/main.js'));
  if (built < modified(path.join(root, 'dist/index.js')) || built < newest(here, 'build')) {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    for (const part of ['server', 'client']) run(process.execPath, [tsc, '-p', path.join(here, part)]);
  }
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

function newest(folder, except) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === except || entry.name === 'node_modules') continue;
    const file = path.join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(file) : modified(file));
  }
  return latest;
}

function fail(message) {
  process.stderr.write(`demo: ${message}\n`);
  process.exit(2);
}
