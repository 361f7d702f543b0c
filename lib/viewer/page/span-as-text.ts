/** A span as something to use elsewhere: a command for a shell, or a test. */
import { IDENTITY_ATTRIBUTE_PREFIX, TRACELOOP_PREFIX } from '../../conventions.js';
import type { RowDetails } from '../page-model.js';

/** As much of a value as still reads as a line of a test. */
const LONG_VALUE = 200;

/**
 * The request that an HTTP span is about, with its trace and baggage, so that it runs again in the same session; for
 * other spans, the question to the viewer that answers with the span.
 */
export function asCurl(
  { row, sessionId, attributes, baggage, project, source }: RowDetails,
  origin: string,
): string {
  const url = first(attributes, 'url.full', 'http.url') ?? serverUrl(attributes);
  if (url === undefined) {
    const path = ['/api/sessions', sessionId, 'rows', row.key].map((part, at) =>
      at === 0 ? part : encodeURIComponent(part),
    );
    return `curl ${quoted(origin + path.join('/'))}`;
  }
  const method = first(attributes, 'http.request.method', 'http.method') ?? 'GET';
  // The identity that the span was stamped with is what its caller sends on.
  const entries: Record<string, unknown> = row.stamped ? { session_id: sessionId } : {};
  if (project !== null) entries['project'] = project;
  if (source !== null && source !== 'otlp') entries['source'] = source;
  Object.assign(entries, baggage);
  const header = Object.entries(entries)
    .filter(([key]) => /^[!#$%&'*+\-.^_`|~\w]+$/.test(key))
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  const parts = [
    `curl -X ${quoted(method)} ${quoted(url)}`,
    ...(row.trace === null ? [] : [`-H ${quoted(`traceparent: 00-${row.trace}-${row.id}-01`)}`]),
    ...(header.length === 0 ? [] : [`-H ${quoted(`baggage: ${header.join(',')}`)}`]),
  ];
  return parts.join(' \\\n  ');
}

function serverUrl(attributes: RowDetails['attributes']): string | undefined {
  const path = first(attributes, 'url.path', 'http.target');
  const host = first(attributes, 'server.address', 'http.host', 'net.host.name');
  if (path === undefined || host === undefined) return undefined;
  const port = attributes['server.port'] ?? attributes['net.host.port'];
  const query = first(attributes, 'url.query');
  const scheme = first(attributes, 'url.scheme', 'http.scheme') ?? 'http';
  return `${scheme}://${host}${port === undefined ? '' : `:${String(port)}`}${path}${query === undefined ? '' : `?${query}`}`;
}

function first(attributes: RowDetails['attributes'], ...keys: string[]): string | undefined {
  for (const key of keys)
    if (typeof attributes[key] === 'string' && attributes[key] !== '') return attributes[key];
  return undefined;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A test that a span like this one is made again, with `spanwise/testing`. */
export function asFixture(details: RowDetails, parentName: string | null): string {
  const { row, status, attributes } = details;
  const expected = Object.entries(attributes).filter(
    ([key, value]) =>
      isOwn(key) && (typeof value !== 'string' || value.length <= LONG_VALUE) && typeof value !== 'object',
  );
  const lines = [
    `name: ${literal(row.name)},`,
    ...(row.kind === 'event' || row.kind === 'unspecified'
      ? []
      : [`kind: ${literal(row.kind.toUpperCase())},`]),
    `eventType: ${literal(row.type)},`,
    ...(status === 'unset' ? [] : [`status: ${literal(status)},`]),
    `parent: ${literal(parentName)},`,
    ...(expected.length === 0
      ? []
      : [
          'attributes: {',
          ...expected.map(
            ([key, value]) => `  ${/^[a-zA-Z_$][\w$]*$/.test(key) ? key : literal(key)}: ${literal(value)},`,
          ),
          '},',
        ]),
  ];
  return `expect(recorder).toHaveSpan({\n${lines.map((line) => `  ${line}\n`).join('')}});\n`;
}

/** What another run would give a span again: not what identifies this one. */
function isOwn(key: string): boolean {
  return (
    !key.startsWith(IDENTITY_ATTRIBUTE_PREFIX) &&
    !key.startsWith(TRACELOOP_PREFIX) &&
    !/(^|\.)(session_?id|id)$/.test(key) &&
    !/duration/.test(key)
  );
}

function literal(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
