/**
 * `@Enrich`: what else is known of a call.
 */
import { SpanwiseError } from '../diagnostics.js';
import { PAYLOAD_FIELDS } from '../span/options.js';
import { reportUnknownFields } from '../span/payload.js';
import { createDecorator } from './decorator-protocol.js';
import type { EnrichFactory } from './decorator-types.js';
import { runLayers } from './run-layers.js';

/**
 * Adds inputs, outputs, metadata, metrics, feedback, config or user properties to the span of the method it
 * stands on, in any order with `@Trace` and `@DistributedEntry`; without one of them, to the active span.
 *
 * @param payload values or callbacks by namespace (see `Payload`); callbacks receive the call's arguments, those of
 *   `outputs` and `metrics` the result first
 * @returns the decorator
 * @throws SpanwiseError `SPW_TARGET` at definition, on something that cannot be traced
 *
 * @example
 * ```ts
 * import { Enrich, SessionTracer, Trace } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop', sessionId: '00000000-0000-4000-8000-000000000001' });
 *
 * class Agent {
 *   @Trace()
 *   @Enrich({ metadata: { tier: 'gold' }, outputs: (answer) => ({ length: answer.length }) })
 *   async invoke(query: string): Promise<string> {
 *     return `answer to ${query}`;
 *   }
 * }
 *
 * await new Agent().invoke('tea');
 * ```
 * The span carries `honeyhive_metadata.tier: "gold"` and `honeyhive_outputs.length: 13`:
 * ```text
 * Agent.invoke [tool] session=00000000-0000-4000-8000-000000000001
 * ```
 * @function
 * @category Decorators
 */
export const Enrich: EnrichFactory = ((payload: unknown): unknown => {
  if (typeof payload !== 'object' || payload === null) {
    throw new SpanwiseError('SPW_OPTION', '@Enrich takes a payload: @Enrich({ metadata: { tier: "gold" } })');
  }
  reportUnknownFields(payload, PAYLOAD_FIELDS, '@Enrich');
  return createDecorator({ kind: 'enrich', options: payload }, runLayers);
}) as unknown as EnrichFactory;
