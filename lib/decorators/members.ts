/**
 * Decorated members: what a protocol tells of one at its definition, and what only its calls tell.
 */
import { keyText, type Member } from './layer.js';
import { wrappedOf } from './wrapped.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Names found by calls; a member that was found on its class keeps its name. */
const names = new WeakMap<Member, string>();

/** 'Class.key', or the key alone where the class has no name. */
export function qualified(className: string, key: string | symbol): string {
  return className === '' ? keyText(key) : `${className}.${keyText(key)}`;
}

/**
 * Makes a member.
 *
 * @param facts what the protocol tells of it
 */
export function createMember(facts: Omit<Member, 'name' | 'place'>): Member {
  const className = facts.declaredOn === undefined ? '' : classNameOf(facts.declaredOn, facts.static);
  const place = placeOf(facts);
  place.members++;
  return { name: qualified(className, facts.key), ...facts, place };
}

const legacyPlaces = new WeakMap<object, Map<string | symbol, { members: number }>>();
const standardPlaces = new Map<string | symbol, { members: number }>();

/**
 * Where a member stands: its class and key, or for standard decorators, which do not learn their class, the key
 * alone. Only where a place has several members can two wrappers belong to one element, and only there a call
 * needs to leave word of itself in the context.
 */
function placeOf({ declaredOn, key }: Pick<Member, 'declaredOn' | 'key'>): { members: number } {
  let places: Map<string | symbol, { members: number }> | undefined = standardPlaces;
  if (declaredOn !== undefined) {
    places = legacyPlaces.get(declaredOn);
    if (places === undefined) legacyPlaces.set(declaredOn, (places = new Map()));
  }
  let place = places.get(key);
  if (place === undefined) places.set(key, (place = { members: 0 }));
  return place;
}

/** Makes what stands for the member where a plain function is traced: its name does not depend on a receiver. */
export function functionMember(name: string): Member {
  const member: Member = {
    name,
    key: name,
    kind: 'function',
    static: false,
    private: false,
    place: { members: 1 },
  };
  names.set(member, name);
  return member;
}

/** Tells a static member of a standard decorator which class it belongs to, once that exists. */
export function declareOn(member: Member, owner: object): void {
  const open = member as Mutable<Member>;
  open.declaredOn = owner;
  open.name = qualified(classNameOf(owner, member.static), member.key);
}

/**
 * The name of a member as a call sees it: 'Class.method', of the class that declares it.
 *
 * Standard decorators do not learn their class, so it is looked up from the receiver. Private members and fields
 * cannot be found there and take the name of the receiver's class.
 *
 * @param member the decorated member
 * @param receiver the `this` of the call
 * @returns the name; only the member's own where the class is unknown or has no name
 */
export function memberName(member: Member, receiver: unknown): string {
  const known = names.get(member);
  if (known !== undefined) return known;
  const owner = member.declaredOn ?? declaringObject(member, receiver);
  if (owner !== undefined) {
    const name = qualified(classNameOf(owner, member.static), member.key);
    // A class expression gets its name after its decorators ran: an empty one is not the last word.
    if (name !== keyText(member.key)) names.set(member, name);
    return name;
  }
  if (receiver === undefined || receiver === null) return member.name;
  return qualified(classNameOf(receiver, member.static && typeof receiver === 'function'), member.key);
}

/**
 * Whether two members are the same decorated element, with a foreign decorator between its decorators.
 *
 * @param a the member an outer wrapper belongs to
 * @param b the member an inner wrapper belongs to
 * @param receiver the `this` of the call that both see
 */
export function sameMember(a: Member, b: Member, receiver: unknown): boolean {
  if (a === b) return true;
  if (
    a.kind === 'function' ||
    a.key !== b.key ||
    a.kind !== b.kind ||
    a.static !== b.static ||
    a.private !== b.private
  )
    return false;
  if (a.declaredOn !== undefined && b.declaredOn !== undefined) return a.declaredOn === b.declaredOn;
  if (a.scope !== undefined && b.scope !== undefined) return a.scope === b.scope;
  if (a.has !== undefined && a.has === b.has) return true;
  // A private member shows nowhere but in `has`: two of one name may belong to a class and its base class.
  return !a.private && ownDefinitions(a.key, receiver, 2).length === 1;
}

/** The objects on the receiver's prototype chain that define the key, nearest first. */
function ownDefinitions(key: string | symbol, receiver: unknown, limit: number): object[] {
  const found: object[] = [];
  try {
    for (let object = asObject(receiver); object !== null && found.length < limit;) {
      if (Object.prototype.hasOwnProperty.call(object, key)) found.push(object);
      object = Object.getPrototypeOf(object) as object | null;
    }
  } catch {
    // A hostile proxy: nothing is known of it.
  }
  return found;
}

function asObject(value: unknown): object | null {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? value : null;
}

/** Where a public method or getter stands: by its wrapper, else where it can only be. */
function declaringObject(member: Member, receiver: unknown): object | undefined {
  if (member.private || member.kind === 'field' || member.kind === 'accessor') return undefined;
  const candidates = ownDefinitions(member.key, receiver, 64);
  let unknown: object | undefined;
  for (const object of candidates) {
    try {
      const descriptor = Object.getOwnPropertyDescriptor(object, member.key);
      const wrapped = wrappedOf(member.kind === 'getter' ? descriptor?.get : descriptor?.value);
      if (wrapped?.member === member) return object;
      if (wrapped === undefined) unknown ??= object;
    } catch {
      return undefined;
    }
  }
  return unknown;
}

/** The name of the class that `owner` is, or is the prototype or an instance of; read without running getters. */
export function classNameOf(owner: unknown, isClass: boolean): string {
  try {
    const held: unknown = isClass ? owner : dataProperty(owner, 'constructor');
    const name = typeof held === 'function' ? dataProperty(held, 'name') : undefined;
    return typeof name === 'string' ? name : '';
  } catch {
    return '';
  }
}

function dataProperty(of: unknown, key: string): unknown {
  for (let object = asObject(of); object !== null; object = Object.getPrototypeOf(object) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(object, key);
    if (descriptor !== undefined) return descriptor.value;
  }
  return undefined;
}
