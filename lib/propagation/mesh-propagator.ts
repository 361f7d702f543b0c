/**
 * The headers by which a service mesh follows a request through a service: they are passed on as they came.
 */
import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { MESH_KEY } from '../context/keys.js';
import { MESH_HEADERS } from '../conventions.js';
import { readCarrier } from './carrier.js';
import { currentRequest, startCurrentRequest } from './current-request.js';
import { carrierOf } from './find-carrier.js';
import { remoteOf } from './remote.js';

const MAX_LENGTH = 1_024;

/** Header by header, what a caller sent. */
type MeshHeaders = readonly (readonly [name: string, value: string])[];

/**
 * Passes `x-request-id` and the headers of Istio, Envoy and Linkerd on from the request that is being served.
 *
 * A caller whose trace was refused (`trust`) has nothing passed on. `propagators: ['mesh']` is the same.
 *
 * It never throws, whatever the headers are.
 *
 * @example
 * ```ts
 * import { injectContextIntoCarrier, SessionTracer } from 'spanwise';
 * import { MeshPropagator } from 'spanwise/http';
 *
 * SessionTracer.init({ project: 'shop', propagators: ['b3multi', new MeshPropagator()] });
 * const headers = injectContextIntoCarrier({}); // inside a request: its x-request-id and its like too
 * console.log(Object.keys(headers)); // [ 'baggage' ]
 * ```
 * @see https://opentelemetry.io/docs/specs/otel/context/api-propagators/
 * @category Frameworks
 */
export class MeshPropagator implements TextMapPropagator {
  /** Begins to note which request is being served. */
  constructor() {
    startCurrentRequest();
  }

  /** The headers it may write. */
  fields(): string[] {
    return [...MESH_HEADERS];
  }

  /** Writes what the request that is being served brought. */
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const trust = remoteOf(context)?.trust;
    if (trust !== undefined && trust !== 'continue') return;
    const known = context.getValue(MESH_KEY) as MeshHeaders | undefined;
    for (const [name, value] of known ?? readHeaders(carrierOf(currentRequest()))) {
      setter.set(carrier, name, value);
    }
  }

  /** Names no caller, and keeps what is to be passed on. */
  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    return kept(context, readHeaders(carrier, getter));
  }

  /**
   * Keeps what a caller at an entry sent.
   *
   * @internal
   */
  remember(context: Context, carrier: unknown): Context {
    return kept(context, readHeaders(carrier));
  }
}

function kept(context: Context, headers: MeshHeaders): Context {
  return headers.length === 0 ? context : context.setValue(MESH_KEY, headers);
}

function readHeaders(carrier: unknown, getter?: TextMapGetter): MeshHeaders {
  if (typeof carrier !== 'object' || carrier === null) return [];
  const found: [string, string][] = [];
  for (const name of MESH_HEADERS) {
    const read = getter?.get(carrier, name) ?? readCarrier(carrier, name);
    const value = Array.isArray(read) ? read[0] : read;
    // A line break would end the header.
    if (typeof value !== 'string' || value.length > MAX_LENGTH || !/^[\x20-\x7e]+$/.test(value)) continue;
    found.push([name, value]);
  }
  return found;
}
