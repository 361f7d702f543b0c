/**
 * The events of a request and of its response, told in the request's context.
 *
 * `bindContext` gives seven methods of its own to each emitter and a bound form to each listener, which was half of
 * what tracing added to a request. Here there is one function for all, which looks for the context when an event is
 * told, and hears by the way when the answer is over.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { context as contextApi, type Context } from '@opentelemetry/api';
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

/** The functions that tell events in a request's context, each in the place of another one. */
const tellers = new Set<unknown>();

/** Makes an emitter's events pass through here; false if somebody else has taken that place. */
function canTell(emitter: Emitter): boolean {
  try {
    const { emit } = emitter;
    if (tellers.has(emit)) return true;
    if (Object.hasOwn(emitter, 'emit')) return false;
    // Once for all requests: a property of each one's own costs 1 µs in a plain server, and five in Express.
    const prototype = classOf(emitter);
    if (prototype !== undefined && emit === prototype.emit && !Object.hasOwn(prototype, 'emit')) {
      const isResponse = (emitter as Partial<ServerResponse>).req !== undefined;
      Object.defineProperty(prototype, 'emit', describe(tellerOf(emit as Emit, isResponse)));
      return true;
    }
    // All get the same function in the same way, so that requests keep one hidden class.
    tellers.add(OWN.value);
    Object.defineProperty(emitter, 'emit', OWN);
    return true;
  } catch {
    return false;
  }
}

/**
 * What all of Node's requests or responses are made of, found from one of them: to ask for the module would wake
 * instrumentations that wait for somebody to load it.
 */
function classOf(emitter: Emitter): Emitter | undefined {
  let at = Object.getPrototypeOf(emitter) as Emitter | null;
  while (at !== null) {
    const made: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (typeof made === 'function' && CLASSES.has(made.name)) return at;
    at = Object.getPrototypeOf(at) as Emitter | null;
  }
  return undefined;
}
const CLASSES: ReadonlySet<string> = new Set(['IncomingMessage', 'ServerResponse']);

function tellerOf(emit: Emit, isResponse: boolean): Emit {
  const told: Emit = function (event, ...args) {
    const inside = isResponse
      ? contextOfResponse(this as ServerResponse, event)
      : contextOf(this, this, event);
    // Both are calls that hand the arguments on without making a list of them, and most events are the first one.
    if (inside === undefined) return emit.call(this, event, ...args);
    return contextApi.with(inside, emit, this, event, ...args);
  };
  tellers.add(told);
  return told;
}

const OWN = describe(function emitAsPrototype(this: Emitter, event, ...args) {
  const emit = (Object.getPrototypeOf(this) as Emitter).emit as Emit;
  const isResponse = (this as Partial<ServerResponse>).req !== undefined;
  const inside = isResponse ? contextOfResponse(this as ServerResponse, event) : contextOf(this, this, event);
  if (inside === undefined) return emit.call(this, event, ...args);
  return contextApi.with(inside, emit, this, event, ...args);
});

function describe(emit: Emit): PropertyDescriptor {
  return { value: emit, configurable: true, enumerable: false, writable: true };
}

/** Hears whether an answer is over; the context that an event is to be told in, if it is another than the active one. */
function contextOfResponse(response: ServerResponse, event: string | symbol): Context | undefined {
  if (event === 'finish' || event === 'close') {
    const entry = response.req === undefined ? undefined : entryOf(response.req);
    const over = entry?.over;
    if (entry !== undefined && over !== undefined) {
      entry.over = undefined;
      over(event === 'close' && !response.writableFinished);
    }
  }
  return contextOf(response, undefined, event);
}

/**
 * The context that an event is to be told in, if it is another than the active one.
 *
 * As little as possible is asked of an emitter: each of Express's has a hidden class of its own, so that no property
 * of it is found twice in the same way (0.2 µs for each, eight times per request).
 */
function contextOf(emitter: Emitter, of: Emitter | undefined, event: string | symbol): Context | undefined {
  // Most events have no listener.
  if ((emitter as { _events?: Listeners })._events?.[event] === undefined) return undefined;
  const entry = entryOf(of ?? (emitter as ServerResponse).req);
  // Most of the others are told in the context already.
  return entry === undefined || contextApi.active() === entry.context ? undefined : entry.context;
}
type Listeners = Readonly<Record<string | symbol, unknown>>;
