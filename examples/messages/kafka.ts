/**
 * Kafka, by kafkajs: single messages, and a batch whose span is linked to the span of every message in it, because it has
 * no single caller.
 *
 * ```text
 * buy [tool] session=s-1
 * └─ Orders.placed [tool] CONSUMER
 * buy [tool] session=s-2
 * └─ Orders.placed [tool] CONSUMER
 * Orders.archive [tool] CONSUMER session=<uuid>
 * Orders.archive is linked to 2 spans
 * ```
 */
import {
  Kafka,
  logLevel,
  type EachBatchPayload,
  type EachMessagePayload,
  type IHeaders,
  type Message,
} from 'kafkajs';
import { DistributedEntry, injectContextIntoCarrier, SessionTracer, withSession, withSpan } from 'spanwise';
import { messageAttributes } from 'spanwise/messaging';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Orders {
  @DistributedEntry({ attributes: messageAttributes })
  async placed(_payload: EachMessagePayload): Promise<void> {}

  @DistributedEntry({ attributes: messageAttributes })
  async archive(_payload: EachBatchPayload): Promise<void> {}
}

const kafka = new Kafka({
  brokers: [process.env['BROKER_URL'] ?? '127.0.0.1:9092'],
  logLevel: logLevel.NOTHING,
});
const producer = kafka.producer();
await producer.connect();
const orders = new Orders();

/** A message that carries the trace and session in which it was made. */
const message = (session: string, value: string): Message =>
  withSession(session, () =>
    withSpan('buy', () => ({ value, partition: 0, headers: injectContextIntoCarrier<IHeaders>({}) })),
  );
// Two sessions in one call, so each message has headers of its own.
await producer.send({ topic: 'orders', messages: [message('s-1', 'tea'), message('s-2', 'milk')] });

const single = kafka.consumer({ groupId: 'single', maxWaitTimeInMs: 50 });
const batch = kafka.consumer({ groupId: 'batch', maxWaitTimeInMs: 50 });
let count = 0;
const handled = new Promise<void>((resolve) => {
  const done = (): void => void (++count === 3 && resolve());
  const run = async (): Promise<void> => {
    await Promise.all([single.connect(), batch.connect()]);
    await Promise.all(
      [single, batch].map((consumer) => consumer.subscribe({ topic: 'orders', fromBeginning: true })),
    );
    await single.run({ eachMessage: (payload) => orders.placed(payload).then(done) });
    await batch.run({ eachBatch: (payload) => orders.archive(payload).then(done) });
  };
  void run();
});
await handled;
await Promise.all([producer.disconnect(), single.disconnect(), batch.disconnect()]);
await tracer.shutdown();

console.log(spans.tree());
const archived = spans.find('Orders.archive');
console.log(`${archived?.name} is linked to ${archived?.links.length} spans`);
