import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import {
  Kafka,
  logLevel,
  type Consumer,
  type EachBatchPayload,
  type EachMessagePayload,
  type IHeaders,
  type Producer,
} from 'kafkajs';
import { DistributedEntry, injectContextIntoCarrier, withSpan } from '../../lib/index.js';
import { parentId, shutdownAll, spanId, traceId } from '../support/harness.js';
import { describeBroker } from './broker.js';
import { Exchange, MANGLED, MANGLED_BYTES } from './contract.js';

describeBroker('kafka', 'Kafka, by kafkajs', (place) => {
  let producer: Producer;
  const consumers: Consumer[] = [];
  let exchange: Exchange;
  const topic = randomUUID();
  const batchTopic = randomUUID();

  class Orders {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async placed({ message }: EachMessagePayload): Promise<void> {
      await exchange.handle(String(message.value));
    }

    @DistributedEntry({ tracer: () => exchange.receiver })
    async batch({ batch }: EachBatchPayload): Promise<void> {
      await exchange.handle(batch.messages.map(({ value }) => String(value)).join());
    }
  }

  const started = async (on: string, run: (orders: Orders) => object): Promise<Consumer> => {
    const client = new Kafka({ brokers: [place().url], logLevel: logLevel.NOTHING });
    const consumer = client.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 50, heartbeatInterval: 500 });
    await consumer.connect();
    await consumer.subscribe({ topic: on, fromBeginning: true });
    await consumer.run(run(new Orders()));
    consumers.push(consumer);
    return consumer;
  };

  beforeAll(async () => {
    const client = new Kafka({ brokers: [place().url], logLevel: logLevel.NOTHING });
    producer = client.producer();
    await producer.connect();
    await Promise.all([
      started(topic, (orders) => ({
        partitionsConsumedConcurrently: 4,
        eachMessage: (payload: EachMessagePayload) => orders.placed(payload),
      })),
      started(batchTopic, (orders) => ({ eachBatch: (payload: EachBatchPayload) => orders.batch(payload) })),
    ]);
  }, 30_000);
  afterAll(() =>
    Promise.all([producer?.disconnect(), ...consumers.map((consumer) => consumer.disconnect())]),
  );
  beforeEach(() => {
    exchange = new Exchange();
  });
  afterEach(shutdownAll);

  const send = (value: string, headers: IHeaders): Promise<unknown> =>
    producer.send({ topic, messages: [{ value, headers }] });

  it('20 concurrent messages continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) => send(text, injectContextIntoCarrier({ tenant: 'a' })));
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('handles messages whose headers were dropped or mangled', async () => {
    const cases = { ...MANGLED, ...MANGLED_BYTES };
    for (const [name, headers] of Object.entries(cases)) await send(name, headers as IHeaders);
    await producer.send({ topic, messages: [{ value: 'no headers' }] });
    const texts = [...Object.keys(cases), 'no headers'];
    await exchange.arrival(texts);
    exchange.expectUncontinued(texts, SpanKind.CONSUMER);
  });

  it('continues the caller for a message that is delivered twice', async () => {
    const [first] = await exchange.send(1, async (text) => {
      const headers = injectContextIntoCarrier<IHeaders>({});
      await send(text, headers);
      await send(`${text} again`, headers);
    });
    await exchange.arrival([`${first} again`]);
    const sent = spanId(exchange.recorder.span(`send ${first}`));
    expect(parentId(exchange.entryOf(`${first} again`))).toBe(sent);
  });

  it('links a batch to the span of every message in it', async () => {
    const messages = Array.from({ length: 3 }, (_, i) => ({
      value: `${i}`,
      headers: {} as IHeaders,
      partition: 0,
    }));
    for (const message of messages.slice(1)) {
      withSpan({ name: `send ${message.value}`, tracer: exchange.sender }, () =>
        injectContextIntoCarrier(message.headers),
      );
    }
    await producer.send({ topic: batchTopic, messages });
    await exchange.arrival(['0,1,2']);
    const entry = exchange.entryOf('0,1,2');
    expect([entry.kind, parentId(entry)]).toEqual([SpanKind.CONSUMER, undefined]);
    const sent = ['send 1', 'send 2'].map((name) => exchange.recorder.span(name));
    expect(entry.links.map(({ context }) => [context.traceId, context.spanId, context.isRemote])).toEqual(
      sent.map((span) => [traceId(span), spanId(span), true]),
    );
    expect(entry.attributes['honeyhive.session_id']).toBe(exchange.receiver.sessionId);
  });
});
