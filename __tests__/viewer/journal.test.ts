import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { Journal } from '../../lib/viewer/journal.js';
import { Store } from '../../lib/viewer/store.js';
import { receivedSpans, sendJson, sendSpans, viewerWith } from './requests.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spanwise-journal-'));
  file = path.join(folder, 'kept.log');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const spansIn = (store: Store) => [...store.events()].map((event) => event.event_name).sort();
const opened = async (
  use: (store: Store, journal: Journal) => Promise<void> | void,
  options = {},
): Promise<string[]> => {
  const store = new Store();
  const journal = await Journal.open(file, store, options);
  await use(store, journal);
  await journal.close();
  return spansIn(store);
};

describe('a viewer with a file', () => {
  it('knows everything again after a restart', async () => {
    const first = await viewerWith({ persist: file });
    await sendJson(first, 'POST', '/session/start', { session: { session_id: 's', session_name: 'named' } });
    await sendSpans(
      first,
      { session: 's', id: 1, attributes: { 'honeyhive_inputs.q': '汉 \n "x"' } },
      { id: 2, trace: 2 },
    );
    await sendJson(first, 'POST', '/events', { event: { event_name: 'extra', session_id: 's' } });
    await sendJson(first, 'PUT', '/events', { event_id: 's', metadata: { a: 1 } });
    const before = JSON.stringify([...first.store.events()]);
    await first.close();
    const second = await viewerWith({ persist: file });
    expect(JSON.stringify([...second.store.events()])).toBe(before);
    await sendSpans(second, { session: 's', id: 3 });
    await second.close();
    const third = await viewerWith({ persist: file });
    expect(third.store.size).toBe(4);
  });

  it('is readable by its owner only', async () => {
    await opened(() => undefined);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('has what it acknowledged, however suddenly it is killed', async () => {
    const outfile = path.join(folder, 'writer.mjs');
    // A process of its own that writes as fast as it can and says what it has acknowledged.
    await build({
      stdin: {
        resolveDir: path.resolve('lib/viewer'),
        loader: 'ts',
        contents: `
          import { Journal } from './journal.ts';
          import { Store } from './store.ts';
          const store = new Store();
          const journal = await Journal.open(process.argv[2]!, store);
          const attributes = { text: 'x'.repeat(5000) };
          for (let id = 1; ; id++) {
            store.addSpans([{ traceId: '1'.repeat(32), spanId: id.toString(16).padStart(16, '0'), name: 'n' + id,
              kind: 'internal', startTime: 1e12, endTime: 1e12, attributes, events: [], links: [], status: 'unset',
              resource: {}, scope: { name: '' } }]);
            await journal.kept();
            process.stdout.write(id + '\\n');
          }`,
      },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@opentelemetry/api'],
      logLevel: 'silent',
      plugins: [
        {
          name: 'api',
          setup: (plugins) =>
            plugins.onResolve({ filter: /^@opentelemetry\/api$/ }, () => ({
              path: createRequire(path.resolve('package.json')).resolve('@opentelemetry/api'),
              external: true,
            })),
        },
      ],
    });
    const child = spawn(process.execPath, [outfile, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    const ended = once(child, 'close');
    while (said.split('\n').length < 200 && child.exitCode === null) {
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    await ended;
    const acknowledged = said.split('\n').length - 1;
    const store = new Store();
    const journal = await Journal.open(file, store);
    expect(store.size).toBeGreaterThanOrEqual(acknowledged);
    store.addSpans(receivedSpans({ name: 'after' }));
    await journal.close();
    const all = await opened(() => undefined);
    expect(all).toContain('after');
  });
});

describe('a damaged file', () => {
  const three = async () => {
    await opened((store) => {
      for (let id = 1; id <= 3; id++) store.addSpans(receivedSpans({ id, trace: id }));
    });
    return readFile(file);
  };

  it('that was cut off anywhere loses the line that was cut, and goes on', async () => {
    const whole = await three();
    const lineEnds = [...whole.keys()].filter((at) => whole[at] === 10);
    for (let length = 0; length <= whole.length; length += 17) {
      await writeFile(file, whole);
      await truncate(file, length);
      const complete = lineEnds.filter((end) => end > lineEnds[0]! && end < length).length;
      const names = await opened((store) =>
        store.addSpans(receivedSpans({ id: 9, trace: 9, name: 'added' })),
      );
      expect(names).toHaveLength(complete + 1);
      expect(await opened(() => undefined)).toEqual(names);
    }
  });

  it('with wrong bytes in the middle loses that line only', async () => {
    const whole = await three();
    const second = whole.indexOf('span 2');
    whole[second] = 'S'.charCodeAt(0);
    await writeFile(file, whole);
    expect(await opened(() => undefined)).toEqual(['span 1', 'span 3']);
    expect(await opened(() => undefined)).toEqual(['span 1', 'span 3']);
  });

  it('with lines of other things in it passes over them', async () => {
    await three();
    await appendFile(file, 'hello\n\n00000000 {}\n');
    expect(await opened(() => undefined)).toHaveLength(3);
  });

  it('that is none of ours is refused and left as it is', async () => {
    for (const text of ['my diary\nday one\n', 'my diary without a line end', '\n']) {
      await writeFile(file, text);
      await expect(Journal.open(file, new Store())).rejects.toMatchObject({
        code: 'SPW_VIEWER',
        message: expect.stringContaining('not a file of the viewer'),
      });
      expect(await readFile(file, 'utf8')).toBe(text);
    }
  });
});

describe('opening', () => {
  it('refuses a file that another viewer has open, and takes over from one that is gone', async () => {
    const journal = await Journal.open(file, new Store());
    await expect(Journal.open(file, new Store())).rejects.toMatchObject({
      code: 'SPW_VIEWER',
      message: expect.stringContaining(`in use by another viewer (process ${process.pid})`),
    });
    await journal.close();
    const gone = spawn(process.execPath, ['-e', '0']);
    await once(gone, 'close');
    await writeFile(`${file}.lock`, String(gone.pid));
    await opened(() => undefined);
    await writeFile(`${file}.lock`, 'nonsense');
    await opened(() => undefined);
  });

  it('refuses folders and places that are not there', async () => {
    await expect(viewerWith({ persist: folder })).rejects.toMatchObject({ code: 'SPW_VIEWER' });
    await expect(viewerWith({ persist: path.join(folder, 'no', 'file') })).rejects.toMatchObject({
      code: 'SPW_VIEWER',
    });
  });

  it('leaves no lock behind when the port is taken', async () => {
    const { port } = await viewerWith();
    await expect(viewerWith({ port, persist: file })).rejects.toMatchObject({ code: 'SPW_VIEWER' });
    await opened(() => undefined);
  });
});

describe('the size of the file', () => {
  it('is brought down while writing, and nothing is lost by it', async () => {
    let size = 0;
    const names = await opened(
      async (store, journal) => {
        for (let round = 0; round < 40; round++) {
          // The same spans again and again: the file grows, what is kept does not.
          store.addSpans(receivedSpans({ id: 1 }, { id: 2 }, { id: 3 }));
          await journal.kept();
          size = Math.max(size, (await stat(file)).size);
        }
        store.updateEvent('x', { metadata: { a: 1 } });
      },
      { slackBytes: 5_000 },
    );
    expect(size).toBeLessThan(12_000);
    expect(names).toEqual(['span 1', 'span 2', 'span 3']);
    expect(
      await opened((store) => void expect(store.updateOf('x')).toMatchObject({ metadata: { a: 1 } })),
    ).toEqual(names);
  });

  it('is brought down at the start when retention has forgotten most of it', async () => {
    await opened((store) => {
      for (let id = 1; id <= 3_000; id++)
        store.addSpans(
          receivedSpans({ session: `s${id}`, trace: id, attributes: { text: 'x'.repeat(500) } }),
        );
    });
    const before = (await stat(file)).size;
    const small = new Store({ retentionBytes: 100_000 });
    const journal = await Journal.open(file, small);
    await journal.close();
    expect((await stat(file)).size).toBeLessThan(before / 10);
    expect((await opened(() => undefined)).length).toBe(small.size);
  });
});
