/**
 * A context manager on AsyncLocalStorage, for applications without `@opentelemetry/context-async-hooks`.
 */
import { ROOT_CONTEXT, type Context, type ContextManager } from '@opentelemetry/api';
import { builtin } from './optional-package.js';
import { alone } from '../descriptor.js';

interface Storage {
  getStore(): Context | undefined;
  run<T>(context: Context, fn: (...args: any[]) => T, ...args: any[]): T;
  enterWith(context: Context): void;
  disable(): void;
}

/** An event emitter, recognised by what is used of it, so that other realms' emitters are taken too. */
interface Emitter {
  on(event: string | symbol, listener: Listener): unknown;
  emit(event: string | symbol, ...args: unknown[]): boolean;
  listenerCount(event: string | symbol): number;
  [method: string]: unknown;
}
type Listener = (...args: any[]) => unknown;

const ADDING = ['addListener', 'on', 'once', 'prependListener', 'prependOnceListener'] as const;
const REMOVING = ['removeListener', 'off'] as const;

function isEmitter(target: unknown): target is Emitter {
  return (
    target !== null &&
    typeof target === 'object' &&
    typeof (target as Emitter).on === 'function' &&
    typeof (target as Emitter).emit === 'function' &&
    typeof (target as Emitter).listenerCount === 'function'
  );
}

/** Keeps the active context in one AsyncLocalStorage. */
export class AlsContextManager implements ContextManager {
  readonly #storage: Storage;
  readonly #bound = new WeakSet<object>();

  /** @param storage an AsyncLocalStorage */
  constructor(storage: Storage) {
    this.#storage = storage;
  }

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    // No bound copy of the function unless a receiver asks for one: this runs for every traced call.
    const callee = thisArg === undefined || thisArg === null ? fn : fn.bind(thisArg);
    return this.#storage.run(context, callee as (...rest: any[]) => ReturnType<F>, ...args);
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target === 'function') return this.#bindFunction(context, target as unknown as Listener) as T;
    if (isEmitter(target)) this.#bindEmitter(context, target);
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }

  /** Makes a context the active one until the returned token is disposed of (API 1.10). */
  attach(context: Context): { dispose(): void } {
    const storage = this.#storage;
    const before = this.active();
    let attached = true;
    storage.enterWith(context);
    return {
      dispose() {
        if (attached) storage.enterWith(before);
        attached = false;
      },
    };
  }

  #bindFunction(context: Context, fn: Listener): Listener {
    const storage = this.#storage;
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return storage.run(context, () => fn.apply(this, args));
    };
    // Frameworks look at the arity: an Express handler of four parameters handles errors.
    Object.defineProperty(bound, 'length', alone({ value: fn.length, configurable: true }));
    return bound;
  }

  #bindEmitter(context: Context, emitter: Emitter): void {
    if (this.#bound.has(emitter)) return;
    this.#bound.add(emitter);
    // One bound form per listener is enough, because all of an emitter's listeners run in the same context.
    const forms = new WeakMap<Listener, Listener>();
    let inside = false;

    for (const name of ADDING) {
      const original = emitter[name];
      if (typeof original !== 'function') continue;
      emitter[name] = (event: string | symbol, listener: Listener): unknown => {
        // `once` of some emitters calls `on` with a wrapper of its own, which must not be bound a second time.
        if (inside || typeof listener !== 'function') return original.call(emitter, event, listener);
        let bound = forms.get(listener);
        if (bound === undefined) {
          bound = this.#bindFunction(context, listener);
          // What Node itself compares in `removeListener` and shows in `listeners()`.
          (bound as { listener?: Listener }).listener = listener;
          forms.set(listener, bound);
        }
        inside = true;
        try {
          return original.call(emitter, event, bound);
        } finally {
          inside = false;
        }
      };
    }
    for (const name of REMOVING) {
      const original = emitter[name];
      if (typeof original !== 'function') continue;
      emitter[name] = (event: string | symbol, listener: Listener): unknown => {
        const bound = forms.get(listener);
        if (bound === undefined) return original.call(emitter, event, listener);
        const before = emitter.listenerCount(event);
        const result: unknown = original.call(emitter, event, bound);
        // Not there in its bound form: it was added before the emitter was bound.
        return emitter.listenerCount(event) === before ? original.call(emitter, event, listener) : result;
      };
    }
  }
}

/**
 * Our own context manager, or undefined where there is no AsyncLocalStorage: neither among Node's modules nor, as edge
 * runtimes have it, among the globals.
 */
export function createAlsContextManager(): AlsContextManager | undefined {
  type Hooks = { AsyncLocalStorage?: unknown };
  const hooks = builtin<Hooks>('node:async_hooks') ?? (globalThis as Hooks);
  const { AsyncLocalStorage } = hooks;
  if (typeof AsyncLocalStorage !== 'function') return undefined;
  return new AlsContextManager(new (AsyncLocalStorage as new () => Storage)());
}
