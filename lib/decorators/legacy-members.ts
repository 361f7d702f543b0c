/**
 * Legacy `experimentalDecorators`: members as descriptors describe them, in the dialects of the compilers.
 */
import type { Layer, Member, MemberKind, RunLayers } from './layer.js';
import { decorateLegacyField, joinLegacyField } from './legacy-field.js';
import { classNameOf, createMember } from './members.js';
import { holdsFunction, isClass, place, targetError } from './misuse.js';
import { addLayer, wrapFunction, wrappedOf } from './wrapped.js';
import { alone } from '../descriptor.js';

type Fn = (...args: any[]) => any;

/** Babel hands a field's initial value over as a function. */
export interface LegacyDescriptor extends PropertyDescriptor {
  initializer?: ((this: any) => unknown) | null;
}

/**
 * Decorates a member under the legacy protocol.
 *
 * The descriptor is changed in place too, because some callers (such as Nest's `applyDecorators`) do not look at
 * what a decorator returns.
 *
 * @param target the prototype, or the class for static members
 * @param key the member's key
 * @param given the descriptor, where the compiler passes one
 * @returns the descriptor to define
 */
export function decorateLegacyMember(
  target: object,
  key: string | symbol,
  given: LegacyDescriptor | undefined,
  layer: Layer,
  run: RunLayers,
): PropertyDescriptor {
  const isStatic = typeof target === 'function';
  const where = place(classNameOf(target, isStatic), key);
  const member = (kind: MemberKind): Member =>
    createMember({ key, kind, static: isStatic, private: false, declaredOn: target });
  const descriptor = given ?? (Object.getOwnPropertyDescriptor(target, key) as LegacyDescriptor | undefined);

  if (descriptor === undefined || descriptor.initializer === null) {
    return decorateLegacyField(target, key, member('field'), where, layer, run);
  }
  if (typeof descriptor.initializer === 'function') {
    const { initializer } = descriptor;
    const field = member('field');
    descriptor.initializer = function (this: unknown) {
      const value = initializer.call(this);
      return holdsFunction(layer, value, where) ? wrapFunction(value, field, layer, run) : value;
    };
    return descriptor;
  }
  if (joinLegacyField(descriptor, target, key, layer)) return descriptor;
  if (descriptor.get !== undefined) {
    descriptor.get = decorated(descriptor.get, () => member('getter'), layer, run) as () => unknown;
  } else if (descriptor.set !== undefined) {
    throw targetError(layer, 'the setter', where, 'setter');
  } else {
    // What a static field holds is there when decorators run; methods always are functions.
    const isField = given === undefined;
    const { value } = descriptor;
    if (isClass(value)) throw targetError(layer, 'the member', where, 'class');
    if (!holdsFunction(layer, value, where)) return descriptor;
    descriptor.value = decorated(value, () => member(isField ? 'field' : 'method'), layer, run);
  }
  if (given === undefined) Object.defineProperty(target, key, alone(descriptor));
  return descriptor;
}

/** Adds a layer to our wrapper of the same member, or wraps. */
function decorated(fn: Fn, member: () => Member, layer: Layer, run: RunLayers): Fn {
  const made = member();
  const inner = wrappedOf(fn);
  if (inner !== undefined && inner.member.declaredOn === made.declaredOn && inner.member.key === made.key) {
    addLayer(inner, layer);
    return fn;
  }
  return wrapFunction(fn, made, layer, run);
}
