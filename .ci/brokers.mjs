/**
 * Real message brokers for the tests and examples: Debian's packages, each started on loopback, on a free port, with
 * a directory of its own.
 *
 *   node .ci/brokers.mjs install          installs what is missing (apt-get, as root or by sudo); starts no service
 *   node .ci/brokers.mjs missing          names what is missing, and fails if anything is
 *   node .ci/brokers.mjs serve nats kafka prints `{"nats":{"host","port","url"},…}` and serves until its input ends
 *
 * Whoever starts `serve` holds its input open: if that process dies, however it dies, the brokers go with it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Broker → its package, its program, and how it is started. */
export const BROKERS = {
  // The one on the path of Debian is a wrapper that takes no directory of ours.
  rabbitmq: broker('rabbitmq-server', rabbitmq, '/usr/lib/rabbitmq/bin/rabbitmq-server'),
  nats: broker('nats-server', nats),
  mqtt: broker('mosquitto', mqtt),
  redis: broker('redis-server', redis),
  kafka: broker('kcat', kafka),
};

/** A program has the name of its package; services are often kept where only root's path leads. */
function broker(name, start, preferred) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin', '/usr/local/sbin'];
  const candidates = folders.filter((folder) => folder !== '').map((folder) => path.join(folder, name));
  if (preferred !== undefined) candidates.unshift(preferred);
  return { package: name, program: candidates.find((file) => existsSync(file)), start };
}

/** The Debian packages, which are all that is installed. */
export const PACKAGES = Object.values(BROKERS).map(({ package: name }) => name);

const HOST = '127.0.0.1';
/** How long a broker may take to answer; RabbitMQ takes four seconds on a quiet machine and many on a busy one. */
const START_MS = 80_000;
/** How long a broker may take to end by itself. */
const END_MS = 5_000;
/** A port that was free may be taken by the time it is used. */
const ATTEMPTS = 3;

/** The packages whose programs are not there. */
export function missingPackages(names = Object.keys(BROKERS)) {
  return names.filter((name) => BROKERS[name].program === undefined).map((name) => BROKERS[name].package);
}

function install() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const sudo = process.getuid() === 0 ? [] : ['sudo'];
  const run = (...command) => {
    const [program, ...args] = [...sudo, ...command];
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  // Packages start their services on installation; Debian asks this program whether they may.
  const policy = '/usr/sbin/policy-rc.d';
  const deny = !existsSync(policy);
  try {
    if (deny) {
      run('sh', '-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`);
    }
    run('apt-get', 'update', '-qq');
    run(
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      'install',
      '-y',
      '-qq',
      '--no-install-recommends',
      ...missing,
    );
  } finally {
    if (deny) run('rm', '-f', policy);
  }
}

/** A broker that lives and does not answer: starting it again would take as long. */
class LateError extends Error {}

/** The brokers that this process has started, in order: what to end, and where they keep their files. */
const started = [];

async function start(name) {
  const broker = BROKERS[name];
  if (broker === undefined)
    throw new Error(`no broker ${name}; there are ${Object.keys(BROKERS).join(', ')}`);
  if (missingPackages([name]).length > 0) {
    throw new Error(`${broker.package} is not installed: npm run brokers:install`);
  }
  for (let attempt = 1; ; attempt++) {
    const dir = mkdtempSync(path.join(tmpdir(), `spanwise-${name}-`));
    const running = { dir, processes: [] };
    started.push(running);
    const run = (program, args, options) => launch(running, program, args, options);
    try {
      const port = await broker.start(run, dir, await freePort(), freePort);
      await answering(running, port);
      return { host: HOST, port, url: urlOf(name, port) };
    } catch (error) {
      await end(running);
      if (attempt === ATTEMPTS || error instanceof LateError) throw error;
    }
  }
}

const SCHEMES = { rabbitmq: 'amqp://', nats: 'nats://', mqtt: 'mqtt://', redis: 'redis://', kafka: '' };
const urlOf = (name, port) => `${SCHEMES[name]}${HOST}:${port}`;

/** Starts a program in a process group of its own, so that its helpers can be ended with it. */
function launch(running, program, args, { env = {}, stdin = 'ignore' } = {}) {
  const child = spawn(program, args, {
    detached: true,
    cwd: running.dir,
    stdio: [stdin, 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: running.dir, LANG: 'C.UTF-8', ...env },
  });
  const entry = { child, output: '' };
  const keep = (chunk) => (entry.output = (entry.output + chunk).slice(-20_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => keep(String(error)));
  running.processes.push(entry);
  return entry;
}

async function nats(run, dir, port) {
  run(BROKERS.nats.program, ['-a', HOST, '-p', String(port)]);
  return port;
}

async function mqtt(run, dir, port) {
  const config = path.join(dir, 'mosquitto.conf');
  // Started by root, it would become a user who may not read its own configuration here.
  writeFileSync(config, `listener ${port} ${HOST}\nallow_anonymous true\nuser root\n`);
  run(BROKERS.mqtt.program, ['-c', config]);
  return port;
}

async function redis(run, dir, port) {
  run(BROKERS.redis.program, [
    '--bind',
    HOST,
    '--port',
    String(port),
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
  ]);
  return port;
}

/** librdkafka's mock cluster speaks Kafka's protocol on a port that it chooses. It lives as long as kcat's input. */
async function kafka(run) {
  const entry = run(
    BROKERS.kafka.program,
    ['-P', '-t', 'keep-alive', '-b', `${HOST}:1`, '-X', 'test.mock.num.brokers=1', '-d', 'mock'],
    { stdin: 'pipe' },
  );
  const until = Date.now() + START_MS;
  for (;;) {
    const found = /bootstrap\.servers=[\d.]+:(\d+)/.exec(entry.output);
    if (found !== null) return Number(found[1]);
    if (entry.child.exitCode !== null || Date.now() > until) throw new Error(`kcat: ${entry.output}`);
    await delay(20);
  }
}

/** RabbitMQ finds other nodes by `epmd`, which Erlang would start as a daemon and leave behind: we start our own. */
async function rabbitmq(run, dir, port, freePort) {
  const epmdPort = await freePort();
  const config = path.join(dir, 'rabbitmq.conf');
  writeFileSync(config, `listeners.tcp.1 = ${HOST}:${port}\nloopback_users = none\n`);
  const env = { ERL_EPMD_PORT: String(epmdPort), ERL_EPMD_ADDRESS: HOST };
  const epmd = run('epmd', ['-port', String(epmdPort), '-address', HOST], { env });
  await answering({ processes: [epmd] }, epmdPort);
  run(BROKERS.rabbitmq.program, [], {
    env: {
      ...env,
      RABBITMQ_NODENAME: `spanwise-${process.pid}-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(await freePort()),
      RABBITMQ_CONF_ENV_FILE: path.join(dir, 'none'),
      RABBITMQ_CONFIG_FILE: config,
      RABBITMQ_ADVANCED_CONFIG_FILE: path.join(dir, 'advanced'),
      RABBITMQ_GENERATED_CONFIG_DIR: path.join(dir, 'generated'),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(dir, 'plugins'),
      RABBITMQ_MNESIA_BASE: path.join(dir, 'data'),
      RABBITMQ_LOG_BASE: path.join(dir, 'log'),
      // One scheduler per CPU is for servers; two start just as fast.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2',
    },
  });
  return port;
}

async function freePort() {
  const server = net.createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function answering(running, port) {
  const until = Date.now() + START_MS;
  for (;;) {
    const socket = net.connect(port, HOST);
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    const dead = running.processes.find(({ child }) => child.exitCode !== null || child.pid === undefined);
    if (dead !== undefined) throw new Error(`${dead.child.spawnfile} ended: ${dead.output}`);
    if (open) return;
    if (Date.now() > until)
      throw new LateError(`nothing answers on port ${port}: ${running.processes.at(-1)?.output}`);
    await delay(50);
  }
}

/** Ends what was started, newest first, and nothing else: each by its own process group. */
async function end({ dir, processes }) {
  for (const { child } of processes.reverse()) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    // kcat waits for messages that nobody wants any more.
    signal(child.pid, child.spawnfile === BROKERS.kafka.program ? 'SIGKILL' : 'SIGTERM');
    if ((await Promise.race([gone, delay(END_MS, 'late', { ref: false })])) === 'late') {
      signal(child.pid, 'SIGKILL');
      await gone;
    }
  }
  // RabbitMQ's helpers write for a moment longer than it lives.
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function signal(pid, name) {
  try {
    process.kill(-pid, name);
  } catch {
    // It ended in the meantime.
  }
}

async function serve(names) {
  let ending;
  const stop = (code) =>
    (ending ??= (async () => {
      await Promise.all(started.map(end));
      process.exit(code);
    })());
  process.stdin
    .on('end', () => stop(0))
    .on('error', () => stop(0))
    .resume();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(name, () => stop(0));
  try {
    const places = await Promise.all(names.map(async (name) => [name, await start(name)]));
    process.stdout.write(`${JSON.stringify(Object.fromEntries(places))}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    await stop(1);
  }
}

/**
 * Starts brokers in a process of their own.
 *
 * @param {...string} names keys of `BROKERS`
 * @returns their places by name, and `stop()`, which resolves once they are gone
 */
export async function startBrokers(...names) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve', ...names], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  let complaints = '';
  child.stderr.on('data', (chunk) => (complaints += chunk));
  const line = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolve(text);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`brokers ${names.join(', ')}: ${complaints}`)));
  });
  return {
    places: JSON.parse(line),
    stop: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...names] = process.argv.slice(2);
  if (command === 'install') install();
  else if (command === 'serve') await serve(names);
  else if (command === 'missing') {
    process.stdout.write(
      missingPackages()
        .map((name) => `${name}\n`)
        .join(''),
    );
    if (missingPackages().length > 0) process.exitCode = 1;
  } else {
    process.stderr.write('usage: node .ci/brokers.mjs install | missing | serve NAME…\n');
    process.exitCode = 2;
  }
}
