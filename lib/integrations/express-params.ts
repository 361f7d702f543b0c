/**
 * The parameters of every router on a request's way. Express tells where a router is mounted by the path as it was
 * asked for, values and all; a span's name needs the names instead.
 */
import { Given } from './given.js';

/** While it is set, a followed request's `params` are all that it had so far. */
let asking = false;

/** All params that a request had, kept on its raw headers: they are the same also seen through a proxy. */
class Followed extends Given {
  readonly #seen: unknown[];

  constructor(rawHeaders: object, first: unknown) {
    super(rawHeaders);
    this.#seen = [first];
  }

  static on(rawHeaders: unknown): unknown[] | undefined {
    return typeof rawHeaders === 'object' && rawHeaders !== null && #seen in rawHeaders
      ? rawHeaders.#seen
      : undefined;
  }
}

/** The accessor of all requests: functions of each one's own would make each one a dictionary, 5 µs in all. */
const SHARED: PropertyDescriptor & ThisType<{ readonly rawHeaders: unknown }> = {
  configurable: true,
  enumerable: true,
  get() {
    const seen = Followed.on(this.rawHeaders);
    return asking ? seen : seen?.[seen.length - 1];
  },
  set(given: unknown) {
    Followed.on(this.rawHeaders)?.push(given);
  },
};

/**
 * Follows the `params` of all requests from now on.
 *
 * To turn a property that is there into an accessor makes a dictionary of the request, which slows down everything
 * after it. So from the second request on they are followed from the start: Express's own prototype of all requests
 * hears of the first value.
 *
 * @param request Express's request, the first one
 * @param shared what it has in common with those after it, if there is such an object
 */
export function followParams(request: object, shared: object | undefined): void {
  try {
    follow(request, (request as { params?: unknown }).params);
    if (shared === undefined || 'params' in shared) return;
    Object.defineProperty(shared, 'params', {
      configurable: true,
      get: () => undefined,
      set(this: object, given: unknown) {
        follow(this, given);
      },
    });
  } catch {
    // Someone has fixed it: mounted routers keep their values.
  }
}

function follow(request: object, first: unknown): void {
  const { rawHeaders } = request as { rawHeaders?: unknown };
  if (Array.isArray(rawHeaders) && Object.isExtensible(rawHeaders) && Followed.on(rawHeaders) === undefined) {
    new Followed(rawHeaders, first);
    Object.defineProperty(request, 'params', SHARED);
    return;
  }
  // A copy of a request, which has the same headers.
  const seen = [first];
  Object.defineProperty(request, 'params', {
    configurable: true,
    enumerable: true,
    get: () => (asking ? seen : seen[seen.length - 1]),
    set: (given: unknown) => void seen.push(given),
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
