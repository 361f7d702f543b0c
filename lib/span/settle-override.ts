/**
 * Methods of ours on one object of the user's, so that its identity, its class and its other members stay.
 */
import { alone } from '../descriptor.js';

type AnyMethod = (this: unknown, ...args: any[]) => unknown;

/**
 * Puts our method in place of one that the object has, without making it visible.
 *
 * @param target the object; only it is changed, never its class
 * @param name the method's name
 * @param around what is called instead, with the arguments; calls the original itself
 * @returns false if the object has no such method or does not take another
 */
export function override(
  target: object,
  name: PropertyKey,
  around: (original: AnyMethod, args: any[]) => unknown,
): boolean {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const original: unknown = own !== undefined && 'value' in own ? own.value : Reflect.get(target, name);
  if (typeof original !== 'function') return false;
  const method = function (this: unknown, ...args: unknown[]): unknown {
    if (this === target) return around(original as AnyMethod, args);
    return Reflect.apply(natural(this), this, args);
  };
  // Some libraries copy all own properties of one promise to another (got does): there, the method that the
  // copy would have without us is the one of its own class.
  const natural = (self: unknown): AnyMethod => {
    if (own === undefined && typeof self === 'object' && self !== null && Object.hasOwn(self, name)) {
      const inherited: unknown = Reflect.get(Object.getPrototypeOf(self) ?? {}, name, self);
      if (typeof inherited === 'function') return inherited as AnyMethod;
    }
    return original as AnyMethod;
  };
  return define(target, name, method, own?.enumerable ?? false);
}

/**
 * Puts a value on the object, replaceable and, unless it was visible before, invisible.
 *
 * @returns false if the object does not take it
 */
export function define(target: object, name: PropertyKey, value: unknown, enumerable = false): boolean {
  return (
    Reflect.defineProperty(target, name, alone({ value, enumerable, writable: true, configurable: true })) &&
    Reflect.get(target, name) === value
  );
}
