/**
 * Which attribute values there are, and how they are kept. No hook of a hostile value runs unguarded.
 */
import { context, type Attributes, type AttributeValue } from '@opentelemetry/api';
import { warn } from '../diagnostics.js';
import { alone } from '../descriptor.js';

/** Deeper values are refused; it also ends the walk of a value that contains itself. */
const MAX_DEPTH = 16;

/** Answers that a value cannot be an attribute. */
export const REFUSED: unique symbol = Symbol('refused');

/**
 * Whether nested values, bytes and null may be attributes. They may since API 1.10, whose `attach` tells it from
 * 1.9, where the SDKs drop them.
 */
export const NESTED_VALUES: boolean = typeof (context as { attach?: unknown }).attach === 'function';

/** Tells whether a value may be an attribute everywhere: a string, number or boolean, or an array of one of them. */
export function isAttributeValue(value: unknown): value is AttributeValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return true;
    case 'object':
      return copyFlat(value, Infinity) !== REFUSED;
    default:
      return false;
  }
}

/**
 * A value as it is stored: strings cut to `limit` characters, everything else copied, so that later changes stay
 * out.
 *
 * @param value anything
 * @param limit longest string, in characters
 * @param nested whether nested values, bytes and null are taken
 * @returns the copy, or REFUSED
 */
export function storedValue(value: unknown, limit: number, nested: boolean = NESTED_VALUES): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > limit ? value.slice(0, limit) : value;
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return nested ? copyNested(value, limit, 0) : copyFlat(value, limit);
    default:
      return REFUSED;
  }
}

function copyFlat(value: object | null, limit: number): unknown {
  try {
    if (!Array.isArray(value)) return REFUSED;
    const copy: unknown[] = [];
    let type: string | undefined;
    for (let at = 0; at < value.length; at++) {
      const element: unknown = value[at];
      if (element !== null && element !== undefined) {
        const found = typeof element;
        if (type === undefined) {
          if (found !== 'string' && found !== 'number' && found !== 'boolean') return REFUSED;
          type = found;
        } else if (type !== found) {
          return REFUSED;
        }
      }
      copy.push(typeof element === 'string' && element.length > limit ? element.slice(0, limit) : element);
    }
    return copy;
  } catch {
    // A revoked proxy, or one whose traps throw.
    return REFUSED;
  }
}

function copyNested(value: unknown, limit: number, depth: number): unknown {
  try {
    if (value === null || typeof value !== 'object') {
      return value === null ? null : storedValue(value, limit, true);
    }
    if (depth >= MAX_DEPTH) return REFUSED;
    if (value instanceof Uint8Array) return value.slice(0, Math.min(value.length, limit));
    if (Array.isArray(value)) {
      const copy: unknown[] = [];
      for (let at = 0; at < value.length; at++) {
        const element = value[at] === undefined ? undefined : copyNested(value[at], limit, depth + 1);
        if (element === REFUSED) return REFUSED;
        copy.push(element);
      }
      return copy;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== null && Object.getPrototypeOf(prototype as object) !== null) return REFUSED;
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (property === undefined || !('value' in property)) return REFUSED;
      if (property.value === undefined) continue;
      const element = copyNested(property.value, limit, depth + 1);
      if (element === REFUSED) return REFUSED;
      define(copy, key, element);
    }
    return copy;
  } catch {
    return REFUSED;
  }
}

/** Sets an own property, also one called `__proto__`, or by a name that a frozen `Object.prototype` has. */
export function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') {
    try {
      Strict.assign(target, key, value);
      return;
    } catch {
      // It cannot be assigned, but it can be defined.
    }
  }
  Object.defineProperty(target, key, alone({ value, writable: true, enumerable: true, configurable: true }));
}

/** In a class, whose code is strict wherever a bundler puts it: elsewhere a refused assignment may say nothing. */
class Strict {
  static assign(target: Record<string, unknown>, key: string, value: unknown): void {
    target[key] = value;
  }
}

/** Reports an attribute that was not taken; its value is not shown. */
export function reportRefused(key: unknown): void {
  if (typeof key !== 'string' || key === '') {
    warn('SPW_ATTRIBUTE', 'an attribute key is not a string or is empty; the attribute was dropped', 'key');
  } else {
    warn('SPW_ATTRIBUTE', `attribute "${key}" is of a type that no attribute can have and was dropped`, key);
  }
}

/** Attributes that were cleaned, and how many a limit kept out. */
export interface Cleaned {
  readonly attributes: Attributes;
  readonly dropped: number;
}

/**
 * Copies the usable ones of some attributes.
 *
 * @param source anything; what is no object has no attributes
 * @param count most attributes that are kept
 * @param length longest string, in characters
 */
export function cleanAttributes(source: unknown, count: number, length: number): Cleaned {
  const attributes: Record<string, unknown> = {};
  let kept = 0;
  let dropped = 0;
  if (typeof source === 'object' && source !== null) {
    try {
      for (const key of Object.keys(source)) {
        const value = (source as Record<string, unknown>)[key];
        if (value === undefined || (value === null && !NESTED_VALUES)) continue;
        const copy = key === '' ? REFUSED : storedValue(value, length);
        if (copy === REFUSED) reportRefused(key);
        else if (kept >= count) dropped++;
        else {
          define(attributes, key, copy);
          kept++;
        }
      }
    } catch {
      reportRefused('(unreadable)');
    }
  }
  return { attributes: attributes as Attributes, dropped };
}
