/**
 * What is different where a message enters and not a request: it may come through a connection that a request has
 * opened, and it may come with others.
 */
import { ROOT_CONTEXT, trace, TraceFlags, type Context, type Link } from '@opentelemetry/api';
import type { SpanOwner, Trust } from '../tracer/owner.js';
import { propagatorOf } from './propagator.js';
import { linkTo } from './remote.js';

/** As many links as a span keeps unless its limits say otherwise. */
const MAX_LINKS = 128;

/**
 * The context without a request that has ended.
 *
 * A client that was connected inside a request hands over every message in that request's context, for as long as the
 * connection lives. Nothing of it is the message's.
 *
 * @param active the context in which a message arrived
 */
export function withoutEnded(active: Context): Context {
  const span = trace.getSpan(active);
  if (span === undefined || span.isRecording()) return active;
  const own = span.spanContext();
  const ended = (own.traceFlags & TraceFlags.SAMPLED) !== 0 && own.isRemote !== true;
  return ended ? ROOT_CONTEXT : active;
}

/**
 * Links to the callers of a batch, which are no parents because a span has one.
 *
 * @param carriers what carries each message's headers
 * @param owner the tracer of the batch
 * @param trust what is done with callers; `restart` links to none
 * @returns one link for each caller's span
 */
export function linksOfBatch(carriers: readonly unknown[], owner: SpanOwner, trust: Trust): Link[] {
  if (trust === 'restart') return [];
  const links = new Map<string, Link>();
  for (const carrier of carriers) {
    if (links.size === MAX_LINKS) break;
    const caller = propagatorOf(owner).arrived(carrier, undefined, ROOT_CONTEXT).spanContext;
    if (caller !== undefined) links.set(`${caller.traceId} ${caller.spanId}`, linkTo(caller));
  }
  return [...links.values()];
}
