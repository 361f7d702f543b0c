/**
 * Who may talk to the viewer.
 *
 * It has no password, so being on loopback is its protection; a web page can reach loopback too. A page of another
 * site that points its own name at 127.0.0.1 is told apart by the `Host` it sends, one that posts across sites by
 * its `Origin`.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { HttpError } from './exchange.js';

/** Whether an address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
  );
}

/**
 * The check of every request.
 *
 * @param boundHost the address that the viewer listens on
 * @param allowedHosts further names that lead to it
 */
export function accessCheck(
  boundHost: string,
  allowedHosts: readonly string[],
): (request: IncomingMessage) => void {
  const names = new Set([boundHost, ...allowedHosts].map((host) => host.toLowerCase()));
  const isOurs = (host: string | undefined) =>
    host !== undefined &&
    (isLoopback(host) || names.has(host) || (!isLoopback(boundHost) && isIP(host) !== 0));
  return (request) => {
    if (!isOurs(hostName(request.headers.host))) {
      throw new HttpError(403, 'this viewer does not go by that host name; start it with --allow-host');
    }
    const origin = request.headers.origin;
    const writes = request.method !== 'GET' && request.method !== 'HEAD';
    if (
      writes &&
      origin !== undefined &&
      origin.toLowerCase() !== `http://${request.headers.host}`.toLowerCase()
    ) {
      throw new HttpError(403, 'pages of other sites may not write to this viewer');
    }
  };
}

/** The name in a `Host` header, without port and brackets. */
function hostName(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/?#@\\\s]+))(?::\d{1,5})?$/i.exec(header ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
