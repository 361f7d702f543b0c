/**
 * Delivery while the process is ending: an `exit` handler is synchronous, so another thread sends, and this one
 * waits for it.
 */
import { builtin, nodeProcess } from './platform.js';
import { pieceBytes } from './transport.js';

/** A request to send at exit. */
export interface ExitJob {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly pieces: readonly Uint8Array[];
  /** Is told the HTTP status; 0 without an answer. */
  readonly settle: (status: number) => void;
}

/**
 * The worker's program. It is a text, because a bundler would not find a file of ours, and it knows only Node.
 * `state[0]` counts the unanswered requests, `state[1 + i]` is the status of request i.
 */
const PROGRAM = `
const { workerData: { requests, state, connections, timeoutMs } } = require('node:worker_threads');
const agents = new Map();
function agentOf(url) {
  const secure = url.startsWith('https:');
  const lib = require(secure ? 'node:https' : 'node:http');
  if (!agents.has(secure)) agents.set(secure, new lib.Agent({ keepAlive: true, maxSockets: connections }));
  return [lib, agents.get(secure)];
}
let open = requests.length;
requests.forEach(({ url, headers, body }, index) => {
  const done = (status) => {
    if (Atomics.compareExchange(state, 1 + index, -1, status) !== -1) return;
    Atomics.sub(state, 0, 1);
    Atomics.notify(state, 0);
    if (--open === 0) for (const agent of agents.values()) agent.destroy();
  };
  try {
    const [lib, agent] = agentOf(url);
    const request = lib.request(url, { method: 'POST', agent, headers, timeout: timeoutMs }, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode));
    });
    request.on('error', () => done(0));
    request.on('close', () => done(0));
    request.end(body);
  } catch {
    done(0);
  }
});
`;

const CONNECTIONS = 8;

/**
 * Sends requests from another thread and blocks until they are answered.
 *
 * @param jobs the requests; each is told its status
 * @param timeoutMs how long to block at most
 */
export function deliverBlocking(jobs: readonly ExitJob[], timeoutMs: number): void {
  if (jobs.length === 0) return;
  let state: Int32Array | undefined;
  try {
    state = deliver(jobs, timeoutMs);
  } finally {
    // Whatever happened: a job that is not told its status would be lost without a word.
    jobs.forEach((job, index) =>
      job.settle(state === undefined ? 0 : Math.max(0, Atomics.load(state, 1 + index))),
    );
  }
}

function deliver(jobs: readonly ExitJob[], timeoutMs: number): Int32Array | undefined {
  const workers = builtin('node:worker_threads');
  if (workers === undefined || typeof SharedArrayBuffer !== 'function') return undefined;
  const end = performance.now() + timeoutMs;
  const state = new Int32Array(new SharedArrayBuffer(4 * (jobs.length + 1))).fill(-1);
  state[0] = jobs.length;
  const requests = jobs.map(({ url, headers, pieces }) => {
    const length = pieceBytes(pieces);
    // Shared, so that the other thread needs no copy.
    const body = new Uint8Array(new SharedArrayBuffer(length));
    let at = 0;
    for (const piece of pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    return { url, headers: { ...headers, 'content-length': String(length) }, body };
  });
  const worker = new workers.Worker(PROGRAM, {
    eval: true,
    // None of the program's own preloads: they take time, and would trace this.
    execArgv: [],
    env: tlsEnvironment(),
    workerData: { requests, state, connections: CONNECTIONS, timeoutMs },
  });
  worker.on('error', () => {});
  worker.unref();
  for (;;) {
    const open = Atomics.load(state, 0);
    const rest = end - performance.now();
    if (open <= 0 || rest <= 0) return state;
    Atomics.wait(state, 0, open, rest);
  }
}

function tlsEnvironment(): Record<string, string> {
  const value = nodeProcess?.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  return value === undefined ? {} : { NODE_TLS_REJECT_UNAUTHORIZED: value };
}
