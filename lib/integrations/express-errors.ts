/**
 * What Express 5's router says of errors on Node's diagnostics channels; its middlewares are told of none.
 */
import { builtin } from './builtin.js';

interface ErrorMessage {
  readonly req?: unknown;
  readonly error?: unknown;
}

let listening = false;

/**
 * Hears every error that a handler threw or gave to `next`, once per error.
 *
 * @param report told of the request and the error; only the first caller's is kept, since one is enough
 */
export function onExpressErrors(report: (request: object, error: unknown) => void): void {
  if (listening) return;
  listening = true;
  const channels = builtin<{ subscribe(name: string, listener: (message: unknown) => void): void }>(
    'node:diagnostics_channel',
  );
  channels?.subscribe('tracing:express.router.request:error', (message) => {
    const { req, error } = message as ErrorMessage;
    if (typeof req === 'object' && req !== null) report(req, error);
  });
}
