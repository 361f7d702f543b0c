/**
 * The events of a request and of its response, told in the request's context.
 *
 * `bindContext` gives seven methods of its own to each emitter, and a bound form to each listener; for two emitters
 * per request that was three times the price of everything else. Here both get the same one function, which looks
 * for the context when an event is told.
 */
import type { EventEmitter } from 'node:events';
import { context as contextApi } from '@opentelemetry/api';
import { bindContext } from '../context/bind.js';
import type { HttpEntry } from './http-entry.js';

const ENTRY = Symbol('spanwise.entry');

interface Told extends EventEmitter {
  [ENTRY]?: HttpEntry;
}

/** The same descriptor for all, so that requests keep one hidden class. */
const EMIT: PropertyDescriptor = {
  value: emitInContext,
  configurable: true,
  enumerable: false,
  writable: true,
};

/**
 * Lets an emitter tell its events in the context of the request.
 *
 * @param emitter Node's request or response
 * @param entry the request's entry
 */
export function tellInContext(emitter: EventEmitter, entry: HttpEntry): void {
  try {
    if (!Object.hasOwn(emitter, 'emit')) {
      (emitter as Told)[ENTRY] = entry;
      Object.defineProperty(emitter, 'emit', EMIT);
      return;
    }
  } catch {
    // Not to be added to.
  }
  bindContext(emitter, entry.context);
}

function emitInContext(this: Told, event: string | symbol, ...args: unknown[]): boolean {
  const { emit } = Object.getPrototypeOf(this) as EventEmitter;
  const inside = this[ENTRY]?.context;
  // Most events have no listener, and most of the others are told in the context already.
  if (inside === undefined || this.listenerCount(event) === 0 || contextApi.active() === inside) {
    return emit.call(this, event, ...args);
  }
  return contextApi.with(inside, () => emit.call(this, event, ...args));
}
