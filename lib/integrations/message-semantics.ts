/**
 * OpenTelemetry's semantic conventions for messages that are handled: what a message says of itself.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_KAFKA_OFFSET,
  ATTR_MESSAGING_BATCH_COUNT,
  ATTR_MESSAGING_BODY_SIZE,
  ATTR_MESSAGING_CONVERSATION,
  ATTR_MESSAGING_DESTINATION,
  ATTR_MESSAGING_ID,
  ATTR_MESSAGING_OPERATION,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_PARTITION,
  ATTR_MESSAGING_SYSTEM,
  ATTR_RABBITMQ_ROUTING_KEY,
} from '../conventions.js';
import { dataOf, isBytes, isObject, ownValue } from '../propagation/carrier-shapes.js';
import {
  batchOf,
  recogniseMessage,
  sqsBatch,
  sqsMessage,
  type Candidate,
  type MessageSystem,
} from '../propagation/message-shapes.js';

/** The longest text that is taken from a message, in characters: names of queues, not what was sent. */
const MAX_TEXT = 256;
const PROCESS = 'process';

/** What a message tells, each only if it is there. */
interface Facts {
  destination?: unknown;
  partition?: unknown;
  id?: unknown;
  conversation?: unknown;
  size?: unknown;
  offset?: unknown;
  routingKey?: unknown;
}

type Describe = (source: object, within: object) => Facts;

const DESCRIPTIONS: Readonly<Record<MessageSystem, Describe>> = {
  kafka: (source, within) => {
    const nest = nestArgs(within);
    const batch = ownValue(within, 'batch');
    const place = isObject(batch) ? batch : within;
    return {
      destination: ownValue(place, 'topic') ?? nest?.[2],
      partition: ownValue(place, 'partition') ?? nest?.[1],
      offset: ownValue(source, 'offset'),
      size: sizeOf(ownValue(source, 'value')),
    };
  },
  rabbitmq: (source) => {
    const fields = ownValue(source, 'fields');
    const properties = ownValue(source, 'properties');
    const routingKey = isObject(fields) ? ownValue(fields, 'routingKey') : undefined;
    const exchange = isObject(fields) ? ownValue(fields, 'exchange') : undefined;
    return {
      destination: [exchange, routingKey].filter((part) => typeof part === 'string' && part !== '').join(':'),
      routingKey,
      id: isObject(properties) ? ownValue(properties, 'messageId') : undefined,
      conversation: isObject(properties) ? ownValue(properties, 'correlationId') : undefined,
      size: sizeOf(ownValue(source, 'content')),
    };
  },
  nats: (source, within) => ({
    // The members of NATS's messages are getters of its class.
    destination: nestArgs(within)?.[0] ?? (source as { subject?: unknown }).subject,
  }),
  mqtt: (source) => ({ destination: dataOf(source, 'topic'), size: sizeOf(dataOf(source, 'payload')) }),
  bullmq: (source) => {
    const queue = ownValue(source, 'queue');
    return {
      destination: isObject(queue) ? ownValue(queue, 'name') : undefined,
      id: ownValue(source, 'id'),
    };
  },
  redis: (_source, within) => ({ destination: nestArgs(within)?.[0] }),
  'aws.sqs': (source) => ({
    destination: queueOf(ownValue(source, 'eventSourceARN')),
    id: ownValue(source, 'MessageId') ?? ownValue(source, 'messageId'),
  }),
  'gcp.pubsub': (source) => ({ id: ownValue(source, 'id'), size: sizeOf(ownValue(source, 'data')) }),
};

/** What is around a message in NestJS. */
function nestArgs(within: object): readonly unknown[] | undefined {
  const args = ownValue(within, 'args');
  return Array.isArray(args) ? args : undefined;
}

function sizeOf(body: unknown): number | undefined {
  return isBytes(body) ? body.byteLength : undefined;
}

function queueOf(arn: unknown): unknown {
  return typeof arn === 'string' ? arn.slice(arn.lastIndexOf(':') + 1) : undefined;
}

/**
 * The attributes of the message, or the batch of messages, among the arguments of a call.
 *
 * @param args the call's arguments
 * @returns its attributes, or none if no message is among them; never throws
 */
export function attributesOfMessage(args: readonly unknown[]): Attributes {
  for (const argument of args) {
    if (!isObject(argument)) continue;
    try {
      const batch = batchOf(argument) ?? sqsBatch(argument);
      if (batch !== undefined) return ofBatch(batch, argument);
      const found = recogniseMessage(argument, 0) ?? sqsMessage(argument);
      if (found?.kind === 'message') return describe(found, argument);
    } catch {
      // A hostile argument is no message.
    }
  }
  return {};
}

function ofBatch(batch: readonly (Candidate | undefined)[], within: object): Attributes {
  const attributes: Attributes = {};
  const first = describe(batch[0] as Candidate, within);
  // What is told of a batch is what all of its messages share.
  for (const name of [ATTR_MESSAGING_SYSTEM, ATTR_MESSAGING_OPERATION, ATTR_MESSAGING_OPERATION_TYPE]) {
    attributes[name] = first[name];
  }
  if (!Array.isArray(within)) {
    attributes[ATTR_MESSAGING_DESTINATION] = first[ATTR_MESSAGING_DESTINATION];
    attributes[ATTR_MESSAGING_PARTITION] = first[ATTR_MESSAGING_PARTITION];
  }
  attributes[ATTR_MESSAGING_BATCH_COUNT] = batch.length;
  return attributes;
}

function describe(found: Candidate, within: object): Attributes {
  const system = found.system as MessageSystem;
  const facts = DESCRIPTIONS[system](found.source ?? {}, within);
  const offset = typeof facts.offset === 'string' ? Number(facts.offset) : facts.offset;
  const attributes: Attributes = {
    [ATTR_MESSAGING_SYSTEM]: system,
    [ATTR_MESSAGING_OPERATION]: PROCESS,
    [ATTR_MESSAGING_OPERATION_TYPE]: PROCESS,
  };
  const text = (name: string, value: unknown): void => {
    const given = typeof value === 'number' ? String(value) : value;
    if (typeof given === 'string' && given !== '') attributes[name] = given.slice(0, MAX_TEXT);
  };
  text(ATTR_MESSAGING_DESTINATION, facts.destination);
  text(ATTR_MESSAGING_PARTITION, facts.partition);
  text(ATTR_MESSAGING_ID, facts.id);
  text(ATTR_MESSAGING_CONVERSATION, facts.conversation);
  text(ATTR_RABBITMQ_ROUTING_KEY, facts.routingKey);
  if (typeof facts.size === 'number') attributes[ATTR_MESSAGING_BODY_SIZE] = facts.size;
  if (typeof offset === 'number' && Number.isSafeInteger(offset)) attributes[ATTR_KAFKA_OFFSET] = offset;
  return attributes;
}
