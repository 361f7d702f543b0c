/**
 * `spanwise/messaging`: what sending and handling messages needs beyond `@DistributedEntry` and
 * `injectContextIntoCarrier`, for any broker.
 *
 * Nothing is loaded for it: messages are known by their shape.
 *
 * @module spanwise/messaging
 */
import { SpanKind, type Attributes } from '@opentelemetry/api';
import {
  ATTR_MESSAGING_BATCH_COUNT,
  ATTR_MESSAGING_DESTINATION,
  ATTR_MESSAGING_OPERATION,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_SYSTEM,
} from '../conventions.js';
import { injectContextIntoCarrier } from '../propagation/propagate.js';
import { withSpan } from '../span/with-span.js';
import type { SpanOwner } from '../tracer/owner.js';
import { attributesOfMessage } from './message-semantics.js';

/** Headers that were written for a message: names in lower case, printable ASCII values. */
type Headers = Record<string, string>;

/**
 * What a message that is sent tells of itself.
 *
 * @category Messages
 */
export interface ProducerOptions {
  /** Whose broker it is: `kafka`, `rabbitmq`, `nats`, `mqtt`, `aws.sqs`, … */
  system: string;
  /** The topic, queue, subject or channel. */
  destination: string;
  /** What the client calls it. @default 'send' */
  operation?: string;
  /** How many messages are sent at once, if it is not one. */
  count?: number;
  /** Further attributes of the span. */
  attributes?: Attributes;
  /** The tracer that the span belongs to: a tracer or its name. @default the current one */
  tracer?: SpanOwner | string;
  /** Where the broker is; needed for baggage if the tracer limits it with `propagateTo`. */
  url?: string | URL;
}

/**
 * Runs a function that sends a message inside a PRODUCER span, and gives it the headers to send along.
 *
 * @param options the system and the destination, and what else is known
 * @param fn sends the message; it is called once with the headers, which are empty where there is no tracer
 * @returns what `fn` returns
 * @throws whatever `fn` throws; the span records it
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession } from 'spanwise';
 * import { withProducerSpan } from 'spanwise/messaging';
 *
 * SessionTracer.init({ project: 'shop' });
 * const topic: { value: string; headers: Record<string, string> }[] = []; // instead of a broker
 * await withSession('s-1', () =>
 *   withProducerSpan({ system: 'kafka', destination: 'orders' }, async (headers) => {
 *     topic.push({ value: 'tea', headers });
 *   }),
 * );
 * ```
 * Produces a PRODUCER span with `messaging.system.name`, `messaging.destination.name` and `messaging.operation.name`, which
 * the consumer's span has as its parent:
 * ```text
 * send orders [tool] PRODUCER session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @category Messages
 */
export function withProducerSpan<T>(options: ProducerOptions, fn: (headers: Headers) => T): T {
  const { system, destination, operation = 'send', count, tracer, url } = options;
  const attributes: Attributes = {
    ...options.attributes,
    [ATTR_MESSAGING_SYSTEM]: system,
    [ATTR_MESSAGING_DESTINATION]: destination,
    [ATTR_MESSAGING_OPERATION]: operation,
    [ATTR_MESSAGING_OPERATION_TYPE]: 'send',
  };
  if (count !== undefined) attributes[ATTR_MESSAGING_BATCH_COUNT] = count;
  const named = { name: `${operation} ${destination}`, kind: SpanKind.PRODUCER, attributes };
  return withSpan(tracer === undefined ? named : { ...named, tracer }, () =>
    fn(injectContextIntoCarrier<Headers>({}, { url, ...(tracer === undefined ? {} : { tracer }) })),
  );
}

/**
 * The attributes that messaging's conventions give a message that is handled, for the `attributes` of an entry.
 *
 * @param args the arguments of the handler; messages of amqplib, kafkajs, NATS, mqtt, BullMQ, SQS, Pub/Sub and NestJS
 *   are known, and lists of them
 * @returns system, destination, operation and what else the message tells; none if there is no message; it never throws
 *
 * @example
 * ```ts
 * import { DistributedEntry, SessionTracer } from 'spanwise';
 * import { messageAttributes } from 'spanwise/messaging';
 *
 * SessionTracer.init({ project: 'shop' });
 *
 * class Orders {
 *   @DistributedEntry({ attributes: messageAttributes })
 *   async placed(_payload: object): Promise<void> {}
 * }
 *
 * const headers = { baggage: Buffer.from('session_id=s-1') };
 * await new Orders().placed({ topic: 'orders', partition: 0, message: { offset: '7', value: null, headers } });
 * ```
 * Produces a CONSUMER span with `messaging.system.name: kafka`, `messaging.destination.name: orders`, …:
 * ```text
 * Orders.placed [tool] CONSUMER session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @category Messages
 */
export function messageAttributes(...args: unknown[]): Attributes {
  return attributesOfMessage(args);
}

/**
 * Headers as message attributes of SQS and SNS, of which a message may have ten.
 *
 * @param headers what `withProducerSpan` or `injectContextIntoCarrier({})` gives
 * @returns `MessageAttributes`; empty values, which SQS refuses, are left out, and it never throws
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession } from 'spanwise';
 * import { sqsAttributes, withProducerSpan } from 'spanwise/messaging';
 *
 * SessionTracer.init({ project: 'shop' });
 * withSession('s-1', () =>
 *   withProducerSpan({ system: 'aws.sqs', destination: 'orders' }, (headers) => {
 *     const MessageAttributes = sqsAttributes(headers); // of a SendMessageCommand
 *     console.log(MessageAttributes['traceparent']?.DataType); // String
 *   }),
 * );
 * ```
 * @category Messages
 */
export function sqsAttributes(headers: Headers): Record<string, { DataType: 'String'; StringValue: string }> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );
}

/**
 * Headers as the options of a BullMQ job, where BullMQ's own telemetry keeps them too.
 *
 * @param headers what `withProducerSpan` or `injectContextIntoCarrier({})` gives
 * @returns job options, to be spread beside others; none, and never an error, if there are no headers
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession } from 'spanwise';
 * import { jobOptions, withProducerSpan } from 'spanwise/messaging';
 *
 * SessionTracer.init({ project: 'shop' });
 * withSession('s-1', () =>
 *   withProducerSpan({ system: 'bullmq', destination: 'orders' }, (headers) => {
 *     const options = { attempts: 3, ...jobOptions(headers) }; // of queue.add('placed', order, options)
 *     console.log(options.telemetry?.metadata.includes('session_id=s-1')); // true
 *   }),
 * );
 * ```
 * @category Messages
 */
export function jobOptions(headers: Headers): { telemetry?: { metadata: string } } {
  return Object.keys(headers).length === 0 ? {} : { telemetry: { metadata: JSON.stringify(headers) } };
}

/**
 * Headers as publish options of MQTT 5.
 *
 * @param headers what `withProducerSpan` or `injectContextIntoCarrier({})` gives
 * @returns options with user properties, to be spread beside others; none if there are no headers, because the mqtt
 *   client never sends a message with an empty set of them; it never throws
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession } from 'spanwise';
 * import { mqttOptions, withProducerSpan } from 'spanwise/messaging';
 *
 * SessionTracer.init({ project: 'shop' });
 * withSession('s-1', () =>
 *   withProducerSpan({ system: 'mqtt', destination: 'orders' }, (headers) => {
 *     const options = { qos: 1, ...mqttOptions(headers) }; // of client.publishAsync('orders', payload, options)
 *     console.log(Object.keys(options.properties?.userProperties ?? {}).join()); // traceparent,baggage
 *   }),
 * );
 * ```
 * @category Messages
 */
export function mqttOptions(headers: Headers): { properties?: { userProperties: Headers } } {
  return Object.keys(headers).length === 0 ? {} : { properties: { userProperties: headers } };
}
