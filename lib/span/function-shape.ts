/**
 * Makes a wrapper look like the function it wraps.
 *
 * Frameworks read a method's name, length, own properties and Reflect metadata; a wrapper without them turns a
 * guarded Nest route into an open one, or into a 404.
 */
import { alone } from '../descriptor.js';

interface MetadataReflect {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

const OWN_TO_FUNCTIONS: ReadonlySet<string | symbol> = new Set(['arguments', 'caller', 'prototype']);

/**
 * Copies name, length, own properties, prototypes and Reflect metadata; what an exotic function refuses is left out.
 *
 * `util.types.isGeneratorFunction` looks inside the engine and cannot be told.
 *
 * @param from the wrapped function
 * @param to the wrapper
 * @param name the wrapper's name where the function has none
 * @returns the wrapper
 */
export function copyShape<W extends (...args: any[]) => unknown>(
  from: (...args: any[]) => unknown,
  to: W,
  name?: string,
): W {
  try {
    // Async and generator functions are told by their prototype.
    const prototype = Object.getPrototypeOf(from) as object | null;
    if (prototype !== Function.prototype) Object.setPrototypeOf(to, prototype);
    for (const key of Reflect.ownKeys(from)) {
      if (OWN_TO_FUNCTIONS.has(key)) continue;
      Object.defineProperty(to, key, alone(Object.getOwnPropertyDescriptor(from, key) as PropertyDescriptor));
    }
    if (name !== undefined && from.name === '') {
      Object.defineProperty(to, 'name', alone({ value: name, configurable: true }));
    }
    if (Object.prototype.hasOwnProperty.call(from, 'prototype')) {
      Object.defineProperty(to, 'prototype', alone({ value: from.prototype, writable: true }));
    }
    copyMetadata(from, to);
  } catch {
    // A proxied or frozen function may refuse; the wrapper works all the same.
  }
  return to;
}

/** Copies what reflect-metadata knows of a function, where it is loaded. */
function copyMetadata(from: object, to: object): void {
  const reflect = Reflect as MetadataReflect;
  if (reflect.getOwnMetadataKeys === undefined) return;
  for (const key of reflect.getOwnMetadataKeys(from)) {
    reflect.defineMetadata?.(key, reflect.getOwnMetadata?.(key, from), to);
  }
}
