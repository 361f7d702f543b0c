/**
 * Which hosts may receive baggage: the `propagateTo` allow-list.
 *
 * Hosts are compared as the runtime's own URL parser writes them, because that is what the request will go to:
 * lower case, punycode, canonical addresses, without user names and default ports.
 */
import { warn } from '../diagnostics.js';

const PORTS: Readonly<Record<string, string>> = {
  'http:': '80',
  'https:': '443',
  'ws:': '80',
  'wss:': '443',
};

interface Target {
  readonly scheme: string | undefined;
  readonly host: string;
  readonly port: string;
}

/**
 * Tells whether baggage may be sent to a URL.
 *
 * @param url where a request goes; what cannot be read as a URL or a host may not receive any
 * @param patterns the allow-list; undefined is every host. `api.example.com`, `*.example.com` (its subdomains),
 *   `example.com:8443`, `https://example.com`, `[::1]`, or a regular expression that is tested against the host
 */
export function mayReceiveBaggage(
  url: string | URL | undefined,
  patterns: readonly (string | RegExp)[] | undefined,
): boolean {
  if (patterns === undefined) return true;
  if (url === undefined) return false;
  try {
    const target = parse(String(url));
    return target !== undefined && patterns.some((pattern) => matches(target, pattern));
  } catch {
    return false;
  }
}

function matches(target: Target, pattern: string | RegExp): boolean {
  if (typeof pattern !== 'string') {
    // A sticky or global expression would answer by turns.
    return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(target.host);
  }
  const wild = /^([a-z][a-z0-9+.-]*:\/\/)?\*\./i.exec(pattern);
  const wanted = parse(wild === null ? pattern : pattern.replace('*.', ''), true);
  if (wanted === undefined) {
    warn(
      'SPW_OPTION',
      `propagateTo "${pattern}" is no host and matches none; write example.com or *.example.com`,
      `propagateTo ${pattern}`,
    );
    return false;
  }
  if (wanted.scheme !== undefined && wanted.scheme !== target.scheme) return false;
  if (wanted.port !== '' && wanted.port !== target.port) return false;
  return wild === null ? target.host === wanted.host : target.host.endsWith(`.${wanted.host}`);
}

/** A pattern without a port means any port, so its default one is not filled in. */
function parse(text: string, isPattern = false): Target | undefined {
  if (text.length > 8192 || text.trim() === '') return undefined;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  const rest = scheme === undefined ? text.replace(/^\/\//, '') : text.slice(scheme.length + 3);
  // The parser skips further slashes; what then looks like a host was a path.
  if (/^[/\\]/.test(rest)) return undefined;
  const protocol = scheme === undefined ? undefined : `${scheme}:`;
  // Other schemes keep hosts as they are written; parsed as http, all are canonical.
  const special = protocol === 'https:' || protocol === 'wss:' ? 'https' : 'http';
  let parsed: URL;
  try {
    parsed = new URL(`${special}://${rest}`);
  } catch {
    return undefined;
  }
  const host = parsed.hostname.replace(/\.$/, '');
  if (host === '') return undefined;
  const written = parsed.port !== '' ? parsed.port : explicitDefault(rest, special);
  const port = written !== '' || isPattern ? written : (PORTS[protocol ?? 'http:'] ?? '');
  return { scheme: protocol, host, port };
}

/** The parser drops a default port; in a pattern it was meant. */
function explicitDefault(rest: string, special: string): string {
  const port = special === 'https' ? '443' : '80';
  const authority = rest.split(/[/\\?#]/, 1)[0] as string;
  return authority.endsWith(`:${port}`) ? port : '';
}
