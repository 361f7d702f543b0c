/**
 * What joins a log line to its trace and session.
 */
import { context, isSpanContextValid, trace } from '@opentelemetry/api';
import { identityOf } from '../context/identity.js';
import { LOG_SESSION_ID, LOG_SPAN_ID, LOG_TRACE_ID } from '../conventions.js';
import { resolveOwner } from '../tracer/registry.js';

/**
 * The ids of the active trace, span and session, for a logger's lines.
 *
 * @returns `trace_id`, `span_id` and `session_id`, as far as there are any; a new object at each call. It never throws
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession, withSpan } from 'spanwise';
 * import { logContext } from 'spanwise/http';
 *
 * SessionTracer.init({ project: 'shop' });
 * withSession('s-1', () =>
 *   withSpan('order', () => console.log(Object.keys(logContext()).join())), // trace_id,span_id,session_id
 * );
 * ```
 * With pino: `pino({ mixin: logContext })`.
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/
 * @category Frameworks
 */
export function logContext(): Record<string, string> {
  const ids: Record<string, string> = {};
  try {
    const active = context.active();
    const span = trace.getSpanContext(active);
    if (span !== undefined && isSpanContextValid(span)) {
      ids[LOG_TRACE_ID] = span.traceId;
      ids[LOG_SPAN_ID] = span.spanId;
    }
    const { sessionId } = identityOf(active, resolveOwner(undefined, active)?.identity);
    if (sessionId !== undefined) ids[LOG_SESSION_ID] = sessionId;
  } catch {
    // A line without ids is better than no line.
  }
  return ids;
}
