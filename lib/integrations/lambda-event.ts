/**
 * What a function of AWS Lambda was invoked with: what triggered it, and where its caller's headers are.
 *
 * The shapes are those of AWS's documentation. An event is data of a stranger: it is read property by property, and
 * what is not as expected is no trigger.
 */
import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_FAAS_TIME,
  ATTR_FAAS_TRIGGER,
  ATTR_HTTP_ROUTE,
  ATTR_MESSAGING_BATCH_COUNT,
  ATTR_MESSAGING_DESTINATION,
  ATTR_MESSAGING_ID,
  ATTR_MESSAGING_OPERATION,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_SYSTEM,
} from '../conventions.js';
import { readCarrier } from '../propagation/carrier.js';
import { isObject, ownValue } from '../propagation/carrier-shapes.js';
import { sqsMessage } from '../propagation/message-shapes.js';
import { methodForName, serverAttributes } from './http-semantics.js';

/** What is known of an invocation from its event. */
export interface Trigger {
  /** How the span is named; the function's name where the event gives none. */
  readonly name: string | undefined;
  /** Whether messages came, and not a request. */
  readonly consumer: boolean;
  /** Whether the result is an HTTP response. */
  readonly http: boolean;
  /** Where the callers' headers are: one of a request, one per message. */
  readonly carriers: readonly unknown[];
  readonly attributes: Attributes;
}

const MAX_RECORDS = 10_000;

/**
 * Tells what a function was invoked with.
 *
 * @param event the event, anything
 * @param clientContext what a direct caller gave along; its `custom` part may hold headers
 */
export function triggerOf(event: unknown, clientContext: unknown): Trigger {
  const found = isObject(event) ? (messages(event) ?? request(event) ?? eventBridge(event)) : undefined;
  return found ?? direct(clientContext);
}

function request(event: object): Trigger | undefined {
  const context = objectAt(event, 'requestContext');
  if (context === undefined) return undefined;
  const http = objectAt(context, 'http');
  const method = textAt(http, 'method') ?? textAt(event, 'httpMethod') ?? textAt(context, 'httpMethod');
  const route = routeOf(event, context);
  const carrier = objectAt(event, 'multiValueHeaders') ?? objectAt(event, 'headers');
  const isSocket = textAt(context, 'connectionId') !== undefined && method === undefined;
  if (method === undefined && !isSocket) return undefined;
  if (method === undefined) {
    // A message on a WebSocket has no headers; the one that connects has.
    return trigger('http', { name: route, carriers: [carrier] });
  }
  const path = textAt(http, 'path') ?? textAt(event, 'rawPath') ?? textAt(event, 'path') ?? '/';
  const query = queryOf(event);
  const { attributes } = serverAttributes({
    method,
    target: query === '' ? path : `${path}?${query}`,
    scheme: header(carrier, 'x-forwarded-proto') ?? 'https',
    host: header(carrier, 'host') ?? textAt(context, 'domainName'),
    userAgent: header(carrier, 'user-agent'),
    clientAddress: textAt(http, 'sourceIp') ?? textAt(objectAt(context, 'identity'), 'sourceIp'),
    protocolVersion: (textAt(http, 'protocol') ?? textAt(context, 'protocol'))?.replace(/^HTTP\//i, ''),
  });
  if (route !== undefined) attributes[ATTR_HTTP_ROUTE] = route;
  const name = methodForName(method) + (route === undefined ? '' : ` ${route}`);
  return trigger('http', { name, http: true, carriers: [carrier], attributes });
}

/** The route's template: of API Gateway's REST APIs, or of its HTTP and WebSocket APIs; load balancers have none. */
function routeOf(event: object, context: object): string | undefined {
  const resource = textAt(event, 'resource') ?? textAt(context, 'resourcePath');
  if (resource !== undefined) return resource;
  const key = textAt(event, 'routeKey') ?? textAt(context, 'routeKey');
  if (key === undefined || (key.startsWith('$') && objectAt(context, 'http') !== undefined)) return undefined;
  return key.replace(/^[A-Z]+ /, '');
}

function queryOf(event: object): string {
  const raw = textAt(event, 'rawQueryString');
  if (raw !== undefined) return raw;
  const values =
    objectAt(event, 'multiValueQueryStringParameters') ?? objectAt(event, 'queryStringParameters');
  const pairs: string[] = [];
  for (const [name, given] of Object.entries(values ?? {}).slice(0, 100)) {
    for (const value of Array.isArray(given) ? given.slice(0, 100) : [given]) {
      if (typeof value === 'string') pairs.push(`${name}=${value}`);
    }
  }
  return pairs.join('&');
}

function messages(event: object): Trigger | undefined {
  const records = ownValue(event, 'Records');
  const first: unknown = Array.isArray(records) ? records[0] : undefined;
  if (!isObject(first)) return undefined;
  const list = (records as unknown[]).slice(0, MAX_RECORDS).filter(isObject);
  const source = textAt(first, 'eventSource') ?? textAt(first, 'EventSource') ?? '';
  if (source === 'aws:sqs') {
    return batch('aws.sqs', list, {
      destination: (record) => textAt(record, 'eventSourceARN')?.split(':').at(-1),
      id: (record) => textAt(record, 'messageId'),
      carrier: (record) => sqsMessage(record)?.carrier,
    });
  }
  if (source === 'aws:sns') {
    const sns = (record: object): object | undefined => objectAt(record, 'Sns');
    return batch('aws.sns', list, {
      destination: (record) => textAt(sns(record), 'TopicArn')?.split(':').at(-1),
      id: (record) => textAt(sns(record), 'MessageId'),
      carrier: (record) => objectAt(sns(record), 'MessageAttributes'),
    });
  }
  // Streams, buckets and tables tell of data, and of no caller.
  return trigger('datasource', { consumer: true });
}

interface Reading {
  destination(record: object): string | undefined;
  id(record: object): string | undefined;
  carrier(record: object): unknown;
}

function batch(system: string, records: readonly object[], reading: Reading): Trigger {
  const destinations = new Set(records.map((record) => reading.destination(record)));
  const [only] = destinations;
  const destination = destinations.size === 1 ? only : undefined;
  const attributes: Attributes = {
    [ATTR_MESSAGING_SYSTEM]: system,
    [ATTR_MESSAGING_OPERATION]: 'process',
    [ATTR_MESSAGING_OPERATION_TYPE]: 'process',
  };
  if (destination !== undefined) attributes[ATTR_MESSAGING_DESTINATION] = destination;
  const id = reading.id(records[0] as object);
  if (records.length > 1) attributes[ATTR_MESSAGING_BATCH_COUNT] = records.length;
  else if (id !== undefined) attributes[ATTR_MESSAGING_ID] = id;
  return trigger('pubsub', {
    name: `${destination ?? 'multiple_sources'} process`,
    consumer: true,
    // One without headers is one of the batch all the same.
    carriers: records.map((record) => reading.carrier(record) ?? {}),
    attributes,
  });
}

/** Events have no headers: senders put them into `_meta` of the detail. */
function eventBridge(event: object): Trigger | undefined {
  if (textAt(event, 'detail-type') === undefined || textAt(event, 'source') === undefined) return undefined;
  if (textAt(event, 'source') === 'aws.events') {
    const time = textAt(event, 'time');
    return trigger('timer', time === undefined ? {} : { attributes: { [ATTR_FAAS_TIME]: time } });
  }
  const carrier = objectAt(objectAt(event, 'detail'), '_meta');
  return trigger('pubsub', { consumer: true, carriers: [carrier] });
}

/** Invoked by another function or a person, who can give a client context along. */
function direct(clientContext: unknown): Trigger {
  const given = isObject(clientContext) ? clientContext : undefined;
  return trigger('other', { carriers: [objectAt(given, 'custom') ?? objectAt(given, 'Custom')] });
}

function trigger(
  kind: 'http' | 'pubsub' | 'datasource' | 'timer' | 'other',
  { name, consumer = false, http = false, carriers = [], attributes = {} }: Partial<Trigger>,
): Trigger {
  return {
    name,
    consumer,
    http,
    carriers: carriers.filter(isObject),
    attributes: { ...attributes, [ATTR_FAAS_TRIGGER]: kind },
  };
}

function header(carrier: object | undefined, name: string): string | undefined {
  const value = readCarrier(carrier, name);
  return Array.isArray(value) ? value[0] : value;
}

function textAt(value: object | undefined, key: string): string | undefined {
  const found = value === undefined ? undefined : ownValue(value, key);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function objectAt(value: object | undefined, key: string): object | undefined {
  const found = value === undefined ? undefined : ownValue(value, key);
  return isObject(found) ? found : undefined;
}
