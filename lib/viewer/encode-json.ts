/**
 * Writes spans as OTLP/JSON again, as any OpenTelemetry receiver takes them.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import {
  SPAN_KINDS,
  STATUSES,
  type AttributeMap,
  type AttributeValue,
  type ReceivedSpan,
} from './received-span.js';

/** A trace request with these spans, grouped by resource and scope. */
export function encodeJson(spans: Iterable<ReceivedSpan>): { resourceSpans: object[] } {
  const resources = new Map<AttributeMap, Map<string, { scope: ReceivedSpan['scope']; spans: object[] }>>();
  for (const span of spans) {
    const scopes =
      resources.get(span.resource) ?? new Map<string, { scope: ReceivedSpan['scope']; spans: object[] }>();
    resources.set(span.resource, scopes);
    const key = JSON.stringify(span.scope);
    const group = scopes.get(key) ?? { scope: span.scope, spans: [] };
    scopes.set(key, group);
    group.spans.push(spanOf(span));
  }
  return {
    resourceSpans: Array.from(resources, ([resource, scopes]) => ({
      resource: { attributes: attributesOf(resource) },
      scopeSpans: [...scopes.values()],
    })),
  };
}

function spanOf(span: ReceivedSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    ...(span.traceState === undefined ? {} : { traceState: span.traceState }),
    name: span.name,
    kind: SPAN_KINDS.indexOf(span.kind),
    startTimeUnixNano: nanos(span.startTime),
    endTimeUnixNano: nanos(span.endTime),
    attributes: attributesOf(span.attributes),
    // Which of the three counts it was is not kept; their sum is.
    ...(span.dropped === undefined ? {} : { droppedAttributesCount: span.dropped }),
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      timeUnixNano: nanos(time),
      attributes: attributesOf(attributes),
    })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({
      traceId,
      spanId,
      attributes: attributesOf(attributes),
    })),
    status: {
      ...(span.status === 'unset' ? {} : { code: STATUSES.indexOf(span.status) }),
      ...(span.statusMessage === undefined ? {} : { message: span.statusMessage }),
    },
  };
}

function attributesOf(attributes: AttributeMap): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: attributesOf(value) } };
}

/** Milliseconds with microseconds as fractions, as nanoseconds in decimal digits. */
function nanos(ms: number): string {
  return `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;
}
