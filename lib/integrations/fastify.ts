/**
 * `spanwise/fastify`: whole-request tracing for Fastify 4 and 5.
 *
 * @module spanwise/fastify
 */
import { context } from '@opentelemetry/api';
import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { entryOf, type HttpEntryOptions } from './http-entry.js';
import { enterNodeRequest } from './node-http.js';

export type { HttpEntryOptions };

/**
 * Makes a plugin that continues the caller's trace and session for the whole request.
 *
 * Register it before the routes. The span is named after the route's template, ends when the response is finished,
 * and fails with a status of 500 and above; what was thrown is recorded on it.
 *
 * @param options none are needed: tracer, trust, sessionId, newSession, baggage, ignore
 * @returns the plugin; without a tracer it does nothing
 *
 * @example
 * ```ts
 * import fastify from 'fastify';
 * import { SessionTracer } from 'spanwise';
 * import { spanwise } from 'spanwise/fastify';
 *
 * SessionTracer.init({ project: 'shop' });
 * const app = fastify();
 * await app.register(spanwise({ sessionId: () => 's-1' }));
 * app.get<{ Params: { id: string } }>('/users/:id', async (request) => ({ id: request.params.id }));
 *
 * const url = await app.listen({ port: 0 });
 * await (await fetch(`${url}/users/7`)).json();
 * await app.close();
 * ```
 * Produces a SERVER span with `http.route` and `http.response.status_code`:
 * ```text
 * GET /users/:id [tool] SERVER session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 * @category Frameworks
 */
export function spanwise(options: HttpEntryOptions<FastifyRequest> = {}): FastifyPluginCallback {
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    app.addHook('onRequest', (request, reply, next) => {
      const entry = enterNodeRequest(request.raw, reply.raw, request, options, () => routeOf(request));
      if (entry === undefined) next();
      else context.with(entry.context, next);
    });
    // A body was parsed in between, by events that may have lost the context.
    app.addHook('preValidation', (request, _reply, next) => {
      const entry = entryOf(request.raw);
      if (entry === undefined) next();
      else context.with(entry.context, next);
    });
    app.addHook('onError', (request, _reply, error, next) => {
      entryOf(request.raw)?.fail(error);
      next();
    });
    done();
  };
  // Fastify's own way to say that the hooks are the application's, not a closed-off part's.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'spanwise',
  });
}

function routeOf(request: FastifyRequest): string | undefined {
  // Fastify 4.0 to 4.9 had it as `routerPath`.
  return request.routeOptions?.url ?? (request as { routerPath?: string }).routerPath;
}
