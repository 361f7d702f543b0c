/**
 * Makes a wrapper look like the function it wraps.
 *
 * Frameworks read a method's name, length, own properties and Reflect metadata; a wrapper without them turns a
 * guarded Nest route into an open one, or into a 404.
 */

interface MetadataReflect {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

/**
 * Copies name, length, own properties, prototype and Reflect metadata.
 *
 * @param from the wrapped function
 * @param to the wrapper
 * @returns the wrapper
 */
export function copyShape<W extends object>(from: object, to: W): W {
  for (const key of Reflect.ownKeys(from)) {
    if (key === 'prototype' || key === 'arguments' || key === 'caller') continue;
    const descriptor = Reflect.getOwnPropertyDescriptor(from, key);
    if (descriptor !== undefined) Reflect.defineProperty(to, key, descriptor);
  }
  const prototype: unknown = Reflect.getPrototypeOf(from);
  if (prototype !== Function.prototype && typeof prototype === 'object' && prototype !== null) {
    Reflect.setPrototypeOf(to, prototype);
  }
  const reflect = Reflect as MetadataReflect;
  for (const key of reflect.getOwnMetadataKeys?.(from) ?? []) {
    reflect.defineMetadata?.(key, reflect.getOwnMetadata?.(key, from), to);
  }
  return to;
}
