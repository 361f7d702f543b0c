/**
 * What arrived from outside, as it is remembered in a context.
 *
 * Once a span runs under the caller's span, the context alone no longer tells which span that was, nor which
 * baggage came with it. An entry needs both: to see that the active span already descends from the caller's, and
 * to take back what it does not trust.
 */
import { trace, type Baggage, type Context, type Link, type SpanContext } from '@opentelemetry/api';
import { REMOTE_KEY } from '../context/keys.js';
import type { Trust } from '../tracer/owner.js';

/** A caller, as it was read from a carrier. */
export interface Remote {
  /** The caller's span; undefined if only baggage arrived. */
  readonly spanContext: SpanContext | undefined;
  /** What was done with it. */
  readonly trust: Trust;
  /** The baggage that was let in. */
  readonly baggage: Baggage | undefined;
}

/**
 * The caller that a context remembers.
 *
 * @param context any context
 * @returns what our propagator or an entry read, or undefined
 */
export function remoteOf(context: Context): Remote | undefined {
  return context.getValue(REMOTE_KEY) as Remote | undefined;
}

/** The context with a caller remembered in it. */
export function withRemote(context: Context, remote: Remote): Context {
  return context.setValue(REMOTE_KEY, remote);
}

/**
 * The links that the first span in a context owes: to a caller that `trust: 'link'` did not make its parent.
 *
 * @param context where a span is about to start
 * @returns one link, or none if a span is active already or the caller was continued
 */
export function linksOf(context: Context): Link[] {
  const remote = remoteOf(context);
  if (remote?.trust !== 'link' || remote.spanContext === undefined) return [];
  return trace.getSpan(context) === undefined ? [linkTo(remote.spanContext)] : [];
}

/** A link to a caller, without the trace state: that is text of a stranger, and would be exported. */
export function linkTo(spanContext: SpanContext): Link {
  return {
    context: {
      traceId: spanContext.traceId,
      spanId: spanContext.spanId,
      traceFlags: spanContext.traceFlags,
      isRemote: true,
    },
  };
}
