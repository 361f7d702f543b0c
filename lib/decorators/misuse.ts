/**
 * Misuse at definition: errors that name class, member and remedy.
 */
import { SpanwiseError, warn } from '../diagnostics.js';
import { keyText, type Layer } from './layer.js';

const NAMES: Readonly<Record<Layer['kind'], string>> = {
  trace: '@Trace',
  entry: '@DistributedEntry',
  enrich: '@Enrich',
};

/** What is wrong with a target, and what to do instead. */
const REMEDIES = {
  setter: 'a setter returns nothing; decorate the method that does the work, and call it from the setter',
  parameter: 'decorate the method, and read the parameter in a callback: inputs: (…args) => …',
  function: 'decorators are for classes and their members; use trace(fn, options)',
  value: 'decorate a class, or a method, getter or function field of a class',
  class: 'the member holds a class; decorate that class itself',
  unknown: 'decorate a method, a getter, a field or accessor that holds a function, or a class',
} as const;

/** How a member reads in a message; standard decorators do not tell the class. */
export function place(className: string, key: string | symbol | undefined): string {
  if (key === undefined) return className === '' ? 'an anonymous class' : `class ${className}`;
  return className === ''
    ? `member ${keyText(key)} (its class is not known yet)`
    : `${className}.${keyText(key)}`;
}

/** The error for a target that cannot be traced. */
export function targetError(
  layer: Layer,
  what: string,
  where: string,
  remedy: keyof typeof REMEDIES,
): SpanwiseError {
  return new SpanwiseError(
    'SPW_TARGET',
    `${NAMES[layer.kind]} cannot stand on ${what} ${where}: ${REMEDIES[remedy]}`,
  );
}

/**
 * Checks the first value of a decorated field.
 *
 * @returns true if it is a function to wrap; nothing yet is reported, since a later assignment may go unseen
 * @throws SpanwiseError if the field holds something that can never be traced
 */
export function holdsFunction(layer: Layer, value: unknown, where: string): value is (...args: any[]) => any {
  if (typeof value === 'function') {
    if (isClass(value)) throw targetError(layer, 'the field', where, 'class');
    return true;
  }
  if (value === undefined || value === null) {
    warn(
      'SPW_FIELD',
      `${where} holds no function yet, so ${NAMES[layer.kind]} has nothing to trace; give it an initial value, or assign trace(fn)`,
      where,
    );
    return false;
  }
  throw new SpanwiseError(
    'SPW_FIELD',
    `${NAMES[layer.kind]} stands on the field ${where}, which holds a ${typeof value}: ` +
      'only functions can be traced; remove the decorator, or decorate the method that makes the value',
  );
}

/** A class: its `prototype` cannot be written, unlike that of a function. */
export function isClass(value: unknown): value is abstract new (...args: any[]) => object {
  return (
    typeof value === 'function' && Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
  );
}

/** A class, or what older compilers make of one: a function whose prototype has members. */
export function looksLikeClass(value: unknown): value is abstract new (...args: any[]) => object {
  if (isClass(value)) return true;
  if (typeof value !== 'function') return false;
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value;
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.prototype.hasOwnProperty.call(prototype, 'constructor') &&
    (Reflect.ownKeys(prototype).length > 1 || Object.getPrototypeOf(prototype) !== Object.prototype)
  );
}
