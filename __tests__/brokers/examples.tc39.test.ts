import { afterAll, beforeAll, expect, it } from '@jest/globals';
// @ts-expect-error examples are compiled by plain JavaScript
import { brokerOf, compileExamples, exampleNames, sourceOf } from '../../examples/run.mjs';
import { promised, runExample } from '../examples/program.js';
import { describeBroker, type BrokerName } from './broker.js';

const onBroker = (exampleNames() as string[]).filter((name) => brokerOf(name) !== undefined);
/** kafkajs sets a timer to a time that has passed, of which Node 24 and newer tell on the console. */
const KAFKAJS_WARNS = '--disable-warning=TimeoutNegativeWarning';
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
        const env = { BROKER_URL: place().url, NODE_OPTIONS: KAFKAJS_WARNS };
        expect(await runExample(compiled.fileOf(name), env)).toBe(output);
      },
      40_000,
    );
  });
}
