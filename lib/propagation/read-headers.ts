/**
 * How the propagator reads a carrier: by the getter it is given, and by the carrier reader.
 */
import { defaultTextMapGetter, type SpanContext, type TextMapGetter } from '@opentelemetry/api';
import { isHuge, NameLister } from '../capture/huge.js';
import { warn } from '../diagnostics.js';
import { readB3, readB3Multi, type ReadHeader } from './b3.js';
import { isOrdinary, openCarrier, openOrdinary, readCarrier } from './carrier.js';
import { isObject } from './carrier-shapes.js';
import { readTraceContext } from './trace-context.js';

/** The formats of trace headers. */
export const PROPAGATION_FORMATS = ['w3c', 'b3', 'b3multi'] as const;
/** A format of trace headers. */
export type PropagationFormat = (typeof PROPAGATION_FORMATS)[number];

const MAX_KEYS = 2_000;

/** The carrier reader, for propagators that ask for a getter. */
export const CARRIER_GETTER: TextMapGetter = {
  get: (carrier: unknown, key: string) => readCarrier(carrier, key.toLowerCase()),
  keys: (carrier: unknown) => {
    try {
      if (typeof carrier !== 'object' || carrier === null) return [];
      const named = carrier as { keys?: unknown };
      return typeof named.keys === 'function' && !Array.isArray(carrier)
        ? [...(named.keys() as Iterable<string>)]
        : [...(new NameLister().list(carrier) ?? [])];
    } catch {
      return [];
    }
  },
};

/** Reads the caller's span in one format. */
export function readFormat(format: PropagationFormat, read: ReadHeader): SpanContext | undefined {
  if (format === 'b3') return readB3(read);
  if (format === 'b3multi') return readB3Multi(read);
  return readTraceContext(read);
}

/** Reads by the library's own getter, then by ours, then by the getter without regard to case. */
export function readerOf(carrier: unknown, getter: TextMapGetter): ReadHeader {
  // On an object literal, OpenTelemetry's default getter finds nothing that ours does not.
  if (getter === defaultTextMapGetter && isOrdinary(carrier)) return openOrdinary(carrier, true);
  const readOurs = openCarrier(carrier);
  return (key) => {
    try {
      const direct: unknown = getter.get(carrier, key);
      if (typeof direct === 'string') return direct;
      if (Array.isArray(direct)) return direct.filter((value): value is string => typeof value === 'string');
    } catch {
      // A getter that was not made for this carrier: ours may read it.
    }
    const ours = readOurs(key);
    if (ours !== undefined) return ours;
    try {
      // Ours reads every list, and a getter could only list all of its indices.
      if (Array.isArray(carrier) || (isObject(carrier) && isHuge(carrier))) return undefined;
      let seen = 0;
      for (const name of getter.keys(carrier)) {
        if (++seen > MAX_KEYS) return undefined;
        if (typeof name !== 'string' || name === key || name.length !== key.length) continue;
        if (name.toLowerCase() !== key) continue;
        const value: unknown = getter.get(carrier, name);
        if (typeof value === 'string') return value;
        if (Array.isArray(value)) return value.filter((item): item is string => typeof item === 'string');
      }
    } catch {
      warn('SPW_CARRIER', 'a carrier threw when it was read; it is treated as empty');
    }
    return undefined;
  };
}
