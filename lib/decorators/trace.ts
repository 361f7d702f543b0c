/**
 * `@Trace`: a span for every call.
 */
import { SpanwiseError } from '../diagnostics.js';
import { TRACE_FIELDS } from '../span/options.js';
import { reportUnknownFields } from '../span/payload.js';
import { createDecorator, isBareUse } from './decorator-protocol.js';
import type { TraceFactory } from './decorator-types.js';
import { runLayers } from './run-layers.js';

/**
 * Makes a span of every call of a method, getter, field function or auto-accessor, or of all methods of a class.
 *
 * The span starts with the call and ends when what it returned is settled: a promise, stream, generator, Observable
 * or lazy query is followed to its end. Result, errors, `this`, name, length and metadata stay as they are. It
 * works as a standard (TC39) and as a legacy decorator, above and below other decorators.
 *
 * @param options nothing, the span's name, options (see `TraceOptions`), or a function of the call's arguments that
 *   returns one of them
 * @returns the decorator
 * @throws SpanwiseError `SPW_TARGET` at definition, on something that cannot be traced
 *
 * @example
 * ```ts
 * import { SessionTracer, Trace } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop', sessionId: '00000000-0000-4000-8000-000000000001' });
 *
 * class Agent {
 *   @Trace({ eventType: 'tool', inputs: (query) => ({ query }), outputs: (pages) => ({ found: pages.length }) })
 *   async search(query: string): Promise<string[]> {
 *     if (query === '') throw new RangeError('no query');
 *     return [`a page about ${query}`];
 *   }
 * }
 *
 * const agent = new Agent();
 * await agent.search('tea');
 * await agent.search('').catch(() => undefined);
 * ```
 * Each call produces a span with `honeyhive_event_type`, `honeyhive_inputs.query` and `honeyhive_outputs.found`; a failure
 * adds one exception event, ERROR status and `honeyhive_error`:
 * ```text
 * Agent.search [tool] session=00000000-0000-4000-8000-000000000001
 * Agent.search [tool] session=00000000-0000-4000-8000-000000000001 ERROR: no query
 * ```
 * @see https://opentelemetry.io/docs/specs/otel/trace/api/#span
 * @function
 * @category Decorators
 */
export const Trace: TraceFactory = ((...args: unknown[]): unknown => {
  if (isBareUse(args))
    return Reflect.apply(createDecorator({ kind: 'trace', options: {} }, runLayers), undefined, args);
  const given = args[0];
  return createDecorator({ kind: 'trace', options: traceOptions(given) }, runLayers);
}) as TraceFactory;

function traceOptions(given: unknown): unknown {
  if (given === undefined) return {};
  if (typeof given === 'string') return { name: given };
  if (typeof given === 'function') return given;
  if (typeof given !== 'object' || given === null) {
    throw new SpanwiseError(
      'SPW_OPTION',
      `@Trace takes a name, options, or a function that returns them, not ${given === null ? 'null' : typeof given}`,
    );
  }
  reportUnknownFields(given, TRACE_FIELDS, '@Trace');
  return given;
}
