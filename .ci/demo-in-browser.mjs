/**
 * Runs the demo, opens its viewer in a browser, and looks for what the demo promises: every session, and in each the
 * remote call as a change of service. Leaves a picture in `artifacts/`; `--picture FILE` puts it elsewhere.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { CHROMIUM } from './chromium.mjs';
import { root } from './entries.mjs';

const SESSIONS = 5;
const { values } = parseArgs({
  options: { picture: { type: 'string', default: 'artifacts/viewer-demo.png' } },
});

function assert(condition, message) {
  if (!condition) throw new Error(message);
}

const demo = spawn(
  process.execPath,
  ['examples/demo/run.mjs', '--port', '0', '--sessions', String(SESSIONS)],
  {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const ended = once(demo, 'close');
let said = '';
demo.stdout.setEncoding('utf8').on('data', (text) => (said += text));

async function linkOfViewer() {
  for (;;) {
    const link = /Look at the sessions: (\S+)/.exec(said)?.[1];
    if (link !== undefined) return link;
    assert(demo.exitCode === null, `the demo ended by itself:\n${said}`);
    await Promise.race([once(demo.stdout, 'data'), ended]);
  }
}

async function look(page, url) {
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  const row = (name) => page.locator('.row', { hasText: name });
  // Each process also has a session of its own, which stays empty here.
  const sessions = page.locator('.session', { hasText: 'agent-server' });
  await sessions.nth(SESSIONS - 1).waitFor();
  for (let index = 0; index < SESSIONS; index++) {
    const line = sessions.nth(index);
    await line.click();
    const link = await line.getAttribute('href');
    await page.waitForFunction((hash) => location.hash.startsWith(hash), link);
    await page.locator('.session-id', { hasText: decodeURIComponent(link.split('/').pop()) }).waitFor();
    await row('AgentController.invoke').waitFor();
    const caller = await row('AgentController.invoke').locator('.remote').getAttribute('title');
    assert(caller === 'called from client', `session ${index}: the remote call is ${caller}`);
    const levels = [];
    for (const name of ['call_agent_1', 'AgentController.invoke', 'call_agent_2']) {
      levels.push(await row(name).getAttribute('aria-level'));
    }
    assert(levels.join() === '2,3,2', `session ${index}: the levels are ${levels}`);
  }
  await row('ResearchAgent.research').click();
  await page.locator('.details .section').first().waitFor();
  const picture = path.resolve(root, values.picture);
  mkdirSync(path.dirname(picture), { recursive: true });
  await page.screenshot({ path: picture });
  assert(complaints.length === 0, `the page complains: ${complaints.join('; ')}`);
}

let browser;
try {
  const url = await linkOfViewer();
  browser = await chromium.launch({
    ...CHROMIUM,
  });
  await look(await browser.newPage({ viewport: { width: 1440, height: 780 }, deviceScaleFactor: 1.25 }), url);
  console.log(`${SESSIONS} sessions seen in the browser, each with its remote call`);
} finally {
  await browser?.close();
  demo.kill('SIGTERM');
  await ended;
}
assert(demo.exitCode === 0, `the demo ended with ${demo.exitCode}`);
