/**
 * Messages of NestJS's transports, where the handler is not given what carries them.
 */
import { context as contextApi } from '@opentelemetry/api';
import { Observable } from 'rxjs';
import { MESSAGE_KEY } from '../context/keys.js';
import { warnError } from '../diagnostics.js';
import { extractContextFromCarrier } from '../propagation/propagate.js';
import type { HttpEntryOptions } from './http-entry.js';

/**
 * Runs what handles a message in the context of its sender, so that an entry in it finds the message.
 *
 * @param message the transport's context, or the metadata of gRPC
 * @param options the module's
 * @param handle what NestJS goes on with; it is called once
 */
export function handleInMessage(
  message: unknown,
  options: HttpEntryOptions,
  handle: () => Observable<unknown>,
): Observable<unknown> {
  let inside = contextApi.active();
  try {
    const { tracer, trust, baggage } = options;
    inside = extractContextFromCarrier(message, {
      ...(tracer === undefined ? {} : { tracer }),
      ...(trust === undefined ? {} : { trust }),
      ...(baggage === undefined ? {} : { baggage }),
    }).setValue(MESSAGE_KEY, message);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a message could not be entered; it is handled untraced', error);
  }
  const handled = contextApi.with(inside, handle);
  // The handler runs when its result is subscribed to.
  return new Observable((subscriber) => contextApi.with(inside, () => handled.subscribe(subscriber)));
}
