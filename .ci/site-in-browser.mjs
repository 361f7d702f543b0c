/**
 * Looks at the site in a browser, as `npm run docs` has built it: pages that must be there, nothing that a browser
 * complains of, and no page wider than a phone. Leaves pictures in `artifacts/`.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { CHROMIUM } from './chromium.mjs';
import { root } from './entries.mjs';

const site = path.join(root, 'docs/api');
const pictures = path.join(root, 'artifacts');
const DESKTOP = { width: 1280, height: 900 };
/** A cell below this breaks words, in CSS pixels. */
const NARROW = 60;
const PHONE = { width: 390, height: 844 };
/** Page → name of its picture. */
const SHOWN = {
  'index.html': 'site-start',
  'functions/spanwise.DistributedEntry.html': 'site-distributed-entry',
  'documents/Troubleshooting.html': 'site-troubleshooting',
};

function assert(condition, message) {
  if (!condition) throw new Error(message);
}

assert(existsSync(path.join(site, 'index.html')), 'docs/api is not built: npm run docs');
mkdirSync(pictures, { recursive: true });
const urlOf = (page) => pathToFileURL(path.join(site, page)).href;
const browser = await chromium.launch({
  ...CHROMIUM,
  // The site is read from the disk.
  args: [...CHROMIUM.args, '--allow-file-access-from-files'],
});
const complaints = [];
async function open(viewport, more = {}) {
  const page = await browser.newPage({ viewport, ...more });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return page;
}

try {
  const desktop = await open(DESKTOP);
  for (const [page, picture] of Object.entries(SHOWN)) {
    await desktop.goto(urlOf(page));
    await desktop.screenshot({ path: path.join(pictures, `${picture}.png`) });
  }
  await desktop.goto(urlOf('functions/spanwise.DistributedEntry.html'));
  const title = await desktop.locator('.tsd-page-title h1').innerText();
  assert(title.startsWith('Function DistributedEntry'), `the page of @DistributedEntry is titled ${title}`);

  const phone = await open(PHONE, { deviceScaleFactor: 2 });
  const pages = ['index.html', 'modules.html', ...listed('documents'), ...listed('functions')];
  const wide = [];
  for (const page of pages) {
    await phone.goto(urlOf(page));
    const width = await phone.evaluate(() => document.documentElement.scrollWidth);
    if (width > PHONE.width) wide.push(`${page}: ${width} px`);
    const narrow = await phone.evaluate(
      (least) => [...document.querySelectorAll('td')].filter((cell) => cell.offsetWidth < least).length,
      NARROW,
    );
    if (narrow > 0) wide.push(`${page}: ${narrow} cells in which words are broken`);
    if (page in SHOWN) await phone.screenshot({ path: path.join(pictures, `${SHOWN[page]}-phone.png`) });
  }
  assert(wide.length === 0, `not fit for a phone:\n${wide.join('\n')}`);
  await phone.goto(urlOf('index.html'));
  await phone.locator('#tsd-toolbar-menu-trigger').click();
  await phone.waitForTimeout(600); // it slides in
  await phone.screenshot({ path: path.join(pictures, 'site-menu-phone.png') });
  assert(complaints.length === 0, `the browser complains: ${complaints.join('; ')}`);
  console.log(`${pages.length} pages fit a phone; pictures in artifacts/`);
} finally {
  await browser.close();
}

function listed(folder) {
  return readdirSync(path.join(site, folder)).map((file) => `${folder}/${file}`);
}
