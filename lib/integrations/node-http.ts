/**
 * Node's own request and response, as the frameworks on top of them hand them over.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { enterHttp, type ArrivingRequest, type HttpEntry, type HttpEntryOptions } from './http-entry.js';
import { watchRequest } from './request-events.js';

/**
 * Describes a request of Node's server, or one that a test or another request injected.
 *
 * @param raw Node's request
 * @param request what the framework calls the request
 */
function describeNodeRequest<R>(raw: IncomingMessage, request: R): ArrivingRequest<R> {
  const socket = raw.socket as { remoteAddress?: string; encrypted?: boolean; server?: unknown } | undefined;
  const { headers } = raw;
  return {
    request,
    identity: raw,
    onNode: true,
    carrier: headers,
    // Express rewrites `url` below a mounted router, and keeps what was asked for.
    target: (raw as { originalUrl?: string }).originalUrl ?? raw.url ?? '/',
    method: raw.method ?? 'GET',
    scheme: socket?.encrypted === true ? 'https' : 'http',
    host: headers.host ?? (headers[':authority'] as string | undefined),
    userAgent: headers['user-agent'],
    clientAddress: socket?.remoteAddress,
    protocolVersion: raw.httpVersion === '2.0' ? '2' : raw.httpVersion,
    // Injected requests have a stand-in for the socket, which belongs to no server.
    fromNetwork: socket !== undefined && typeof socket.server === 'object' && socket.server !== null,
  };
}

/**
 * Lets a Node request in, binds its events to its context, and ends it with its response.
 *
 * @param raw Node's request
 * @param response Node's response
 * @param request what the framework calls the request
 * @param options the middleware's options
 * @param route finds the route's template, asked when the response is finished
 * @returns the entry, or undefined if the request is not traced here
 */
export function enterNodeRequest<R>(
  raw: IncomingMessage,
  response: ServerResponse,
  request: R,
  options: HttpEntryOptions<R>,
  route: () => string | undefined,
): HttpEntry | undefined {
  const entry = enterHttp(describeNodeRequest(raw, request), options);
  if (entry === undefined) return undefined;
  const over = (aborted: boolean): void => {
    try {
      entry.route(route());
    } catch {
      // The framework keeps its routes elsewhere: the method names the span.
    }
    entry.end({ status: response.headersSent ? response.statusCode : undefined, aborted });
  };
  watchRequest(raw, response, entry, over);
  return entry;
}
