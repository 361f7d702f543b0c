/**
 * The events of a request and of its response, told in the request's context.
 *
 * `bindContext` gives seven methods of its own to each emitter and a bound form to each listener, which was half of
 * what tracing added to a request. Here there is one function for all, which looks for the context when an event is
 * told, and hears by the way when the answer is over.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { context as contextApi } from '@opentelemetry/api';
import { bindContext } from '../context/bind.js';
import { entryOf, type HttpEntry } from './http-entry.js';

type Emitter = IncomingMessage | ServerResponse;
type Emit = (this: Emitter, event: string | symbol, ...args: unknown[]) => boolean;

/**
 * Lets a request and its response tell their events in the request's context.
 *
 * @param raw Node's request
 * @param response Node's response
 * @param entry the request's entry
 * @param over called when the answer is over; may be called twice
 */
export function watchRequest(
  raw: IncomingMessage,
  response: ServerResponse,
  entry: HttpEntry,
  over: (aborted: boolean) => void,
): void {
  // A body's events come from the socket, which knows of no request.
  if (!canTell(raw)) bindContext(raw, entry.context);
  if (response.req === raw && canTell(response)) {
    entry.over = over;
    return;
  }
  bindContext(response, entry.context);
  response.once('finish', () => over(false));
  response.once('close', () => over(!response.writableFinished));
}

/** Prototypes whose `emit` is ours. */
const prepared = new WeakSet<object>();
const OWN = describe(function emitAsPrototype(this: Emitter, event, ...args) {
  const { emit } = Object.getPrototypeOf(this) as Emitter;
  return tell(this, emit as Emit, event, args);
});

/** Makes an emitter's events pass through here; false if somebody else has taken that place. */
function canTell(emitter: Emitter): boolean {
  try {
    const prototype = Object.getPrototypeOf(emitter) as object;
    if (prepared.has(prototype)) return !Object.hasOwn(emitter, 'emit');
    if (Object.hasOwn(emitter, 'emit')) return false;
    const shared = sharedPrototype(prototype);
    if (shared === undefined) {
      // All get the same function in the same way, so that requests keep one hidden class.
      Object.defineProperty(emitter, 'emit', OWN);
      return true;
    }
    if (!prepared.has(shared)) {
      if (Object.hasOwn(shared, 'emit')) return false;
      const { emit } = Object.getPrototypeOf(shared) as Emitter;
      const told: Emit = function (event, ...args) {
        return tell(this, emit as Emit, event, args);
      };
      Object.defineProperty(shared, 'emit', describe(told));
      prepared.add(shared);
    }
    prepared.add(prototype);
    return true;
  } catch {
    return false;
  }
}

/**
 * The object that a framework has put between its requests and Node's class, of which Express makes every request a
 * child. V8 gives such a request a hidden class of its own for each property that is added (1.5 kB), and forgets
 * what it has compiled for it; so nothing is added to the request.
 *
 * @param prototype of the request
 * @returns undefined where Node's class comes next
 */
export function sharedPrototype(prototype: object): object | undefined {
  let shared: object | undefined;
  let at: object | null = prototype;
  while (at !== null && !Object.hasOwn(at, 'constructor')) {
    shared = at;
    at = Object.getPrototypeOf(at) as object | null;
  }
  return shared;
}

function describe(emit: Emit): PropertyDescriptor {
  return { value: emit, configurable: true, enumerable: false, writable: true };
}

function tell(emitter: Emitter, emit: Emit, event: string | symbol, args: unknown[]): boolean {
  const request = (emitter as Partial<ServerResponse>).req;
  const entry = entryOf(request ?? emitter);
  if (entry === undefined) return emit.call(emitter, event, ...args);
  if (request !== undefined && entry.over !== undefined && (event === 'finish' || event === 'close')) {
    entry.over(event === 'close' && !(emitter as ServerResponse).writableFinished);
  }
  // Most events have no listener, and most of the others are told in the context already.
  if (emitter.listenerCount(event) === 0 || contextApi.active() === entry.context) {
    return emit.call(emitter, event, ...args);
  }
  return contextApi.with(entry.context, () => emit.call(emitter, event, ...args));
}
