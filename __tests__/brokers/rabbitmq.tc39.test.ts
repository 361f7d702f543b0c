import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import amqp, { type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { parentId, shutdownAll, spanId } from '../support/harness.js';
import { describeBroker } from './broker.js';
import { Exchange, MANGLED, MANGLED_BYTES } from './contract.js';

describeBroker('rabbitmq', 'RabbitMQ, by amqplib', (place) => {
  let connection: ChannelModel;
  let channel: Channel;
  let exchange: Exchange;
  let queue: string;

  class Orders {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async placed(message: ConsumeMessage): Promise<string> {
      return exchange.handle(message.content.toString());
    }
  }

  beforeAll(async () => {
    connection = await amqp.connect(place().url);
    channel = await connection.createChannel();
  });
  afterAll(() => connection?.close());
  beforeEach(async () => {
    exchange = new Exchange();
    queue = randomUUID();
    const orders = new Orders();
    await channel.assertQueue(queue, { autoDelete: true });
    await channel.consume(queue, (message) => message && void orders.placed(message), { noAck: true });
  });
  afterEach(shutdownAll);

  const send = (text: string, headers: object): boolean =>
    channel.sendToQueue(queue, Buffer.from(text), { headers });

  it('20 concurrent messages continue 20 sessions', async () => {
    const texts = await exchange.send(20, async (text) =>
      send(text, injectContextIntoCarrier({ tenant: 1 })),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('handles messages whose headers were dropped or mangled', async () => {
    const cases = {
      ...MANGLED,
      'no UTF-8': MANGLED_BYTES['no UTF-8'],
      numbers: { traceparent: 5, baggage: 1.5 },
      tables: { traceparent: { a: { b: true } }, baggage: [[1], { x: 'y' }] },
      booleans: { traceparent: false, baggage: true },
      twice: MANGLED_BYTES['many times'],
    };
    for (const [name, headers] of Object.entries(cases)) send(name, headers as object);
    channel.sendToQueue(queue, Buffer.from('no properties'));
    const texts = [...Object.keys(cases), 'no properties'];
    await exchange.arrival(texts);
    exchange.expectUncontinued(texts, SpanKind.CONSUMER);
  });

  it('continues the caller for a message that is delivered twice', async () => {
    const [first] = await exchange.send(1, async (text) => {
      const headers = injectContextIntoCarrier({});
      send(text, headers);
      send(`${text} again`, headers);
    });
    await exchange.arrival([`${first} again`]);
    const sent = spanId(exchange.recorder.span(`send ${first}`));
    expect(parentId(exchange.entryOf(first as string))).toBe(sent);
    expect(parentId(exchange.entryOf(`${first} again`))).toBe(sent);
  });

  it('takes nothing of a request that has ended, though its connection is of that request', async () => {
    const own = randomUUID();
    let late: ChannelModel | undefined;
    let lateChannel: Channel | undefined;
    await exchange.send(1, async (text) => {
      late = await amqp.connect(place().url);
      lateChannel = await late.createChannel();
      await lateChannel.assertQueue(own, { autoDelete: true });
      const orders = new Orders();
      await lateChannel.consume(own, (message) => message && void orders.placed(message), { noAck: true });
      send(text, injectContextIntoCarrier({}));
    });
    const texts = await exchange.send(5, async (text) =>
      lateChannel?.sendToQueue(own, Buffer.from(text), { headers: injectContextIntoCarrier({}) }),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
    lateChannel?.sendToQueue(own, Buffer.from('without headers'));
    await exchange.arrival(['without headers']);
    exchange.expectUncontinued(['without headers'], SpanKind.CONSUMER);
    await late?.close();
  });

  it('handles every message without a tracer', async () => {
    await shutdownAll();
    send('untraced', { traceparent: 'x' });
    await exchange.arrival(['untraced']);
    expect(exchange.seen).toEqual([{ text: 'untraced', session: undefined }]);
  });
});
