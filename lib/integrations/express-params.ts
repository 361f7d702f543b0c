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

  /** Notes what a router on the way has found. */
  static note(rawHeaders: unknown, params: unknown): void {
    const seen = Followed.on(rawHeaders);
    if (seen !== undefined) seen.push(params);
    else if (Array.isArray(rawHeaders) && Object.isExtensible(rawHeaders)) new Followed(rawHeaders, params);
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

/** What a router keeps of each handler or mounted router, in Express 4 and 5. */
interface Layer {
  readonly route?: unknown;
  readonly handle?: { readonly stack?: unknown };
  /** Its path, in Express 5. */
  readonly rawPath?: unknown;
  /** The parameters in its path, in Express 4. */
  readonly keys?: unknown;
  handleRequest?: Handle;
  handle_request?: Handle;
}
type Handle = (
  this: Layer,
  request: { params?: unknown; rawHeaders?: unknown },
  ...rest: unknown[]
) => unknown;

const preparedLayers = new WeakSet<object>();

/**
 * Notes the parameters of mounted routers from now on, where they are handed the request: there are few of those, and
 * nothing has to be added to any request (10 µs per request, for each of Express's has a hidden class of its own).
 *
 * @param request Express's request
 * @returns false if its router is none that is known
 */
export function noteMounts(request: object): boolean {
  try {
    const { app } = request as { app?: Record<'router' | '_router', { stack?: unknown } | undefined> };
    // To ask Express 4 for `router` throws.
    return prepareLayers((app?._router ?? app?.router)?.stack);
  } catch {
    return false;
  }
}

function prepareLayers(stack: unknown): boolean {
  if (!Array.isArray(stack) || stack.length === 0) return false;
  const prototype = Object.getPrototypeOf(stack[0]) as Layer;
  if (preparedLayers.has(prototype)) return true;
  const name = typeof prototype.handleRequest === 'function' ? 'handleRequest' : 'handle_request';
  const handle = prototype[name];
  if (typeof handle !== 'function' || !Object.hasOwn(prototype, name)) return false;
  prototype[name] = function (request, ...rest) {
    if (this.route === undefined) {
      if (mayHaveParams(this)) Followed.note(request.rawHeaders, request.params);
      // A router of another copy of Express has layers of another class.
      const inner = this.handle?.stack;
      if (inner !== undefined) prepareLayers(inner);
    }
    return handle.call(this, request, ...rest);
  };
  preparedLayers.add(prototype);
  return true;
}

/** Whether there may be parameters in a layer's path; in most there are none. */
function mayHaveParams({ rawPath, keys }: Layer): boolean {
  if (typeof rawPath === 'string') return rawPath.includes(':') || rawPath.includes('*');
  return !Array.isArray(keys) || keys.length > 0;
}

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
    Object.defineProperty(request, 'params', SHARED);
    new Followed(rawHeaders, first);
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
  const { rawHeaders } = request as { rawHeaders?: unknown };
  asking = true;
  let seen: unknown;
  try {
    seen = (request as { params?: unknown }).params;
  } finally {
    asking = false;
  }
  if (!Array.isArray(seen)) seen = Followed.on(rawHeaders);
  if (!Array.isArray(seen)) return names;
  for (const params of seen as unknown[]) {
    if (typeof params !== 'object' || params === null) continue;
    for (const [name, value] of Object.entries(params)) {
      if (typeof value === 'string' && value !== '') names.set(value, name);
    }
  }
  return names;
}
