/**
 * OpenTelemetry's semantic conventions for HTTP spans: names, attributes and statuses, for servers and clients.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
import type { Attributes } from '@opentelemetry/api';
import { isSecretName } from '../capture/secret-keys.js';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_HTTP_METHOD,
  ATTR_HTTP_METHOD_ORIGINAL,
  ATTR_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT,
  REDACTED,
  requestAttributes,
} from '../conventions.js';

/** The methods that may name a span; a stranger's word may not. */
const METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);
const OTHER_METHOD = '_OTHER';
/** Parameters that sign a URL; the conventions name them, their names alone do not tell. */
const SIGNATURES: ReadonlySet<string> = new Set(['awsaccesskeyid', 'signature', 'sig', 'x-goog-signature']);
const MAX_QUERY = 2_048;
const MAX_PATH = 2_048;
const MAX_TEXT = 512;

/** What is known of a request when it arrives. */
export interface RequestFacts {
  readonly method: string;
  /** Path and query as they were asked for. */
  readonly target: string;
  readonly scheme?: string | undefined;
  /** The `host` header. */
  readonly host?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly clientAddress?: string | undefined;
  readonly protocolVersion?: string | undefined;
}

/** The method as it may be part of a span's name. */
export function methodForName(method: string): string {
  if (METHODS.has(method)) return method;
  const upper = method.toUpperCase();
  return METHODS.has(upper) ? upper : 'HTTP';
}

function methodAttributes(method: string): Attributes {
  if (METHODS.has(method)) return { [ATTR_HTTP_METHOD]: method };
  const upper = method.toUpperCase();
  if (METHODS.has(upper)) {
    return upper === method
      ? { [ATTR_HTTP_METHOD]: upper }
      : { [ATTR_HTTP_METHOD]: upper, [ATTR_HTTP_METHOD_ORIGINAL]: method };
  }
  return { [ATTR_HTTP_METHOD]: OTHER_METHOD, [ATTR_HTTP_METHOD_ORIGINAL]: method.slice(0, MAX_TEXT) };
}

/** Attributes, and how many they are. */
export interface CountedAttributes {
  readonly attributes: Attributes;
  readonly count: number;
}

/** The attributes a server span starts with, made for it alone. */
export function serverAttributes(facts: RequestFacts): CountedAttributes {
  const { method, target, scheme = 'http', host, userAgent, clientAddress, protocolVersion } = facts;
  const { path, query } = splitTarget(target);
  const shownPath = path.length > MAX_PATH ? path.slice(0, MAX_PATH) : path;
  const shownAgent =
    userAgent !== undefined && userAgent.length > MAX_TEXT ? userAgent.slice(0, MAX_TEXT) : userAgent;
  const { address, port } = splitHost(host);
  let attributes: Attributes;
  let count = 8;
  if (
    METHODS.has(method) &&
    address !== undefined &&
    port !== undefined &&
    shownAgent !== undefined &&
    clientAddress !== undefined &&
    protocolVersion !== undefined
  ) {
    attributes = requestAttributes(
      method,
      shownPath,
      scheme,
      address,
      port,
      shownAgent,
      clientAddress,
      protocolVersion,
    );
  } else {
    attributes = methodAttributes(method);
    attributes[ATTR_URL_PATH] = shownPath;
    attributes[ATTR_URL_SCHEME] = scheme;
    if (address !== undefined) attributes[ATTR_SERVER_ADDRESS] = address;
    if (port !== undefined) attributes[ATTR_SERVER_PORT] = port;
    if (shownAgent !== undefined) attributes[ATTR_USER_AGENT] = shownAgent;
    if (clientAddress !== undefined) attributes[ATTR_CLIENT_ADDRESS] = clientAddress;
    if (protocolVersion !== undefined) attributes[ATTR_PROTOCOL_VERSION] = protocolVersion;
    count = Object.keys(attributes).length;
  }
  if (query !== '') {
    attributes[ATTR_URL_QUERY] = redactQuery(query);
    count++;
  }
  return { attributes, count };
}

/** The attributes a client span starts with; the URL is written without user, password and signatures. */
export function clientAttributes(method: string, url: URL): Attributes {
  const attributes = methodAttributes(method);
  const shown = new URL(url.href);
  if (shown.username !== '' || shown.password !== '') {
    shown.username = 'REDACTED';
    shown.password = 'REDACTED';
  }
  const query = shown.search.slice(1);
  shown.search = '';
  shown.hash = '';
  attributes[ATTR_URL_FULL] = query === '' ? shown.href : `${shown.href}?${redactQuery(query)}`;
  attributes[ATTR_SERVER_ADDRESS] = url.hostname;
  attributes[ATTR_SERVER_PORT] = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return attributes;
}

function splitTarget(target: string): { path: string; query: string } {
  // Nearly every target is a path.
  const isPath = target.charCodeAt(0) === 47;
  const { pathname, search } = !isPath && /^https?:\/\//i.test(target) ? absolute(target) : relative(target);
  return { path: pathname, query: search };
}

function relative(target: string): { pathname: string; search: string } {
  const hash = target.indexOf('#');
  const clean = hash < 0 ? target : target.slice(0, hash);
  const mark = clean.indexOf('?');
  return mark < 0
    ? { pathname: clean, search: '' }
    : { pathname: clean.slice(0, mark), search: clean.slice(mark + 1) };
}

/** A request through a proxy asks for a whole URL. */
function absolute(target: string): { pathname: string; search: string } {
  try {
    const url = new URL(target);
    return { pathname: url.pathname, search: url.search.slice(1) };
  } catch {
    return relative(target);
  }
}

/** A query with the values of parameters that hold secrets left out. */
function redactQuery(query: string): string {
  const kept = query.length > MAX_QUERY ? query.slice(0, MAX_QUERY) : query;
  // Written anew only if a secret is found, which is rare.
  let redacted: string | undefined;
  let start = 0;
  while (start <= kept.length) {
    const ampersand = kept.indexOf('&', start);
    const end = ampersand < 0 ? kept.length : ampersand;
    const equals = kept.indexOf('=', start);
    if (equals >= 0 && equals < end) {
      const written = kept.slice(start, equals);
      const secret = isSecret(written);
      if (secret && redacted === undefined) redacted = kept.slice(0, start);
      if (redacted !== undefined) redacted += secret ? `${written}=${REDACTED}` : kept.slice(start, end);
    } else if (redacted !== undefined) {
      redacted += kept.slice(start, end);
    }
    if (redacted !== undefined && ampersand >= 0) redacted += '&';
    start = end + 1;
  }
  return redacted ?? kept;
}

function isSecret(name: string): boolean {
  let plain = name;
  try {
    if (name.includes('%')) plain = decodeURIComponent(name);
  } catch {
    // Written as it is.
  }
  return SIGNATURES.has(plain.toLowerCase()) || isSecretName(plain);
}

let lastHost: string | undefined;
let lastSplit: { address?: string; port?: number } = {};

/** A server is asked for by the same name again and again. */
function splitHost(host: string | undefined): { address?: string; port?: number } {
  if (host !== lastHost) {
    lastSplit = splitAnew(host);
    lastHost = host;
  }
  return lastSplit;
}

function splitAnew(host: string | undefined): { address?: string; port?: number } {
  if (host === undefined || host === '' || host.length > MAX_TEXT) return {};
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(host);
  if (match === null) return {};
  const address = (match[1] as string).replace(/^\[|\]$/g, '');
  return match[2] === undefined ? { address } : { address, port: Number(match[2]) };
}
