/**
 * Promises: plain ones become a derived promise, ones with extras or a class of their own stay the same object.
 */
import { define, override } from './settle-override.js';
import { isPromise, isPromisePrototype } from './settle-kinds.js';
import { markObserved, type Observed } from './settle-lazy.js';
import { type Settle, type SpanRun } from './settle-run.js';
import { alone } from '../descriptor.js';

// Taken once: a promise's own `then` may be the user's, or ours.
const promiseThen = Promise.prototype.then;
const nothing = (): undefined => undefined;

/** Tells whether a promise can be replaced by a derived one: no class of its own, no extras. */
export function isPlainPromise(value: object): value is Promise<unknown> {
  // AsyncLocalStorage keeps symbols on promises in Node 20 and 22, so only names count as extras.
  return Object.getPrototypeOf(value) === Promise.prototype && Object.getOwnPropertyNames(value).length === 0;
}

/** The same for a promise of another realm, such as Node's own in a sandbox. */
export function isForeignPlainPromise(value: object): value is Promise<unknown> {
  return (
    isPromisePrototype(Object.getPrototypeOf(value)) &&
    isPromise(value) &&
    Object.getOwnPropertyNames(value).length === 0
  );
}

/**
 * Ends the run with the promise.
 *
 * @returns the derived promise: unhandled exactly when the original would have been
 */
export function settlePlainPromise<T>(promise: Promise<T>, run: SpanRun, settle: Settle): Promise<T> {
  return promiseThen.call(
    promise,
    (value) => settle(value, run),
    (error: unknown) => {
      run.fail(error);
      throw error;
    },
  ) as Promise<T>;
}

/** True for a promise whose own state is what its consumers get: nothing between them and the native `then`. */
export function isEagerPromise(value: object): value is Promise<unknown> {
  if (!isPromise(value)) return false;
  // `await` of a promise of no other class never asks for its `then`.
  if (Object.hasOwn(value, 'then') && isPromisePrototype(Object.getPrototypeOf(value))) return true;
  let holder: object | null = value;
  while (holder !== null && !Object.hasOwn(holder, 'then')) holder = Object.getPrototypeOf(holder);
  return isPromisePrototype(holder);
}

class ObservedPromise implements Observed {
  constructor(
    private readonly promise: Promise<unknown>,
    private readonly settle: Settle,
  ) {}

  listen(run: SpanRun): void {
    // The promise is handled already, by the first run's shadow: one more handler changes nothing.
    promiseThen.call(
      this.promise,
      (value) => this.settle(value, run),
      (error: unknown) => run.fail(error),
    );
  }
}

/**
 * Ends the run with a promise that must stay the same object.
 *
 * A shadow promise follows it and rejects unhandled in its place; the first one who subscribes to the promise
 * takes the shadow's rejection over.
 */
export function settleEagerPromise<T extends Promise<unknown>>(promise: T, run: SpanRun, settle: Settle): T {
  let handled = false;
  let original: unknown;
  let delivered: unknown;
  const handle = (): void => {
    if (handled) return;
    handled = true;
    promiseThen.call(shadow, undefined, nothing);
  };
  const subscribed = override(promise, 'then', (then, args: unknown[]) => {
    handle();
    const [onFulfilled, ...rest] = args;
    if (typeof onFulfilled !== 'function') return Reflect.apply(then, promise, args);
    const deliver = (value: unknown): unknown =>
      Reflect.apply(onFulfilled, undefined, [
        delivered !== original && value === original ? delivered : value,
      ]);
    return Reflect.apply(then, promise, [deliver, ...rest]);
  });
  if (!subscribed) {
    // Frozen: following it would make its rejections look handled.
    run.cancel();
    return promise;
  }
  // With a plain `constructor`, `await` and `Promise.resolve` would read the promise's state without its `then`.
  if (promise.constructor === Promise || isPromisePrototype(Object.getPrototypeOf(promise))) {
    define(promise, 'constructor', followedConstructor(promise.constructor as PromiseConstructor));
  }
  const shadow = deriveNative(
    promise,
    (value) => {
      original = value;
      delivered = settle(value, run);
      return undefined;
    },
    run,
  );
  markObserved(promise, new ObservedPromise(promise, settle));
  return promise;
}

/** Derives a native promise, whatever species the promise's class asks for: no constructor of a user runs. */
function deriveNative(
  promise: Promise<unknown>,
  onFulfilled: (value: unknown) => unknown,
  run: SpanRun,
): Promise<unknown> {
  const before = Object.getOwnPropertyDescriptor(promise, 'constructor');
  const swapped = before === undefined && define(promise, 'constructor', Promise);
  try {
    return promiseThen.call(promise, onFulfilled, (error: unknown) => {
      run.fail(error);
      throw error;
    });
  } finally {
    if (swapped) Reflect.deleteProperty(promise, 'constructor');
  }
}

const followed = new WeakMap<object, object>();

/** A constructor that is not `Promise` to `await`, and is to everything else that matters. */
function followedConstructor(native: PromiseConstructor): object {
  let known = followed.get(native);
  if (known === undefined) {
    known = class extends native<unknown> {
      static override get [Symbol.species](): PromiseConstructor {
        return native;
      }
    };
    Object.defineProperty(known, 'name', alone({ value: native.name }));
    const isOne = (value: unknown): boolean => value instanceof native;
    Object.defineProperty(known, Symbol.hasInstance, alone({ value: isOne }));
    followed.set(native, known);
  }
  return known;
}
