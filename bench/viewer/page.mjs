/** What a person waits for: the first rows of a large session, and frames while scrolling through it. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { CHROMIUM } from '../../.ci/chromium.mjs';

/**
 * @param {string} cli the built command
 * @param {string} folder where the browser may keep its profile
 * @param {number} port a free port
 * @param {string[]} bodies the requests that make the session `session-0`
 * @param {number} rounds how often it is opened; the medians are told
 */
export async function measurePage(cli, folder, port, bodies, rounds) {
  const viewer = spawn(process.execPath, [cli, 'viewer', '--port', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  let browser;
  try {
    await reachable(url);
    for (const body of bodies) {
      await fetch(`${url}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    }
    browser = await chromium.launchPersistentContext(path.join(folder, 'profile'), {
      ...CHROMIUM,
      viewport: { width: 1440, height: 860 },
    });
    const paints = [];
    const scrolls = [];
    for (let round = 0; round < rounds; round++) {
      const page = await browser.newPage();
      await page.addInitScript(observe);
      await page.goto(`${url}/#/session/session-0`);
      await page.waitForFunction(() => globalThis.firstRowsAt !== undefined);
      paints.push(await page.evaluate(() => globalThis.firstRowsAt));
      scrolls.push(await page.evaluate(scrollThrough));
      await page.close();
    }
    return {
      'first paint, ms': Math.round(median(paints)),
      'longest task while scrolling, ms': Math.round(median(scrolls)),
    };
  } finally {
    await browser?.close();
    const closed = new Promise((resolve) => viewer.once('close', resolve));
    viewer.kill('SIGKILL');
    await closed;
  }
}

async function reachable(url) {
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await fetch(url).catch(() => undefined))?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the viewer does not answer');
}

/** Runs in the page: from the start of the navigation to the frame that has the first rows. */
function observe() {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) globalThis.longTasks.push(entry.duration);
  }).observe({ type: 'longtask' });
  const look = () => {
    if (document.querySelector('.row') === null) requestAnimationFrame(look);
    else requestAnimationFrame(() => (globalThis.firstRowsAt = performance.now()));
  };
  requestAnimationFrame(look);
}

/** Runs in the page: from top to bottom in steps of a screen; tasks below 50 ms are not told by the browser. */
async function scrollThrough() {
  globalThis.longTasks.length = 0;
  const box = document.querySelector('.waterfall');
  for (let at = 0; at < box.scrollHeight; at += 2_400) {
    box.scrollTop = at;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  return Math.max(0, ...globalThis.longTasks);
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}
