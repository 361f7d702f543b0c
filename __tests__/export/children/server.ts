/** An OTLP receiver that misbehaves on command; runs in a process of its own and is told how over IPC. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { decodeJson, decodeProtobuf, spansOf } from '../otlp-decode.js';

export interface Behaviour {
  /** What every request gets; `ok` accepts. */
  mode: 'ok' | 'hang' | 'drip' | 'reset' | 'status' | 'late' | 'accept-then-hang';
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Milliseconds before an answer. */
  delayMs?: number;
  /** Bodies over this size (unpacked) get 413. */
  limitBytes?: number;
  /** A request holding a span of this name gets 400. */
  refuseName?: string;
  /** Each n-th request hangs. */
  hangEvery?: number;
  /** So many spans of each request are reported as rejected. */
  rejectSpans?: number;
  /** A compressed request gets this status. */
  gzipStatus?: number;
}

export interface Report {
  spans: number;
  duplicates: number;
  names: Record<string, number>;
  requests: number;
  /** Milliseconds since 1970 of each request's start. */
  times: number[];
  encodings: Record<string, number>;
  contentTypes: Record<string, number>;
  lastHeaders: Record<string, unknown>;
  maxConcurrent: number;
}

let behaviour: Behaviour = { mode: 'ok' };
const ids = new Set<string>();
const report: Report = {
  spans: 0,
  duplicates: 0,
  names: {},
  requests: 0,
  times: [],
  encodings: {},
  contentTypes: {},
  lastHeaders: {},
  maxConcurrent: 0,
};
const sockets = new Set<Socket>();
let running = 0;
let keepNames = true;

function accept(spans: { spanId: string; traceId: string; name: string }[]): void {
  for (const span of spans) {
    const id = span.traceId + span.spanId;
    if (ids.has(id)) report.duplicates++;
    ids.add(id);
    if (keepNames) report.names[span.name] = (report.names[span.name] ?? 0) + 1;
  }
  report.spans = ids.size;
}

function answer(request: IncomingMessage, response: ServerResponse, raw: Buffer): void {
  const now = behaviour;
  const gzip = request.headers['content-encoding'] === 'gzip';
  if (gzip && now.gzipStatus !== undefined) {
    response.writeHead(now.gzipStatus).end();
    return;
  }
  if (now.mode === 'hang' || (now.hangEvery !== undefined && report.requests % now.hangEvery === 0)) return;
  if (now.mode === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  if (now.mode === 'drip') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    const timer = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(timer));
    return;
  }
  if (now.mode === 'status') {
    response.writeHead(now.status ?? 503, now.headers).end(now.body);
    return;
  }
  const body = gzip ? gunzipSync(raw) : raw;
  if (now.limitBytes !== undefined && body.length > now.limitBytes) {
    response.writeHead(413).end();
    return;
  }
  const json = request.headers['content-type'] === 'application/json';
  const spans = spansOf(json ? decodeJson(body) : decodeProtobuf(body));
  if (now.refuseName !== undefined && spans.some((span) => span.name === now.refuseName)) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(`span ${now.refuseName} is not welcome`);
    return;
  }
  accept(spans);
  if (now.mode === 'accept-then-hang') return;
  const finish = (): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const rejected = now.rejectSpans ?? 0;
    response.end(
      rejected > 0
        ? JSON.stringify({ partialSuccess: { rejectedSpans: String(rejected), errorMessage: 'too old' } })
        : '{}',
    );
  };
  if (now.delayMs !== undefined) setTimeout(finish, now.delayMs);
  else finish();
}

const server = createServer((request, response) => {
  report.requests++;
  report.times.push(Date.now());
  report.lastHeaders = request.headers;
  const type = request.headers['content-type'] ?? '';
  report.contentTypes[type] = (report.contentTypes[type] ?? 0) + 1;
  const encoding = request.headers['content-encoding'] ?? 'identity';
  report.encodings[encoding] = (report.encodings[encoding] ?? 0) + 1;
  report.maxConcurrent = Math.max(report.maxConcurrent, ++running);
  response.on('close', () => running--);
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('error', () => {});
  request.on('end', () => answer(request, response, Buffer.concat(chunks)));
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
});
server.keepAliveTimeout = 60_000;

let port = 0;
type Command =
  | { do: 'behave'; behaviour: Behaviour }
  | { do: 'report' }
  | { do: 'close' }
  | { do: 'listen' }
  | { do: 'cut' }
  | { do: 'forget-names' };

process.on('message', (command: Command) => {
  if (command.do === 'behave') behaviour = command.behaviour;
  if (command.do === 'forget-names') keepNames = false;
  if (command.do === 'cut') for (const socket of sockets) socket.destroy();
  if (command.do === 'close') {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
  if (command.do === 'listen') {
    server.listen(port, '127.0.0.1', () => {
      port = (server.address() as AddressInfo).port;
      process.send?.({ port });
    });
    return;
  }
  process.send?.({ report });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ up: true });
