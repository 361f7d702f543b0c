/**
 * `spanwise/express`: whole-request tracing for Express 4 and 5.
 *
 * @module spanwise/express
 */
import { context } from '@opentelemetry/api';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { entryOf, type HttpEntryOptions } from './http-entry.js';
import { enterNodeRequest } from './node-http.js';
import { followParams, namesByValue, noteMounts } from './express-params.js';
import { onExpressErrors } from './express-errors.js';
import { prepareOnce } from './express-prototype.js';

export type { HttpEntryOptions };

/**
 * Makes a middleware that continues the caller's trace and session for the whole request.
 *
 * Put it first. The span is named after the route's template, ends when the response is finished, and fails with
 * a status of 500 and above; what was thrown is recorded on it (Express 5.2 and later tells of it).
 *
 * @param options none are needed: tracer, trust, sessionId, newSession, baggage, ignore
 * @returns the middleware; without a tracer it does nothing
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import type { AddressInfo } from 'node:net';
 * import express from 'express';
 * import { SessionTracer } from 'spanwise';
 * import { spanwise } from 'spanwise/express';
 *
 * SessionTracer.init({ project: 'shop' });
 * const app = express();
 * app.use(spanwise({ sessionId: () => 's-1' })); // first
 * app.get('/users/:id', (request, response) => void response.json({ id: request.params.id }));
 *
 * const server = app.listen(0);
 * await once(server, 'listening');
 * await (await fetch(`http://localhost:${(server.address() as AddressInfo).port}/users/7`)).json();
 * server.close();
 * ```
 * Produces a SERVER span with `http.route` and `http.response.status_code`:
 * ```text
 * GET /users/:id [tool] SERVER session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 * @category Frameworks
 */
export function spanwise(options: HttpEntryOptions<Request> = {}): RequestHandler {
  return (request: Request, response: Response, next: NextFunction): void => {
    const entry = enterNodeRequest(request, response, request, options, () => routeOf(request));
    if (entry === undefined) return next();
    prepareOnce(request, (shared) => {
      if (!noteMounts(request)) followParams(request, shared);
      onExpressErrors(request, shared, record);
    });
    context.with(entry.context, next);
  };
}

function record(request: object, error: unknown): void {
  try {
    const entry = entryOf(request);
    // By the time of the answer Express has left the route.
    entry?.route(routeOf(request as Request));
    entry?.fail(error);
  } catch {
    // The error is to be answered, whatever we could not read.
  }
}

function routeOf(request: Request): string | undefined {
  const path: unknown = (request.route as { path?: unknown } | undefined)?.path;
  if (path === undefined || path === null) return undefined;
  const own = Array.isArray(path) ? path.map(String).join('|') : String(path);
  if (request.baseUrl === '') return own;
  const names = namesByValue(request);
  const mount = request.baseUrl
    .split('/')
    .map((part) => {
      const name = names.get(decoded(part));
      return name === undefined ? part : `:${name}`;
    })
    .join('/');
  return own === '/' && mount !== '' ? mount : mount + own;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
