/**
 * What kind of thing an object is, told without running code of its class wherever that is possible.
 *
 * Arguments of a method are anything: a database client with a `get`, an entity with lazy getters, a revoked
 * proxy. So properties are looked up as descriptors along the prototype chain, and a method is called only when
 * the whole shape says whose it is. Every function may throw on a hostile proxy; callers guard.
 */

/** How far a prototype chain is followed. */
const MAX_CHAIN = 8;

interface HeadersLike {
  get(key: string): string | null;
  set(key: string, value: string): void;
}
interface MetadataLike {
  get(key: string): unknown[];
  set(key: string, value: string): void;
}
interface NatsHeadersLike {
  keys(): string[];
  values(key: string): string[];
  set(key: string, value: string): void;
  delete(key: string): void;
}

/** An object literal, also of another realm, or one without a prototype. */
export function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto === Object.prototype || proto === null) return true;
  return (
    typeof proto === 'object' &&
    Object.getPrototypeOf(proto) === null &&
    Object.hasOwn(proto as object, 'hasOwnProperty') &&
    Object.hasOwn(proto as object, '__proto__')
  );
}

/** An own property that is data; a getter is not run. */
export function ownValue(value: object, key: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

/** The descriptor of a property, own or inherited. */
export function describe(value: object, key: PropertyKey): PropertyDescriptor | undefined {
  let at: object | null = value;
  for (let i = 0; at !== null && i < MAX_CHAIN; i++) {
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found !== undefined) return found;
    at = Object.getPrototypeOf(at) as object | null;
  }
  return undefined;
}

/** A property that is data, own or inherited; a getter is not run. */
export function dataOf(value: object, key: PropertyKey): unknown {
  return describe(value, key)?.value;
}

function hasMethods(value: object, ...names: string[]): boolean {
  return names.every((name) => typeof dataOf(value, name) === 'function');
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Bytes of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/**
 * WHATWG `Headers`, the runtime's or a library's. The global is not asked: in Node, to name it loads all of `fetch`,
 * which takes 20 ms.
 */
export function isHeaders(value: unknown): value is HeadersLike {
  if (!isObject(value)) return false;
  if (isPlain(value) || !hasMethods(value, 'get', 'set', 'has', 'append', 'forEach', 'entries')) return false;
  if (dataOf(value, Symbol.toStringTag) === 'Headers') return true;
  const maker = dataOf(value, 'constructor');
  return typeof maker === 'function' && ownValue(maker, 'name') === 'Headers';
}

/** A `Map` of any realm. */
export function isMap(value: object): value is Map<unknown, unknown> {
  return (
    value instanceof Map ||
    (!isPlain(value) &&
      dataOf(value, Symbol.toStringTag) === 'Map' &&
      hasMethods(value, 'entries', 'set', 'delete'))
  );
}

/** gRPC `Metadata`. */
export function isGrpcMetadata(value: unknown): value is MetadataLike {
  return isObject(value) && !isPlain(value) && hasMethods(value, 'getMap', 'toHttp2Headers', 'get', 'set');
}

/** NATS `MsgHdrs`. */
export function isNatsHeaders(value: unknown): value is NatsHeadersLike {
  return (
    isObject(value) &&
    !isPlain(value) &&
    describe(value, 'hasError') !== undefined &&
    hasMethods(value, 'append', 'keys', 'values', 'set', 'delete')
  );
}
