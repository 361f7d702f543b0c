/** A real broker around the tests of a file: started before them, ended after them, skipped aloud where there is none. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
// @ts-expect-error plain JavaScript, because CI runs it before anything is built
import { BROKERS, missingPackages, startBrokers } from '../../.ci/brokers.mjs';

export type BrokerName = 'rabbitmq' | 'nats' | 'mqtt' | 'redis' | 'kafka';

/** Where a broker listens. */
export interface Place {
  host: string;
  port: number;
  url: string;
}

const missing = missingPackages as (names: string[]) => string[];
const packageOf = (name: BrokerName): string =>
  (BROKERS as Record<string, { package: string }>)[name]!.package;

/**
 * Describes what is tested on a broker.
 *
 * @param name the broker
 * @param what the title
 * @param body defines the tests; the place is known once they run
 */
export function describeBroker(name: BrokerName, what: string, body: (place: () => Place) => void): void {
  if (missing([name]).length > 0) return describeMissing(what, packageOf(name), body);
  describe(what, () => {
    let running: { places: Record<string, Place>; stop(): Promise<void> } | undefined;
    beforeAll(async () => {
      running = await startBrokers(name);
    }, 90_000);
    body(() => running?.places[name] as Place);
    // Hooks run in the order of their definition: clients say goodbye first.
    afterAll(() => running?.stop(), 30_000);
  });
}

function describeMissing(what: string, needed: string, body: (place: () => Place) => void): void {
  const message = `${needed} is not installed: npm run brokers:install`;
  if (process.env['CI'] === 'true') {
    describe(what, () => {
      it('has its broker', () => {
        throw new Error(message);
      });
    });
    return;
  }
  console.warn(`${what}: skipped, ${message}`);
  describe.skip(`${what} (${message})`, () => body(() => ({ host: '', port: 0, url: '' })));
}

/** A port that is free now, for servers that do not tell which one they were given. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
