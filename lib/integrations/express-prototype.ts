/**
 * What Express's requests have in common, and what is added to it once, instead of to each request.
 */

/**
 * The object that Express has put between its requests and Node's class, of which every request is a child. V8 gives
 * such a request a hidden class of its own for each property that is added (1.5 kB), and forgets what it has compiled
 * for it; so as little as possible is added to the request.
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

/** Prototypes of requests and the objects next to the class below them, once they have been prepared. */
const prepared = new WeakSet<object>();
let last: object | undefined;

/**
 * Prepares what a request has in common with those after it, once for all of them.
 *
 * @param request Express's request
 * @param prepare is given the object to add to; undefined if there is none, and then asked for each such request
 */
export function prepareOnce(request: object, prepare: (shared: object | undefined) => void): void {
  const prototype = Object.getPrototypeOf(request) as object;
  // Nearly every process has one application.
  if (prototype === last || prepared.has(prototype)) return;
  const shared = sharedPrototype(prototype);
  if (shared === undefined || !prepared.has(shared)) prepare(shared);
  if (shared === undefined) return;
  prepared.add(shared);
  prepared.add(prototype);
  last = prototype;
}
