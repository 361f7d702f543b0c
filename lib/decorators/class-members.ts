/**
 * Class level: a decorator on a class stands on each of its methods and static methods.
 *
 * Getters and fields are left alone: a class's properties are read far more often than anyone wants spans.
 * The class is changed in place and never replaced, because a subclass in its place would lose the metadata that
 * dependency injection reads.
 */
import { warn } from '../diagnostics.js';
import type { Layer, RunLayers } from './layer.js';
import { createMember } from './members.js';
import { isClass, place } from './misuse.js';
import { addClassLayer, wrapFunction, wrappedOf } from './wrapped.js';
import { alone } from '../descriptor.js';

type Class = abstract new (...args: any[]) => object;

/** Methods that the language itself calls, often and unasked. */
const LEFT_ALONE: ReadonlySet<string> = new Set(['constructor', 'then', 'toJSON', 'toString', 'valueOf']);

/**
 * Decorates the methods of a class.
 *
 * @param target the class
 * @param className its name, '' if it has none
 * @param scope its metadata object under the standard protocol
 */
export function decorateClass(
  target: Class,
  className: string,
  scope: object | undefined,
  layer: Layer,
  run: RunLayers,
): void {
  const prototype = target.prototype as object;
  const refused: string[] = [];
  let methods = 0;
  const decorate = (on: object, key: string, found: PropertyDescriptor): void => {
    const wrapped = wrappedOf(found.value);
    methods++;
    // A wrapper that was borrowed from another class is that class's business: it gets one of its own here.
    if (wrapped !== undefined && (wrapped.member.declaredOn ?? on) === on) {
      if (layer.kind === 'enrich' || !wrapped.layers.some(({ kind }) => kind === layer.kind)) {
        addClassLayer(wrapped, layer);
      }
      return;
    }
    const member = createMember({
      key,
      kind: 'method',
      static: on === target,
      private: false,
      declaredOn: on,
      scope,
    });
    const value = wrapFunction(found.value as (...args: any[]) => any, member, layer, run);
    if (!Reflect.defineProperty(on, key, alone({ ...found, value }))) refused.push(key);
  };

  for (const [key, descriptor] of methodsOf(prototype)) decorate(prototype, key, descriptor);
  for (const [key, descriptor] of methodsOf(target)) {
    // Functions that are enumerable on a class are static fields, not methods.
    if (descriptor.enumerable !== true) decorate(target, key, descriptor);
  }
  for (const [key, descriptor] of inheritedRoutes(prototype)) decorate(prototype, key, descriptor);

  const where = place(className, undefined);
  if (refused.length > 0) {
    warn('SPW_TARGET', `${where} does not let ${refused.join(', ')} be traced: frozen members`, where);
  } else if (methods === 0) {
    warn('SPW_TARGET', `${where} has no methods to trace; decorate its getters and fields one by one`, where);
  }
}

/** Own methods with string keys; descriptors are read, so that no getter runs. */
function methodsOf(object: object): [string, PropertyDescriptor][] {
  const found: [string, PropertyDescriptor][] = [];
  for (const key of Object.getOwnPropertyNames(object)) {
    if (LEFT_ALONE.has(key)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(object, key);
    if (typeof descriptor?.value === 'function' && !isClass(descriptor.value)) found.push([key, descriptor]);
  }
  return found;
}

/**
 * Methods of base classes that carry Reflect metadata, such as a base controller's routes: frameworks call them on
 * the subclass, so that they belong to its decorator. Other inherited methods are the base class's own business.
 */
function inheritedRoutes(prototype: object): [string, PropertyDescriptor][] {
  const metadataKeys = (Reflect as { getOwnMetadataKeys?(target: object): unknown[] }).getOwnMetadataKeys;
  if (metadataKeys === undefined) return [];
  const found: [string, PropertyDescriptor][] = [];
  const seen = new Set(Object.getOwnPropertyNames(prototype));
  for (
    let base = Object.getPrototypeOf(prototype) as object | null;
    base !== null && base !== Object.prototype;
    base = Object.getPrototypeOf(base) as object | null
  ) {
    for (const [key, descriptor] of methodsOf(base)) {
      if (seen.has(key)) continue;
      const method = descriptor.value as object;
      if (wrappedOf(method) === undefined && metadataKeys.call(Reflect, method).length > 0) {
        found.push([key, descriptor]);
      }
    }
    for (const key of Object.getOwnPropertyNames(base)) seen.add(key);
  }
  return found;
}
