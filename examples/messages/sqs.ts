/**
 * SQS: headers are message attributes. There is no broker to run it on, so an array stands in for the queue; the messages
 * are of the shape that its SDK gives, also what SNS puts into a queue.
 *
 * ```text
 * buy [tool] session=s-1
 * ├─ send orders [tool] PRODUCER
 * │  └─ Orders.placed [tool] CONSUMER
 * └─ publish shop [tool] PRODUCER
 *    └─ Orders.placed [tool] CONSUMER
 * Orders.archive [tool] CONSUMER session=<uuid>
 * Orders.archive is linked to 2 spans
 * ```
 */
import { DistributedEntry, SessionTracer, withSession, withSpan } from 'spanwise';
import { messageAttributes, sqsAttributes, withProducerSpan } from 'spanwise/messaging';
import { recordSpans } from 'spanwise/testing';

interface Message {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  MessageAttributes?: ReturnType<typeof sqsAttributes>;
}

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Orders {
  @DistributedEntry({ attributes: messageAttributes })
  async placed(_message: Message): Promise<void> {}

  @DistributedEntry({ attributes: messageAttributes })
  async archive(_messages: readonly Message[]): Promise<void> {}
}

const queue: Message[] = [];
await withSession('s-1', () =>
  withSpan('buy', () => {
    withProducerSpan({ system: 'aws.sqs', destination: 'orders' }, (headers) =>
      queue.push({
        MessageId: 'm-1',
        ReceiptHandle: 'r-1',
        Body: 'tea',
        MessageAttributes: sqsAttributes(headers),
      }),
    );
    withProducerSpan({ system: 'aws.sns', destination: 'shop', operation: 'publish' }, (headers) => {
      const attributes = Object.entries(headers).map(([name, Value]) => [name, { Type: 'String', Value }]);
      const notification = {
        Type: 'Notification',
        TopicArn: 'arn:aws:sns:eu-west-1:123456789012:shop',
        Message: 'milk',
        MessageAttributes: Object.fromEntries(attributes),
      };
      queue.push({ MessageId: 'm-2', ReceiptHandle: 'r-2', Body: JSON.stringify(notification) });
    });
  }),
);
const orders = new Orders();
for (const message of queue) await orders.placed(message);
await orders.archive(queue);

await tracer.shutdown();
console.log(spans.tree());
console.log(`Orders.archive is linked to ${spans.find('Orders.archive')?.links.length} spans`);
