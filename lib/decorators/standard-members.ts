/**
 * TC39 standard decorators: members as their contexts describe them.
 */
import type { Layer, Member, MemberKind, RunLayers } from './layer.js';
import { classNameOf, createMember, declareOn } from './members.js';
import { holdsFunction, place, targetError } from './misuse.js';
import { addLayer, fieldSlot, wrapFunction, wrappedOf, wrapWith } from './wrapped.js';

type Fn = (...args: any[]) => any;

/** What we read of a standard decorator's context; older compilers leave some of it out. */
export interface StandardContext {
  readonly kind: string;
  readonly name?: string | symbol | undefined;
  readonly static?: boolean;
  readonly private?: boolean;
  readonly metadata?: unknown;
  readonly access?: { readonly has?: (object: any) => boolean };
  addInitializer?(initializer: (this: any) => void): void;
}

/** Whether a decorator was called with a standard context. */
export function isStandardContext(context: unknown): context is StandardContext {
  return (
    typeof context === 'object' && context !== null && typeof (context as StandardContext).kind === 'string'
  );
}

/**
 * Decorates a member under the standard protocol.
 *
 * @param value the method or getter, the accessor's functions, or undefined for a field
 * @returns what replaces it, by the protocol
 */
export function decorateStandardMember(
  value: unknown,
  context: StandardContext,
  layer: Layer,
  run: RunLayers,
): unknown {
  const key = context.name ?? '';
  switch (context.kind) {
    case 'method':
    case 'getter': {
      const what = `the ${context.kind}`;
      if (typeof value !== 'function') throw targetError(layer, what, place('', key), 'unknown');
      return decorateFunction(value as Fn, context, key, context.kind, layer, run);
    }
    case 'field':
      return fieldInitializer(context, key, 'field', layer, run);
    case 'accessor':
      return decorateAccessor(value as ClassAccessorDecoratorTarget<any, unknown>, context, key, layer, run);
    case 'setter':
      throw targetError(layer, 'the setter', place('', key), 'setter');
    default:
      throw targetError(layer, `a ${context.kind}:`, place('', key), 'unknown');
  }
}

function decorateFunction(
  fn: Fn,
  context: StandardContext,
  key: string | symbol,
  kind: MemberKind,
  layer: Layer,
  run: RunLayers,
): Fn {
  const inner = wrappedOf(fn);
  if (inner !== undefined && isElement(inner.member, context, key, kind)) {
    addLayer(inner, layer);
    return fn;
  }
  const member = createMember(factsOf(context, key, kind));
  if (member.static) {
    context.addInitializer?.(function (this: unknown) {
      if (typeof this === 'function') declareOn(member, this);
    });
  }
  return wrapFunction(fn, member, layer, run);
}

function isElement(
  member: Member,
  context: StandardContext,
  key: string | symbol,
  kind: MemberKind,
): boolean {
  return (
    member.key === key &&
    member.kind === kind &&
    member.static === (context.static ?? false) &&
    member.private === (context.private ?? false)
  );
}

function factsOf(
  context: StandardContext,
  key: string | symbol,
  kind: MemberKind,
): Omit<Member, 'name' | 'place'> {
  return {
    key,
    kind,
    static: context.static ?? false,
    private: context.private ?? false,
    scope: scopeOf(context),
    has: context.access?.has,
  };
}

/** The metadata object that all decorators of one class share, where there is one. */
export function scopeOf(context: StandardContext): object | undefined {
  return typeof context.metadata === 'object' && context.metadata !== null ? context.metadata : undefined;
}

/** Wraps values of a field; there is a member for each class that has it, since only instances tell the class. */
function fieldInitializer(
  context: StandardContext,
  key: string | symbol,
  kind: 'field' | 'accessor',
  layer: Layer,
  run: RunLayers,
): (this: any, value: unknown) => unknown {
  const facts = factsOf(context, key, kind);
  const slot = fieldSlot(layer);
  const members = new WeakMap<object, Member>();
  const memberFor = (holder: unknown): Member => {
    const owner = (facts.static ? holder : Object.getPrototypeOf(holder)) as object;
    let member = members.get(owner);
    if (member === undefined) members.set(owner, (member = createMember({ ...facts, declaredOn: owner })));
    return member;
  };
  return function (this: unknown, value: unknown): unknown {
    const where = place(classNameOf(this, facts.static), key);
    if (!holdsFunction(layer, value, where)) return value;
    return wrapWith(value, memberFor(this), slot, run);
  };
}

function decorateAccessor(
  value: ClassAccessorDecoratorTarget<any, unknown>,
  context: StandardContext,
  key: string | symbol,
  layer: Layer,
  run: RunLayers,
): ClassAccessorDecoratorResult<any, unknown> {
  const wrap = fieldInitializer(context, key, 'accessor', layer, run);
  return {
    init: wrap,
    set(this: unknown, next: unknown) {
      value.set.call(this, typeof next === 'function' ? wrap.call(this, next) : next);
    },
  };
}
