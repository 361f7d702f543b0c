/**
 * Which span is meant: by name, or by some of what it holds.
 */
import { SpanKind, SpanStatusCode, type AttributeValue } from '@opentelemetry/api';
import { ATTR_EVENT_TYPE, ATTR_OTEL_SESSION_ID, ATTR_SESSION_ID, type EventType } from '../conventions.js';
import type { ReadableSpan } from '../tracer/sdk-contract.js';

/**
 * A recorded span.
 *
 * @category Testing
 */
export type RecordedSpan = ReadableSpan;

/**
 * What an attribute must be: a value, an expression for texts, or a matcher such as `expect.any(Number)`.
 *
 * @category Testing
 */
export type ExpectedAttribute =
  AttributeValue | undefined | RegExp | { asymmetricMatch(other: unknown): boolean };

/**
 * Expected attributes by key; `undefined` means that there is none.
 *
 * @category Testing
 */
export type ExpectedAttributes = Readonly<Record<string, ExpectedAttribute>>;

/**
 * What a span must hold, of what is given.
 *
 * @category Testing
 */
export interface SpanPattern {
  /** The whole name, or an expression that finds something in it. */
  name?: string | RegExp;
  kind?: keyof typeof SpanKind | SpanKind;
  status?: 'unset' | 'ok' | 'error';
  eventType?: EventType;
  /** The session that the span carries. */
  session?: string | RegExp;
  attributes?: ExpectedAttributes;
  /** The parent's name; null for a span without a parent. */
  parent?: string | null;
}

/**
 * A span's name, or what it must hold.
 *
 * @category Testing
 */
export type SpanQuery = string | RegExp | SpanPattern;

/** The session that a span carries. */
export function sessionOf(span: RecordedSpan): string | undefined {
  const session = span.attributes[ATTR_SESSION_ID] ?? span.attributes[ATTR_OTEL_SESSION_ID];
  return typeof session === 'string' ? session : undefined;
}

/** The id of a span's parent. */
export function parentIdOf(span: RecordedSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}

/** A span's status as a word. */
export function statusOf(span: RecordedSpan): 'unset' | 'ok' | 'error' {
  return span.status.code === SpanStatusCode.ERROR
    ? 'error'
    : span.status.code === SpanStatusCode.OK
      ? 'ok'
      : 'unset';
}

/** Whether a value is what was expected. */
export function isExpected(value: unknown, expected: unknown): boolean {
  if (Object.is(value, expected)) return true;
  if (typeof expected !== 'object' || expected === null) return false;
  const { asymmetricMatch } = expected as { asymmetricMatch?: unknown };
  if (typeof asymmetricMatch === 'function') return asymmetricMatch.call(expected, value) === true;
  if (expected instanceof RegExp) return typeof value === 'string' && value.search(expected) >= 0;
  return (
    Array.isArray(expected) &&
    Array.isArray(value) &&
    value.length === expected.length &&
    expected.every((item, index) => isExpected(value[index], item))
  );
}

/** The keys of expected attributes that the span does not hold so. */
export function wrongAttributes(span: RecordedSpan, expected: ExpectedAttributes): string[] {
  return Object.keys(expected).filter((key) => {
    const value = Object.hasOwn(span.attributes, key) ? span.attributes[key] : undefined;
    return !isExpected(value, expected[key]);
  });
}

/**
 * Tells whether a span is the one that is meant.
 *
 * @param span the span
 * @param query its name, or what it must hold
 * @param all where its parent is looked up
 */
export function isMeant(span: RecordedSpan, query: SpanQuery, all: readonly RecordedSpan[]): boolean {
  const pattern = typeof query === 'string' || query instanceof RegExp ? { name: query } : query;
  const { name, kind, status, eventType, session, attributes, parent } = pattern;
  return (
    (name === undefined || isExpected(span.name, name)) &&
    (kind === undefined || span.kind === (typeof kind === 'string' ? SpanKind[kind] : kind)) &&
    (status === undefined || statusOf(span) === status) &&
    (eventType === undefined || span.attributes[ATTR_EVENT_TYPE] === eventType) &&
    (session === undefined || isExpected(sessionOf(span), session)) &&
    (attributes === undefined || wrongAttributes(span, attributes).length === 0) &&
    (parent === undefined || isChildOf(span, parent, all))
  );
}

function isChildOf(span: RecordedSpan, parent: string | null, all: readonly RecordedSpan[]): boolean {
  const id = parentIdOf(span);
  if (parent === null) return id === undefined;
  return id !== undefined && parentOf(span, all)?.name === parent;
}

/** A span's parent among others. */
export function parentOf(span: RecordedSpan, all: readonly RecordedSpan[]): RecordedSpan | undefined {
  const id = parentIdOf(span);
  const { traceId } = span.spanContext();
  if (id === undefined) return undefined;
  return all.find((other) => other.spanContext().spanId === id && other.spanContext().traceId === traceId);
}
