/**
 * OTLP JSON: proto3's JSON mapping with OTLP's two exceptions, hexadecimal ids and enums as integers.
 *
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { Attributes, Link } from '@opentelemetry/api';
import { ATTR_TRUNCATED } from '../conventions.js';
import type { HrTime } from '@opentelemetry/api';
import type { InstrumentationScope, ReadableSpan, Resource, TimedEvent } from '../tracer/sdk-contract.js';
import { OVER_LIMIT, utf8 } from './byte-writer.js';
import {
  cutsFor,
  cutText,
  fitsInt64,
  isIdentity,
  KEPT_ATTRIBUTES,
  MAX_VALUE_DEPTH,
  otlpFlags,
  type Cut,
  type EncodedSpan,
  type GroupHead,
  type RequestLayout,
  type SpanEncoder,
} from './span-encoder.js';

type Json = Record<string, unknown>;

let cut: Cut = { text: Infinity, details: false };
let truncated = false;
/** Characters that may still be written, so that a giant is noticed before it is stringified. */
let budget = Infinity;

function text(value: string): string {
  const kept = cutText(value, cut.text);
  if (kept.length !== value.length) truncated = true;
  budget -= kept.length;
  if (budget < 0) throw OVER_LIMIT;
  return kept;
}

function anyValue(value: unknown, depth: number): Json {
  budget -= 4;
  if (budget < 0) throw OVER_LIMIT;
  switch (typeof value) {
    case 'string':
      return { stringValue: text(value) };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      if (fitsInt64(value))
        return { intValue: Number.isSafeInteger(value) ? String(value) : String(BigInt(value)) };
      return { doubleValue: Number.isFinite(value) ? value : String(value) };
    case 'bigint':
      return BigInt.asIntN(64, value) === value
        ? { intValue: String(value) }
        : { stringValue: text(String(value)) };
    case 'object':
      return value === null || depth >= MAX_VALUE_DEPTH ? {} : objectValue(value, depth);
    default:
      return {};
  }
}

function objectValue(value: object, depth: number): Json {
  if (value instanceof Uint8Array) {
    const bytes = value.length > cut.text ? value.subarray(0, cut.text) : value;
    if (bytes !== value) truncated = true;
    return { bytesValue: text(base64(bytes)) };
  }
  if (Array.isArray(value)) {
    const values: Json[] = [];
    for (const item of value) values.push(anyValue(item, depth + 1));
    return { arrayValue: { values } };
  }
  const values = Object.keys(value).map((key) => keyValue(key, (value as Json)[key], depth + 1));
  return { kvlistValue: { values } };
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

function keyValue(key: string, value: unknown, depth: number): Json {
  return { key: text(key), value: anyValue(value, depth) };
}

function attributes(values: Attributes | undefined): { list: Json[]; left: number } {
  const list: Json[] = [];
  let left = 0;
  for (const key of Object.keys(values ?? {})) {
    if (cut.details && list.length >= KEPT_ATTRIBUTES && !isIdentity(key)) left++;
    else list.push(keyValue(key, values?.[key], 0));
  }
  return { list, left };
}

let lastSecond = -1;
let lastNanos = 0n;

function nanos(time: HrTime): string {
  const seconds = Math.trunc(time[0]);
  if (seconds !== lastSecond) {
    lastSecond = seconds;
    lastNanos = BigInt(seconds) * 1_000_000_000n;
  }
  return String(lastNanos + BigInt(Math.trunc(time[1])));
}

function event(value: TimedEvent): Json {
  return {
    timeUnixNano: nanos(value.time),
    name: text(value.name),
    attributes: attributes(value.attributes).list,
    droppedAttributesCount: value.droppedAttributesCount ?? 0,
  };
}

function link(value: Link): Json {
  const target = value.context;
  return {
    traceId: target.traceId,
    spanId: target.spanId,
    traceState: target.traceState?.serialize(),
    attributes: attributes(value.attributes).list,
    droppedAttributesCount: value.droppedAttributesCount ?? 0,
    flags: otlpFlags(target.traceFlags, target.isRemote),
  };
}

function toJson(span: ReadableSpan): Json {
  const context = span.spanContext();
  const events = span.events ?? [];
  const links = span.links ?? [];
  const { list, left } = attributes(span.attributes);
  const json: Json = {
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    traceState: context.traceState?.serialize(),
    name: text(span.name),
    kind: (span.kind ?? -1) + 1,
    startTimeUnixNano: nanos(span.startTime),
    endTimeUnixNano: nanos(span.endTime),
    attributes: list,
    droppedAttributesCount: (span.droppedAttributesCount ?? 0) + left,
    events: cut.details ? [] : events.map(event),
    droppedEventsCount: (span.droppedEventsCount ?? 0) + (cut.details ? events.length : 0),
    status: {
      code: span.status.code,
      message: span.status.message === undefined ? undefined : text(span.status.message),
    },
    links: cut.details ? [] : links.map(link),
    droppedLinksCount: (span.droppedLinksCount ?? 0) + (cut.details ? links.length : 0),
    flags: otlpFlags(context.traceFlags, span.parentSpanContext?.isRemote),
  };
  if (truncated || cut.details) list.push(keyValue(ATTR_TRUNCATED, true, 0));
  return json;
}

/** Records end in a comma and a line break, which JSON allows between values and texts never contain. */
const RECORD_END = ',\n';
const LINE_BREAK = 0x0a;

function encode(span: ReadableSpan, maxBytes: number): EncodedSpan {
  for (const each of cutsFor(maxBytes)) {
    cut = each;
    truncated = false;
    budget = maxBytes;
    try {
      const record = utf8(JSON.stringify(toJson(span)) + RECORD_END);
      if (record.length <= maxBytes) return { record, truncated: truncated || each.details };
    } catch (error) {
      if (error !== OVER_LIMIT) throw error;
    }
  }
  throw new Error(`it does not fit into ${maxBytes} bytes even without its attributes`);
}

function encodeGroup(resource: Resource, scope: InstrumentationScope): GroupHead {
  cut = { text: Infinity, details: false };
  budget = Infinity;
  const { schemaUrl } = resource as { schemaUrl?: string };
  const more = scope as { attributes?: Attributes; droppedAttributesCount?: number };
  const resourceJson = { attributes: attributes(resource.attributes).list, droppedAttributesCount: 0 };
  const scopeJson: Json = { name: scope.name, version: scope.version };
  if (more.attributes !== undefined && Object.keys(more.attributes).length > 0) {
    scopeJson['attributes'] = attributes(more.attributes).list;
    scopeJson['droppedAttributesCount'] = more.droppedAttributesCount ?? 0;
  }
  return {
    resourceHead: utf8(`{"resource":${JSON.stringify(resourceJson)},"scopeSpans":[`),
    resourceTail: utf8(schemaUrl ? `],"schemaUrl":${JSON.stringify(schemaUrl)}}` : ']}'),
    scopeHead: utf8(`{"scope":${JSON.stringify(scopeJson)},"spans":[`),
    scopeTail: utf8(scope.schemaUrl ? `],"schemaUrl":${JSON.stringify(scope.schemaUrl)}}` : ']}'),
  };
}

const BODY_HEAD = utf8('{"resourceSpans":[');
const BODY_TAIL = utf8(']}');
const COMMA = utf8(',');

function assemble(layout: RequestLayout): Uint8Array[] {
  const pieces = [BODY_HEAD];
  layout.forEach(({ head, scopes }, index) => {
    if (index > 0) pieces.push(COMMA);
    pieces.push(head.resourceHead);
    scopes.forEach(({ head: scopeHead, slices }, position) => {
      if (position > 0) pieces.push(COMMA);
      pieces.push(scopeHead.scopeHead);
      slices.forEach((slice, at) => {
        pieces.push(at === slices.length - 1 ? slice.subarray(0, slice.length - RECORD_END.length) : slice);
      });
      pieces.push(scopeHead.scopeTail);
    });
    pieces.push(head.resourceTail);
  });
  pieces.push(BODY_TAIL);
  return pieces;
}

function recordEnd(bytes: Uint8Array, start: number): number {
  const end = bytes.indexOf(LINE_BREAK, start);
  return end < 0 ? bytes.length : end + 1;
}

function nameOf(record: Uint8Array): string {
  const json = new TextDecoder().decode(record.subarray(0, record.length - RECORD_END.length));
  return String((JSON.parse(json) as { name?: unknown }).name ?? '');
}

/** OTLP over JSON. */
export const jsonEncoder: SpanEncoder = {
  protocol: 'http/json',
  contentType: 'application/json',
  encode,
  encodeGroup,
  assemble,
  recordEnd,
  nameOf,
};
