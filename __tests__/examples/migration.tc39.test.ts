import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
// @ts-expect-error the script is plain JavaScript
import { codeLines, guideRows, linesBeyond, programRows, programTable } from '../../.ci/lines.mjs';
// @ts-expect-error examples are compiled by plain JavaScript
import { compilePair, runPair, treeOf } from '../../examples/migration/pair.mjs';
import { HoneyHiveClient, startViewer, type HoneyHiveEvent } from '../../lib/viewer/index.js';

let folder: string;
beforeAll(() => {
  mkdirSync('examples/build', { recursive: true });
  folder = path.resolve(mkdtempSync('examples/build/migration-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a version as two processes and gives everything that a viewer received. */
async function eventsOf(version: string): Promise<HoneyHiveEvent[]> {
  const viewer = await startViewer({ port: 0 });
  try {
    await compilePair(version, path.join(folder, version));
    await runPair(path.join(folder, version), viewer.url);
    return await new HoneyHiveClient({ serverUrl: viewer.url }).exportAllEvents({ filters: [] });
  } finally {
    await viewer.close();
  }
}

describe('programs before and after a migration', () => {
  it('yield the same spans, over both services, in both sessions, with what failed', async () => {
    const [before, after, untraced] = [
      await eventsOf('opentelemetry'),
      await eventsOf('spanwise'),
      await eventsOf('untraced'),
    ];
    const tree = treeOf(after) as string;
    expect(treeOf(before)).toBe(tree);
    expect(tree.split('\n').map((line) => line.replace(/ \{.*/, ''))).toEqual([
      'Client.userCall [chain] client',
      '  Client.callAgent1 [chain] client',
      '    Agent.invoke [chain] agent-server',
      '      Agent.search [tool] agent-server',
      '      Agent.summarize [model] agent-server',
      '  Client.callAgent2 [chain] client',
      'Client.userCall [chain] client',
      '  Client.callAgent1 [chain] client',
      '    Agent.invoke [chain] agent-server',
      '      Agent.search [tool] agent-server',
      '      Agent.summarize [model] agent-server',
    ]);
    expect(tree).toContain('"error":"7 pages are too many"');
    expect(untraced).toEqual([]);
  }, 60_000);

  it('have as many lines as the guide says', () => {
    const cells = (table: string): string[][] =>
      table
        .split('\n')
        .filter((line) => line.startsWith('|') && !line.includes('---'))
        .map((line) => line.split('|').map((cell) => cell.trim()));
    const guide = readFileSync('docs/guides/migration-opentelemetry.md', 'utf8');
    const [, section = ''] = guide.split('## The lines, counted');
    expect(cells(section.split('\n## ')[0] as string)).toEqual(cells(programTable()));
  });

  it('need less for tracing than by hand', () => {
    const { rows, entry } = programRows();
    for (const { beforeTracing, afterTracing } of rows) expect(afterTracing * 5).toBeLessThan(beforeTracing);
    expect(entry.after).toBe(1);
    expect(entry.before).toBeGreaterThan(10);
    expect(guideRows()).toHaveLength(4);
  });
});

describe('the count', () => {
  it('leaves out comments and blank lines', () => {
    expect(codeLines('/** a */\n\n// b\n  c();\n/*\n * d\n */\ne();')).toEqual(['c();', 'e();']);
  });

  it('knows which lines another program does not have', () => {
    expect(linesBeyond(['a', 'x', 'b', 'y'], ['a', 'b'])).toBe(2);
    expect(linesBeyond(['b', 'a'], ['a', 'b'])).toBe(1);
    expect(linesBeyond(['a'], ['a', 'b'])).toBe(0);
  });
});
