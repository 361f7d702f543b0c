/**
 * The concurrent test server (port 5004): `POST /concurrent/test` runs sessions at once and answers with a summary
 * that `spanwise verify --from` reads.
 *
 * The body, all of it optional: num_sessions (2), threads (0: how many worker threads share them), concurrency,
 * throw_share, abort_share, max_delay_ms, spread_ms, first, announce.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { memory } from '../memory.js';
import { runSessions, type RunOptions, type SessionResult } from './sessions.js';
import { startTracing } from './tracing.js';

const agentUrl = process.env['AGENT_URL'] ?? 'http://127.0.0.1:5003';
const tracer = startTracing();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    const usage = error instanceof RangeError || error instanceof SyntaxError;
    if (!usage) process.stderr.write(`test server: ${String(error)}\n`);
    reply(response, usage ? 400 : 500, { status: 'error', error: String(error) });
  });
});
// A run takes as long as it takes.
server.requestTimeout = 0;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/concurrent/test') return reply(response, 404, {});
  const body = JSON.parse((await textOf(request)) || '{}') as Record<string, unknown>;
  const sessions = within(body, 'num_sessions', 2, 1, 100_000);
  const threads = within(body, 'threads', 0, 0, 8);
  const options: RunOptions = {
    agentUrl,
    first: within(body, 'first', 0, 0, 10_000_000),
    sessions,
    concurrency: within(body, 'concurrency', Math.min(sessions, 2_000), 1, 2_000),
    throwShare: within(body, 'throw_share', 0, 0, 1),
    abortShare: within(body, 'abort_share', 0, 0, 1),
    maxDelayMs: within(body, 'max_delay_ms', 20, 1, 10_000),
    spreadMs: within(body, 'spread_ms', 0, 0, 60_000),
    announce: body['announce'] !== false,
  };
  const start = performance.now();
  const results = threads === 0 ? await runSessions(options) : await inThreads(options, threads);
  const seconds = (performance.now() - start) / 1_000;
  const flushed = await tracer?.flush({ timeoutMs: 60_000 });
  reply(response, 200, {
    status: results.every(({ success }) => success) ? 'ok' : 'partial',
    sessions_run: results.length,
    seconds,
    sessions_per_second: results.length / seconds,
    flushed,
    results,
  });
}

async function inThreads(options: RunOptions, threads: number): Promise<SessionResult[]> {
  const share = Math.ceil(options.sessions / threads);
  const parts = Array.from({ length: threads }, (_, index) => {
    const first = index * share;
    const sessions = Math.max(0, Math.min(share, options.sessions - first));
    const concurrency = Math.max(1, Math.ceil(options.concurrency / threads));
    return { ...options, first: options.first + first, sessions, concurrency };
  });
  const running = parts.filter(({ sessions }) => sessions > 0).map((part) => inThread(part));
  return (await Promise.all(running)).flat();
}

function inThread(workerData: RunOptions): Promise<SessionResult[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./session-worker.js', import.meta.url), { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker thread ended with ${code}`)));
  });
}

function within(
  body: Record<string, unknown>,
  key: string,
  otherwise: number,
  min: number,
  max: number,
): number {
  const value = body[key] ?? otherwise;
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw new RangeError(`${key} must be a number from ${min} to ${max}`);
  }
  return value;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

server.listen(Number(process.env['PORT'] ?? 5004), '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

const stop = async (): Promise<void> => {
  server.close();
  server.closeAllConnections();
  await tracer?.shutdown();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('disconnect', () => void stop());
process.on('message', (message) => {
  if (message === 'memory') process.send?.({ memory: memory() });
});
