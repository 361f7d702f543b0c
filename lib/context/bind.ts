/**
 * Binding: callbacks that run later, in the context they were made in.
 */
import { context as contextApi, type Context } from '@opentelemetry/api';
import { alone } from '../descriptor.js';

type Listener = (this: unknown, ...args: any[]) => unknown;

interface Emitter {
  on(event: string | symbol, listener: Listener): unknown;
  removeListener(event: string | symbol, listener: Listener): unknown;
}

interface Target {
  addEventListener(type: string, listener: unknown, options?: unknown): void;
  removeEventListener(type: string, listener: unknown, options?: unknown): void;
}

/** Methods of an emitter that add a listener as their second argument. */
const ADDING = ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const;
const REMOVING = ['off', 'removeListener'] as const;

/** The context that an emitter or target is bound to, so that binding it again only changes that. */
const boundTo = new WeakMap<object, { context: Context }>();

/**
 * Makes a function, an emitter or an event target run its callbacks in a context.
 *
 * A function gives a new one with the same name, length and `this`. An `EventEmitter` (streams, sockets, servers) or
 * `EventTarget` is bound in place: listeners that are added from now on run in the context, and are removed by
 * the function that was added. Anything else is returned as it is: a promise's callbacks already run in the context
 * of the code that awaits it.
 *
 * @param target what to bind
 * @param context the context to run in; the active one unless given
 * @returns the bound function, or the target itself; it never throws
 * @example
 * ```ts
 * import { EventEmitter } from 'node:events';
 * import { bindContext, SessionTracer, withSession, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * const bus = new EventEmitter();
 * withSession('s-1', () =>
 *   withSpan('request', () => bus.once('stored', bindContext(() => withSpan('stored', () => undefined)))),
 * );
 * bus.emit('stored'); // by whomever: the listener runs where it was bound
 * ```
 * The listener's span is below the span in which it was bound:
 * ```text
 * request [tool] session=s-1
 * └─ stored [tool]
 * ```
 * @category Propagation
 */
export function bindContext<T>(target: T, context: Context = contextApi.active()): T {
  if (typeof target === 'function') return bindFunction(target as Listener, context) as T;
  if (typeof target !== 'object' || target === null) return target;
  try {
    if (isEmitter(target)) bindEmitter(target, context);
    else if (isTarget(target)) bindTarget(target, context);
  } catch {
    // Frozen or hostile: its listeners run where they would have run.
  }
  return target;
}

function bindFunction(fn: Listener, context: Context): Listener {
  const bound: Listener = function (this: unknown, ...args) {
    return contextApi.with(context, fn, this, ...args);
  };
  for (const key of ['name', 'length'] as const) {
    const descriptor = Object.getOwnPropertyDescriptor(fn, key);
    if (descriptor !== undefined)
      Object.defineProperty(bound, key, alone({ ...descriptor, configurable: true }));
  }
  return bound;
}

function isEmitter(value: object): value is Emitter {
  const emitter = value as Partial<Emitter>;
  return typeof emitter.on === 'function' && typeof emitter.removeListener === 'function';
}

function isTarget(value: object): value is Target {
  const target = value as Partial<Target>;
  return typeof target.addEventListener === 'function' && typeof target.removeEventListener === 'function';
}

/** The bound function of each listener that was added, by event. */
class BoundListeners {
  readonly #bound = new Map<
    unknown,
    WeakMap<object, { readonly context: Context; readonly bound: Listener }>
  >();

  constructor(readonly holder: { context: Context }) {}

  /** The same listener on the same event keeps its bound function: added twice, it is twice the same one. */
  add(event: unknown, listener: object): Listener {
    const { context } = this.holder;
    let listeners = this.#bound.get(event);
    if (listeners === undefined) this.#bound.set(event, (listeners = new WeakMap()));
    const known = listeners.get(listener);
    if (known?.context === context) return known.bound;
    const bound = bindFunction(asFunction(listener), context);
    // Node's emitters look at this when they list or remove listeners.
    Object.defineProperty(bound, 'listener', alone({ value: listener, configurable: true, writable: true }));
    listeners.set(listener, { context, bound });
    return bound;
  }

  find(event: unknown, listener: object): Listener | undefined {
    return this.#bound.get(event)?.get(listener)?.bound;
  }
}

function asFunction(listener: object): Listener {
  if (typeof listener === 'function') return listener as Listener;
  return (event) => (listener as { handleEvent(event: unknown): unknown }).handleEvent(event);
}

function bindEmitter(emitter: Emitter, context: Context): void {
  const known = boundTo.get(emitter);
  if (known !== undefined) {
    known.context = context;
    return;
  }
  const holder = { context };
  const listeners = new BoundListeners(holder);
  // `once` adds through `on`: what it hands over is bound already.
  let adding = false;
  for (const name of ADDING) {
    patch(
      emitter,
      name,
      (original) =>
        function (this: unknown, event, listener, ...rest) {
          if (adding || typeof listener !== 'function') return original.call(this, event, listener, ...rest);
          adding = true;
          try {
            return original.call(this, event, listeners.add(event, listener), ...rest);
          } finally {
            adding = false;
          }
        },
    );
  }
  for (const name of REMOVING) {
    patch(
      emitter,
      name,
      (original) =>
        function (this: unknown, event, listener, ...rest) {
          const bound = typeof listener === 'function' ? listeners.find(event, listener) : undefined;
          const present = bound !== undefined && isListening(emitter, event, bound);
          return original.call(this, event, present ? bound : listener, ...rest);
        },
    );
  }
  boundTo.set(emitter, holder);
}

/** A listener may have been added before the emitter was bound, and again since. */
function isListening(emitter: Emitter, event: unknown, bound: Listener): boolean {
  const { rawListeners } = emitter as { rawListeners?: (event: unknown) => unknown };
  if (typeof rawListeners !== 'function') return true;
  const present: unknown = rawListeners.call(emitter, event);
  return (
    !Array.isArray(present) ||
    present.some(
      (one: unknown) => one === bound || (one as { listener?: unknown } | null)?.listener === bound,
    )
  );
}

function bindTarget(target: Target, context: Context): void {
  const known = boundTo.get(target);
  if (known !== undefined) {
    known.context = context;
    return;
  }
  const holder = { context };
  const listeners = new BoundListeners(holder);
  patch(
    target,
    'addEventListener',
    (original) =>
      function (this: unknown, type, listener, ...rest) {
        const bindable =
          typeof listener === 'function' || (typeof listener === 'object' && listener !== null);
        return original.call(
          this,
          type,
          bindable ? listeners.add(type, listener as object) : listener,
          ...rest,
        );
      },
  );
  patch(
    target,
    'removeEventListener',
    (original) =>
      function (this: unknown, type, listener, ...rest) {
        const known = typeof listener === 'function' || typeof listener === 'object' ? listener : undefined;
        const bound = known == null ? undefined : listeners.find(type, known);
        if (bound !== undefined) original.call(this, type, bound, ...rest);
        return original.call(this, type, listener, ...rest);
      },
  );
  boundTo.set(target, holder);
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts a method of its own on an object, as an addition that enumeration does not see. */
function patch(target: object, name: string, wrap: (original: Method) => Method): void {
  const original: unknown = (target as Record<string, unknown>)[name];
  if (typeof original !== 'function') return;
  const descriptor = {
    value: wrap(original as Method),
    configurable: true,
    enumerable: false,
    writable: true,
  };
  Object.defineProperty(target, name, alone(descriptor));
}
