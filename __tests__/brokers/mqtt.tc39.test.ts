import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { parentId, shutdownAll, spanId } from '../support/harness.js';
import { describeBroker } from './broker.js';
import { Exchange, MANGLED } from './contract.js';

describeBroker('mqtt', 'MQTT, by mqtt', (place) => {
  let client: MqttClient;
  let exchange: Exchange;
  let topic: string;

  class Orders {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async placed(_topic: string, payload: Buffer, _packet: IPublishPacket): Promise<string> {
      return exchange.handle(payload.toString());
    }
  }
  const orders = new Orders();
  const listen = (...args: [string, Buffer, IPublishPacket]): void => void orders.placed(...args);

  beforeAll(async () => {
    client = await mqtt.connectAsync(place().url, { protocolVersion: 5 });
  });
  afterAll(() => client?.endAsync());
  beforeEach(async () => {
    exchange = new Exchange();
    topic = randomUUID();
    await client.subscribeAsync(topic, { qos: 1 });
    client.on('message', listen);
  });
  afterEach(async () => {
    client.removeListener('message', listen);
    await shutdownAll();
  });

  const publish = (text: string, userProperties: Record<string, string | string[]>): Promise<unknown> =>
    client.publishAsync(topic, text, { qos: 1, properties: { userProperties } });

  it('20 concurrent messages continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) => publish(text, injectContextIntoCarrier({ tenant: 'a' })));
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('handles messages whose user properties were dropped or mangled', async () => {
    // The client hangs on an empty set of properties, so "none" is a message without any.
    const { none: _, ...given } = MANGLED;
    const two = [`00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`, `00-${'2'.repeat(32)}-${'2'.repeat(16)}-01`];
    const cases = { ...given, twice: { traceparent: two } };
    for (const [name, properties] of Object.entries(cases)) {
      await publish(name, properties as Record<string, string | string[]>);
    }
    await client.publishAsync(topic, 'no properties');
    const texts = [...Object.keys(cases), 'no properties'];
    await exchange.arrival(texts);
    exchange.expectUncontinued(texts, SpanKind.CONSUMER);
  });

  it('handles what a client of MQTT 3 sends, which has no properties', async () => {
    const old = await mqtt.connectAsync(place().url, { protocolVersion: 4 });
    await old.publishAsync(topic, 'old', { qos: 1 });
    await exchange.arrival(['old']);
    exchange.expectUncontinued(['old'], SpanKind.CONSUMER);
    await old.endAsync();
  });

  it('continues the caller for a message that is delivered twice', async () => {
    const [first] = await exchange.send(1, async (text) => {
      const properties = injectContextIntoCarrier<Record<string, string>>({});
      await publish(text, properties);
      await publish(`${text} again`, properties);
    });
    await exchange.arrival([`${first} again`]);
    const sent = spanId(exchange.recorder.span(`send ${first}`));
    expect(parentId(exchange.entryOf(`${first} again`))).toBe(sent);
  });
});
