/**
 * Which kind a result is, told by its shape and its internal slots, never by source text or a constructor's name.
 */

type AnyFunction = (...args: any[]) => unknown;

interface NodeTypes {
  isPromise(value: unknown): boolean;
  isGeneratorFunction(value: unknown): boolean;
  isAsyncFunction(value: unknown): boolean;
}

/** A Node built-in where there is one; elsewhere undefined, so that nothing here needs Node. */
export function nodeBuiltin<T>(name: string): T | undefined {
  try {
    const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
    return process?.getBuiltinModule?.(name) as T | undefined;
  } catch {
    return undefined;
  }
}

let cachedTypes: Partial<NodeTypes> | undefined;
function nodeTypes(): Partial<NodeTypes> {
  return (cachedTypes ??= nodeBuiltin<{ types: NodeTypes }>('node:util')?.types ?? {});
}

// One name at a time and no list of them: every object that a traced method returns is looked at.
function has(value: object, name: PropertyKey): boolean {
  return typeof (value as Record<PropertyKey, unknown>)[name] === 'function';
}

/** A promise by its internal slot, of whatever realm. */
export function isPromise(value: object): value is Promise<unknown> {
  const { isPromise } = nodeTypes();
  return isPromise === undefined ? value instanceof Promise : isPromise(value);
}

/** The prototype of plain promises, of whatever realm: the one with `then` directly above the root. */
export function isPromisePrototype(prototype: object | null): boolean {
  if (prototype === Promise.prototype) return true;
  if (prototype === null || !Object.hasOwn(prototype, 'then')) return false;
  const root: unknown = Object.getPrototypeOf(prototype);
  return root !== null && Object.getPrototypeOf(root) === null;
}

/** Something to await. */
export function isThenable(value: object): boolean {
  return has(value, 'then');
}

/** A function that is a thenable as well; its members are looked up without asking a proxy for them. */
export function isThenableFunction(fn: object): boolean {
  for (let holder: object | null = fn; holder !== null; holder = Object.getPrototypeOf(holder)) {
    const found = Object.getOwnPropertyDescriptor(holder, 'then');
    if (found !== undefined) return typeof found.value === 'function';
  }
  return false;
}

const OBSERVABLE = '@@observable';

/** An Observable of rxjs, or one that looks the same to rxjs. */
export function isObservable(value: object): boolean {
  if (!has(value, 'subscribe') || !has(value, 'pipe')) return false;
  const symbol = (Symbol as { observable?: symbol }).observable;
  return has(value, OBSERVABLE) || (symbol !== undefined && has(value, symbol));
}

/** A Node stream with a readable side. */
export function isNodeReadable(value: object): boolean {
  return (
    has(value, 'pipe') &&
    has(value, 'read') &&
    has(value, 'on') &&
    has(value, 'once') &&
    has(value, 'removeListener')
  );
}

/** A connection, which lives for longer than the method that returns it. */
export function isSocket(value: object): boolean {
  return has(value, 'setNoDelay') && has(value, 'setKeepAlive');
}

/** A web stream to read from. */
export function isWebReadable(value: object): boolean {
  return has(value, 'getReader') && has(value, 'pipeTo') && has(value, 'tee') && 'locked' in value;
}

/** Has its own way of being iterated asynchronously. */
export function isAsyncIterable(value: object): boolean {
  return has(value, Symbol.asyncIterator);
}

const ASYNC_ITERATOR: object = Object.getPrototypeOf(
  Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype),
);

/** Iterates over itself, as async generators do. */
export function isAsyncIterator(value: object): boolean {
  return (
    has(value, 'next') &&
    Reflect.get(value, Symbol.asyncIterator) === Reflect.get(ASYNC_ITERATOR, Symbol.asyncIterator)
  );
}

/** A process of Node's, or what execa makes of one. */
export function isChildProcess(
  value: object,
): value is { once(event: string, listener: () => void): unknown } {
  return has(value, 'once') && has(value, 'kill') && has(value, 'unref') && 'spawnfile' in value;
}

// Iterators over a collection run no code of the body, and are often asked for one element only.
const COLLECTION_ITERATOR = /^(Array|Map|Set|String|RegExp String) Iterator$/;

/** An iterator that runs code of the body when it is pulled. */
export function isIterator(value: object): boolean {
  if (!has(value, 'next') || !has(value, Symbol.iterator)) return false;
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  return typeof tag !== 'string' || !COLLECTION_ITERATOR.test(tag);
}

const ASYNC: unknown = Object.getPrototypeOf(async function () {});

/**
 * Tells whether a function was declared as `async function`, whose promises are always new and plain.
 *
 * @param fn any function
 * @returns false for an `async function*`, and for a function that merely returns a promise
 */
export function isAsyncFunction(fn: AnyFunction | object): boolean {
  // Nearly every function is told by its prototype, for half the price of asking the engine.
  const prototype: unknown = Object.getPrototypeOf(fn);
  if (prototype === Function.prototype) return false;
  if (isGeneratorFunction(fn)) return false;
  const { isAsyncFunction } = nodeTypes();
  return isAsyncFunction === undefined ? Object.getPrototypeOf(fn) === ASYNC : isAsyncFunction(fn);
}

const GENERATORS = new Set<unknown>([
  Object.getPrototypeOf(function* () {}),
  Object.getPrototypeOf(async function* () {}),
]);

/**
 * Tells whether a function was declared as `function*` or `async function*`.
 *
 * @param fn any function
 * @returns false for a function that merely returns a generator
 */
export function isGeneratorFunction(fn: AnyFunction | object): boolean {
  const prototype: unknown = Object.getPrototypeOf(fn);
  if (prototype === Function.prototype || prototype === ASYNC) return false;
  const { isGeneratorFunction } = nodeTypes();
  return isGeneratorFunction === undefined
    ? GENERATORS.has(Object.getPrototypeOf(fn))
    : isGeneratorFunction(fn);
}
