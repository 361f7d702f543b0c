/**
 * `spanwise/hono`: whole-request tracing for Hono 4, on Node and on every other runtime.
 *
 * @module spanwise/hono
 */
import { context } from '@opentelemetry/api';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { enterHttp, type HttpEntry, type HttpEntryOptions } from './http-entry.js';
import { enterNodeRequest } from './node-http.js';

export type { HttpEntryOptions };

/**
 * Makes a middleware that continues the caller's trace and session for the whole request.
 *
 * Put it first. The span is named after the route's template, ends when the response's body has been sent, and
 * fails with a status of 500 and above; what was thrown is recorded on it.
 *
 * @param options none are needed: tracer, trust, sessionId, newSession, baggage, ignore
 * @returns the middleware; without a tracer it does nothing
 *
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { SessionTracer } from 'spanwise';
 * import { spanwise } from 'spanwise/hono';
 *
 * SessionTracer.init({ project: 'shop' });
 * const app = new Hono();
 * app.use(spanwise({ sessionId: () => 's-1' }));
 * app.get('/users/:id', (c) => c.json({ id: c.req.param('id') }));
 * await (await app.request('/users/7')).json();
 * ```
 * Produces a SERVER span with `http.route` and `http.response.status_code`:
 * ```text
 * GET /users/:id [tool] SERVER session=s-1
 * ```
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 * @category Frameworks
 */
export function spanwise(options: HttpEntryOptions<Context> = {}): MiddlewareHandler {
  return async (c, next) => {
    const node = nodePair(c);
    const entry =
      node === undefined
        ? enterWebRequest(c, options)
        : enterNodeRequest(node.incoming, node.outgoing, c, options, () => routeOf(c));
    if (entry === undefined) return next();
    try {
      await context.with(entry.context, next);
    } catch (error) {
      entry.fail(error);
      if (node === undefined) entry.end({});
      throw error;
    }
    if (c.error !== undefined) entry.fail(c.error);
    if (node === undefined) endWithBody(c, entry);
  };
}

interface NodePair {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** On Node the server tells when the answer has been sent; the request it made for us does not. */
function nodePair(c: Context): NodePair | undefined {
  const { incoming, outgoing } = (c.env ?? {}) as Partial<NodePair>;
  const usable = typeof incoming?.on === 'function' && typeof outgoing?.once === 'function';
  return usable ? { incoming, outgoing } : undefined;
}

function enterWebRequest(c: Context, options: HttpEntryOptions<Context>): HttpEntry | undefined {
  const request = c.req.raw;
  const url = new URL(request.url);
  return enterHttp(
    {
      request: c,
      identity: request,
      carrier: request.headers,
      method: request.method,
      target: url.pathname + url.search,
      scheme: url.protocol.slice(0, -1),
      host: request.headers.get('host') ?? url.host,
      userAgent: request.headers.get('user-agent') ?? undefined,
      fromNetwork: undefined,
    },
    options,
  );
}

/** Ends the entry with the last byte of the answer; one without a body ends now. */
function endWithBody(c: Context, entry: HttpEntry): void {
  entry.route(routeOf(c));
  const { status, body } = c.res;
  if (body === null) return entry.end({ status });
  const reader = body.getReader();
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await context.with(entry.context, () => reader.read());
        if (!done) return controller.enqueue(value);
        entry.end({ status });
        controller.close();
      } catch (error) {
        entry.fail(error);
        entry.end({ aborted: true });
        controller.error(error);
      }
    },
    cancel(reason) {
      entry.end({ status, aborted: true });
      return reader.cancel(reason);
    },
  });
  const before = c.res;
  // The setter merges the old headers into the new ones; taken away first, they stay as they are.
  c.res = undefined;
  c.res = new Response(watched, before);
}

interface Matched {
  readonly path: string;
  readonly method: string;
}

function routeOf(c: Context): string | undefined {
  const { matchedRoutes, routeIndex } = c.req as unknown as {
    matchedRoutes?: readonly Matched[];
    routeIndex?: number;
  };
  const matched = matchedRoutes?.[routeIndex ?? -1];
  // A middleware answered, or nobody did: its pattern is no route.
  if (matched === undefined || (matched.method === 'ALL' && matched.path.endsWith('*'))) return undefined;
  return matched.path;
}
