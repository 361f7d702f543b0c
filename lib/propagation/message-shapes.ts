/**
 * What a message of a queue or a call of another protocol looks like, and where its headers are.
 *
 * As with requests, what an argument *is* is told by bytes, methods and classes that plain data cannot have; a message
 * whose headers were dropped on the way is still a message.
 */
import { HEADER_BAGGAGE, HEADER_TRACEPARENT } from '../conventions.js';
import { looksLikeCarrier } from './carrier.js';
import {
  dataOf,
  describe,
  isBytes,
  isGrpcMetadata,
  isNatsHeaders,
  isObject,
  isPlain,
  ownValue,
} from './carrier-shapes.js';

/** What an argument was recognised as. */
export interface Candidate {
  readonly carrier: unknown;
  readonly kind: 'request' | 'container' | 'message';
  /** Whose message it is, and the message as its own client gave it. */
  readonly system?: MessageSystem;
  readonly source?: object | undefined;
}

/** The kinds of messages that are told apart. */
export type MessageSystem =
  'kafka' | 'rabbitmq' | 'nats' | 'mqtt' | 'bullmq' | 'redis' | 'aws.sqs' | 'gcp.pubsub';

/** The longest text of a message that is parsed for headers, in characters: what SQS lets through. */
const MAX_ENVELOPE = 1_048_576;
/** How many messages of a batch are looked at. */
const MAX_BATCH = 1_000;

const message = (carrier: unknown, system: MessageSystem, source: object | undefined): Candidate => ({
  carrier,
  kind: 'message',
  system,
  source,
});
const request = (carrier: unknown): Candidate => ({ carrier, kind: 'request' });

/**
 * Recognises a message, or a call of gRPC or MCP.
 *
 * @param value an argument; may throw if it is hostile
 * @param depth how many wrappers were taken off
 */
export function recogniseMessage(value: object, depth: number): Candidate | undefined {
  const metadata = dataOf(value, 'metadata');
  if (isGrpcMetadata(metadata)) return request(metadata);
  if (typeof dataOf(value, 'getArgByIndex') === 'function') return nestContext(value, depth);
  // NATS: a message answers, and its headers come from a getter of its class.
  if (typeof dataOf(value, 'respond') === 'function' && describe(value, 'subject') !== undefined) {
    const headers = (value as { headers?: unknown }).headers;
    if (headers === undefined || isNatsHeaders(headers)) return message(headers, 'nats', value);
  }
  return (
    kafkaMessage(value) ??
    amqpMessage(value) ??
    mqttPacket(value) ??
    bullJob(value) ??
    pubSubMessage(value) ??
    mcpCall(value) ??
    // kafkajs hands over { topic, partition, message }.
    (depth === 0 ? kafkaPayload(value) : undefined)
  );
}

function kafkaMessage(value: object): Candidate | undefined {
  if (!Object.hasOwn(value, 'value') || !Object.hasOwn(value, 'offset')) return undefined;
  const headers = ownValue(value, 'headers');
  // Bytes somewhere, since JSON has none and could otherwise pass for a message.
  const bytes = isBytes(ownValue(value, 'value')) || isBytes(ownValue(value, 'key'));
  return bytes || (isObject(headers) && holdsBytes(headers)) ? message(headers, 'kafka', value) : undefined;
}

function holdsBytes(headers: object): boolean {
  return isBytes(ownValue(headers, HEADER_TRACEPARENT)) || isBytes(ownValue(headers, HEADER_BAGGAGE));
}

function kafkaPayload(value: object): Candidate | undefined {
  const inner = ownValue(value, 'message');
  if (!isObject(inner) || typeof ownValue(value, 'topic') !== 'string') return undefined;
  return recogniseMessage(inner, 1);
}

function amqpMessage(value: object): Candidate | undefined {
  const properties = ownValue(value, 'properties');
  const known =
    isObject(properties) && isBytes(ownValue(value, 'content')) && isObject(ownValue(value, 'fields'));
  return known ? message(ownValue(properties, 'headers'), 'rabbitmq', value) : undefined;
}

/** The packet that the mqtt client hands over beside topic and payload; only MQTT 5 has user properties. */
function mqttPacket(value: object): Candidate | undefined {
  if (dataOf(value, 'cmd') !== 'publish' || !isBytes(dataOf(value, 'payload'))) return undefined;
  const properties = dataOf(value, 'properties');
  const carrier = isObject(properties) ? ownValue(properties, 'userProperties') : undefined;
  return message(carrier, 'mqtt', value);
}

/** BullMQ keeps a place for headers beside the job's data: a text in its options, which its telemetry fills too. */
function bullJob(value: object): Candidate | undefined {
  if (typeof dataOf(value, 'moveToCompleted') !== 'function' || isPlain(value)) return undefined;
  const options = ownValue(value, 'opts');
  const telemetry = isObject(options) ? ownValue(options, 'telemetry') : undefined;
  const carrier = isObject(telemetry) ? parsed(ownValue(telemetry, 'metadata')) : undefined;
  return message(carrier, 'bullmq', value);
}

function pubSubMessage(value: object): Candidate | undefined {
  const attributes = ownValue(value, 'attributes');
  const known =
    isObject(attributes) && isBytes(ownValue(value, 'data')) && typeof dataOf(value, 'ack') === 'function';
  return known ? message(attributes, 'gcp.pubsub', value) : undefined;
}

/** What an MCP server hands to a tool beside its arguments. */
function mcpCall(value: object): Candidate | undefined {
  if (typeof ownValue(value, 'sendNotification') !== 'function') return undefined;
  const meta = ownValue(value, '_meta');
  if (isObject(meta) && looksLikeCarrier(meta)) return request(meta);
  const info = ownValue(value, 'requestInfo');
  return isObject(info) ? request(ownValue(info, 'headers')) : undefined;
}

/** The second argument of NestJS's message handlers, a class per transport around what the transport's client gave. */
function nestContext(value: object, depth: number): Candidate | undefined {
  const args = ownValue(value, 'args');
  if (depth > 0 || !Array.isArray(args)) return undefined;
  const has = (name: string): boolean => typeof dataOf(value, name) === 'function';
  if (has('getPacket')) return inside(args[1]) ?? message(undefined, 'mqtt', undefined);
  if (has('getChannelRef')) return inside(args[0]) ?? message(undefined, 'rabbitmq', undefined);
  if (has('getMessage')) {
    // Its value and headers are parsed already: there are no bytes to know it by.
    const source = isObject(args[0]) ? args[0] : undefined;
    return message(source === undefined ? undefined : ownValue(source, 'headers'), 'kafka', source);
  }
  if (has('getHeaders') && has('getSubject')) return message(args[1], 'nats', undefined);
  if (!has('getMetadata')) return undefined;
  return has('getChannel') ? message(args[1], 'redis', undefined) : request(args[2]);
}

function inside(wrapped: unknown): Candidate | undefined {
  return isObject(wrapped) ? recogniseMessage(wrapped, 1) : undefined;
}

/**
 * Recognises a message of SQS, as its SDK or Lambda hands it over. It is plain data, so anything surer goes before it.
 *
 * @param value plain data
 */
export function sqsMessage(value: object): Candidate | undefined {
  if (!isPlain(value)) return undefined;
  const handle = ownValue(value, 'ReceiptHandle') ?? ownValue(value, 'receiptHandle');
  if (typeof handle !== 'string') return undefined;
  const attributes = ownValue(value, 'MessageAttributes') ?? ownValue(value, 'messageAttributes');
  const own = isObject(attributes) && looksLikeCarrier(attributes);
  const inner = own ? undefined : snsAttributes(ownValue(value, 'Body') ?? ownValue(value, 'body'));
  return message(inner ?? attributes, 'aws.sqs', value);
}

/** What SNS puts into a queue is an envelope, which holds the attributes of what was published. */
function snsAttributes(body: unknown): unknown {
  if (typeof body !== 'string' || !body.includes('"TopicArn"')) return undefined;
  const envelope = parsed(body);
  if (!isObject(envelope) || ownValue(envelope, 'Type') !== 'Notification') return undefined;
  const attributes = ownValue(envelope, 'MessageAttributes');
  return isObject(attributes) ? attributes : undefined;
}

/** An object from its JSON, or undefined. */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string' || text.length > MAX_ENVELOPE || !/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The messages of a batch: a list of messages, or what kafkajs hands to `eachBatch`.
 *
 * @param value an argument; may throw if it is hostile
 * @param recogniseOne what tells a message
 * @returns what each was recognised as, or undefined if it is no batch
 */
export function batchOf(
  value: object,
  recogniseOne: (value: object) => Candidate | undefined = recogniseSurely,
): readonly (Candidate | undefined)[] | undefined {
  const messages = Array.isArray(value) ? value : kafkaBatch(value);
  if (messages === undefined || messageIn(messages[0], recogniseOne) === undefined) return undefined;
  return messages.slice(0, MAX_BATCH).map((item: unknown) => messageIn(item, recogniseOne));
}

/** A batch of SQS, which is plain data like its messages. */
export function sqsBatch(value: object): ReturnType<typeof batchOf> {
  return Array.isArray(value) ? batchOf(value, sqsMessage) : undefined;
}

function recogniseSurely(value: object): Candidate | undefined {
  return recogniseMessage(value, 0);
}

function kafkaBatch(value: object): readonly unknown[] | undefined {
  if (typeof ownValue(value, 'resolveOffset') !== 'function') return undefined;
  const batch = ownValue(value, 'batch');
  const messages = isObject(batch) ? ownValue(batch, 'messages') : undefined;
  return Array.isArray(messages) ? messages : undefined;
}

function messageIn(
  item: unknown,
  recogniseOne: (value: object) => Candidate | undefined,
): Candidate | undefined {
  const found = isObject(item) ? recogniseOne(item) : undefined;
  return found?.kind === 'message' ? found : undefined;
}
