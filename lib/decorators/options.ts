/**
 * The options of the decorators, typed by the member they stand on.
 */
import type { Attributes, Link, SpanKind } from '@opentelemetry/api';
import type { EventType } from '../conventions.js';
import { TRACE_FIELDS, type AnyTraceOptions } from '../span/options.js';
import type { SpanOwner, Trust } from '../tracer/owner.js';
import type { ArgsOf, ChunkOf, ResultOf } from './member-types.js';

/** Named values, as an object literal. */
export type Values = Record<string, unknown>;

/** A callback with the arguments of the call and its receiver as `this`. */
export type FromArgs<This, F, T> = (this: This, ...args: ArgsOf<F>) => T;

/** A callback with the settled result and the arguments of the call, and its receiver as `this`. */
export type FromResult<This, F, T> = (this: This, result: ResultOf<F>, ...args: ArgsOf<F>) => T;

/**
 * What is added to a span and its event; every field is a value, or a callback.
 *
 * A callback that throws is reported and its field left out; the traced call goes on.
 *
 * @category Decorators
 */
export interface Payload<This = any, F = any> {
  /**
   * What went in, as `honeyhive_inputs.*`; `true` records the arguments as `arg0`, `arg1`, …
   *
   * @default nothing, or the arguments where the tracer was made with `capture: { inputs: true }`
   */
  inputs?: boolean | Values | FromArgs<This, F, unknown>;
  /**
   * What came out, as `honeyhive_outputs.*`; `true` records the result as `result`.
   *
   * @default nothing, or the result where the tracer was made with `capture: { outputs: true }`
   */
  outputs?: boolean | Values | FromResult<This, F, unknown>;
  /**
   * What is known about the call, as `honeyhive_metadata.*`.
   *
   * @default nothing
   */
  metadata?: Values | FromArgs<This, F, unknown>;
  /**
   * Measures of the call, as `honeyhive_metrics.*`.
   *
   * @default nothing; for `eventType: 'model'` the token usage found in the result
   */
  metrics?: Values | FromResult<This, F, unknown>;
  /**
   * Judgements of the call, as `honeyhive_feedback.*`.
   *
   * @default nothing
   */
  feedback?: Values | FromArgs<This, F, unknown>;
  /**
   * Settings the call ran with, such as a model's name and temperature, as `honeyhive_config.*`.
   *
   * @default nothing
   */
  config?: Values | FromArgs<This, F, unknown>;
  /**
   * Properties of the user on whose behalf the call ran, as `honeyhive_user_properties.*`.
   *
   * @default nothing
   */
  userProperties?: Values | FromArgs<This, F, unknown>;
  /**
   * An error that the call handled itself, as `honeyhive_error`.
   *
   * @default nothing; an error that is thrown is recorded without this
   */
  error?: string | Error | FromArgs<This, F, unknown>;
  /**
   * An event of the backend that receives this payload (`PUT /events`) instead of the span.
   *
   * @default none: the payload belongs to the span
   */
  eventId?: string | FromArgs<This, F, string | undefined>;
  /**
   * The id of the span's own event at the backend.
   *
   * @default chosen by the backend
   */
  updateEventId?: string | FromArgs<This, F, string | undefined>;
}

/**
 * The options of `@Trace` and `trace`.
 *
 * @category Decorators
 */
export interface TraceOptions<This = any, F = any> extends Payload<This, F> {
  /**
   * The span's name.
   *
   * @default 'Class.method', or the function's name
   */
  name?: string;
  /**
   * The event's name at HoneyHive, and the span's where there is no `name`.
   *
   * @default the span's name
   */
  eventName?: string;
  /**
   * What kind of event the span is.
   *
   * @default 'tool', or what the span's name and attributes tell
   */
  eventType?: EventType;
  /**
   * The span's kind.
   *
   * @default SpanKind.INTERNAL; at an entry SpanKind.SERVER, or SpanKind.CONSUMER for messages
   */
  kind?: SpanKind;
  /**
   * Attributes under names of your own, known to samplers.
   *
   * @default none
   */
  attributes?: Attributes | FromArgs<This, F, Attributes | undefined>;
  /**
   * The tracer the span belongs to: itself, its name, or a callback.
   *
   * @default the owner of the current span, else the registry's default
   */
  tracer?: SpanOwner | string | FromArgs<This, F, SpanOwner | string | undefined>;
  /**
   * Spans that this one is linked to.
   *
   * @default none
   */
  links?: Link[] | FromArgs<This, F, Link[] | undefined>;
  /**
   * Starts a new trace instead of continuing the active one.
   *
   * @default false
   */
  root?: boolean;
  /**
   * Turns the chunks of a generator, an async iterable or an Observable into the result that `outputs` and
   * `metrics` receive, and records it as output.
   *
   * @default chunks are not kept
   */
  aggregate?: (chunks: ChunkOf<F>[]) => unknown;
}

/**
 * The options of `@DistributedEntry`.
 *
 * @category Decorators
 */
export interface EntryOptions<This = any, F = any> extends TraceOptions<This, F> {
  /**
   * Where the caller's headers are: the index of an argument, or a callback that returns them.
   *
   * @default found by itself: a request, `Headers` or a message among the arguments, the current Node request,
   * or a flat argument with `traceparent` or `baggage`
   */
  carrier?: number | FromArgs<This, F, unknown>;
  /**
   * What to believe of the caller: `continue` takes its parent and baggage, `link` only links to it, `restart`
   * forgets it.
   *
   * @default the tracer's `trust`, which is 'continue'
   */
  trust?: Trust;
  /**
   * The session this request belongs to, whatever arrived: 1-128 printable characters.
   *
   * @default what arrived, else the tracer's own session
   */
  sessionId?: string | FromArgs<This, F, string | undefined>;
  /**
   * A request without an upstream session gets a session of its own.
   *
   * @default the tracer's `newSession`, which is false
   */
  newSession?: boolean;
  /**
   * Keys of the baggage that may come in beside identity; the rest is dropped.
   *
   * @default everything comes in
   */
  baggage?: readonly string[];
  /**
   * `false` continues the caller's context without a span of its own.
   *
   * @default true
   */
  span?: boolean;
}

/** Entry options whatever the member is. */
export interface AnyEntryOptions extends AnyTraceOptions {
  carrier?: number | ((...args: any[]) => unknown);
  trust?: Trust;
  sessionId?: string | ((...args: any[]) => string | undefined);
  newSession?: boolean;
  baggage?: readonly string[];
  span?: boolean;
}

/** The names of all options of an entry. */
export const ENTRY_FIELDS: ReadonlySet<string> = new Set([
  ...TRACE_FIELDS,
  'carrier',
  'trust',
  'sessionId',
  'newSession',
  'baggage',
  'span',
]);
