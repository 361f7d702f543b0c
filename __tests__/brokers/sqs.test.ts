/**
 * There is no broker of SQS to be had offline. Messages are of the shape that the SDK, Lambda and SNS document, and go
 * through JSON as they do on the wire.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { sqsAttributes } from '../../lib/integrations/messaging.js';
import { parentId, shutdownAll, spanId } from '../support/harness.js';
import { Exchange, MANGLED } from './contract.js';

interface Message {
  ReceiptHandle: string;
  Body: string;
  MessageAttributes?: Record<string, unknown>;
}

let exchange: Exchange;
beforeEach(() => {
  exchange = new Exchange();
});
afterEach(shutdownAll);

class Orders {
  @DistributedEntry({ tracer: () => exchange.receiver })
  async placed(message: Message): Promise<void> {
    const body = JSON.parse(message.Body) as { text?: string; Message?: string };
    await exchange.handle(body.text ?? (JSON.parse(String(body.Message)) as { text: string }).text);
  }

  @DistributedEntry({ tracer: () => exchange.receiver })
  async record(record: { body: string }): Promise<void> {
    await exchange.handle((JSON.parse(record.body) as { text: string }).text);
  }

  @DistributedEntry({ tracer: () => exchange.receiver })
  async batch(messages: Message[]): Promise<void> {
    await exchange.handle(messages.map(({ Body }) => (JSON.parse(Body) as { text: string }).text).join());
  }
}
const orders = new Orders();
let id = 0;
const wire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const received = (text: string, MessageAttributes?: Record<string, unknown>): Message =>
  wire({ MessageId: `m${++id}`, ReceiptHandle: `r${id}`, Body: JSON.stringify({ text }), MessageAttributes });
const attributes = (): ReturnType<typeof sqsAttributes> => sqsAttributes(injectContextIntoCarrier({}));

describe('SQS', () => {
  it('20 concurrent messages continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) => orders.placed(received(text, attributes())));
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('attributes that are there tell the shape, so headers can be written among them', async () => {
    const texts = await exchange.send(3, (text) => {
      const own = { tenant: { DataType: 'String', StringValue: 'a' } };
      return orders.placed(received(text, injectContextIntoCarrier(own)));
    });
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('20 concurrent records of Lambda continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) => {
      const messageAttributes = Object.fromEntries(
        Object.entries(attributes()).map(([name, { StringValue, DataType }]) => [
          name,
          { stringValue: StringValue, stringListValues: [], binaryListValues: [], dataType: DataType },
        ]),
      );
      return orders.record(wire({ receiptHandle: 'r', body: JSON.stringify({ text }), messageAttributes }));
    });
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('20 concurrent messages of SNS inside SQS continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) => {
      const notification = {
        Type: 'Notification',
        TopicArn: 'arn:aws:sns:eu-west-1:1:orders',
        Message: JSON.stringify({ text }),
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes()).map(([name, { StringValue }]) => [
            name,
            { Type: 'String', Value: StringValue },
          ]),
        ),
      };
      return orders.placed(wire({ ReceiptHandle: 'r', Body: JSON.stringify(notification) }));
    });
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('handles messages whose attributes were dropped or mangled', async () => {
    const cases: Record<string, Record<string, unknown> | undefined> = {
      ...Object.fromEntries(
        Object.entries(MANGLED).map(([name, headers]) => [
          name,
          sqsAttributes(headers as Record<string, string>),
        ]),
      ),
      'no attributes': undefined,
      binary: { traceparent: { DataType: 'Binary', BinaryValue: 'AAEC' } },
      numbers: { traceparent: { DataType: 'Number', StringValue: '5' }, baggage: 5 },
      bare: { traceparent: 'text', baggage: ['a'] },
    };
    for (const [text, given] of Object.entries(cases)) await orders.placed(received(text, given));
    exchange.expectUncontinued(Object.keys(cases), SpanKind.CONSUMER);
  });

  it('links a batch to the span of every message in it', async () => {
    const sent: Message[] = [];
    await exchange.send(3, async (text) => {
      const message = received(text, attributes());
      sent.push(message);
      await exchange.handle(text);
    });
    await orders.batch([...sent, received('lost')]);
    const entry = exchange.recorder.span('Orders.batch');
    expect([entry.kind, parentId(entry)]).toEqual([SpanKind.CONSUMER, undefined]);
    const callers = sent.map(({ Body }) => (JSON.parse(Body) as { text: string }).text);
    expect(entry.links.map(({ context }) => context.spanId)).toEqual(
      callers.map((text) => spanId(exchange.recorder.span(`send ${text}`))),
    );
  });
});
