/**
 * The headers by which a service mesh follows a request through a service: they are passed on as they came.
 */
import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { SERVED_KEY } from '../context/keys.js';
import { MESH_HEADERS } from '../conventions.js';
import { readCarrier } from '../propagation/carrier.js';
import { currentRequest } from '../propagation/current-request.js';
import { carrierOf } from '../propagation/find-carrier.js';
import { remoteOf } from '../propagation/remote.js';

const MAX_LENGTH = 1_024;

/**
 * Passes `x-request-id` and the headers of Istio, Envoy and Linkerd on from the request that is being served.
 *
 * A caller whose trace was refused (`trust`) has nothing passed on.
 *
 * @example
 * ```ts
 * SessionTracer.init({ propagators: ['b3multi', new MeshPropagator()] });
 * ```
 */
export class MeshPropagator implements TextMapPropagator {
  /** The headers it may write. */
  fields(): string[] {
    return [...MESH_HEADERS];
  }

  /** Writes what the request that is being served brought. */
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const trust = remoteOf(context)?.trust;
    if (trust !== undefined && trust !== 'continue') return;
    const served = context.getValue(SERVED_KEY) ?? carrierOf(currentRequest());
    if (served === undefined) return;
    for (const name of MESH_HEADERS) {
      const read = readCarrier(served, name);
      const value = Array.isArray(read) ? read[0] : read;
      // A line break would end the header.
      if (typeof value !== 'string' || value.length > MAX_LENGTH || !/^[\x20-\x7e]+$/.test(value)) continue;
      setter.set(carrier, name, value);
    }
  }

  /** Names no caller: these headers only pass through. */
  extract(context: Context, _carrier: unknown, _getter: TextMapGetter): Context {
    return context;
  }
}
