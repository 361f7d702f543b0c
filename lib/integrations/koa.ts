/**
 * `spanwise/koa`: whole-request tracing for Koa 2 and 3.
 *
 * @module spanwise/koa
 */
import { context, type Context as OtelContext } from '@opentelemetry/api';
import type { Context, Middleware, Next } from 'koa';
import { bindContext } from '../context/bind.js';
import { type HttpEntryOptions } from './http-entry.js';
import { enterNodeRequest } from './node-http.js';

export type { HttpEntryOptions };

/**
 * Makes a middleware that continues the caller's trace and session for the whole request.
 *
 * Put it first. The span is named after the template of `@koa/router`, ends when the response is finished, and
 * fails with a status of 500 and above; what was thrown is recorded on it.
 *
 * @param options none are needed: tracer, trust, sessionId, newSession, baggage, ignore
 * @returns the middleware; without a tracer it does nothing
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import type { AddressInfo } from 'node:net';
 * import Router from '@koa/router';
 * import Koa from 'koa';
 * import { SessionTracer } from 'spanwise';
 * import { spanwise } from 'spanwise/koa';
 *
 * SessionTracer.init({ project: 'shop' });
 * const router = new Router();
 * router.get('/users/:id', (ctx) => void (ctx.body = { id: ctx.params['id'] }));
 * const app = new Koa();
 * app.use(spanwise({ sessionId: () => 's-1' })); // first
 * app.use(router.routes());
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
export function spanwise(options: HttpEntryOptions<Context> = {}): Middleware {
  return async (ctx: Context, next: Next): Promise<void> => {
    const entry = enterNodeRequest(ctx.req, ctx.res, ctx, options, () => routeOf(ctx));
    if (entry === undefined) return next();
    try {
      await context.with(entry.context, next);
      bindReading(ctx.body, entry.context);
    } catch (error) {
      entry.fail(error);
      throw error;
    }
  };
}

/** Koa sends a stream when every middleware has returned; what makes its chunks still belongs to the request. */
function bindReading(body: unknown, inside: OtelContext): void {
  const stream = body as { _read?: unknown; pipe?: unknown } | null | undefined;
  if (typeof stream?.pipe === 'function' && typeof stream._read === 'function') {
    stream._read = bindContext(stream._read, inside);
  }
}

function routeOf(ctx: Context): string | undefined {
  const matched: unknown = (ctx as { _matchedRoute?: unknown })._matchedRoute;
  return matched === undefined || matched === null ? undefined : String(matched);
}
