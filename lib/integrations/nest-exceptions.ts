/**
 * What guards, pipes and middleware throw: Nest's handler of exceptions is the one place that hears of all of it, since
 * interceptors run inside of guards.
 */
import { warnError } from '../diagnostics.js';
import { entryOf } from './http-entry.js';

interface Arguments {
  getArgByIndex(index: number): unknown;
}
type Next = (this: unknown, exception: unknown, host: Arguments) => unknown;

let listening = false;

/** Records what reaches Nest's handler of exceptions on the span of its request, before a filter answers. */
export async function onNestExceptions(): Promise<void> {
  if (listening) return;
  listening = true;
  try {
    // Not one of Nest's exports: should it move, requests are traced all the same.
    const { ExceptionsHandler } = await import('@nestjs/core/exceptions/exceptions-handler.js');
    const prototype = ExceptionsHandler.prototype as unknown as { next: Next };
    const { next } = prototype;
    prototype.next = function (exception, host) {
      try {
        const request = host.getArgByIndex(0) as { raw?: object } | undefined;
        if (request !== undefined) entryOf(request.raw ?? request)?.fail(exception);
      } catch {
        // The filters are to answer, whatever we could not read.
      }
      return Reflect.apply(next, this, [exception, host]);
    };
  } catch (error) {
    warnError('SPW_INTERNAL', 'errors of guards and pipes are not recorded with this version of Nest', error);
  }
}
