/**
 * Keeps our own interceptor away from HTTP routes that have no other: Nest runs a route with interceptors through
 * observables and async resources, which is more than all else that tracing adds to a request (30 µs).
 */
import { warnError } from '../diagnostics.js';

interface Creator {
  create(...args: unknown[]): unknown;
}
interface Routes {
  interceptorsContextCreator: Creator;
}
type Create = (this: Routes, ...args: unknown[]) => unknown;

/** What `@Sse` leaves on a handler: its errors reach nobody but interceptors. */
const SSE = '__sse__';

let prepared = false;

/**
 * From now on, routes are made without our interceptor where it would be the only one: what their handlers throw
 * goes straight to Nest's handler of exceptions, which tells of it.
 *
 * @param isOurs tells our interceptor
 */
export async function leaveOutOfRoutes(isOurs: (interceptor: unknown) => boolean): Promise<void> {
  if (prepared) return;
  prepared = true;
  try {
    // Not one of Nest's exports: should it move, the interceptor runs as any other.
    const { RouterExecutionContext } = await import('@nestjs/core/router/router-execution-context.js');
    const prototype = RouterExecutionContext.prototype as unknown as { create: Create };
    const { create } = prototype;
    prototype.create = function (...args) {
      const creator = this.interceptorsContextCreator;
      const handler = args[1] as object;
      if (
        typeof creator?.create !== 'function' ||
        Object.hasOwn(creator, 'create') ||
        Reflect.getMetadata(SSE, handler) === true
      ) {
        return Reflect.apply(create, this, args);
      }
      // In front of the prototype for as long as the route is made, which takes no turn of the event loop.
      creator.create = function (this: Creator, ...asked: unknown[]) {
        const found = Reflect.apply(Object.getPrototypeOf(this).create as Create, this as never, asked);
        return Array.isArray(found) && found.length > 0 && found.every(isOurs) ? [] : found;
      };
      try {
        return Reflect.apply(create, this, args);
      } finally {
        delete (creator as Partial<Creator>).create;
      }
    };
  } catch (error) {
    warnError('SPW_INTERNAL', 'requests cost more than they need to with this version of Nest', error);
  }
}
