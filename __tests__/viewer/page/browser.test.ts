/** The page in a real browser, fed by an unmodified OpenTelemetry SDK and by requests of every shape. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
// @ts-expect-error plain JavaScript, because scripts that run without a build start it too
import { CHROMIUM } from '../../../.ci/chromium.mjs';
import { startViewer, type Viewer } from '../../../lib/viewer/start-viewer.js';
import { EPOCH, sendSpans, spanIdOf, type SpanOptions } from '../requests.js';

let folder: string;
let browser: BrowserContext;
let viewer: Viewer;
let page: Page;
let requests: string[];
let complaints: string[];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'spanwise-browser-'));
  browser = await chromium.launchPersistentContext(folder, {
    ...CHROMIUM,
    viewport: { width: 1440, height: 860 },
  });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  viewer = await startViewer({ port: 0 });
  requests = [];
  complaints = [];
  page = await browser.newPage();
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
});
afterEach(async () => {
  await page.close();
  await viewer.close();
  // Whatever a test does, the page speaks to its viewer only, and breaks neither itself nor its policy.
  expect(requests.filter((url) => !url.startsWith(viewer.url))).toEqual([]);
  expect(complaints).toEqual([]);
});

const screenshot = async (name: string) => {
  mkdirSync('artifacts', { recursive: true });
  await page.screenshot({ path: `artifacts/viewer-${name}.png` });
};
const row = (name: string) => page.locator('.row', { hasText: name });

/** A request that goes through two services, as the demo's does. */
const request = (session: string, trace: number, name: string): SpanOptions[] => [
  {
    session,
    trace,
    id: 1,
    name: 'Client.ask',
    service: 'client',
    duration: 100,
    attributes: { 'honeyhive.session_name': name },
  },
  {
    session,
    trace,
    id: 2,
    parent: 1,
    name: 'Client.callRemote',
    service: 'client',
    kind: 3,
    start: 5,
    duration: 60,
  },
  {
    session,
    trace,
    id: 3,
    parent: 2,
    name: 'Agent.invoke',
    service: 'agent-server',
    kind: 2,
    start: 10,
    duration: 50,
  },
  { session, trace, id: 4, parent: 1, name: 'Agent.local', service: 'client', start: 70, duration: 20 },
];

describe('finding a session', () => {
  it('goes from the list, by search, to its waterfall with the remote child', async () => {
    for (let index = 1; index <= 5; index++) {
      await sendSpans(viewer, ...request(`session-${index}`, index, `question ${index}`));
    }
    await page.goto(viewer.url);
    await page.locator('.session').nth(4).waitFor();
    await page.getByLabel('Search sessions').fill('question 3');
    await page.waitForFunction(() => document.querySelectorAll('.session').length === 1);
    await page.locator('.session').click();
    await row('Agent.invoke').waitFor();
    expect(new URL(page.url()).hash).toBe('#/session/session-3');
    expect(await page.locator('.row').allInnerTexts()).toHaveLength(4);
    // The remote child: one level below the call, and shown as another service.
    expect(await row('Client.callRemote').getAttribute('aria-level')).toBe('2');
    expect(await row('Agent.invoke').getAttribute('aria-level')).toBe('3');
    expect(await row('Agent.invoke').locator('.remote').getAttribute('title')).toBe('called from client');
    expect(await row('Agent.invoke').locator('.service').innerText()).toBe('agent-server');
    expect(await row('Agent.local').locator('.remote').count()).toBe(0);
    await screenshot('session');
  });

  it('shows the newest session at once, and goes back by the browser’s button', async () => {
    await sendSpans(viewer, ...request('first', 1, 'first question'));
    await sendSpans(viewer, { session: 'second', trace: 2, id: 9, start: 9_000, name: 'newer' });
    await page.goto(viewer.url);
    await page.locator('h1', { hasText: 'newer' }).waitFor();
    await page.locator('.session', { hasText: 'first question' }).click();
    await page.locator('h1', { hasText: 'first question' }).waitFor();
    await page.goBack();
    await page.locator('h1', { hasText: 'newer' }).waitFor();
  });

  it('passes over sessions that have no spans yet, though they are newer', async () => {
    await sendSpans(viewer, ...request('full', 1, 'full of spans'));
    const { store } = viewer;
    store.startSession({ session_id: 'empty', session_name: 'just started' });
    await page.goto(viewer.url);
    await page.locator('h1', { hasText: 'full of spans' }).waitFor();
    await page.locator('.session', { hasText: 'no spans yet' }).click();
    await page.getByText('No span of this session has arrived yet.').waitFor();
  });

  it('tells how to send spans when there are none, and shows the first by itself', async () => {
    await page.goto(viewer.url);
    await page.locator('h1', { hasText: 'Waiting for spans' }).waitFor();
    expect(await page.locator('.welcome').innerText()).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=${viewer.url}`);
    await sendSpans(viewer, ...request('s', 1, 'the first'));
    await page.locator('h1', { hasText: 'the first' }).waitFor();
  });
});

describe('a span', () => {
  const failing: SpanOptions = {
    session: 's',
    id: 5,
    parent: 3,
    name: 'Tool.run',
    service: 'agent-server',
    start: 20,
    duration: 5,
    error: 'no such parcel',
    attributes: {
      'honeyhive_inputs.order.id': 4711,
      'honeyhive_outputs.result': 'none',
      'honeyhive_metadata.tier': 'gold',
      'honeyhive_metrics.score': 0.25,
      'baggage.user': 'user_7',
      'http.route': '/parcel',
      arguments: '{"embedded":{"json":true}}',
    },
    events: [
      {
        name: 'exception',
        timeUnixNano: `${EPOCH + 24}000000`,
        attributes: [
          { key: 'exception.type', value: { stringValue: 'NotFoundError' } },
          {
            key: 'exception.stacktrace',
            value: { stringValue: 'NotFoundError: no such parcel\n    at Tool.run' },
          },
        ],
      },
    ],
  };

  it('shows its payload, its error with the stack, its baggage and its raw attributes', async () => {
    await sendSpans(viewer, ...request('s', 1, 'x'), failing);
    await page.goto(`${viewer.url}/#/session/s`);
    await row('Tool.run').click();
    const details = page.locator('.details');
    await details.locator('.failure').waitFor();
    await details.locator('summary', { hasText: 'Inputs' }).waitFor();
    await details.getByText('Stack').click();
    await details.locator('summary', { hasText: 'Attributes' }).click();
    const text = await details.innerText();
    for (const part of [
      'NotFoundError',
      'no such parcel',
      'at Tool.run',
      '4711',
      'tier',
      'gold',
      'score',
      '0.25',
    ]) {
      expect(text).toContain(part);
    }
    for (const part of ['user_7', 'http.route', '/parcel', 'embedded', spanIdOf(5), 'agent-server']) {
      expect(text).toContain(part);
    }
    expect(new URL(page.url()).hash).toBe(`#/session/s/span/${spanIdOf(5)}`);
    await screenshot('span');
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'detached' });
  });

  it('is opened by its link, also where it is far down', async () => {
    const many = Array.from({ length: 300 }, (_, index) => ({
      session: 's',
      id: 100 + index,
      parent: 1,
      start: index,
    }));
    await sendSpans(viewer, ...request('s', 1, 'x'), ...many);
    await page.goto(`${viewer.url}/#/session/s/span/${spanIdOf(350)}`);
    await page.locator('.details h2', { hasText: 'span 350' }).waitFor();
    await row('span 350').waitFor();
    expect(await row('span 350').getAttribute('aria-selected')).toBe('true');
  });

  it('is reached by keyboard, and folds what is below it', async () => {
    await sendSpans(viewer, ...request('s', 1, 'x'));
    await page.goto(`${viewer.url}/#/session/s`);
    await row('Client.ask').click();
    await page.keyboard.press('ArrowDown');
    await page.locator('.details h2', { hasText: 'Client.callRemote' }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await row('Agent.invoke').waitFor({ state: 'detached' });
    expect(await row('Client.callRemote').locator('.folded').innerText()).toBe('1');
    await page.keyboard.press('ArrowRight');
    await row('Agent.invoke').waitFor();
  });

  it('cannot run anything that it carries', async () => {
    const nasty = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
    await sendSpans(viewer, {
      session: 's',
      name: nasty,
      service: nasty,
      error: nasty,
      attributes: {
        [`honeyhive_inputs.${nasty}`]: nasty,
        'honeyhive.session_name': nasty,
        'honeyhive.project': nasty,
      },
    });
    await page.goto(`${viewer.url}/#/session/s`);
    await page.locator('.row').click();
    await page.locator('.details .section').first().waitFor();
    expect(await page.locator('.details h2').innerText()).toBe(nasty);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await page.locator('img, script:not([src])').count()).toBe(0);
  });
});

/** A session with everything that the views show: a model, an error, a place outside, clocks that differ. */
const rich = (session: string, trace: number, name: string, longer = 0): SpanOptions[] => {
  const call = { 'server.address': '127.0.0.1', 'server.port': 9000 };
  const identity = {
    'honeyhive.session_name': name,
    'honeyhive.project': 'shop',
    'honeyhive.source': 'dev',
  };
  const model = {
    honeyhive_event_type: 'model',
    'honeyhive_inputs.chat_history': JSON.stringify([
      { role: 'system', content: 'You are kind.' },
      { role: 'user', content: 'Where is parcel 4711?' },
    ]),
    'honeyhive_outputs.role': 'assistant',
    'honeyhive_outputs.content': 'It is on its way to you.',
    'honeyhive_metrics.cost': 0.0042,
    'honeyhive_metadata.total_tokens': 321,
    'gen_ai.request.model': 'a-model',
    'server.address': 'models.test',
  };
  return [
    {
      session,
      trace,
      id: 1,
      name: 'Client.ask',
      service: 'client',
      duration: 100 + longer,
      attributes: identity,
    },
    {
      session,
      trace,
      id: 2,
      parent: 1,
      name: 'Client.callRemote',
      service: 'client',
      kind: 3,
      start: 5,
      duration: 60 + longer,
      attributes: { ...call, 'url.full': 'http://127.0.0.1:9000/invoke', 'http.request.method': 'POST' },
    },
    {
      session,
      trace,
      id: 3,
      parent: 2,
      name: 'Agent.invoke',
      service: 'agent-server',
      kind: 2,
      start: 1,
      duration: 50,
    },
    {
      session,
      trace,
      id: 4,
      parent: 3,
      name: 'Agent.think',
      service: 'agent-server',
      kind: 3,
      start: 12,
      duration: 30 + longer,
      attributes: model,
    },
    {
      session,
      trace,
      id: 5,
      parent: 1,
      name: 'Client.retry',
      service: 'client',
      kind: 3,
      start: 75,
      duration: 10,
      error: 'refused',
      attributes: call,
    },
    { session, trace: trace + 500, id: 6, name: 'Job.later', service: 'worker', start: 160, duration: 40 },
  ];
};
const open = async (hash: string) => {
  await page.goto(`${viewer.url}/#/${hash}`);
  await page.reload();
};

describe('the ways to look at a session', () => {
  beforeEach(async () => {
    await sendSpans(viewer, ...rich('one', 1, 'first question'));
    await sendSpans(viewer, ...rich('two', 2, 'second question', 30));
  });

  it('sums tokens and costs, and shows what ran at once and when nothing did', async () => {
    await open('session/one');
    await row('Job.later').waitFor();
    const facts = await page.locator('.session-head .facts').first().innerText();
    expect(facts).toContain('321 tokens');
    expect(facts).toContain('cost 0.0042');
    expect(await page.locator('.strip-title').innerText()).toBe(
      'at most 2 spans at once; nothing ran for 60 ms in 1 gap',
    );
    expect(await page.locator('.strip .gap').count()).toBe(1);
  });

  it('marks the critical path, by button and by key', async () => {
    await open('session/one');
    await row('Job.later').waitFor();
    await page.keyboard.press('c');
    await page.locator('.path-summary', { hasText: 'Job.later 40 ms' }).waitFor();
    expect(await row('Agent.think').locator('.critical').count()).toBe(1);
    expect(await row('Client.ask').locator('.critical').count()).toBe(3);
    await screenshot('critical-path');
    await page.getByRole('button', { name: 'Critical path' }).click();
    await page.locator('.path-summary').waitFor({ state: 'detached' });
  });

  it('warns of what looks wrong, and leads to it', async () => {
    await open('session/one');
    await page.getByRole('button', { name: '2 findings' }).click();
    const findings = await page.locator('.findings').innerText();
    expect(findings).toContain('1 call without a remote child');
    expect(findings).toContain('the clocks of client and agent-server differ by 4 ms or more');
    await screenshot('findings');
    await page.locator('.findings li').first().getByRole('button').click();
    await page.locator('.details h2', { hasText: 'Client.retry' }).waitFor();
  });

  it('finds spans within the session and goes from one to the next', async () => {
    await open('session/one');
    await row('Job.later').waitFor();
    await page.keyboard.press('f');
    await page.keyboard.type('service:client');
    await page.locator('.found', { hasText: '3 of 6' }).waitFor();
    expect(await page.locator('.row.faint').count()).toBe(3);
    await page.keyboard.press('Enter');
    await page.locator('.details h2', { hasText: 'Client.ask' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    await page.locator('.details h2', { hasText: 'Client.callRemote' }).waitFor();
    await page.keyboard.press('N');
    await page.locator('.details h2', { hasText: 'Client.ask' }).waitFor();
  });

  it('hears a key as soon as there is something to press it for', async () => {
    await page.addInitScript(() => {
      const seen = new MutationObserver(() => {
        if (document.getElementById('find') === null) return;
        seen.disconnect();
        dispatchEvent(new KeyboardEvent('keydown', { key: 'f', cancelable: true }));
        document.documentElement.dataset['focused'] = document.activeElement?.id ?? '';
      });
      seen.observe(document, { childList: true, subtree: true });
    });
    await open('session/one');
    await row('Job.later').waitFor();
    expect(await page.evaluate(() => document.documentElement.dataset['focused'])).toBe('find');
  });

  it('draws the services with their calls, and says the same as a table', async () => {
    await open('session/one');
    await row('Job.later').waitFor();
    await page.keyboard.press('2');
    await page.locator('.map svg').waitFor();
    expect(await page.locator('.map-name').allTextContents()).toEqual([
      'client',
      'agent-server',
      'models.test',
      'worker',
    ]);
    const lines = (await page.locator('.map tbody tr').allInnerTexts()).map((line) =>
      line.split(/\s*\t\s*/).slice(0, 4),
    );
    expect(lines).toContainEqual(['client', 'agent-server', '2', '1']);
    expect(lines).toContainEqual(['agent-server', 'models.test', '1', '0']);
    await screenshot('map');
    expect(new URL(page.url()).hash).toBe('#/session/one/map');
  });

  it('reads the models’ inputs and outputs as a conversation', async () => {
    await open('session/one');
    await page.getByRole('tab', { name: 'Conversation' }).click();
    await page.locator('.turn').waitFor();
    const messages = (await page.locator('.message').allInnerTexts()).map((text) =>
      text.replace(/\s+/g, ' '),
    );
    expect(messages).toEqual([
      'system You are kind.',
      'user Where is parcel 4711?',
      'assistant It is on its way to you.',
    ]);
    expect(await page.locator('.turn header').innerText()).toContain('a-model');
    await screenshot('conversation');
    await page.getByRole('button', { name: 'Agent.think' }).click();
    await page.locator('.details h2', { hasText: 'Agent.think' }).waitFor();
  });

  it('puts two sessions side by side', async () => {
    await open('session/one');
    await page.getByRole('button', { name: 'Compare…' }).click();
    await page.locator('.session', { hasText: 'second question' }).click();
    await page.locator('.compare tbody tr').first().waitFor();
    expect(new URL(page.url()).hash).toBe('#/compare/one/two');
    const line = await page.locator('.compare tr', { hasText: 'Agent.think' }).innerText();
    expect(line.replace(/\s+/g, ' ').trim()).toBe('Agent.think 1× 30 ms 1× 60 ms +30 ms (+100 %)');
    await screenshot('compare');
  });

  it('filters the list by a form that writes the search', async () => {
    await sendSpans(viewer, ...request('plain', 3, 'no project'));
    await open('');
    await page.locator('.session').nth(2).waitFor();
    await page.getByRole('button', { name: /filters/ }).click();
    await page.getByLabel('Project').selectOption('shop');
    await page.locator('.session-count', { hasText: '2 sessions' }).waitFor();
    await page.getByLabel('Event type').selectOption('model');
    await page.getByLabel('Attribute, as key:value').fill('total_tokens:321');
    await page.getByLabel('Attribute, as key:value').press('Enter');
    expect(await page.getByLabel('Search sessions').inputValue()).toBe(
      'project:shop type:model total_tokens:321',
    );
    await page.locator('.session-count', { hasText: '2 sessions' }).waitFor();
    await screenshot('filters');
    await page.getByLabel('Error').selectOption('no');
    await page.getByLabel('Attribute, as key:value').fill('total_tokens:1');
    await page.getByLabel('Attribute, as key:value').press('Enter');
    await page.getByText('Nothing matches.').waitFor();
    await page.getByText('clear all').click();
    await page.locator('.session-count', { hasText: '3 sessions' }).waitFor();
  });

  it('gives a span to a shell, to a test and to any receiver', async () => {
    await browser.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: viewer.url });
    await open(`session/one/span/${spanIdOf(2)}`);
    const copied = async (name: string) => {
      await page.getByTitle(`Copy as ${name}`).click();
      await page.locator('.copy-as', { hasText: 'copied' }).waitFor();
      await page.locator('.copy-as', { hasText: 'copied' }).waitFor({ state: 'detached' });
      return page.evaluate(() => navigator.clipboard.readText());
    };
    expect(await copied('curl')).toContain(`curl -X POST http://127.0.0.1:9000/invoke`);
    expect(await copied('test')).toContain("name: 'Client.callRemote',");
    expect(JSON.parse(await copied('OTLP JSON')).resourceSpans[0].scopeSpans[0].spans[0].spanId).toBe(
      spanIdOf(2),
    );
  });

  it('gives a session as a file and takes it again', async () => {
    await open('session/one');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export' }).click(),
    ]);
    const file = path.join(folder, 'session.json');
    await download.saveAs(file);
    const other = await startViewer({ port: 0 });
    try {
      const second = await browser.newPage();
      await second.goto(other.url);
      await second.getByLabel('Import a session file').setInputFiles(file);
      await second.locator('h1', { hasText: 'first question' }).waitFor();
      expect(await second.locator('.row').count()).toBe(6);
      await second
        .getByLabel('Import a session file')
        .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{}') });
      await second.locator('.notice', { hasText: 'neither spans nor events' }).waitFor();
      await second.close();
    } finally {
      await other.close();
    }
  });

  it('is used without a mouse', async () => {
    await open('session/two');
    await page.locator('h1', { hasText: 'second question' }).waitFor();
    await page.locator('.session').nth(1).waitFor();
    // A session that is still on its way has no views to choose from.
    await page.keyboard.press('[');
    await page.locator('h1', { hasText: 'first question' }).waitFor();
    await page.keyboard.press(']');
    await page.locator('h1', { hasText: 'second question' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys and searches' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('3');
    await page.locator('.turn').waitFor();
    await page.keyboard.press('1');
    await row('Client.ask').waitFor();
  });

  it('has a name for everything that is pressed or filled in', async () => {
    for (const hash of ['session/one', 'session/one/map', 'session/one/conversation', 'compare/one/two']) {
      await open(hash);
      await page.locator('h1').first().waitFor();
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll('button, a, input, select')]
          .filter((element) => {
            const text =
              element.textContent.trim() ||
              element.getAttribute('aria-label') ||
              element.getAttribute('title');
            return !text && element.closest('label')?.textContent.trim() === undefined;
          })
          .map((element) => element.outerHTML),
      );
      expect(nameless).toEqual([]);
    }
  });

  it('fits a phone, light and dark', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    for (const [name, hash] of [
      ['list', ''],
      ['timeline', 'session/one'],
      ['map', 'session/one/map'],
      ['conversation', 'session/one/conversation'],
      ['compare', 'compare/one/two'],
    ] as const) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await open(hash);
        await page
          .locator(hash === '' ? '.session' : 'h1')
          .first()
          .waitFor();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        await screenshot(`phone-${name}-${colorScheme}`);
      }
    }
  });
});

describe('while spans arrive', () => {
  it('the list, the waterfall and the numbers follow by themselves', async () => {
    await sendSpans(viewer, ...request('s', 1, 'live'));
    await page.goto(`${viewer.url}/#/session/s`);
    await row('Agent.local').waitFor();
    const before = requests.length;
    await sendSpans(viewer, {
      session: 's',
      id: 6,
      parent: 3,
      name: 'Late.child',
      service: 'agent-server',
      start: 30,
    });
    await row('Late.child').waitFor();
    expect(await row('Late.child').getAttribute('aria-level')).toBe('4');
    await page.locator('.session-head', { hasText: '5 spans' }).waitFor();
    // What came later was asked for alone.
    expect(requests.slice(before).some((url) => /sessions\/s\?since=\d/.test(url))).toBe(true);
    await sendSpans(viewer, ...request('t', 2, 'another'));
    await page.locator('.session', { hasText: 'another' }).waitFor();
    await page.locator('.live.live').waitFor();
  });

  it('a viewer that went away is told, and found again', async () => {
    await sendSpans(viewer, ...request('s', 1, 'before'));
    await page.goto(`${viewer.url}/#/session/s`);
    await row('Agent.local').waitFor();
    await viewer.close();
    await page.locator('.live.lost').waitFor();
    viewer = await startViewer({ port: viewer.port });
    await sendSpans(viewer, ...request('s', 1, 'after the restart'));
    await page.locator('h1', { hasText: 'after the restart' }).waitFor();
    // The lost connection is what the browser complains about, and nothing else.
    complaints = complaints.filter((text) => !text.includes('ERR_'));
  });
});

describe('size', () => {
  it('10,000 spans are scrolled through with a screenful of them in the document', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      session: 's',
      id: index + 1,
      ...(index === 0 ? {} : { parent: index % 10 === 0 ? 1 : index - (index % 10) + 1 }),
      start: index,
      name: `step ${index}`,
    }));
    for (let at = 0; at < many.length; at += 2_000) await sendSpans(viewer, ...many.slice(at, at + 2_000));
    await page.goto(`${viewer.url}/#/session/s`);
    await page.locator('.session-head', { hasText: '10,000 spans' }).waitFor();
    await page.locator('.row').first().waitFor();
    expect(await page.locator('.row').count()).toBeLessThan(120);
    await page.locator('.waterfall').evaluate((box) => (box.scrollTop = box.scrollHeight));
    await page.locator('.row', { hasText: 'step 9999' }).waitFor();
    expect(await page.locator('.row').count()).toBeLessThan(120);
    await page.getByText('collapse all').click();
    await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
  });

  it('1,000 sessions are one list', async () => {
    const sessions = Array.from({ length: 1_000 }, (_, index) => ({
      session: `s${index}`,
      trace: index + 1,
      id: index + 1,
      start: index * 10,
      attributes: { 'honeyhive.session_name': `number ${index}` },
    }));
    await sendSpans(viewer, ...sessions);
    await page.goto(viewer.url);
    await page.locator('.session-count', { hasText: '1,000 sessions' }).waitFor();
    expect(await page.locator('.session').first().innerText()).toContain('number 999');
    expect(await page.locator('.session').count()).toBeLessThan(80);
    await page.locator('.session-scroll').evaluate((box) => (box.scrollTop = box.scrollHeight));
    await page.locator('.session b', { hasText: /^number 0$/ }).waitFor();
  });
});

it('spans of an unmodified OpenTelemetry SDK are a session of their own trace', async () => {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'plain-service' }),
    spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${viewer.url}/v1/traces` }))],
  });
  const tracer = provider.getTracer('plain');
  const parent = tracer.startSpan('GET /', { kind: SpanKind.SERVER });
  tracer.startSpan('query', {}, trace.setSpan(ROOT_CONTEXT, parent)).end();
  parent.end();
  await provider.forceFlush();
  await provider.shutdown();
  await page.goto(viewer.url);
  await page.locator('.session', { hasText: 'no session' }).waitFor();
  await row('query').waitFor();
  expect(await row('query').getAttribute('aria-level')).toBe('2');
  expect(await page.locator('.session-services').innerText()).toBe('plain-service');
});

it('is light or dark, as the system says or the button', async () => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(viewer.url);
  await page.locator('.welcome').waitFor();
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.getByLabel('Light or dark').click();
  await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, dark);
  await page.reload();
  await page.locator('.welcome').waitFor();
  expect(await background()).not.toBe(dark);
  await page.evaluate(() => localStorage.clear());
});
