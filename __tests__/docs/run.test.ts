import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startViewer, type Viewer } from '../../lib/viewer/index.js';
import { shutdownAll } from '../support/harness.js';
import { codeBlocks, pages, type CodeBlock } from './code-blocks.js';
import { docstringBlocks } from './public-names.js';
import { legacy, runBlock } from './run-block.js';

const runnable = pages()
  .flatMap((page) => codeBlocks(page))
  .filter(({ info }) => info === 'run');

/** NestJS has legacy decorators; its examples run where those are. */
const fits = ({ code }: CodeBlock): boolean => legacy || !code.includes("'@nestjs/");
const examples = docstringBlocks();
const runnableExamples = examples.filter(({ info }) => info === '').filter(fits);

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer({ port: 0 });
});
afterAll(() => viewer.close());
afterEach(shutdownAll);

describe('the code that a guide says is run', () => {
  it('is there', () => {
    expect(runnable.length).toBeGreaterThan(5);
  });

  it.each(runnable.map((block) => [block.where, block] as const))(
    '%s produces the spans below it',
    async (_where, { code, output }) => {
      expect(output).toBeDefined();
      expect((await runBlock(code)).tree).toBe(output?.trimEnd());
    },
  );
});

/** What an example says that it prints: the comment behind each `console.log`. */
function promisedLines(code: string): string[] {
  return code
    .split('\n')
    .filter((line) => line.includes('console.log('))
    .map((line) => /\/\/ (.*)$/.exec(line)?.[1] ?? 'console.log without a comment that says what it prints');
}

describe('the examples of docstrings', () => {
  it('are run, or say why not', () => {
    expect(runnableExamples.length).toBeGreaterThan(35);
    const odd = examples.filter(({ info }) => !/^(no-run: .{10,})?$/.test(info));
    expect(odd.map(({ where }) => where)).toEqual([]);
  });

  it.each(runnableExamples.map((block) => [block.where, block] as const))(
    '%s does what it says',
    async (_where, { code, output }) => {
      const here = code.replaceAll('http://localhost:4318', viewer.url);
      const { tree, printed } = await runBlock(here);
      expect(printed).toEqual(promisedLines(code));
      if (output !== undefined) expect(tree).toBe(output.trimEnd());
    },
    // Loading a framework takes its time on a busy machine.
    60_000,
  );
});
