/**
 * What all spans of one tracer share, and the calls to the processors.
 */
import type { Context } from '@opentelemetry/api';
import { warnError } from '../diagnostics.js';
import type { InstrumentationScope, Resource, SpanProcessor } from '../tracer/sdk-contract.js';
import type { CompleteLimits } from './environment.js';

/** The engine's settings, one object per engine. */
export interface EngineState {
  readonly resource: Resource;
  readonly limits: CompleteLimits;
  readonly processors: readonly SpanProcessor[];
  /** Those of the processors that look at a span before it is sealed. */
  readonly endingProcessors: readonly SpanProcessor[];
  /** True after `shutdown`: no span is recorded any more. */
  down: boolean;
}

/** What a span knows of the tracer that made it. */
export interface Maker {
  readonly instrumentationScope: InstrumentationScope;
  readonly state: EngineState;
}

/** Tells every processor that a span has started; one that throws is reported and stops no other. */
export function started(state: EngineState, span: unknown, parentContext: Context): void {
  const { processors } = state;
  for (let at = 0; at < processors.length; at++) {
    try {
      processors[at]!.onStart(span, parentContext);
    } catch (error) {
      warnError('SPW_CALLBACK', "a span processor's onStart failed", error);
    }
  }
}

/** Tells every processor that wants to know that a span is about to end and may still be written. */
export function ending(state: EngineState, span: unknown): void {
  const { endingProcessors } = state;
  for (let at = 0; at < endingProcessors.length; at++) {
    try {
      endingProcessors[at]!.onEnding!(span);
    } catch (error) {
      warnError('SPW_CALLBACK', "a span processor's onEnding failed", error);
    }
  }
}

/** Tells every processor that a span has ended. */
export function ended(state: EngineState, span: unknown): void {
  const { processors } = state;
  for (let at = 0; at < processors.length; at++) {
    try {
      processors[at]!.onEnd(span);
    } catch (error) {
      warnError('SPW_CALLBACK', "a span processor's onEnd failed", error);
    }
  }
}
