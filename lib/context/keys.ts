/**
 * The keys under which Spanwise keeps things in an OpenTelemetry context.
 *
 * They are `Symbol.for` keys, so that two copies of this package (ESM beside CJS) understand each other.
 */
import { createContextKey } from '@opentelemetry/api';

/** The tracer that spans started in this context belong to. */
export const OWNER_KEY = createContextKey('spanwise.v1.owner');
/** Which identity entries of the baggage are only defaults of a tracer, and of which. */
export const DEFAULTS_KEY = createContextKey('spanwise.v1.identity-defaults');
/** Which identity entries someone chose in this process, so that what arrives does not replace them. */
export const CHOSEN_KEY = createContextKey('spanwise.v1.identity-chosen');
/** The span that arrived from outside, as our propagator read it, with the trust that was given to it. */
export const REMOTE_KEY = createContextKey('spanwise.v1.remote');
/** The decorated member whose span is active, so that stacked decorators share one span. */
export const MEMBER_KEY = createContextKey('spanwise.v1.member');
/** The request that a middleware has let in, whose server span is above. */
export const SERVED_KEY = createContextKey('spanwise.v1.served');
/**
 * What is found there. It names no request: some contexts live on in timers and resources, and with them each request
 * would have outlived the collection of young garbage (5 kB per request of Express).
 */
export interface Served {
  readonly carrier: unknown;
  /** The server span, which is no other request's. */
  span: unknown;
  /** Whether it is a request of Node's that has not been answered yet. */
  waiting: boolean;
}
/** The headers of a service mesh that an entry's caller sent, to be passed on. */
export const MESH_KEY = createContextKey('spanwise.v1.mesh');
/** The message that is being handled, where the handler itself is not given it. */
export const MESSAGE_KEY = createContextKey('spanwise.v1.message');
/** OpenTelemetry's own mark for work that must not be traced; the string is the one its SDKs look for. */
export const SUPPRESS_TRACING_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
