/**
 * Questions about a stranger's object that are answered without running any of its code.
 *
 * Every answer comes from an internal slot (`node:util`'s `types`) or from a property descriptor, never from a
 * property read, because a read may be a getter and a Proxy turns each question into a call of its own. The
 * intrinsics are taken when this file is loaded, so that later patches of prototypes are not called either.
 */

interface Types {
  isProxy(value: unknown): boolean;
  isDate(value: unknown): value is Date;
  isMap(value: unknown): value is Map<unknown, unknown>;
  isSet(value: unknown): value is Set<unknown>;
  isRegExp(value: unknown): value is RegExp;
  isPromise(value: unknown): boolean;
  isNativeError(value: unknown): boolean;
  isBoxedPrimitive(value: unknown): boolean;
  isStringObject(value: unknown): boolean;
  isNumberObject(value: unknown): boolean;
  isBooleanObject(value: unknown): boolean;
  isBigIntObject(value: unknown): boolean;
  isAnyArrayBuffer(value: unknown): value is ArrayBufferLike;
}

type Getter<T> = (this: unknown) => T;

const { getPrototypeOf, getOwnPropertyDescriptor } = Object;

function getterOf<T>(prototype: object, key: PropertyKey): Getter<T> {
  return getOwnPropertyDescriptor(prototype, key)!.get as Getter<T>;
}

/** Whether an intrinsic accepts the value as its receiver: the only brand check that needs no Node. */
function accepts(probe: Getter<unknown>): (value: unknown) => boolean {
  return (value) => {
    try {
      probe.call(value);
      return true;
    } catch {
      return false;
    }
  };
}

const mapSize = getterOf<number>(Map.prototype, 'size');
const setSize = getterOf<number>(Set.prototype, 'size');
const dateTime = Date.prototype.getTime as Getter<number>;
const dateToIso = Date.prototype.toISOString as Getter<string>;
const regExpSource = getterOf<string>(RegExp.prototype, 'source');
const bufferLength = getterOf<number>(ArrayBuffer.prototype, 'byteLength');
const viewPrototype = getPrototypeOf(Uint8Array.prototype) as object;
const viewName = getterOf<string | undefined>(viewPrototype, Symbol.toStringTag);
const viewLength = getterOf<number>(viewPrototype, 'byteLength');
const dataViewLength = getterOf<number>(DataView.prototype, 'byteLength');
const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;
const mapNext = (getPrototypeOf(new Map().entries()) as { next(): IteratorResult<unknown> }).next;
const setNext = (getPrototypeOf(new Set().values()) as { next(): IteratorResult<unknown> }).next;
const stringOf = String.prototype.valueOf as Getter<string>;
const numberOf = Number.prototype.valueOf as Getter<number>;
const booleanOf = Boolean.prototype.valueOf as Getter<boolean>;
const bigIntOf = BigInt.prototype.valueOf as Getter<bigint>;
const urlPrototype = typeof URL === 'function' ? (URL.prototype as object) : undefined;
const urlHref = urlPrototype && getterOf<string>(urlPrototype, 'href');

/** Without Node's answers: Proxies cannot be seen, and what they throw is caught where the value is walked. */
function portableTypes(): Types {
  const no = (): boolean => false;
  const boxes = {
    isStringObject: accepts(stringOf),
    isNumberObject: accepts(numberOf),
    isBooleanObject: accepts(booleanOf),
    isBigIntObject: accepts(bigIntOf),
  };
  return {
    ...boxes,
    isProxy: no,
    isDate: accepts(dateTime) as Types['isDate'],
    isMap: accepts(mapSize) as Types['isMap'],
    isSet: accepts(setSize) as Types['isSet'],
    // The prototype answers "(?:)" itself and nothing else does but a real RegExp.
    isRegExp: accepts(regExpSource) as Types['isRegExp'],
    isPromise: no,
    isNativeError: (value) => value instanceof Error,
    isBoxedPrimitive: (value) => Object.values(boxes).some((is) => is(value)),
    isAnyArrayBuffer: accepts(bufferLength) as Types['isAnyArrayBuffer'],
  };
}

function loadTypes(): Types {
  try {
    const host = (globalThis as { process?: { getBuiltinModule?(id: string): unknown } }).process;
    const util = host?.getBuiltinModule?.('node:util') as { types?: Types } | undefined;
    return util?.types ?? portableTypes();
  } catch {
    return portableTypes();
  }
}

const types = loadTypes();

export const isProxy = (value: object): boolean => types.isProxy(value);
/** A boxed string has a property for each of its characters. */
export const isBoxed = (value: object): boolean => types.isBoxedPrimitive(value);
export const isArray = Array.isArray;

/** What an object is, as far as its internal slots tell. */
export type ObjectKind =
  | 'array'
  | 'map'
  | 'set'
  | 'error'
  | 'object'
  /** Something that is written as one short text. */
  | 'text';

export interface Described {
  readonly kind: ObjectKind;
  /** For `text`: what to write. */
  readonly text?: string | number | boolean | bigint;
}

const ARRAY: Described = { kind: 'array' };
const MAP: Described = { kind: 'map' };
const SET: Described = { kind: 'set' };
const ERROR: Described = { kind: 'error' };
const OBJECT: Described = { kind: 'object' };
const PROXY: Described = { kind: 'text', text: '[Proxy]' };
const PROMISE: Described = { kind: 'text', text: '[Promise]' };

/** Tells how an object is to be recorded; runs no user code. */
export function describe(value: object): Described {
  if (types.isProxy(value)) return PROXY;
  if (isArray(value)) return ARRAY;
  const prototype = getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return OBJECT;
  if (types.isNativeError(value)) return ERROR;
  if (types.isDate(value)) return { kind: 'text', text: isoTime(value) };
  if (types.isMap(value)) return MAP;
  if (types.isSet(value)) return SET;
  if (types.isPromise(value)) return PROMISE;
  if (ArrayBuffer.isView(value)) return { kind: 'text', text: viewText(value) };
  if (types.isAnyArrayBuffer(value)) return { kind: 'text', text: bufferText(value) };
  if (types.isRegExp(value)) return { kind: 'text', text: regExpText(value) };
  if (prototype === urlPrototype) return urlText(value);
  if (types.isBoxedPrimitive(value)) return unboxed(value);
  return isMachinery(value) ? { kind: 'text', text: `[${classNameOf(value) ?? 'Object'}]` } : OBJECT;
}

/** Streams, sockets, requests and other emitters hold the machinery of the process, and strangers' headers. */
function isMachinery(value: object): boolean {
  return (
    getOwnPropertyDescriptor(value, '_events') !== undefined ||
    getOwnPropertyDescriptor(value, '_readableState') !== undefined ||
    getOwnPropertyDescriptor(value, '_writableState') !== undefined
  );
}

function isoTime(value: Date): string {
  return Number.isNaN(dateTime.call(value)) ? 'Invalid Date' : dateToIso.call(value);
}

function viewText(value: ArrayBufferView): string {
  const name = viewName.call(value);
  const isBuffer = name === 'Uint8Array' && classNameOf(value) === 'Buffer';
  const bytes = name === undefined ? dataViewLength.call(value) : viewLength.call(value);
  return `[${isBuffer ? 'Buffer' : (name ?? 'DataView')} ${bytes} bytes]`;
}

function bufferText(value: object): string {
  try {
    return `[ArrayBuffer ${bufferLength.call(value)} bytes]`;
  } catch {
    return '[SharedArrayBuffer]';
  }
}

function regExpText(value: RegExp): string {
  return `/${regExpSource.call(value)}/`;
}

function urlText(value: object): Described {
  try {
    return { kind: 'text', text: urlHref!.call(value) };
  } catch {
    return OBJECT;
  }
}

/** Asked first, because an intrinsic that is called on another box throws, which takes as long as all the rest. */
function unboxed(value: object): Described {
  if (types.isStringObject(value)) return { kind: 'text', text: stringOf.call(value) };
  if (types.isNumberObject(value)) return { kind: 'text', text: numberOf.call(value) };
  if (types.isBooleanObject(value)) return { kind: 'text', text: booleanOf.call(value) };
  if (types.isBigIntObject(value)) return { kind: 'text', text: bigIntOf.call(value) };
  return { kind: 'text', text: '[Symbol]' };
}

/** An own data property; undefined for an accessor, which is never run. */
export function ownValue(value: object, key: PropertyKey): unknown {
  return getOwnPropertyDescriptor(value, key)?.value;
}

/** The name of an object's class, from data properties alone. */
export function classNameOf(value: object): string | undefined {
  let prototype = getPrototypeOf(value) as object | null;
  // A class hierarchy is short; a stranger's prototype chain need not be.
  for (let step = 0; prototype !== null && step < 8 && !types.isProxy(prototype); step++) {
    const constructor = ownValue(prototype, 'constructor');
    if (typeof constructor === 'function' && !types.isProxy(constructor)) {
      const name = ownValue(constructor, 'name');
      if (typeof name === 'string' && name !== '') return name.length > 64 ? name.slice(0, 64) : name;
    }
    prototype = getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}

/** How many entries a Map or Set has, whatever its class says. */
export function sizeOf(value: object, isMap: boolean): number {
  return (isMap ? mapSize : setSize).call(value);
}

/** A stepper over a Map's entries or a Set's values that calls nobody's overridden methods. */
export function stepper(
  value: Map<unknown, unknown> | Set<unknown>,
  isMap: boolean,
): () => IteratorResult<unknown> {
  if (isMap) {
    const entries = mapEntries.call(value as Map<unknown, unknown>);
    return () => mapNext.call(entries);
  }
  const values = setValues.call(value as Set<unknown>);
  return () => setNext.call(values);
}
