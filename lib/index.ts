/**
 * Spanwise's public surface, in flow order. The folders, each knowing only those below it:
 *
 *   decorators/   6  what a user writes
 *   session/      5  SessionTracer: options, sessions, lifecycle
 *   span/         4  the life of a span
 *   propagation/  3  what travels between processes
 *   processor/    3  stamps identity on every span
 *   sampler/      3  rules that keep or drop whole sessions
 *   export/       3  nothing lost between a span's end and the backend
 *   honeyhive/    3  sessions and events at the backend
 *   engine/       3  where spans are made
 *   tracer/       2  who owns a span
 *   context/      1  what travels inside the process
 *   capture/      1  values → attributes
 *   conventions   0  every name; diagnostics: everything we say
 */
export { tracerRegistry } from './tracer/registry.js';
export { SpanwiseError, type DiagnosticCode } from './diagnostics.js';
