import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readCarrier } from '../../lib/propagation/carrier.js';
import { setCurrentRequestSource } from '../../lib/propagation/current-request.js';
import { findCarrier, namedCarrier } from '../../lib/propagation/find-carrier.js';
import { listen, TRACEPARENT } from './helpers.js';
import { MsgHdrs, Msg } from './shapes.js';

const HEADERS = { traceparent: TRACEPARENT, baggage: 'a=1' };
const bytes = { traceparent: Buffer.from(TRACEPARENT) };
const sqs = { traceparent: { DataType: 'String', StringValue: TRACEPARENT } };
const sns = { traceparent: { Type: 'String', Value: TRACEPARENT } };

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => {
  log.stop();
  setCurrentRequestSource(undefined);
});

/** The members of NestJS's contexts. */
class RpcContext {
  constructor(private readonly args: unknown[]) {}
  getArgs(): unknown[] {
    return this.args;
  }
  getArgByIndex(index: number): unknown {
    return this.args[index];
  }
}
class TcpContext extends RpcContext {
  getMetadata(): void {}
}
class RedisContext extends RpcContext {
  getMetadata(): void {}
  getChannel(): void {}
}
class NatsContext extends RpcContext {
  getSubject(): void {}
  getHeaders(): void {}
}
class RmqContext extends RpcContext {
  getMessage(): void {}
  getChannelRef(): void {}
}
class KafkaContext extends RpcContext {
  getMessage(): void {}
  getTopic(): void {}
}
class MqttContext extends RpcContext {
  getPacket(): void {}
  getTopic(): void {}
}
class Job {
  data = { traceparent: 'not looked at' };
  constructor(readonly opts: unknown) {}
  moveToCompleted(): void {}
}
const natsHeaders = (): MsgHdrs => {
  const made = new MsgHdrs();
  made.set('traceparent', TRACEPARENT);
  return made;
};
const amqp = (headers: unknown): object => ({
  content: Buffer.from(''),
  fields: {},
  properties: { headers },
});
const packet = (properties: unknown): object => ({
  cmd: 'publish',
  topic: 't',
  payload: Buffer.from(''),
  properties,
});
const notification = (attributes: unknown): string =>
  JSON.stringify({
    Type: 'Notification',
    TopicArn: 'arn:aws:sns:::t',
    Message: '{}',
    MessageAttributes: attributes,
  });

describe('a message', () => {
  it.each<[string, (headers: boolean) => unknown]>([
    ['of AMQP', (has) => amqp(has ? HEADERS : undefined)],
    ['of NATS', (has) => new Msg((has ? natsHeaders() : undefined) as MsgHdrs)],
    [
      'of Kafka',
      (has) => ({ key: null, value: Buffer.from('{}'), offset: '1', headers: has ? bytes : undefined }),
    ],
    ['of MQTT 5', (has) => packet(has ? { userProperties: HEADERS } : undefined)],
    ['of BullMQ', (has) => new Job(has ? { telemetry: { metadata: JSON.stringify(HEADERS) } } : {})],
    ['of SQS', (has) => ({ ReceiptHandle: 'r', Body: '{}', MessageAttributes: has ? sqs : undefined })],
    [
      'of SQS through Lambda',
      (has) => ({ receiptHandle: 'r', body: '{}', messageAttributes: has ? sqs : {} }),
    ],
    ['of SNS in SQS', (has) => ({ ReceiptHandle: 'r', Body: notification(has ? sns : undefined) })],
    ['of NestJS by Redis', (has) => new RedisContext(['channel', has ? HEADERS : undefined])],
    ['of NestJS by NATS', (has) => new NatsContext(['subject', has ? natsHeaders() : undefined])],
    ['of NestJS by RabbitMQ', (has) => new RmqContext([amqp(has ? HEADERS : undefined), {}, 'pattern'])],
    [
      'of NestJS by MQTT',
      (has) => new MqttContext(['topic', packet(has ? { userProperties: HEADERS } : {})]),
    ],
  ])('%s is one, with headers and without', (_name, make) => {
    const found = findCarrier(['x', make(true)]);
    expect([found.message, readCarrier(found.carrier, 'traceparent')]).toEqual([true, TRACEPARENT]);
    const lost = findCarrier([make(false), { body: 1 }]);
    expect([lost.message, readCarrier(lost.carrier, 'traceparent')]).toEqual([true, undefined]);
    expect(namedCarrier(make(true))).toMatchObject({ message: true });
    expect(readCarrier(namedCarrier(make(true)).carrier, 'traceparent')).toBe(TRACEPARENT);
  });

  it('of NestJS by TCP is a call, since nothing is between client and server', () => {
    const found = findCarrier([{}, new TcpContext([{}, 'pattern', HEADERS])]);
    expect([found.message, readCarrier(found.carrier, 'traceparent')]).toEqual([false, TRACEPARENT]);
  });

  it('without headers has nothing of the current request, whose connection it may have come by', () => {
    setCurrentRequestSource(() => new Request('http://localhost', { headers: HEADERS }));
    expect(findCarrier([amqp(undefined)])).toMatchObject({ message: true, carrier: undefined });
    expect(readCarrier(findCarrier([{ ReceiptHandle: 'r' }]).carrier, 'traceparent')).toBeUndefined();
  });

  it('without headers takes those that were handed over beside it', () => {
    const found = findCarrier([amqp(undefined), HEADERS]);
    expect(found).toMatchObject({ carrier: HEADERS, via: 'headers', message: true });
  });

  it.each([
    ['a packet', packet({ userProperties: HEADERS })],
    ['a job', new Job({ telemetry: { metadata: JSON.stringify(HEADERS) } })],
    ['a context of NestJS', new RedisContext(['c', HEADERS])],
  ])('is never %s that came as JSON', (_name, value) => {
    const data: unknown = JSON.parse(JSON.stringify(value));
    expect(findCarrier([data])).toMatchObject({ carrier: undefined, message: false });
  });

  it.each([
    ['no object', '[1]'],
    ['broken', '{"TopicArn"'],
    ['of another type', JSON.stringify({ Type: 'Other', TopicArn: 'a', MessageAttributes: sns })],
    ['larger than a queue allows', notification(sns).replace('{}', 'x'.repeat(1_100_000))],
  ])('of SQS whose body is %s has no headers in it', (_name, Body) => {
    const { carrier, message } = namedCarrier({ ReceiptHandle: 'r', Body });
    expect([message, readCarrier(carrier, 'traceparent')]).toEqual([true, undefined]);
  });
});

describe('a batch', () => {
  const kafka = { key: null, value: Buffer.from(''), offset: '1', headers: bytes };

  it.each<[string, unknown]>([
    ['a list of messages', [kafka, amqp(undefined), 'something else']],
    ['what kafkajs hands to eachBatch', { resolveOffset: () => 1, batch: { messages: [kafka, {}, 5] } }],
  ])('%s has a carrier for each message', (_name, value) => {
    const found = findCarrier([value]);
    expect(found).toMatchObject({ carrier: undefined, message: true, ambiguous: false });
    expect(found.batch).toEqual([bytes, undefined, undefined]);
    expect(namedCarrier(value).batch).toEqual(found.batch);
  });

  it('a list of SQS messages is plain data: taken where no request is near', () => {
    const batch = [{ ReceiptHandle: 'r', MessageAttributes: sqs }];
    expect(findCarrier([batch]).batch).toEqual([sqs]);
    const request = new Request('http://localhost', { headers: HEADERS });
    expect(findCarrier([request, batch])).not.toHaveProperty('batch');
    setCurrentRequestSource(() => request);
    expect(findCarrier([batch])).not.toHaveProperty('batch');
  });

  it.each([
    ['an empty list', []],
    ['a list of data', [HEADERS, HEADERS]],
    ['a list of requests', [new Request('http://localhost')]],
    ['a batch that came as JSON', { batch: { messages: [kafka] } }],
  ])('%s is none', (_name, value) => {
    expect(findCarrier([value])).not.toHaveProperty('batch');
  });

  it('is looked at no further than a thousand messages', () => {
    expect(findCarrier([Array.from({ length: 5_000 }, () => kafka)]).batch).toHaveLength(1_000);
  });
});
