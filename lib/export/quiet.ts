/**
 * Runs our own work outside the traced program: not traced by any instrumentation, and without the context of
 * whichever request happened to end a span, which a timer or a kept-alive socket would hold in memory.
 */
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { builtin, hasRequestBoundIo } from './platform.js';

/** The key under which OpenTelemetry's SDK looks whether tracing is suppressed; its text is its identity. */
const SUPPRESS_TRACING_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

const SUPPRESSED = ROOT_CONTEXT.setValue(SUPPRESS_TRACING_KEY, true);

export type Quietly = <T>(work: () => T) => T;

/** A runner that belongs to the place where it is made, which should be where a pipeline is made. */
export function quietly(): Quietly {
  // A resource may be used in the request only that it was made in, where there is such a thing.
  const hooks = hasRequestBoundIo() ? undefined : builtin('node:async_hooks');
  const resource = hooks === undefined ? undefined : new hooks.AsyncResource('SpanwiseExport');
  return (work) => {
    const suppressed = () => context.with(SUPPRESSED, work);
    return resource === undefined ? suppressed() : resource.runInAsyncScope(suppressed);
  };
}
