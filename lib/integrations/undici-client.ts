/**
 * `fetch` and undici, by the diagnostics channels on which undici tells of every request, redirects included.
 */
import { HEADER_BAGGAGE, HEADER_TRACEPARENT } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { builtin } from './builtin.js';
import { startClientCall, type ClientCall } from './client-call.js';

interface UndiciRequest {
  readonly origin?: unknown;
  readonly path: string;
  readonly method: string;
  /** Names and values by turns; undici before 6 has a text. */
  headers: unknown;
  addHeader(name: string, value: string): unknown;
}
interface Message {
  readonly request: UndiciRequest;
  readonly response?: { readonly statusCode: number };
  readonly error?: unknown;
}
interface Channels {
  subscribe(name: string, listener: (message: unknown) => void): void;
  unsubscribe(name: string, listener: (message: unknown) => void): void;
}

/** Traces requests of undici from now on; returns what ends that. */
export function instrumentUndici(): () => void {
  const channels = builtin<Channels>('node:diagnostics_channel');
  if (channels === undefined) return () => undefined;
  const calls = new WeakMap<object, ClientCall>();
  const safely = (listen: (message: Message) => void) => (message: unknown) => {
    try {
      listen(message as Message);
    } catch (error) {
      warnError('SPW_INTERNAL', 'a request of undici could not be traced; it goes on', error);
    }
  };
  const listeners: Record<string, (message: unknown) => void> = {
    'undici:request:create': safely(({ request }) => {
      const url = new URL(request.path, String(request.origin));
      const { call, dropBaggage } = startClientCall(
        request.method,
        url,
        hasHeader(request, HEADER_TRACEPARENT),
      );
      // A redirect takes along what the first request was given.
      if (dropBaggage) removeHeader(request, HEADER_BAGGAGE);
      if (call === undefined) return;
      calls.set(request, call);
      for (const [name, value] of Object.entries(call.headers)) {
        removeHeader(request, name);
        request.addHeader(name, value);
      }
    }),
    'undici:request:headers': safely(({ request, response }) => {
      if (response !== undefined) calls.get(request)?.answered(response.statusCode);
    }),
    'undici:request:trailers': safely(({ request }) => calls.get(request)?.end()),
    'undici:request:error': safely(({ request, error }) => calls.get(request)?.fail(error)),
  };
  for (const [name, listener] of Object.entries(listeners)) channels.subscribe(name, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) channels.unsubscribe(name, listener);
  };
}

function hasHeader({ headers }: UndiciRequest, name: string): boolean {
  if (typeof headers === 'string') return new RegExp(`(^|\\n)${name}:`, 'i').test(headers);
  if (!Array.isArray(headers)) return false;
  return headers.some((item, i) => i % 2 === 0 && String(item).toLowerCase() === name);
}

function removeHeader(request: UndiciRequest, name: string): void {
  const { headers } = request;
  if (typeof headers === 'string') {
    request.headers = headers.replace(new RegExp(`(^|\\n)${name}:[^\\n]*(\\n|$)`, 'gi'), '$1');
  } else if (Array.isArray(headers)) {
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (String(headers[i]).toLowerCase() === name) headers.splice(i, 2);
    }
  }
}
