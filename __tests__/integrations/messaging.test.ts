import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DistributedEntry } from '../../lib/index.js';
import {
  jobOptions,
  messageAttributes,
  mqttOptions,
  sqsAttributes,
  withProducerSpan,
} from '../../lib/integrations/messaging.js';
import { collectDiagnostics, parentId, shutdownAll, spanId, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

const PROCESS = { 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' };
const kafka = { key: null, value: Buffer.from('{}'), offset: '17', headers: {} };

class Nest {
  constructor(private readonly args: unknown[]) {}
  getArgByIndex(index: number): unknown {
    return this.args[index];
  }
}
class Kafka extends Nest {
  getMessage(): void {}
}
class Rabbit extends Nest {
  getMessage(): void {}
  getChannelRef(): void {}
}
class Redis extends Nest {
  getMetadata(): void {}
  getChannel(): void {}
}
class Nats extends Nest {
  getSubject(): void {}
  getHeaders(): void {}
}
class NatsMessage {
  get subject(): string {
    return 'orders.placed';
  }
  get headers(): undefined {
    return undefined;
  }
  respond(): void {}
}
class Job {
  id = '5';
  opts = {};
  queue = { name: 'orders' };
  get queueName(): string {
    throw new Error('a getter was run');
  }
  moveToCompleted(): void {}
}
const amqp = (fields: object, properties = {}): object => ({
  content: Buffer.from('four'),
  fields,
  properties,
});

describe('a message says of itself', () => {
  it.each<[string, unknown, object]>([
    [
      'Kafka',
      { topic: 'orders', partition: 3, message: kafka },
      {
        'messaging.system.name': 'kafka',
        'messaging.destination.name': 'orders',
        'messaging.destination.partition.id': '3',
        'messaging.message.body.size': 2,
        'kafka.offset': 17,
      },
    ],
    [
      'Kafka in NestJS',
      new Kafka([{ ...kafka, offset: 'x' }, 1, 'orders']),
      {
        'messaging.system.name': 'kafka',
        'messaging.destination.name': 'orders',
        'messaging.destination.partition.id': '1',
        'messaging.message.body.size': 2,
      },
    ],
    [
      'RabbitMQ',
      amqp({ exchange: 'shop', routingKey: 'orders' }, { messageId: 'm', correlationId: 'c' }),
      {
        'messaging.system.name': 'rabbitmq',
        'messaging.destination.name': 'shop:orders',
        'rabbitmq.destination.routing_key': 'orders',
        'messaging.message.id': 'm',
        'messaging.message.conversation_id': 'c',
        'messaging.message.body.size': 4,
      },
    ],
    [
      'RabbitMQ, by the default exchange, in NestJS',
      new Rabbit([amqp({ exchange: '', routingKey: 'orders' })]),
      {
        'messaging.system.name': 'rabbitmq',
        'messaging.destination.name': 'orders',
        'rabbitmq.destination.routing_key': 'orders',
        'messaging.message.body.size': 4,
      },
    ],
    [
      'NATS',
      new NatsMessage(),
      { 'messaging.system.name': 'nats', 'messaging.destination.name': 'orders.placed' },
    ],
    [
      'NATS in NestJS',
      new Nats(['orders']),
      { 'messaging.system.name': 'nats', 'messaging.destination.name': 'orders' },
    ],
    [
      'MQTT',
      { cmd: 'publish', topic: 'orders', payload: Buffer.from('x') },
      {
        'messaging.system.name': 'mqtt',
        'messaging.destination.name': 'orders',
        'messaging.message.body.size': 1,
      },
    ],
    [
      'BullMQ',
      new Job(),
      {
        'messaging.system.name': 'bullmq',
        'messaging.destination.name': 'orders',
        'messaging.message.id': '5',
      },
    ],
    [
      'Redis in NestJS',
      new Redis(['orders']),
      { 'messaging.system.name': 'redis', 'messaging.destination.name': 'orders' },
    ],
    [
      'SQS',
      { ReceiptHandle: 'r', MessageId: 'm', Body: '' },
      { 'messaging.system.name': 'aws.sqs', 'messaging.message.id': 'm' },
    ],
    [
      'SQS through Lambda',
      { receiptHandle: 'r', messageId: 'm', eventSourceARN: 'arn:aws:sqs:eu-west-1:1:orders' },
      {
        'messaging.system.name': 'aws.sqs',
        'messaging.message.id': 'm',
        'messaging.destination.name': 'orders',
      },
    ],
  ])('%s', (_name, message, expected) => {
    expect(messageAttributes('x', undefined, message)).toEqual({ ...expected, ...PROCESS });
  });

  it('of a batch what all share, and how many they are', () => {
    const batch = { topic: 'orders', partition: 0, messages: [kafka, kafka] };
    expect(messageAttributes({ resolveOffset: () => undefined, batch })).toEqual({
      'messaging.system.name': 'kafka',
      'messaging.destination.name': 'orders',
      'messaging.destination.partition.id': '0',
      'messaging.batch.message_count': 2,
      ...PROCESS,
    });
    expect(messageAttributes([amqp({ routingKey: 'a' }), amqp({ routingKey: 'b' })])).toEqual({
      'messaging.system.name': 'rabbitmq',
      'messaging.batch.message_count': 2,
      ...PROCESS,
    });
  });

  it('names that are no longer than names are, and nothing of wrong types', () => {
    const said = messageAttributes(
      amqp({ exchange: 'x'.repeat(5_000), routingKey: {} }, { messageId: ['a'] }),
    );
    expect(said['messaging.destination.name']).toHaveLength(256);
    expect(Object.keys(said)).not.toContain('messaging.message.id');
    expect(Object.keys(said)).not.toContain('rabbitmq.destination.routing_key');
  });

  it('nothing, where there is none', () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(messageAttributes({ topic: 'data' }, [], null, 5, revoked.proxy)).toEqual({});
  });

  it('as attributes of an entry', () => {
    class Orders {
      @DistributedEntry({ attributes: messageAttributes })
      placed(_payload: object): void {}
    }
    const { recorder } = startTracer();
    new Orders().placed({ topic: 'orders', partition: 0, message: kafka });
    expect(recorder.span('Orders.placed').attributes).toMatchObject({
      'messaging.system.name': 'kafka',
      ...PROCESS,
    });
    expect(recorder.span('Orders.placed').kind).toBe(SpanKind.CONSUMER);
  });
});

describe('a message that is sent', () => {
  it('has a PRODUCER span, which its headers name', async () => {
    const { tracer, recorder } = startTracer();
    const options = { system: 'kafka', destination: 'orders', count: 2, attributes: { shop: 'a' } };
    const headers = await withProducerSpan(options, async (given) => given);
    const span = recorder.span('send orders');
    expect(span.kind).toBe(SpanKind.PRODUCER);
    expect(span.attributes).toMatchObject({
      'messaging.system.name': 'kafka',
      'messaging.destination.name': 'orders',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.batch.message_count': 2,
      shop: 'a',
    });
    expect(headers['traceparent']).toContain(spanId(span));
    expect(headers['baggage']).toContain(`session_id=${tracer.sessionId}`);
  });

  it('is of the tracer that was named, and of the operation as the client calls it', () => {
    startTracer();
    const other = startTracer();
    const options = { system: 'nats', destination: 'orders', operation: 'publish', tracer: other.tracer };
    const headers = withProducerSpan(options, (given) => given);
    expect(parentId(other.recorder.span('publish orders'))).toBeUndefined();
    expect(headers['baggage']).toContain(`session_id=${other.tracer.sessionId}`);
  });

  it('takes no baggage to a broker that may have none', () => {
    startTracer({ propagateTo: ['broker.internal'] });
    const to = (url: string): string[] =>
      Object.keys(withProducerSpan({ system: 'nats', destination: 'orders', url }, (headers) => headers));
    expect(to('nats://broker.internal:4222')).toContain('baggage');
    expect(to('nats://elsewhere:4222')).not.toContain('baggage');
  });

  it('fails as the client failed, and says so', async () => {
    const { recorder } = startTracer();
    const failure = new Error('broker is away');
    const sent = withProducerSpan({ system: 'kafka', destination: 'orders' }, () => Promise.reject(failure));
    await expect(sent).rejects.toBe(failure);
    expect(recorder.span('send orders').status.code).toBe(SpanStatusCode.ERROR);
  });

  it('is sent once without a tracer, without headers', () => {
    const log = collectDiagnostics();
    const given: object[] = [];
    withProducerSpan({ system: 'kafka', destination: 'orders' }, (headers) => given.push(headers));
    expect(given).toEqual([{}]);
    expect(log).toEqual([]);
  });
});

describe('headers in the shape of a client', () => {
  const headers = { traceparent: 'a', tracestate: '', baggage: 'b' };

  it('of SQS and SNS, which take no empty values', () => {
    expect(sqsAttributes(headers)).toEqual({
      traceparent: { DataType: 'String', StringValue: 'a' },
      baggage: { DataType: 'String', StringValue: 'b' },
    });
  });

  it('of BullMQ and MQTT, where none are better than empty ones', () => {
    expect(jobOptions(headers)).toEqual({ telemetry: { metadata: JSON.stringify(headers) } });
    expect(jobOptions({})).toEqual({});
    expect(mqttOptions(headers)).toEqual({ properties: { userProperties: headers } });
    expect(mqttOptions({})).toEqual({});
  });
});
