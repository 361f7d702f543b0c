/**
 * The viewer: an OTLP receiver, HoneyHive's REST interface and a page to look at sessions, in one process on
 * loopback.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HONEYHIVE_TRACES_PATH, OTLP_TRACES_PATH } from '../conventions.js';
import { SpanwiseError, warnError } from '../diagnostics.js';
import { accessCheck } from './access.js';
import { EventQueries } from './event-queries.js';
import { answerEvents } from './events-endpoint.js';
import { DEFAULT_LIMITS, HttpError, InFlight, replyJson, type ViewerLimits } from './exchange.js';
import { Journal } from './journal.js';
import { Page } from './page-endpoint.js';
import { Store } from './store.js';
import { receiveTraces } from './traces-endpoint.js';

/**
 * Where the viewer listens, and how much it keeps.
 *
 * @category Viewer
 */
export interface ViewerOptions {
  /** 0 takes a free one. @default 4318 */
  port?: number;
  /** The address to listen on; the viewer has no password, so anything but loopback is open to the network. @default '127.0.0.1' */
  host?: string;
  /** Further host names that lead to this viewer, for instance through a proxy. */
  allowedHosts?: readonly string[];
  /** Roughly how many bytes of spans and events are kept; the oldest sessions go first. @default 256 MiB */
  retentionBytes?: number;
  /** Answer 429 instead of forgetting the oldest sessions. @default false */
  refuseWhenFull?: boolean;
  /** A file that keeps everything over a restart. */
  persist?: string;
  /** Refuse what HoneyHive refuses: the filter type `"id"`. @default false */
  strict?: boolean;
  /** Bounds of what requests may hold. */
  limits?: Partial<ViewerLimits>;
}

/**
 * A running viewer.
 *
 * @category Viewer
 */
export interface Viewer {
  /** Where the page, the receiver and the REST interface are. */
  readonly url: string;
  readonly port: number;
  readonly host: string;
  readonly store: Store;
  /** Stops listening, and writes down what is still to be written. */
  close(): Promise<void>;
}

/** What every reply says: nothing of it may be stored, guessed at, framed, or read by other sites. */
const SAFE_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
};

/**
 * Starts a viewer in this process.
 *
 * @param options see {@link ViewerOptions}
 * @returns the running viewer
 * @throws `SpanwiseError` SPW_VIEWER if the port is taken or the file cannot be used
 * @example
 * ```ts
 * import { SessionTracer, withSpan } from 'spanwise';
 * import { startViewer } from 'spanwise/viewer';
 *
 * const viewer = await startViewer({ port: 0 });
 * const tracer = SessionTracer.init({ project: 'shop', endpoint: viewer.url });
 * withSpan('order', () => undefined);
 * await tracer.shutdown();
 * await viewer.close(); // not before you have looked at viewer.url
 * ```
 * @category Viewer
 */
export async function startViewer(options: ViewerOptions = {}): Promise<Viewer> {
  const { port = 4318, host = '127.0.0.1' } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const store = new Store(options);
  const inFlight = new InFlight(limits);
  const check = accessCheck(host, options.allowedHosts ?? []);
  const journal = options.persist === undefined ? undefined : await Journal.open(options.persist, store);
  const kept = () => journal?.kept() ?? Promise.resolve();
  const page = new Page(store, inFlight, kept);
  const queries = new EventQueries(store, options.strict ?? false);
  const events = { store, queries, inFlight, kept };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value);
    check(request);
    const path = pathOf(request);
    if (path === OTLP_TRACES_PATH || path === HONEYHIVE_TRACES_PATH) {
      allowOnly(request, 'POST');
      return receiveTraces(request, response, store, inFlight, kept);
    }
    if (await page.answer(request, response, path)) return;
    const result = await answerEvents(request, path, events);
    if (result === undefined) throw new HttpError(404, 'there is nothing at this path');
    replyJson(request, response, 200, result);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (error instanceof HttpError) {
        return replyJson(request, response, error.status, { error: error.message }, error.headers);
      }
      warnError('SPW_INTERNAL', 'the viewer could not answer a request', error);
      replyJson(request, response, 500, { error: 'the viewer could not answer this request' });
    });
  });
  server.headersTimeout = 10_000;
  try {
    await listen(server, port, host);
  } catch (error) {
    page.close();
    await journal?.close();
    throw error;
  }
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${urlHost(host)}:${bound.port}`,
    port: bound.port,
    host,
    store,
    close: async () => {
      page.close();
      await close(server);
      await journal?.close();
    },
  };
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  if (!url.startsWith('/')) throw new HttpError(400, 'the request must name a path');
  const path = url.split('?', 1)[0]!;
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function allowOnly(request: IncomingMessage, method: string): void {
  if (request.method !== method) throw new HttpError(405, `use ${method}`, { allow: method });
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `port ${port} of ${host} is taken; is a viewer running already? Choose another port`
          : `cannot listen on port ${port} of ${host} (${error.code})`;
      reject(new SpanwiseError('SPW_VIEWER', why));
    });
    server.listen(port, host, resolve);
  });
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
