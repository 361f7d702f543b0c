/**
 * Turns a span into an event, the way HoneyHive's documentation describes its ingestion.
 *
 * How HoneyHive makes event ids from span ids is not known. The UUID made here from trace and span id, the fields
 * `trace_id`, `span_id`, `parent_span_id`, `span_kind` and `service_name`, and the session of a span that names
 * none (made from its trace id) are conventions of this viewer.
 */
import { createHash } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_ERROR,
  ATTR_EVENT_ID,
  ATTR_EVENT_NAME,
  ATTR_EVENT_TYPE,
  ATTR_OTEL_SESSION_ID,
  ATTR_PARENT_ID,
  ATTR_PROJECT,
  ATTR_SESSION_AUTO_CREATE,
  ATTR_SESSION_ID,
  ATTR_SESSION_NAME,
  ATTR_SOURCE,
  EVENT_TYPES,
  TRACELOOP_PREFIX,
  type EventType,
} from '../conventions.js';
import type { HoneyHiveEvent } from '../honeyhive/event.js';
import { detectEventType } from '../processor/event-type.js';
import type { AttributeMap, AttributeValue, ReceivedSpan } from './received-span.js';
import { unflatten } from './unflatten.js';

/** Event fields that are objects, by the attribute prefix that fills them. */
const NAMESPACES = {
  honeyhive_inputs: 'inputs',
  honeyhive_outputs: 'outputs',
  honeyhive_metadata: 'metadata',
  honeyhive_metrics: 'metrics',
  honeyhive_feedback: 'feedback',
  honeyhive_config: 'config',
  honeyhive_user_properties: 'user_properties',
} as const;
type Namespace = (typeof NAMESPACES)[keyof typeof NAMESPACES];

/** Attributes that become fields of their own. */
const CONSUMED = new Set([
  ATTR_SESSION_ID,
  ATTR_PROJECT,
  ATTR_SOURCE,
  ATTR_PARENT_ID,
  ATTR_SESSION_NAME,
  ATTR_SESSION_AUTO_CREATE,
  ATTR_ERROR,
  ATTR_EVENT_ID,
  ATTR_EVENT_NAME,
  ATTR_EVENT_TYPE,
]);

/** The event id of a span that names none itself. */
export function eventIdOfSpan(traceId: string, spanId: string): string {
  return uuidFrom(`${traceId}/${spanId}`);
}

/** The session that spans of a trace belong to which name no session. */
export function sessionIdOfTrace(traceId: string): string {
  return uuidFrom(`${traceId}/session`);
}

/** The session id that a span carries, if it does. */
export function stampedSessionId(span: ReceivedSpan): string | undefined {
  return textAttribute(
    span.attributes,
    ATTR_SESSION_ID,
    `${TRACELOOP_PREFIX}session_id`,
    ATTR_OTEL_SESSION_ID,
  );
}

/** The service that a span was made in. */
export function serviceOf(span: ReceivedSpan): string {
  return textAttribute(span.resource, 'service.name') ?? 'unknown_service';
}

/** The error of a span in one line, or null. */
export function errorOf(span: ReceivedSpan): string | null {
  const told = textAttribute(span.attributes, ATTR_ERROR);
  if (told !== undefined) return told;
  if (span.status === 'error') {
    const exception = span.events.find((event) => event.name === 'exception')?.attributes;
    return (
      span.statusMessage ??
      (exception && textAttribute(exception, 'exception.message', 'exception.type')) ??
      'error'
    );
  }
  const status = span.attributes['http.status_code'] ?? span.attributes['http.response.status_code'];
  return span.status === 'unset' && Number(status) >= 400 ? `HTTP ${String(status)}` : null;
}

/** The type of event that a span is. */
export function eventTypeOf(span: ReceivedSpan): EventType {
  const told = span.attributes[ATTR_EVENT_TYPE];
  if (EVENT_TYPES.includes(told as EventType)) return told as EventType;
  return detectEventType(span.attributes as Attributes) ?? 'tool';
}

/** The id that a span chose for its event, or the one that follows from its trace and span id. */
export function eventIdOf(span: ReceivedSpan): string {
  return textAttribute(span.attributes, ATTR_EVENT_ID) ?? eventIdOfSpan(span.traceId, span.spanId);
}

/**
 * The event of a span, without its place in the tree: `parent_id` is the session or what the span says,
 * and the store replaces it where the parent is a span.
 */
export function spanToEvent(span: ReceivedSpan): HoneyHiveEvent {
  const sessionId = stampedSessionId(span) ?? sessionIdOfTrace(span.traceId);
  const { attributes } = span;
  const fields = payloadOf(attributes);
  const { metadata, feedback } = fields;
  metadata['service.name'] ??= serviceOf(span);
  if (metadata['ground_truth'] !== undefined) feedback['ground_truth'] ??= metadata['ground_truth'];
  if (span.events.length > 0) metadata['_event'] ??= span.events.map(asAttributeMap);
  const event: HoneyHiveEvent = {
    event_id: eventIdOf(span),
    session_id: sessionId,
    parent_id: textAttribute(attributes, ATTR_PARENT_ID, `${TRACELOOP_PREFIX}parent_id`) ?? sessionId,
    source: textAttribute(attributes, ATTR_SOURCE, `${TRACELOOP_PREFIX}source`) ?? 'otlp',
    event_name: span.name,
    event_type: eventTypeOf(span),
    ...fields,
    error: errorOf(span),
    start_time: span.startTime,
    end_time: span.endTime,
    duration: Math.round((span.endTime - span.startTime) * 1_000) / 1_000,
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId ?? null,
    span_kind: span.kind,
    service_name: serviceOf(span),
  };
  const project = textAttribute(attributes, ATTR_PROJECT, `${TRACELOOP_PREFIX}project`);
  if (project !== undefined) event.project = project;
  return event;
}

function payloadOf(attributes: AttributeMap): Record<Namespace, AttributeMap> {
  const flat: Record<Namespace, [string, AttributeValue][]> = {
    inputs: [],
    outputs: [],
    metadata: [],
    metrics: [],
    feedback: [],
    config: [],
    user_properties: [],
  };
  const unknown: [string, AttributeValue][] = [];
  for (const key of Object.keys(attributes)) {
    if (CONSUMED.has(key)) continue;
    const dot = key.indexOf('.');
    const prefix = key.slice(0, dot);
    const namespace = Object.hasOwn(NAMESPACES, prefix)
      ? NAMESPACES[prefix as keyof typeof NAMESPACES]
      : undefined;
    if (namespace === undefined) unknown.push([key, attributes[key]!]);
    else flat[namespace].push([key.slice(dot + 1), attributes[key]!]);
  }
  const fields = Object.fromEntries(
    Object.entries(flat).map(([namespace, entries]) => [namespace, unflatten(entries)]),
  ) as Record<Namespace, AttributeMap>;
  // What nobody claims stays in the metadata under its flat key.
  for (const [key, value] of unknown) fields.metadata[key] ??= value;
  return fields;
}

function asAttributeMap(event: ReceivedSpan['events'][number]): AttributeMap {
  return { name: event.name, time: event.time, attributes: event.attributes };
}

/** The first of these attributes that is a text and not empty. */
export function textAttribute(attributes: AttributeMap, ...keys: string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

/** A UUID (version 5 in form) that follows from a text. */
function uuidFrom(name: string): string {
  const bytes = createHash('sha1').update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
