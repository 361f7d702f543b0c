import { afterAll, beforeAll, expect, it } from '@jest/globals';
// @ts-expect-error examples are compiled by plain JavaScript
import { brokerOf, compileExamples, exampleNames, sourceOf } from '../../examples/run.mjs';
import { promised, runExample } from '../examples/program.js';
import { describeBroker, type BrokerName } from './broker.js';

const onBroker = (exampleNames() as string[]).filter((name) => brokerOf(name) !== undefined);
let compiled: { fileOf(name: string): string; remove(): void };

beforeAll(async () => {
  compiled = await compileExamples(onBroker);
}, 60_000);
afterAll(() => compiled.remove());

it('there is an example for every broker', () => {
  expect(new Set(onBroker.map((name) => brokerOf(name) as string))).toEqual(
    new Set(['rabbitmq', 'nats', 'mqtt', 'redis', 'kafka']),
  );
});

for (const broker of new Set(onBroker.map((name) => brokerOf(name) as BrokerName))) {
  describeBroker(broker, `examples on ${broker}`, (place) => {
    it.each(onBroker.filter((name) => brokerOf(name) === broker))(
      '%s says what it shows, and prints the spans that it says',
      async (name) => {
        const { shows, output } = promised(sourceOf(name) as string);
        expect(shows.length).toBeGreaterThan(60);
        expect(await runExample(compiled.fileOf(name), { BROKER_URL: place().url })).toBe(output);
      },
      40_000,
    );
  });
}
