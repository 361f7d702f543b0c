/**
 * `trace`: what `@Trace` is for methods, for plain functions.
 */
import { context, type Attributes, type Link, type SpanKind } from '@opentelemetry/api';
import type { EventType } from '../conventions.js';
import { SpanwiseError } from '../diagnostics.js';
import type { SpanOwner } from '../tracer/owner.js';
import { copyShape } from './function-shape.js';
import { TRACE_FIELDS, type AnyTraceOptions } from './options.js';
import { reportUnknownFields, type Call } from './payload.js';
import { isGeneratorFunction } from './settle.js';
import { ownerFor, planOf, runInSpan } from './with-span.js';

type AnyFunction = (...args: any[]) => any;
type Values = Record<string, unknown>;
type Given<F extends AnyFunction, T = unknown> = (...args: Parameters<F>) => T;
type GivenResult<F extends AnyFunction> = (result: Awaited<ReturnType<F>>, ...args: Parameters<F>) => unknown;

/**
 * Options of `trace(fn, options)`: those of `@Trace`, typed by the function.
 *
 * @category Span
 */
export interface FunctionTraceOptions<F extends AnyFunction> {
  /** The span's name. @default the function's name */
  name?: string;
  /** The same as `name`. */
  eventName?: string;
  /** What kind of event it is. @default "tool" */
  eventType?: EventType;
  /** The span's kind. @default INTERNAL */
  kind?: SpanKind;
  /** Attributes the span starts with. */
  attributes?: Attributes | ((...args: Parameters<F>) => Attributes | undefined);
  /** The tracer. @default the current one */
  tracer?: SpanOwner | string | ((...args: Parameters<F>) => SpanOwner | string | undefined);
  /** Links the span starts with. */
  links?: Link[] | ((...args: Parameters<F>) => Link[] | undefined);
  /** Start a new trace. @default false */
  root?: boolean;
  /** Makes a result of a stream's chunks. */
  aggregate?: (chunks: any[]) => unknown;
  /** `true`: the arguments. @default the tracer's `capture.inputs` */
  inputs?: boolean | Values | Given<F>;
  /** `true`: the result. @default the tracer's `capture.outputs` */
  outputs?: boolean | Values | GivenResult<F>;
  metadata?: Values | Given<F>;
  metrics?: Values | GivenResult<F>;
  feedback?: Values | Given<F>;
  config?: Values | Given<F>;
  userProperties?: Values | Given<F>;
  error?: string | Error | Given<F>;
  eventId?: string | Given<F, string | undefined>;
  updateEventId?: string | Given<F, string | undefined>;
}

/**
 * Makes a traced function of a plain one: the same parameters, `this`, result and errors, and a span per call.
 *
 * @param fn the function; generators, streams and lazy queries it returns are followed to their end
 * @param options a span name, or options
 * @returns a function with the same name, length, own properties and metadata
 * @throws SpanwiseError `SPW_TARGET` if `fn` is no function
 *
 * @example
 * ```ts
 * import { SessionTracer, trace, withSession } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * const rank = trace(async (pages: string[]) => pages.sort(), { name: 'rank', eventType: 'tool' });
 * await withSession('s-1', () => rank(['b', 'a']));
 * ```
 * Each call produces a span with `honeyhive_event_type: tool`:
 * ```text
 * rank [tool] session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/otel/trace/api/#span
 * @category Span
 */
export function trace<F extends AnyFunction>(fn: F, options?: string | NoInfer<FunctionTraceOptions<F>>): F {
  if (typeof fn !== 'function') {
    throw new SpanwiseError(
      'SPW_TARGET',
      `trace() takes a function, not ${fn === null ? 'null' : typeof fn}`,
    );
  }
  // A class cannot be called without `new`, and only a class has a prototype that cannot be replaced.
  if (Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false && !isGeneratorFunction(fn)) {
    throw new SpanwiseError(
      'SPW_TARGET',
      `trace() takes a function, not the class ${fn.name}; put @Trace on it`,
    );
  }
  const given: AnyTraceOptions = typeof options === 'string' ? { name: options } : { ...options };
  reportUnknownFields(given, TRACE_FIELDS, 'trace');
  const name = given.name ?? given.eventName ?? (fn.name || 'anonymous');
  // A method, because like the function's own it is not to be called with `new`.
  const { traced } = {
    traced(this: unknown, ...args: unknown[]): unknown {
      const active = context.active();
      const call: Call = { name, self: this, args };
      const owner = ownerFor(given, call, active);
      if (owner === undefined) return Reflect.apply(fn, this, args);
      return runInSpan(owner, active, planOf(given, name, call), fn, this, args);
    },
  };
  return copyShape(fn, traced) as F;
}
