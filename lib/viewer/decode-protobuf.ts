/**
 * Decodes OTLP's `ExportTraceServiceRequest` from protobuf.
 *
 * It is written by hand because OpenTelemetry's transformer only encodes, and because a receiver needs bounds
 * that general decoders do not have. Fields that are not known, or have another type than expected, are skipped.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#binary-protobuf-encoding
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
  type ReceivedLink,
  type ReceivedSpan,
  type ReceivedSpanEvent,
} from './received-span.js';
import { BYTES, FIXED64, tagOf, VARINT, WireReader } from './wire-reader.js';

// Every message below numbers these fields as the OTLP protocol does.
const F1 = tagOf(1, BYTES);
const F2 = tagOf(2, BYTES);
const F3 = tagOf(3, BYTES);
const F4 = tagOf(4, BYTES);

/** The spans of a request body; throws `DecodeError` if it is not one. */
export function decodeProtobuf(body: Buffer): DecodedTraces {
  const collector = new SpanCollector();
  const reader = new WireReader(body);
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) resourceSpans(reader.message(), collector);
    else reader.skip(tag);
  }
  return collector.result;
}

function resourceSpans(reader: WireReader, collector: SpanCollector): void {
  // A sender may write the resource after its spans.
  const scopes: WireReader[] = [];
  const resource = emptyMap();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) attributesOf(reader.message(), F1, resource, collector);
    else if (tag === F2) {
      collector.count();
      scopes.push(reader.message());
    } else reader.skip(tag);
  }
  for (const scope of scopes) scopeSpans(scope, resource, collector);
}

function scopeSpans(reader: WireReader, resource: AttributeMap, collector: SpanCollector): void {
  const spans: WireReader[] = [];
  let scope: ReceivedSpan['scope'] = { name: '' };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) scope = scopeOf(reader.message());
    else if (tag === F2) {
      collector.count();
      spans.push(reader.message());
    } else reader.skip(tag);
  }
  for (const span of spans) collector.add(spanOf(span, resource, scope, collector));
}

function scopeOf(reader: WireReader): ReceivedSpan['scope'] {
  const scope: ReceivedSpan['scope'] = { name: '' };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) scope.name = reader.string();
    else if (tag === F2) scope.version = reader.string();
    else reader.skip(tag);
  }
  return scope;
}

function spanOf(
  reader: WireReader,
  resource: AttributeMap,
  scope: ReceivedSpan['scope'],
  collector: SpanCollector,
): ReceivedSpan {
  const span: ReceivedSpan = {
    traceId: '',
    spanId: '',
    name: '',
    kind: 'unspecified',
    startTime: 0,
    endTime: 0,
    attributes: emptyMap(),
    events: [],
    links: [],
    status: 'unset',
    resource,
    scope,
  };
  let dropped = 0;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    switch (tag) {
      case F1:
        span.traceId = reader.hex();
        break;
      case F2:
        span.spanId = reader.hex();
        break;
      case F3:
        span.traceState = reader.string();
        break;
      case F4:
        span.parentSpanId = reader.hex();
        break;
      case tagOf(5, BYTES):
        span.name = reader.string();
        break;
      case tagOf(6, VARINT):
        span.kind = SPAN_KINDS[reader.uint32()] ?? 'unspecified';
        break;
      case tagOf(7, FIXED64):
        span.startTime = reader.nanosAsMs();
        break;
      case tagOf(8, FIXED64):
        span.endTime = reader.nanosAsMs();
        break;
      case tagOf(9, BYTES):
        keyValue(reader.message(), span.attributes, collector, 0);
        break;
      case tagOf(11, BYTES):
        span.events.push(eventOf(reader.message(), collector));
        break;
      case tagOf(13, BYTES):
        span.links.push(linkOf(reader.message(), collector));
        break;
      case tagOf(10, VARINT):
      case tagOf(12, VARINT):
      case tagOf(14, VARINT):
        dropped += reader.uint32();
        break;
      case tagOf(15, BYTES):
        statusOf(reader.message(), span);
        break;
      default:
        reader.skip(tag);
    }
  }
  if (dropped > 0) span.dropped = dropped;
  if (span.traceState === '') delete span.traceState;
  return span;
}

function eventOf(reader: WireReader, collector: SpanCollector): ReceivedSpanEvent {
  collector.count();
  const event: ReceivedSpanEvent = { name: '', time: 0, attributes: emptyMap() };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === tagOf(1, FIXED64)) event.time = reader.nanosAsMs();
    else if (tag === F2) event.name = reader.string();
    else if (tag === F3) keyValue(reader.message(), event.attributes, collector, 0);
    else reader.skip(tag);
  }
  return event;
}

function linkOf(reader: WireReader, collector: SpanCollector): ReceivedLink {
  collector.count();
  const link: ReceivedLink = { traceId: '', spanId: '', attributes: emptyMap() };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) link.traceId = reader.hex();
    else if (tag === F2) link.spanId = reader.hex();
    else if (tag === F4) keyValue(reader.message(), link.attributes, collector, 0);
    else reader.skip(tag);
  }
  return link;
}

function statusOf(reader: WireReader, span: ReceivedSpan): void {
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F2) span.statusMessage = reader.string();
    else if (tag === tagOf(3, VARINT)) span.status = STATUSES[reader.uint32()] ?? 'unset';
    else reader.skip(tag);
  }
  if (span.statusMessage === '') delete span.statusMessage;
}

function attributesOf(reader: WireReader, field: number, into: AttributeMap, collector: SpanCollector): void {
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === field) keyValue(reader.message(), into, collector, 0);
    else reader.skip(tag);
  }
}

function keyValue(reader: WireReader, into: AttributeMap, collector: SpanCollector, depth: number): void {
  collector.count();
  let key = '';
  let value: AttributeValue = null;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) key = reader.string();
    else if (tag === F2) value = anyValue(reader.message(), collector, depth);
    else reader.skip(tag);
  }
  into[key] = value;
}

function anyValue(reader: WireReader, collector: SpanCollector, depth: number): AttributeValue {
  if (depth > MAX_VALUE_DEPTH)
    throw new DecodeError(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`);
  collector.count();
  let value: AttributeValue = null;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    switch (tag) {
      case F1:
        value = reader.string();
        break;
      case tagOf(2, VARINT):
        value = reader.bool();
        break;
      case tagOf(3, VARINT):
        value = integerOrText(reader.int64());
        break;
      case tagOf(4, FIXED64):
        value = finiteOrText(reader.double());
        break;
      case tagOf(5, BYTES):
        value = arrayValue(reader.message(), collector, depth + 1);
        break;
      case tagOf(6, BYTES):
        value = mapValue(reader.message(), collector, depth + 1);
        break;
      case tagOf(7, BYTES):
        value = reader.base64();
        break;
      default:
        reader.skip(tag);
    }
  }
  return value;
}

function arrayValue(reader: WireReader, collector: SpanCollector, depth: number): AttributeValue[] {
  const values: AttributeValue[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) values.push(anyValue(reader.message(), collector, depth));
    else reader.skip(tag);
  }
  return values;
}

function mapValue(reader: WireReader, collector: SpanCollector, depth: number): AttributeMap {
  const values = emptyMap();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === F1) keyValue(reader.message(), values, collector, depth);
    else reader.skip(tag);
  }
  return values;
}

function emptyMap(): AttributeMap {
  return Object.create(null) as AttributeMap;
}
