/**
 * Observables: one run and one span per subscription.
 *
 * The caller gets a proxy, because an own `subscribe` on a Subject that is shared would trace strangers. Operators
 * and conversions call `subscribe` on it as they would on the original.
 */
import { context, type Context } from '@opentelemetry/api';
import { define } from './settle-override.js';
import { Lazy, markObserved, whenDropped } from './settle-lazy.js';
import { completeStream, type SpanRun } from './settle-run.js';

type Callback = (...args: any[]) => unknown;
interface Observer {
  next?: unknown;
  error?: unknown;
  complete?: unknown;
}
interface Subscriber extends Observer {
  readonly closed?: boolean;
  next: Callback;
  error: Callback;
  complete: Callback;
}

/**
 * Follows an Observable to its subscriptions.
 *
 * @param target the Observable that was returned
 * @param run the open run of the call
 * @returns the proxy that the caller gets
 */
export function settleObservable<T extends object>(target: T, run: SpanRun): T {
  const own = Object.getOwnPropertyDescriptor(target, 'subscribe');
  if (own !== undefined && own.configurable !== true) {
    // A proxy would have to give the original.
    run.cancel();
    return target;
  }
  const lazy = new Lazy(run);
  const subscribe = function (this: unknown, ...args: unknown[]): unknown {
    const original = Reflect.get(target, 'subscribe') as Callback;
    if (this !== proxy && this !== target) return Reflect.apply(original, this, args);
    return subscribeIn(lazy.begin(), original, target, args);
  };
  const rebound = new WeakMap<object, Callback>();
  const withTarget = (method: Callback): Callback => {
    let bound = rebound.get(method);
    if (bound === undefined) {
      bound = function (this: unknown, ...args: unknown[]): unknown {
        return Reflect.apply(method, this === proxy ? target : this, args);
      };
      rebound.set(method, bound);
    }
    return bound;
  };
  const proxy: T = new Proxy(target, {
    get(object, key, receiver) {
      if (key === 'subscribe') return subscribe;
      if (!needsItself(object, key)) return Reflect.get(object, key, receiver);
      const member: unknown = Reflect.get(object, key, object);
      return typeof member === 'function' ? withTarget(member as Callback) : member;
    },
  });
  markObserved(proxy, lazy);
  whenDropped(proxy, lazy);
  return proxy;
}

function subscribeIn(run: SpanRun, original: Callback, target: object, args: unknown[]): unknown {
  const consumer = context.active();
  const [observer, ...rest] = args;
  let passed: unknown[];
  if (isSubscriber(observer)) {
    // A subscriber must stay itself: a source that emits synchronously and without end looks at its `closed`.
    followSubscriber(observer, run, consumer);
    passed = args;
  } else passed = [followedObserver(observer, rest, run, consumer)];
  let subscription: unknown;
  try {
    subscription = context.with(run.context, () => Reflect.apply(original, target, passed));
  } catch (error) {
    run.fail(error);
    throw error;
  }
  const add = (subscription as { add?: unknown } | undefined)?.add;
  if (typeof add === 'function') Reflect.apply(add, subscription, [() => run.cancel()]);
  return subscription;
}

function isSubscriber(value: unknown): value is Subscriber {
  if (typeof value !== 'object' || value === null) return false;
  const shape = value as Record<string, unknown>;
  return (
    ['next', 'error', 'complete', 'add', 'remove', 'unsubscribe'].every(
      (k) => typeof shape[k] === 'function',
    ) && 'closed' in value
  );
}

function followSubscriber(subscriber: Subscriber, run: SpanRun, consumer: Context): void {
  const { next, error, complete } = subscriber;
  let last: unknown;
  const pass = (method: Callback, ...values: unknown[]): unknown =>
    context.with(consumer, () => Reflect.apply(method, subscriber, values));
  // A source may go on after its subscriber had enough; nobody hears that.
  define(subscriber, 'next', (value: unknown) => {
    if (!subscriber.closed) {
      last = value;
      run.collect?.(value);
    }
    return pass(next, value);
  });
  define(subscriber, 'error', (reason: unknown) => {
    if (!subscriber.closed) run.fail(reason);
    return pass(error, reason);
  });
  define(subscriber, 'complete', () => {
    if (!subscriber.closed) completeStream(run, last);
    return pass(complete);
  });
}

function followedObserver(observer: unknown, rest: unknown[], run: SpanRun, consumer: Context): Subscriber {
  const [error, complete] = rest;
  const given: Observer =
    typeof observer === 'object' && observer !== null ? observer : { next: observer, error, complete };
  let last: unknown;
  // Looked up at every call, as rxjs does.
  const pass = (method: keyof Observer, ...values: unknown[]): unknown => {
    const callback = given[method];
    if (typeof callback !== 'function') return undefined;
    return context.with(consumer, () => Reflect.apply(callback, given, values));
  };
  return {
    next(value: unknown) {
      last = value;
      run.collect?.(value);
      return pass('next', value);
    },
    error(reason: unknown) {
      run.fail(reason);
      // Thrown, it takes the way that an error without a handler takes in rxjs.
      if (typeof given.error !== 'function') throw reason;
      return pass('error', reason);
    },
    complete() {
      completeStream(run, last);
      return pass('complete');
    },
  };
}

// Private members as JavaScript has them, and as compilers write them for older targets.
const PRIVATE_MEMBERS = /#[\w$]|[pP]rivateField|__private(?:Get|Set|Method|Add)\b/;
const hiding = new WeakMap<object, boolean>();

/** True for a member of a class with private members: a proxy does not have them, so it gets the target as `this`. */
function needsItself(target: object, key: PropertyKey): boolean {
  let holder: object | null = target;
  while (holder !== null && !Object.hasOwn(holder, key)) holder = Object.getPrototypeOf(holder);
  if (holder === null || holder === target) return false;
  let hides = hiding.get(holder);
  if (hides === undefined) {
    const made: unknown = Object.getOwnPropertyDescriptor(holder, 'constructor')?.value;
    hides = typeof made === 'function' && PRIVATE_MEMBERS.test(Function.prototype.toString.call(made));
    hiding.set(holder, hides);
  }
  return hides;
}
