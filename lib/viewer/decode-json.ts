/**
 * Decodes OTLP/JSON: the standard form, and the one of HoneyHive's Python SDK, which writes kinds and status codes
 * by name and roots with `parentSpanId: null`.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import {
  DecodeError,
  finiteOrText,
  integerOrText,
  MAX_VALUE_DEPTH,
  SPAN_KINDS,
  SpanCollector,
  STATUSES,
  type AttributeMap,
  type AttributeValue,
  type DecodedTraces,
  type ReceivedSpan,
} from './received-span.js';

type Json = Record<string, unknown>;

/** The spans of a request body; throws `DecodeError` if it is not one. */
export function decodeJson(body: Buffer): DecodedTraces {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw new DecodeError('the body is not JSON');
  }
  if (!isObject(parsed)) throw new DecodeError('the body is not a trace request');
  const collector = new SpanCollector();
  for (const resourceSpans of list(parsed['resourceSpans'], 'resourceSpans')) {
    if (!isObject(resourceSpans)) throw new DecodeError('resourceSpans holds something that is no object');
    const resource = object(resourceSpans['resource']);
    const attributes = attributesOf(resource['attributes'], collector, 0);
    // The name from before 1.0, which older senders still use.
    const scopes = resourceSpans['scopeSpans'] ?? resourceSpans['instrumentationLibrarySpans'];
    for (const scopeSpans of list(scopes, 'scopeSpans')) {
      if (!isObject(scopeSpans)) throw new DecodeError('scopeSpans holds something that is no object');
      const scope = scopeOf(object(scopeSpans['scope']));
      for (const span of list(scopeSpans['spans'], 'spans')) {
        collector.count();
        if (isObject(span)) collector.add(spanOf(span, attributes, scope, collector));
        else collector.reject('a span is no object');
      }
    }
  }
  return collector.result;
}

function scopeOf(scope: Json): ReceivedSpan['scope'] {
  const version = text(scope['version']);
  return version === '' ? { name: text(scope['name']) } : { name: text(scope['name']), version };
}

function spanOf(
  json: Json,
  resource: AttributeMap,
  scope: ReceivedSpan['scope'],
  collector: SpanCollector,
): ReceivedSpan {
  const status = object(json['status']);
  const span: ReceivedSpan = {
    traceId: id(json['traceId']),
    spanId: id(json['spanId']),
    name: text(json['name']),
    kind: SPAN_KINDS[enumOf(json['kind'], 'SPAN_KIND_', SPAN_KINDS)] ?? 'unspecified',
    startTime: nanosAsMs(json['startTimeUnixNano']),
    endTime: nanosAsMs(json['endTimeUnixNano']),
    attributes: attributesOf(json['attributes'], collector, 0),
    events: list(json['events'], 'events').map((event) => {
      collector.count();
      const { name, timeUnixNano, attributes } = object(event);
      return {
        name: text(name),
        time: nanosAsMs(timeUnixNano),
        attributes: attributesOf(attributes, collector, 0),
      };
    }),
    links: list(json['links'], 'links').map((link) => {
      collector.count();
      const { traceId, spanId, attributes } = object(link);
      return {
        traceId: id(traceId),
        spanId: id(spanId),
        attributes: attributesOf(attributes, collector, 0),
      };
    }),
    status: STATUSES[enumOf(status['code'], 'STATUS_CODE_', STATUSES)] ?? 'unset',
    resource,
    scope,
  };
  const parentSpanId = id(json['parentSpanId']);
  if (parentSpanId !== '') span.parentSpanId = parentSpanId;
  const traceState = text(json['traceState']);
  if (traceState !== '') span.traceState = traceState;
  const statusMessage = text(status['message']);
  if (statusMessage !== '') span.statusMessage = statusMessage;
  const dropped =
    count(json['droppedAttributesCount']) +
    count(json['droppedEventsCount']) +
    count(json['droppedLinksCount']);
  if (dropped > 0) span.dropped = dropped;
  return span;
}

/** An enum's number, whether it came as one or by name. */
function enumOf(value: unknown, prefix: string, names: readonly string[]): number {
  if (typeof value !== 'string') return typeof value === 'number' ? value : 0;
  if (/^\d+$/.test(value)) return Number(value);
  return Math.max(0, names.indexOf(value.replace(prefix, '').toLowerCase()));
}

function attributesOf(value: unknown, collector: SpanCollector, depth: number): AttributeMap {
  const attributes = Object.create(null) as AttributeMap;
  for (const pair of list(value, 'attributes')) {
    collector.count();
    if (!isObject(pair) || typeof pair['key'] !== 'string') continue;
    attributes[pair['key']] = anyValue(pair['value'], collector, depth);
  }
  return attributes;
}

function anyValue(value: unknown, collector: SpanCollector, depth: number): AttributeValue {
  if (depth > MAX_VALUE_DEPTH)
    throw new DecodeError(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`);
  collector.count();
  if (!isObject(value)) return null;
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (intValue !== undefined && intValue !== null) return integer(intValue);
  if (doubleValue !== undefined && doubleValue !== null) return double(doubleValue);
  if (isObject(arrayValue)) {
    return list(arrayValue['values'], 'values').map((one) => anyValue(one, collector, depth + 1));
  }
  if (isObject(kvlistValue)) return attributesOf(kvlistValue['values'], collector, depth + 1);
  return typeof bytesValue === 'string' ? bytesValue : null;
}

function integer(value: unknown): AttributeValue {
  if (typeof value === 'number') return finiteOrText(value);
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? integerOrText(BigInt(value)) : null;
}

function double(value: unknown): AttributeValue {
  if (typeof value === 'number') return finiteOrText(value);
  if (typeof value !== 'string' || value.trim() === '') return null;
  const number = Number(value);
  return Number.isNaN(number) ? value : finiteOrText(number);
}

function nanosAsMs(value: unknown): number {
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return Number(BigInt(value) / 1_000n) / 1_000;
  return typeof value === 'number' && value >= 0 ? Math.floor(value / 1_000) / 1_000 : 0;
}

function id(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 33).toLowerCase() : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

/** A list that may be missing; anything else in its place makes the request unreadable. */
function list(value: unknown, name: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new DecodeError(`${name} is no list`);
  return value;
}
