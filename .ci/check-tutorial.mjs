/**
 * Does the tutorial as a newcomer would, to the letter: its commands and programs in an empty folder, with the packed
 * tarball in the place of the published package, and looks whether the session is what the page says.
 *
 * `--picture FILE` also takes the page's picture in a browser. It needs the ports of the page, 4318 and 3000.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { CHROMIUM } from './chromium.mjs';
import { root } from './entries.mjs';
import { ensureBuilt } from './prepare.mjs';

const { values } = parseArgs({ options: { picture: { type: 'string' } } });
const VIEWER = 'http://localhost:4318';
const page = readFileSync(path.join(root, 'docs/guides/tutorial.md'), 'utf8');
const fences = [...page.matchAll(/^```(\S+)[^\n]*\n([^]*?)^```$/gm)].map(([, kind, text]) => ({
  kind,
  text,
}));
const [install, ...programs] = fences
  .filter(({ kind }) => kind === 'sh')
  .map(({ text }) => text.trim().split('\n'));
const tree = fences.find(({ kind }) => kind === 'text').text;

function assert(condition, message) {
  if (!condition) throw new Error(message);
}

/** Nobody's machine but this test's. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(HH_|OTEL_|NODE_OPTIONS|npm_)/.test(name)),
);
const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-tutorial-'));
const running = [];

async function listens(port) {
  const socket = connect(port, 'localhost');
  const answer = once(socket, 'connect').then(
    () => true,
    () => false,
  );
  try {
    return await answer;
  } finally {
    socket.destroy();
  }
}

/** Starts a command of the page, and waits until its port answers. */
async function start(command, port) {
  const child = spawn(command, {
    cwd: folder,
    env,
    shell: true,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  for (let tries = 0; !(await listens(port)); tries++) {
    assert(child.exitCode === null && tries < 150, `"${command}" does not listen on ${port}:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function eventsOfSession() {
  const reply = await fetch(`${VIEWER}/v1/events/export`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filters: [] }),
  });
  const { events } = await reply.json();
  const session = events.find(
    ({ event_type: type, event_name: name }) => type === 'session' && name === 'my first session',
  );
  return events.filter((event) => event !== session && event.session_id === session?.session_id);
}

/** The session in the form of the page: names by depth, and services. */
function drawn(events) {
  const below = (id) => events.filter((event) => event.parent_id === id);
  const ids = new Set(events.map((event) => event.event_id));
  const draw = (event, depth) => [
    [depth, event.event_name, event.service_name].join(' '),
    ...below(event.event_id).flatMap((child) => draw(child, depth + 1)),
  ];
  return events.filter((event) => !ids.has(event.parent_id)).flatMap((event) => draw(event, 0));
}

async function takePicture(file) {
  const browser = await chromium.launch({
    ...CHROMIUM,
  });
  try {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 560 } });
    await tab.goto(VIEWER);
    await tab.locator('.session', { hasText: 'my first session' }).click();
    await tab.locator('.row', { hasText: 'Agent.search' }).click();
    await tab.locator('.details .section').first().waitFor();
    await tab.screenshot({ path: path.resolve(root, file) });
  } finally {
    await browser.close();
  }
}

try {
  for (const port of [4318, 3000])
    assert(!(await listens(port)), `port ${port} is taken, which the page uses`);
  ensureBuilt();
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env });
  const tarball = path.join(folder, packed.toString().trim().split('\n').pop());
  const begun = Date.now();
  for (const command of install) {
    execFileSync(command.replace('install spanwise', `install ${tarball}`), {
      cwd: folder,
      env,
      shell: true,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  for (const { text } of fences) {
    const [, name] = /^\/\/ (\w+\.ts)\n/.exec(text) ?? [];
    if (name !== undefined) writeFileSync(path.join(folder, name), text);
  }
  const [[viewer], [server], [client]] = programs;
  await start(viewer, 4318);
  await start(server, 3000);
  execFileSync(client, {
    cwd: folder,
    env,
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 60_000,
  });

  const expected = tree
    .trim()
    .split('\n')
    .map((line) => {
      const [, arms, name, service] = /^([ │├└─]*)(\S+)\s+(\S+)$/.exec(line);
      return [arms.length / 3, name, service].join(' ');
    });
  let found = [];
  for (let tries = 0; tries < 50 && found.length < expected.length; tries++) {
    found = drawn(await eventsOfSession());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert(
    JSON.stringify(found) === JSON.stringify(expected),
    `the page promises\n${expected.join('\n')}\nand there is\n${found.join('\n')}`,
  );
  if (values.picture !== undefined) await takePicture(values.picture);
  console.log(`the tutorial is true; its commands took ${((Date.now() - begun) / 1000).toFixed(0)} s`);
} finally {
  // npx starts a process of its own; the group has both.
  for (const { pid, exitCode } of running) if (exitCode === null) process.kill(-pid, 'SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
