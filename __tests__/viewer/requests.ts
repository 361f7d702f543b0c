/** Trace requests for the viewer's tests, and viewers that end with their test. */
import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { afterEach, jest } from '@jest/globals';
import { decodeJson } from '../../lib/viewer/decode-json.js';
import type { ReceivedSpan } from '../../lib/viewer/received-span.js';
import { startViewer, type Viewer, type ViewerOptions } from '../../lib/viewer/start-viewer.js';

// The machine may be busy; what waits here waits for others.
jest.setTimeout(30_000);

export type Value = string | number | boolean;
export interface SpanOptions {
  trace?: number;
  id?: number;
  parent?: number;
  name?: string;
  service?: string;
  kind?: number;
  /** Milliseconds after a fixed moment. */
  start?: number;
  duration?: number;
  session?: string;
  attributes?: Record<string, Value>;
  error?: string;
  events?: { name: string; timeUnixNano: string; attributes: unknown[] }[];
}

export const EPOCH = 1_700_000_000_000;
export const traceIdOf = (trace: number) => trace.toString(16).padStart(32, '0');
export const spanIdOf = (id: number) => id.toString(16).padStart(16, '0');
export const attributesOf = (attributes: Record<string, Value>) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : { doubleValue: value },
  }));
const nanos = (ms: number) => `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;

/** An OTLP/JSON request with these spans. */
export function traceRequest(...spans: SpanOptions[]): object {
  return {
    resourceSpans: spans.map(({ service = 'svc', ...span }) => ({
      resource: { attributes: attributesOf({ 'service.name': service }) },
      scopeSpans: [{ scope: { name: 'test' }, spans: [wireSpan(span)] }],
    })),
  };
}

function wireSpan(options: SpanOptions): object {
  const { trace = 1, id = 1, parent, name = `span ${id}`, kind = 1, start = 0, duration = 10 } = options;
  const { session, attributes = {}, error, events = [] } = options;
  return {
    traceId: traceIdOf(trace),
    spanId: spanIdOf(id),
    ...(parent === undefined ? {} : { parentSpanId: spanIdOf(parent) }),
    name,
    kind,
    startTimeUnixNano: nanos(EPOCH + start),
    endTimeUnixNano: nanos(EPOCH + start + duration),
    attributes: attributesOf({
      ...(session === undefined ? {} : { 'honeyhive.session_id': session }),
      ...attributes,
    }),
    events,
    status: error === undefined ? {} : { code: 2, message: error },
  };
}

/** The same spans as the store gets them. */
export function receivedSpans(...spans: SpanOptions[]): ReceivedSpan[] {
  return decodeJson(Buffer.from(JSON.stringify(traceRequest(...spans)))).spans;
}

const open: Viewer[] = [];
afterEach(async () => {
  for (const viewer of open.splice(0)) await viewer.close();
});

/** A viewer on a free port, closed after the test. */
export async function viewerWith(options: ViewerOptions = {}): Promise<Viewer> {
  const viewer = await startViewer({ port: 0, ...options });
  open.push(viewer);
  return viewer;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json: any;
}

/** A request exactly as given: with any `Host`, any body, any encoding. */
export function send(
  viewer: Viewer,
  method: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  body: string | Buffer = '',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { host, port } = viewer;
    const outgoing = request({ host, port, method, path, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const content = Buffer.concat(chunks);
        const isJson = String(incoming.headers['content-type']).startsWith('application/json');
        const json = isJson && content.length > 0 ? JSON.parse(content.toString()) : undefined;
        resolve({ status: incoming.statusCode!, headers: incoming.headers, body: content, json });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const JSON_HEADERS = { 'content-type': 'application/json' };

/** Sends JSON and gives back the parsed reply. */
export async function sendJson(viewer: Viewer, method: string, path: string, body: unknown): Promise<Reply> {
  return send(viewer, method, path, JSON_HEADERS, JSON.stringify(body));
}

export async function sendSpans(viewer: Viewer, ...spans: SpanOptions[]): Promise<Reply> {
  return sendJson(viewer, 'POST', '/v1/traces', traceRequest(...spans));
}
