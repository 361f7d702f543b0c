/**
 * A tracer of our own engine that is heard of nowhere.
 */
import type { Tracer } from '@opentelemetry/api';
import { SCOPE_NAME } from '../conventions.js';
import type { SpanProcessor } from '../tracer/sdk-contract.js';
import { SpanwiseTracer } from './tracer.js';

const MANY = 128;

/**
 * Makes a tracer without reading the environment and without resource, sampler or ids of anyone.
 *
 * @param processors are told of its spans, and nobody else is
 */
export function createStageTracer(processors: readonly SpanProcessor[]): Tracer {
  const state = {
    resource: { attributes: {} },
    limits: {
      attributeValueLengthLimit: Infinity,
      attributeCountLimit: MANY,
      eventCountLimit: MANY,
      linkCountLimit: MANY,
      attributePerEventCountLimit: MANY,
      attributePerLinkCountLimit: MANY,
    },
    processors,
    endingProcessors: [],
    down: false,
  };
  const scope = { name: SCOPE_NAME, version: undefined, schemaUrl: undefined };
  return new SpanwiseTracer(scope, { state, sampler: undefined, ids: undefined });
}
