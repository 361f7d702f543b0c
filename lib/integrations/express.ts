/**
 * `spanwise/express`: whole-request tracing for Express 4 and 5.
 *
 * @module spanwise/express
 */
import { context } from '@opentelemetry/api';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { entryOf, prepareHttpEntries, type HttpEntryOptions } from './http-entry.js';
import { enterNodeRequest } from './node-http.js';
import { onExpressErrors } from './express-errors.js';

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
  prepareHttpEntries();
  onExpressErrors((request, error) => {
    const entry = entryOf(request);
    // By the time of the answer Express has left the route.
    entry?.route(routeOf(request as Request, mounts.get(request)));
    entry?.fail(error);
  });
  return (request: Request, response: Response, next: NextFunction): void => {
    const entry = enterNodeRequest(request, response, request, options, () =>
      routeOf(request, mounts.get(request)),
    );
    if (entry === undefined) return next();
    mounts.set(request, followParams(request));
    context.with(entry.context, next);
  };
}

/** What `followParams` saw, by request. */
const mounts = new WeakMap<object, ReadonlyMap<string, string>>();

/**
 * Notes the parameters of every router on the way. Express tells where a router is mounted by the path as it was
 * asked for, values and all; a span's name needs the names instead.
 */
function followParams(request: Request): Map<string, string> {
  const seen = new Map<string, string>();
  let current: unknown = request.params;
  try {
    Object.defineProperty(request, 'params', {
      configurable: true,
      enumerable: true,
      get: () => current,
      set: (given: unknown) => {
        current = given;
        if (typeof given !== 'object' || given === null) return;
        for (const [name, value] of Object.entries(given)) {
          if (typeof value === 'string' && value !== '') seen.set(value, name);
        }
      },
    });
  } catch {
    // Someone has fixed it: mounted routers keep their values.
  }
  return seen;
}

function routeOf(request: Request, seen: ReadonlyMap<string, string> | undefined): string | undefined {
  const path: unknown = (request.route as { path?: unknown } | undefined)?.path;
  if (path === undefined || path === null) return undefined;
  const own = Array.isArray(path) ? path.map(String).join('|') : String(path);
  const mount = request.baseUrl
    .split('/')
    .map((part) => {
      const name = seen?.get(decoded(part));
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
