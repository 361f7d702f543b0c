/**
 * What Express's router says of errors; its middlewares are told of none.
 */
import { builtin } from './builtin.js';

/** Told of the request and the error. */
type Report = (request: object, error: unknown) => void;

/** Where Express's router, from 5.3 on, remembers the errors of a request; registered, so that its copies share it. */
const REMEMBERED = Symbol.for('router.tracing.publishedErrors');

/**
 * Hears every error that a handler threw or gave to `next`.
 *
 * On its diagnostics channel the router tells of errors only if it tells of every handler, which costs 3 µs per
 * request; what it remembers costs nothing until there is an error.
 *
 * @param request Express's request, the first one
 * @param shared what it has in common with those after it, if there is such an object
 * @param report may be called more than once per error
 */
export function onExpressErrors(request: object, shared: object | undefined, report: Report): void {
  if (shared !== undefined && remembersErrors((request as { app?: unknown }).app)) {
    hearRemembered(shared, report);
    hearRemembered(request, report);
  } else {
    subscribe(report);
  }
}

/** Tries an application's router out, on a request that is none. */
function remembersErrors(app: unknown): boolean {
  try {
    const { handle } = (app as { router: { handle: (...args: unknown[]) => unknown } }).router;
    const probe: {
      url: string;
      method: string;
      next?: (error: unknown) => void;
      [REMEMBERED]?: Set<unknown>;
    } = { url: '/', method: 'GET' };
    Reflect.apply(handle, { stack: [], params: {} }, [probe, {}, () => undefined]);
    const error = new Error('probe');
    probe.next?.(error);
    return probe[REMEMBERED]?.has(error) === true;
  } catch {
    // Express 4, or another router.
    return false;
  }
}

/** Hears of the errors that a router remembers on an object, or on those made of it. */
function hearRemembered(on: object, report: Report): void {
  Object.defineProperty(on, REMEMBERED, {
    configurable: true,
    get: () => undefined,
    set(this: object, errors: Set<unknown>) {
      Object.defineProperty(this, REMEMBERED, {
        value: errors,
        configurable: true,
        enumerable: true,
        writable: true,
      });
      const { add } = errors;
      errors.add = (error) => {
        report(this, error);
        return add.call(errors, error);
      };
    },
  });
}

interface ErrorMessage {
  readonly req?: unknown;
  readonly error?: unknown;
}

let listening = false;

/** Only the first caller's report is kept, since one is enough. */
function subscribe(report: Report): void {
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
