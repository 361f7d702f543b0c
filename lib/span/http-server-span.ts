/**
 * Tells the span of a served HTTP request, by whichever library it was made.
 */
import { SpanKind, type Span } from '@opentelemetry/api';
import { ATTR_HTTP_METHOD, ATTR_OLD_HTTP_METHOD } from '../conventions.js';

/**
 * Whether a span is the server span of an HTTP request: an entry below it needs no second one.
 *
 * @param span any span; one that does not record says nothing of itself
 */
export function isHttpServerSpan(span: Span | undefined): boolean {
  const { kind, attributes } = (span ?? {}) as {
    kind?: unknown;
    attributes?: Readonly<Record<string, unknown>>;
  };
  if (kind !== SpanKind.SERVER || typeof attributes !== 'object' || attributes === null) return false;
  return attributes[ATTR_HTTP_METHOD] !== undefined || attributes[ATTR_OLD_HTTP_METHOD] !== undefined;
}
