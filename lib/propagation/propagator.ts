/**
 * The propagator: trace context, baggage and identity, in the formats that are asked for.
 *
 * It is OpenTelemetry's `TextMapPropagator`, so other libraries' instrumentations send and read the same things;
 * and it is what our own helpers use, registered or not.
 */
import {
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Baggage,
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import { contextWithArrived } from '../context/context-node.js';
import {
  baggageWithIdentity,
  canonicalBaggage,
  DEFAULT_IDENTITY_KEYS,
  type IdentityKeys,
} from '../context/identity.js';
import {
  HEADER_B3,
  HEADER_B3_SAMPLED,
  HEADER_B3_SPAN_ID,
  HEADER_B3_TRACE_ID,
  HEADER_BAGGAGE,
  HEADER_TRACEPARENT,
  HEADER_TRACESTATE,
} from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import { trustIn, type SpanOwner, type Trust } from '../tracer/owner.js';
import { resolveOwner } from '../tracer/registry.js';
import { admit, type BaggageAllowList } from './admit.js';
import { writeB3, writeB3Multi, type WriteHeader } from './b3.js';
import {
  IDENTITY_SPELLINGS,
  parseBaggage,
  PLUS_IS_SPACE,
  writeBaggage,
  type BaggageReading,
} from './baggage-header.js';
import { isOrdinary, openCarrier, openOrdinary } from './carrier.js';
import { destinationOf } from './destination.js';
import { mayReceiveBaggage } from './propagate-to.js';
import { CARRIER_GETTER, readerOf, readFormat, type PropagationFormat } from './read-headers.js';
import { remoteOf, withRemote, type Remote } from './remote.js';
import { FLAG_RANDOM, isSpanId, isTraceId, tracestateOf, writeTraceparent } from './trace-context.js';

export type { PropagationFormat };

/**
 * What `SpanwisePropagator` can be told.
 *
 * @category Propagation
 */
export interface PropagatorOptions {
  /**
   * What is done with a caller: continue its trace, link to it, or start afresh.
   *
   * @default 'continue'
   */
  readonly trust?: Trust;
  /**
   * Trace headers that are written, and read in this order. Baggage is always W3C's.
   *
   * @default ['w3c']
   */
  readonly formats?: readonly PropagationFormat[];
  /** Other propagators, which run too: they are asked for a caller if none of the formats names one. */
  readonly extra?: readonly TextMapPropagator[];
  /** Inbound spellings of session, project and source; the default tracer's unless given. */
  readonly identityKeys?: IdentityKeys;
  /** The inbound baggage keys that are let in, beside identity; all of them unless given. */
  readonly allowBaggage?: BaggageAllowList;
}

/** What a carrier said, before any trust is applied to it. */
export interface Arrived {
  readonly spanContext: SpanContext | undefined;
  /** With identity under its canonical keys. */
  readonly baggage: Baggage | undefined;
  /** The `baggage` header as it came. */
  readonly header?: string | readonly string[];
}

/** A propagator that names no caller, and passes on what came with one. */
interface PassingOn {
  remember(context: Context, carrier: unknown): Context;
}

// The key under which OpenTelemetry's SDK says that what runs is telemetry itself.
const SUPPRESS_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * Reads and writes `traceparent`, `tracestate`, `baggage` and, on request, B3.
 *
 * Identity is in every header it writes, inside or outside of a span; nothing it reads can make it throw.
 *
 * @example
 * ```ts
 * import { propagation } from '@opentelemetry/api';
 * import { SpanwisePropagator } from 'spanwise';
 *
 * propagation.setGlobalPropagator(new SpanwisePropagator({ formats: ['w3c', 'b3'] }));
 * console.log(propagation.fields().join()); // baggage,traceparent,tracestate,b3
 * ```
 * @see https://www.w3.org/TR/trace-context-2/
 * @category Propagation
 */
export class SpanwisePropagator implements TextMapPropagator {
  readonly #trust: Trust;
  readonly #formats: readonly PropagationFormat[];
  readonly #extra: readonly TextMapPropagator[];
  readonly #identityKeys: IdentityKeys | undefined;
  readonly #allow: BaggageAllowList | undefined;
  #reading: { readonly keys: IdentityKeys; readonly how: BaggageReading } | undefined;

  /** @param options formats, trust and what is let in */
  constructor(options: PropagatorOptions = {}) {
    // A word that is not known must not mean more trust than was meant.
    this.#trust = trustOf(trustIn(options));
    this.#formats = listOf(options.formats, 'formats') ?? ['w3c'];
    this.#extra = listOf(options.extra, 'extra') ?? [];
    this.#identityKeys = options.identityKeys;
    this.#allow =
      options.allowBaggage === undefined ? undefined : (listOf(options.allowBaggage, 'allowBaggage') ?? []);
  }

  /** The inbound allow-list it was made with. */
  get allowBaggage(): BaggageAllowList | undefined {
    return this.#allow;
  }

  /** Whether no other propagator reads and writes with it. */
  get isAlone(): boolean {
    return this.#extra.length === 0;
  }

  /** The headers it may write. */
  fields(): string[] {
    const fields = new Set<string>([HEADER_BAGGAGE]);
    for (const format of this.#formats) {
      if (format === 'w3c') fields.add(HEADER_TRACEPARENT).add(HEADER_TRACESTATE);
      else if (format === 'b3') fields.add(HEADER_B3);
      else fields.add(HEADER_B3_TRACE_ID).add(HEADER_B3_SPAN_ID).add(HEADER_B3_SAMPLED);
    }
    for (const other of this.#extra) {
      try {
        for (const field of other.fields()) fields.add(field);
      } catch (error) {
        warnError('SPW_CALLBACK', 'a propagator failed to name its fields', error);
      }
    }
    return [...fields];
  }

  /** Writes the span and the baggage of a context into a carrier. */
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const owner = resolveOwner(undefined, context);
    const hosts = owner?.settings.propagateTo;
    const allowed = hosts === undefined || mayReceiveBaggage(destinationOf(context, carrier), hosts);
    this.injectFor(owner, context, carrier, setter, allowed);
  }

  /**
   * Writes for a certain tracer.
   *
   * @internal
   * @param owner whose identity is sent where nothing arrived
   * @param withBaggage whether the receiver may have baggage at all
   */
  injectFor(
    owner: SpanOwner | undefined,
    context: Context,
    carrier: unknown,
    setter: TextMapSetter,
    withBaggage: boolean,
  ): void {
    if (context.getValue(SUPPRESS_KEY) === true) return;
    for (const other of this.#extra) {
      try {
        other.inject(withBaggage ? context : propagation.deleteBaggage(context), carrier, setter);
      } catch (error) {
        warnError('SPW_CALLBACK', 'a propagator threw while it wrote headers', error);
      }
    }
    try {
      this.#injectSpan(context, (key, value) => setter.set(carrier, key, value));
    } catch (error) {
      warnError('SPW_INTERNAL', 'trace headers could not be written', error);
    }
    if (!withBaggage) return;
    try {
      const baggage = baggageWithIdentity(context, owner?.identity);
      const header = baggage === undefined ? '' : writeBaggage(baggage);
      if (header !== '') setter.set(carrier, HEADER_BAGGAGE, header);
    } catch (error) {
      warnError('SPW_INTERNAL', 'baggage could not be written', error);
    }
  }

  #injectSpan(context: Context, write: WriteHeader): void {
    const span = trace.getSpanContext(context);
    if (span === undefined || !isTraceId(span.traceId) || !isSpanId(span.spanId)) return;
    for (const format of this.#formats) {
      if (format === 'b3') writeB3(span, write);
      else if (format === 'b3multi') writeB3Multi(span, write);
      else {
        write(HEADER_TRACEPARENT, writeTraceparent(span, flagsOf(span, context)));
        const state = tracestateOf(span);
        if (state !== '') write(HEADER_TRACESTATE, state);
      }
    }
  }

  /** Reads a caller's span and baggage into a context, as far as the caller is trusted. */
  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    try {
      const trusted = this.#trust === 'continue';
      const base = trusted && this.#extra.length > 0 ? this.#extractExtra(context, carrier, getter) : context;
      const arrived = this.arrived(carrier, getter, context);
      if (!trusted) {
        if (arrived.spanContext === undefined && arrived.baggage === undefined) return context;
        const spanContext = this.#trust === 'link' ? arrived.spanContext : undefined;
        return withRemote(context, { spanContext, trust: this.#trust, baggage: undefined });
      }
      const baggage = admit(arrived.baggage, this.#allow);
      if (arrived.spanContext === undefined && baggage === undefined && base === context) return context;
      const span = arrived.spanContext === undefined ? undefined : trace.wrapSpanContext(arrived.spanContext);
      return contextWithArrived(base, span, baggage, {
        spanContext: arrived.spanContext ?? trace.getSpanContext(base),
        trust: 'continue',
        baggage: baggage ?? propagation.getBaggage(base),
      } satisfies Remote);
    } catch (error) {
      warnError('SPW_INTERNAL', 'headers could not be read', error);
      return context;
    }
  }

  /** Lets the other propagators add what they know of; all of it is the caller's word. */
  #extractExtra(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    let next = context;
    for (const other of this.#extra) {
      try {
        next = other.extract(next, carrier, getter);
      } catch (error) {
        warnError('SPW_CALLBACK', 'a propagator threw while it read headers', error);
      }
    }
    return next;
  }

  /**
   * Keeps of a believed caller what other propagators only pass on.
   *
   * @internal
   */
  remember(context: Context, carrier: unknown): Context {
    let next = context;
    for (const other of this.#extra) {
      if (isPassingOn(other)) next = other.remember(next, carrier);
    }
    return next;
  }

  /**
   * Reads what a carrier says, without believing it.
   *
   * @internal
   * @param getter how the carrier's own library reads it; the carrier reader if absent
   * @param context whose tracer's spellings of identity are understood
   * @param isLowerCase whether the carrier is an object whose names are all in lower case
   */
  arrived(
    carrier: unknown,
    getter: TextMapGetter | undefined,
    context: Context,
    identityKeys: IdentityKeys | undefined = this.#identityKeys,
    isLowerCase: boolean = false,
  ): Arrived {
    const read =
      getter !== undefined
        ? readerOf(carrier, getter)
        : isLowerCase && isOrdinary(carrier)
          ? openOrdinary(carrier, true)
          : openCarrier(carrier);
    const formats = this.#formats;
    let spanContext: SpanContext | undefined;
    for (let i = 0; i < formats.length && spanContext === undefined; i++) {
      spanContext = readFormat(formats[i] as PropagationFormat, read);
    }
    if (spanContext === undefined && this.#extra.length > 0) {
      const found = this.#extractExtra(ROOT_CONTEXT, carrier, getter ?? CARRIER_GETTER);
      spanContext = trace.getSpanContext(found);
    }
    const header = read(HEADER_BAGGAGE);
    if (header === undefined || header.length === 0) return { spanContext, baggage: undefined };
    const keys = identityKeys ?? resolveOwner(undefined, context)?.identity.keys ?? DEFAULT_IDENTITY_KEYS;
    const baggage = parseBaggage(header, this.#readingFor(keys));
    return { spanContext, header, baggage: baggage && canonicalBaggage(baggage, keys) };
  }

  #readingFor(keys: IdentityKeys): BaggageReading | undefined {
    if (keys === DEFAULT_IDENTITY_KEYS) return undefined;
    if (this.#reading?.keys !== keys) {
      const how: BaggageReading = {
        identity: new Set([...IDENTITY_SPELLINGS, ...keys.session, ...keys.project, ...keys.source]),
        plusIsSpace: new Set([...PLUS_IS_SPACE, ...keys.project, ...keys.source]),
      };
      this.#reading = { keys, how };
    }
    return this.#reading?.how;
  }
}

/** Told by its shape, since it may be of another copy of this package. */
function isPassingOn(other: TextMapPropagator): other is TextMapPropagator & PassingOn {
  return typeof (other as Partial<PassingOn>).remember === 'function';
}

function complain(option: string, what: string): void {
  warn('SPW_OPTION', `SpanwisePropagator: ${option} is not ${what} and is not used`, `propagator ${option}`);
}

function trustOf(given: unknown): Trust {
  if (given === undefined || given === 'continue' || given === 'link' || given === 'restart') {
    return given ?? 'continue';
  }
  complain('trust', "'continue', 'link' or 'restart'");
  return 'restart';
}

function listOf<T>(given: readonly T[] | undefined, option: string): readonly T[] | undefined {
  if (given === undefined || Array.isArray(given)) return given;
  complain(option, 'a list');
  return undefined;
}

/** SDKs forget the random flag on their own spans; within the caller's trace it is the caller's to say. */
function flagsOf(span: SpanContext, context: Context): number {
  const remote = remoteOf(context)?.spanContext;
  if (remote === undefined || remote.traceId !== span.traceId) return span.traceFlags;
  return (span.traceFlags & ~FLAG_RANDOM) | (remote.traceFlags & FLAG_RANDOM);
}

const ownPropagators = new WeakMap<SpanOwner, SpanwisePropagator>();
let plain: SpanwisePropagator | undefined;

/**
 * Says which propagator a tracer's entries and helpers use; without one, W3C's formats.
 *
 * @internal
 */
export function setPropagator(owner: SpanOwner, propagator: SpanwisePropagator): void {
  ownPropagators.set(owner, propagator);
}

/** The propagator of a tracer. */
export function propagatorOf(owner: SpanOwner | undefined): SpanwisePropagator {
  const own = owner === undefined ? undefined : ownPropagators.get(owner);
  return own ?? (plain ??= new SpanwisePropagator());
}
