/**
 * `spanwise/http`: outgoing calls, and ids for log lines.
 *
 * @module spanwise/http
 */
import { tellsOfFetch } from './builtin.js';
import { instrumentFetch } from './fetch-client.js';
import { instrumentNodeHttp } from './node-client.js';
import { instrumentUndici } from './undici-client.js';

export { logContext } from './log-context.js';
export { MeshPropagator } from '../propagation/mesh-propagator.js';

/**
 * Which clients `instrumentClients` traces.
 *
 * @category Frameworks
 */
export interface ClientOptions {
  /** `fetch` and undici. @default true */
  fetch?: boolean;
  /** `node:http` and `node:https`, and with them axios and got. @default true */
  node?: boolean;
}

let undo: (() => void) | undefined;

/**
 * Traces every outgoing HTTP call from now on: a CLIENT span, and trace and session in its headers.
 *
 * `propagateTo` is asked for every host on the way, redirects included. A call that has a `traceparent` already is
 * left to whoever wrote it, and nothing of ours can make a call fail. On Bun, Deno and in workers `fetch` is wrapped, and its
 * span ends with the beginning of the answer.
 *
 * @param options which clients; all of them unless given
 * @returns what ends it; a second call while it runs changes nothing
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession } from 'spanwise';
 * import { instrumentClients } from 'spanwise/http';
 *
 * SessionTracer.init({ project: 'shop' });
 * const stop = instrumentClients();
 * await withSession('s-1', () => fetch('http://localhost:4318/')); // traceparent: 00-… baggage: session_id=s-1,…
 * stop();
 * ```
 * Produces a CLIENT span with `url.full`, `server.address` and `http.response.status_code`:
 * ```text
 * GET [tool] CLIENT session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 * @category Frameworks
 */
export function instrumentClients(options: ClientOptions = {}): () => void {
  if (undo !== undefined) return undo;
  const steps = [
    ...(options.fetch === false ? [] : [instrumentUndici(), ...(tellsOfFetch() ? [] : [instrumentFetch()])]),
    ...(options.node === false ? [] : [instrumentNodeHttp()]),
  ];
  undo = () => {
    undo = undefined;
    for (const step of steps.splice(0)) step();
  };
  return undo;
}
