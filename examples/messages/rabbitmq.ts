/**
 * RabbitMQ, by amqplib: headers go out with `headers`, and `@DistributedEntry` knows the message it is given. The session
 * of the sender is that of the handler.
 *
 * ```text
 * buy [tool] session=s-1
 * └─ send orders [tool] PRODUCER
 *    └─ Orders.placed [chain] CONSUMER
 *       └─ Orders.reserve [tool]
 * ```
 */
import amqp, { type ConsumeMessage } from 'amqplib';
import { DistributedEntry, SessionTracer, Trace, withSession, withSpan } from 'spanwise';
import { messageAttributes, withProducerSpan } from 'spanwise/messaging';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Orders {
  @DistributedEntry({ eventType: 'chain', attributes: messageAttributes })
  async placed(message: ConsumeMessage): Promise<void> {
    await this.reserve(message.content.toString());
  }

  @Trace()
  async reserve(_item: string): Promise<void> {}
}

// Connected here and not inside a request: whoever connects hands its own context to every message.
const connection = await amqp.connect(process.env['BROKER_URL'] ?? 'amqp://127.0.0.1');
const channel = await connection.createChannel();
await channel.assertQueue('orders', { durable: false });

const orders = new Orders();
const handled = new Promise<void>((resolve) => {
  void channel.consume('orders', async (message) => {
    if (message === null) return;
    await orders.placed(message);
    channel.ack(message);
    resolve();
  });
});

await withSession('s-1', () =>
  withSpan('buy', () =>
    withProducerSpan({ system: 'rabbitmq', destination: 'orders' }, async (headers) =>
      channel.sendToQueue('orders', Buffer.from('tea'), { headers }),
    ),
  ),
);
await handled;
await connection.close();
await tracer.shutdown();
console.log(spans.tree());
