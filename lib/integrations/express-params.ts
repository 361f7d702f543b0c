/**
 * The parameters of every router on a request's way. Express tells where a router is mounted by the path as it was
 * asked for, values and all; a span's name needs the names instead.
 */
import { sharedPrototype } from './request-events.js';

/** While it is set, a followed request's `params` are all that it had so far. */
let asking = false;
const prepared = new WeakSet<object>();

/**
 * Follows a request's `params` from now on.
 *
 * To turn a property that is there into an accessor makes a dictionary of the request, which slows down everything
 * after it. So from the second request on they are followed from the start: Express's own prototype of all requests
 * hears of the first value.
 *
 * @param request Express's request
 */
export function followParams(request: object): void {
  try {
    const prototype = Object.getPrototypeOf(request) as object;
    if (prepared.has(prototype)) return;
    follow(request, (request as { params?: unknown }).params);
    const shared = sharedPrototype(prototype);
    if (shared === undefined) return;
    if (!prepared.has(shared)) {
      if ('params' in shared) return;
      Object.defineProperty(shared, 'params', {
        configurable: true,
        get: () => undefined,
        set(this: object, given: unknown) {
          follow(this, given);
        },
      });
      prepared.add(shared);
    }
    prepared.add(prototype);
  } catch {
    // Someone has fixed it: mounted routers keep their values.
  }
}

function follow(request: object, first: unknown): void {
  let current = first;
  const seen = [first];
  Object.defineProperty(request, 'params', {
    configurable: true,
    enumerable: true,
    get: () => (asking ? seen : current),
    set: (given: unknown) => {
      current = given;
      seen.push(given);
    },
  });
}

/**
 * The name of each value that a router on the way has found in the path.
 *
 * @param request a followed request
 */
export function namesByValue(request: object): Map<string, string> {
  const names = new Map<string, string>();
  asking = true;
  let seen: unknown;
  try {
    seen = (request as { params?: unknown }).params;
  } finally {
    asking = false;
  }
  if (!Array.isArray(seen)) return names;
  for (const params of seen as unknown[]) {
    if (typeof params !== 'object' || params === null) continue;
    for (const [name, value] of Object.entries(params)) {
      if (typeof value === 'string' && value !== '') names.set(value, name);
    }
  }
  return names;
}
