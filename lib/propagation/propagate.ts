/**
 * The helpers: headers into a carrier, headers out of one, and a function run as the caller's continuation.
 *
 * They speak Spanwise's formats whoever's propagator is the global one, and also when there is none.
 */
import { context as contextApi, type Context, type TextMapSetter } from '@opentelemetry/api';
import { warn, warnError } from '../diagnostics.js';
import { trustIn, withOwner, type Trust } from '../tracer/owner.js';
import { resolveOwner, type TracerChoice } from '../tracer/registry.js';
import type { BaggageAllowList } from './admit.js';
import { writeCarrier } from './carrier.js';
import { namedCarrier } from './find-carrier.js';
import { withoutEnded } from './message-context.js';
import { mayReceiveBaggage } from './propagate-to.js';
import { propagatorOf } from './propagator.js';
import { enterContext } from './trust.js';

/** Options of `injectContextIntoCarrier`. */
export interface InjectOptions {
  /** Whose identity is sent where nothing arrived: a tracer or its name; the current one unless given. */
  readonly tracer?: TracerChoice;
  /** Where the carrier goes; needed for baggage if the tracer limits it with `propagateTo`. */
  readonly url?: string | URL | undefined;
}

/** Options of `extractContextFromCarrier`. */
export interface ExtractOptions {
  /** Whose spans run in the context: a tracer or its name; the current one unless given. */
  readonly tracer?: TracerChoice;
  /** What is done with the caller; the tracer's `trust` unless given. */
  readonly trust?: Trust | undefined;
  /** Inbound allow-list of baggage keys. */
  readonly baggage?: BaggageAllowList | undefined;
}

/** Options of `withDistributedTraceContext`. */
export interface DistributedOptions extends ExtractOptions {
  /** A session id that wins over the caller's. */
  readonly sessionId?: string | undefined;
}

const CARRIER_SETTER: TextMapSetter = {
  set: (carrier: unknown, key: string, value: string) => void writeCarrier(carrier, key, value),
};

/**
 * Writes the active trace, session, project and source into a carrier, for the next service to continue.
 *
 * Keys that are there already and are no trace headers stay.
 *
 * @param carrier a plain object, `Headers`, a `Map`, a list of pairs, gRPC metadata, NATS headers or an outgoing request
 * @param options the tracer, and where the carrier goes
 * @returns the carrier; what cannot be written is reported as `SPW_CARRIER`
 * @example
 * ```ts
 * import { injectContextIntoCarrier, SessionTracer, withSession, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop', source: 'client' });
 * await withSession('s-1', () =>
 *   withSpan('order', async () => {
 *     const headers = injectContextIntoCarrier({ accept: 'text/plain' } as Record<string, string>);
 *     console.log(Object.keys(headers).join()); // accept,traceparent,baggage
 *     await fetch('http://localhost:4318/', { headers }); // baggage: session_id=s-1,project=shop,source=client,…
 *   }),
 * );
 * ```
 * @see https://www.w3.org/TR/trace-context-2/
 * @category Propagation
 */
export function injectContextIntoCarrier<C>(carrier: C, options: InjectOptions = {}): C {
  try {
    const active = contextApi.active();
    const owner = resolveOwner(options.tracer, active);
    const context = options.tracer === undefined || owner === undefined ? active : withOwner(active, owner);
    const hosts = owner?.settings.propagateTo;
    if (hosts !== undefined && options.url === undefined) {
      warn(
        'SPW_TRUST',
        'propagateTo is set and no url was given, so no baggage is sent; pass { url }',
        'url',
      );
    }
    const allowed = mayReceiveBaggage(options.url, hosts);
    propagatorOf(owner).injectFor(owner, context, carrier, CARRIER_SETTER, allowed);
  } catch (error) {
    warnError('SPW_INTERNAL', 'headers could not be written', error);
  }
  return carrier;
}

/**
 * Reads a caller's trace and baggage into a context.
 *
 * @param carrier anything that holds headers, a request or a message; what is none gives the active context
 * @param options the tracer, trust and the baggage that is let in
 * @returns the context to run in, or to start spans in; malformed headers are reported as `SPW_TRACEPARENT` or `SPW_BAGGAGE`
 * @example
 * ```ts
 * import { context } from '@opentelemetry/api';
 * import { extractContextFromCarrier, SessionTracer, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * const headers = {
 *   traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
 *   baggage: 'session_id=s-1',
 * };
 * context.with(extractContextFromCarrier(headers), () => withSpan('handle', () => undefined));
 * ```
 * A child of the caller's span, in its session:
 * ```text
 * handle [tool] session=s-1 (parent is remote)
 * ```
 * @see https://www.w3.org/TR/trace-context-2/
 * @category Propagation
 */
export function extractContextFromCarrier(carrier: unknown, options: ExtractOptions = {}): Context {
  return enterFor(carrier, options ?? {});
}

/**
 * Runs a function as the continuation of a caller: its spans join the caller's trace and session.
 *
 * @param carrier anything that holds headers, a request or a message; null and garbage have nothing to say
 * @param fn what to run; it is given the context
 * @returns what `fn` returns; a promise keeps the context across its awaits
 * @throws whatever `fn` throws; the context is restored on every path
 * @example
 * ```ts
 * import { SessionTracer, withDistributedTraceContext, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * const headers = {
 *   traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
 *   baggage: 'session_id=s-1',
 * };
 * await withDistributedTraceContext(headers, () => withSpan('handle', async () => 'an answer'));
 * ```
 * A child of the caller's span, in its session:
 * ```text
 * handle [tool] session=s-1 (parent is remote)
 * ```
 * @see https://www.w3.org/TR/trace-context-2/
 * @category Propagation
 */
export function withDistributedTraceContext<T>(carrier: unknown, fn: (context: Context) => T): T;
/**
 * The same, with options.
 *
 * @param carrier anything that holds headers, a request or a message; null and garbage have nothing to say
 * @param options the tracer, a session id that wins, trust, and the baggage that is let in
 * @param fn what to run; it is given the context
 * @returns what `fn` returns
 * @example
 * ```ts
 * import { SessionTracer, withDistributedTraceContext, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * const headers = { baggage: 'session_id=s-1' };
 * withDistributedTraceContext(headers, { sessionId: 's-2' }, () => withSpan('handle', () => undefined));
 * ```
 * What is said wins over what arrived:
 * ```text
 * handle [tool] session=s-2
 * ```
 */
export function withDistributedTraceContext<T>(
  carrier: unknown,
  options: DistributedOptions | undefined,
  fn: (context: Context) => T,
): T;
export function withDistributedTraceContext<T>(
  carrier: unknown,
  optionsOrFn: DistributedOptions | undefined | ((context: Context) => T),
  maybeFn?: (context: Context) => T,
): T {
  const fn = typeof optionsOrFn === 'function' ? optionsOrFn : (maybeFn as (context: Context) => T);
  const options = typeof optionsOrFn === 'function' ? {} : (optionsOrFn ?? {});
  const context = enterFor(carrier, options);
  return contextApi.with(context, () => fn(context));
}

function enterFor(carrier: unknown, options: DistributedOptions): Context {
  const active = contextApi.active();
  try {
    const owner = resolveOwner(options.tracer, active);
    const found = namedCarrier(carrier);
    const entered = enterContext(
      found.carrier,
      {
        trust: trustIn(options) ?? owner?.settings.trust ?? 'continue',
        sessionId: options.sessionId,
        newSession: false,
        baggage: options.baggage,
        owner,
        ownContext: options.tracer !== undefined,
      },
      found.message ? withoutEnded(active) : active,
    );
    return entered.context;
  } catch (error) {
    warnError('SPW_INTERNAL', 'a caller could not be looked at; the call goes on without it', error);
    return active;
  }
}
