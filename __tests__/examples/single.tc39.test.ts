import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
// @ts-expect-error examples are compiled by plain JavaScript
import { compileExamples, exampleNames, sourceOf } from '../../examples/run.mjs';

const names = exampleNames() as string[];
let compiled: { fileOf(name: string): string; remove(): void };

beforeAll(async () => {
  compiled = await compileExamples(names);
}, 60_000);
afterAll(() => compiled.remove());

/** What an example says that it prints: the block of text in the comment at its top. */
function promised(source: string): { shows: string; output: string | undefined } {
  const [, comment = ''] = /^\/\*\*\n([\s\S]*?)\n \*\//.exec(readFileSync(source, 'utf8')) ?? [];
  const text = comment.replaceAll(/^ \* ?/gm, '');
  const [, shows = '', output] = /^([\s\S]*?)\n```text\n([\s\S]*?)\n```$/.exec(text) ?? [];
  return { shows, output };
}

/** Runs it as a process of its own, without network beyond what it opens itself. */
async function run(name: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HH_TEST_MODE: '1', NO_COLOR: '1' };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [compiled.fileOf(name)], {
    env,
    timeout: 30_000,
  });
  return (stdout + stderr).trimEnd().replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>');
}

describe('every single example', () => {
  it('is there', () => {
    for (const name of ['express', 'fastify', 'hono', 'koa', 'nestjs', 'outgoing', 'mesh']) {
      expect(names).toContain(`http/${name}`);
    }
  });

  it.each(names)(
    '%s says what it shows, and prints the spans that it says',
    async (name) => {
      const { shows, output } = promised(sourceOf(name) as string);
      expect(shows.length).toBeGreaterThan(60);
      expect(await run(name)).toBe(output);
    },
    40_000,
  );
});
