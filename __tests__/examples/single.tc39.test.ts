import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
// @ts-expect-error examples are compiled by plain JavaScript
import { brokerOf, compileExamples, exampleNames, sourceOf } from '../../examples/run.mjs';
import { promised, runExample } from './program.js';

/* Those that need a broker run beside the other tests that do. */
const names = (exampleNames() as string[]).filter((name) => brokerOf(name) === undefined);
let compiled: { fileOf(name: string): string; remove(): void };

beforeAll(async () => {
  compiled = await compileExamples(names);
}, 60_000);
afterAll(() => compiled.remove());

describe('every single example', () => {
  it('is there', () => {
    for (const name of ['express', 'fastify', 'hono', 'koa', 'nestjs', 'outgoing', 'mesh']) {
      expect(names).toContain(`http/${name}`);
    }
    for (const name of ['grpc', 'mcp', 'sqs']) expect(names).toContain(`messages/${name}`);
  });

  it.each(names)(
    '%s says what it shows, and prints the spans that it says',
    async (name) => {
      const { shows, output } = promised(sourceOf(name) as string);
      expect(shows.length).toBeGreaterThan(60);
      expect(await runExample(compiled.fileOf(name))).toBe(output);
    },
    40_000,
  );
});
