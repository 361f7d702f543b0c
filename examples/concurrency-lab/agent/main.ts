/**
 * The agent server (port 5003): `POST /agent/invoke`. One decorator line continues the caller's trace and session.
 *
 * `GET /tally` tells how many traced calls each request made, counted without tracing: what the verifier has to find. `DELETE /tally` forgets it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DistributedEntry, SessionTracer, Trace } from 'spanwise';
import { count, PlannedError, ResearchAgent, type Work } from './research-agent.js';
import { memory } from '../memory.js';
import { loader } from './shared.js';

const tracing = process.env['TRACING'] !== 'off';
const tracer = tracing
  ? SessionTracer.init({
      project: 'concurrency-lab',
      source: 'agent-server',
      resource: { 'service.name': 'agent-server' },
      baggageAttributes: ['session_identifier', 'user_id'],
      skipBackendSessionCreation: true,
    })
  : undefined;

/** By the identifier of the call. */
const tally = new Map<string, Work>();
/** Callers may be gone before their work is done. */
let running = 0;

const counted = () => ({
  running,
  spans: Object.fromEntries([...tally].map(([identifier, work]) => [identifier, work.spans])),
  largestBatch: loader.largest,
});

class AgentServer {
  readonly #agent = new ResearchAgent();

  @DistributedEntry()
  @Trace({ eventType: 'chain' })
  async invoke(_request: IncomingMessage, work: Work): Promise<string> {
    count(work);
    return this.#agent.research(work);
  }
}

const agent = new AgentServer();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    if (!(error instanceof PlannedError)) process.stderr.write(`agent server: ${String(error)}\n`);
    reply(response, 500, { error: String(error) });
  });
});

// Longer than callers keep theirs: one that is closed while a request is on its way to it fails that request.
server.keepAliveTimeout = 120_000;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET' && request.url === '/tally') {
    return reply(response, 200, counted());
  }
  if (request.method === 'DELETE' && request.url === '/tally') {
    // A long run must not pile them up.
    tally.clear();
    return reply(response, 200, {});
  }
  if (request.method !== 'POST' || request.url !== '/agent/invoke') return reply(response, 404, {});
  const body = JSON.parse(await textOf(request)) as Partial<Work>;
  const work: Work = {
    identifier: String(body.identifier),
    query: String(body.query),
    delayMs: Number(body.delayMs ?? 5),
    fail: body.fail === true,
    spans: 0,
  };
  tally.set(work.identifier, work);
  running++;
  try {
    reply(response, 200, { answer: await agent.invoke(request, work), pid: process.pid });
  } finally {
    running--;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function reply(response: ServerResponse, status: number, body: object): void {
  // The caller may be gone, which is one of the things the lab tries.
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

server.listen(Number(process.env['PORT'] ?? 5003), '127.0.0.1', 4_096, () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

let stopping = false;
const stop = async (): Promise<void> => {
  if (stopping) return;
  stopping = true;
  await new Promise<void>((resolve) => {
    // Those that are busy now become idle one after the other.
    const closing = setInterval(() => server.closeIdleConnections(), 20);
    server.close(() => {
      clearInterval(closing);
      resolve();
    });
  });
  // Work goes on for callers that are gone, and its spans must be sent, too.
  while (running > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await tracer?.shutdown();
  if (process.connected) process.send?.({ tally: counted() }, () => process.exit(0));
  else process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('disconnect', () => void stop());
process.on('message', (message) => {
  // Everything that ended is at the receiver when this is answered.
  if (message === 'flush')
    void Promise.resolve(tracer?.flush()).then((result) => process.send?.({ flushed: result }));
  if (message === 'memory') process.send?.({ memory: memory() });
});
