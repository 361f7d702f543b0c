/**
 * Where a request goes, for instrumentations that inject without saying so.
 */
import { trace, type Context } from '@opentelemetry/api';
import { readCarrier } from './carrier.js';
import { dataOf } from './carrier-shapes.js';

/** Attributes of a client span that name its host, surest first. */
const URL_ATTRIBUTES = ['url.full', 'http.url', 'server.address', 'net.peer.name', 'http.host'];

/**
 * The URL or host of an outgoing call, from the client span that is active or from the carrier's `host` header.
 *
 * @param context what the instrumentation injects
 * @param carrier what it injects into
 * @returns a URL or a host, or undefined if neither tells
 */
export function destinationOf(context: Context, carrier: unknown): string | undefined {
  try {
    const span = trace.getSpan(context);
    const attributes: unknown =
      span === undefined
        ? undefined
        : (dataOf(span, 'attributes') ?? (span as { attributes?: unknown }).attributes);
    if (typeof attributes === 'object' && attributes !== null) {
      for (const name of URL_ATTRIBUTES) {
        const value = (attributes as Record<string, unknown>)[name];
        if (typeof value === 'string' && value !== '')
          return withPort(value, attributes as Record<string, unknown>);
      }
    }
    const host = readCarrier(carrier, 'host') ?? readCarrier(carrier, ':authority');
    return typeof host === 'string' ? host : undefined;
  } catch {
    return undefined;
  }
}

function withPort(host: string, attributes: Record<string, unknown>): string {
  if (host.includes('/')) return host;
  const port = attributes['server.port'] ?? attributes['net.peer.port'];
  const bare = host.includes(':') && !host.startsWith('[') && host.split(':').length > 2 ? `[${host}]` : host;
  return typeof port === 'number' && !/:\d+$/.test(bare) ? `${bare}:${port}` : bare;
}
