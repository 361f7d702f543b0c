/**
 * OTLP over Node's http.
 *
 * The stock exporter's timeout restarts with every byte, so that a dripping server holds it forever; here one
 * deadline covers the whole exchange. The stock exporter also waits for the response without a bound on its size.
 */
import type * as NodeHttp from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { describeError } from '../diagnostics.js';
import { backgroundTimer } from './platform.js';
import {
  MAX_RESPONSE_BYTES,
  pieceBytes,
  type Answer,
  type Sending,
  type Transport,
  type TransportRequest,
} from './transport.js';

type Http = Pick<typeof NodeHttp, 'request' | 'Agent'>;

/** How late a timer must be to show that the process itself was frozen or blocked. */
const FROZEN_MS = 250;
/** How long an answer that may lie in the socket since then has to be read. */
const GRACE_MS = 1_000;

/**
 * A transport with kept-alive connections that never keep the process alive.
 *
 * @param http `node:http` or `node:https`, as the URL needs
 * @param url the full URL of the traces endpoint
 * @param connections how many connections may be open
 */
export function httpTransport(http: Http, url: URL, connections: number): Transport {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections, scheduling: 'lifo' });
  return {
    send: (request) => new HttpSending(http, agent, url, request),
    close: () => agent.destroy(),
  };
}

class HttpSending implements Sending {
  readonly answer: Promise<Answer>;
  #resolve!: (answer: Answer) => void;
  #request: ClientRequest | undefined;
  #socket: Socket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #graced = false;
  #finished = false;
  #released = false;
  #responded = false;

  constructor(http: Http, agent: InstanceType<Http['Agent']>, url: URL, request: TransportRequest) {
    this.answer = new Promise((resolve) => (this.#resolve = resolve));
    try {
      const headers = { ...request.headers, 'content-length': String(pieceBytes(request.pieces)) };
      const sent = http.request(url, { method: 'POST', agent, headers });
      this.#request = sent;
      sent.on('error', (error) => this.#fail(error, false));
      sent.on('response', (response) => this.#read(response));
      sent.on('socket', (socket) => {
        this.#socket = socket;
        socket.unref();
      });
      sent.on('close', () => this.#fail('the connection was closed', false));
      for (const piece of request.pieces) sent.write(piece);
      sent.end();
      this.#arm(request.timeoutMs);
    } catch (error) {
      this.#fail(error, true);
    }
  }

  handedOver(): boolean {
    const [sent, socket] = [this.#request, this.#socket];
    if (sent === undefined || socket === undefined || socket.connecting) return false;
    return sent.writableEnded && sent.writableLength === 0;
  }

  released(): boolean {
    return this.#released;
  }

  abort(): void {
    this.#fail('it was given up', false);
  }

  #arm(timeoutMs: number): void {
    const due = performance.now() + timeoutMs;
    this.#timer = backgroundTimer(() => {
      // After a freeze (a suspended function, a blocked event loop) timers come before what arrived meanwhile:
      // giving up now would send again what was delivered.
      if (performance.now() - due > FROZEN_MS && !this.#graced) {
        this.#graced = true;
        this.#arm(Math.min(GRACE_MS, timeoutMs));
        return;
      }
      this.#fail(`no answer within ${timeoutMs} ms`, false);
    }, timeoutMs);
  }

  #read(response: IncomingMessage): void {
    this.#responded = true;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const answered = (): void => {
      const body = new Uint8Array(bytes);
      let at = 0;
      for (const chunk of chunks) {
        body.set(chunk, at);
        at += chunk.length;
      }
      this.#finish({
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        contentType: response.headers['content-type'] ?? '',
        body,
      } as Answer);
    };
    response.on('data', (chunk: Uint8Array) => {
      if (bytes + chunk.length > MAX_RESPONSE_BYTES) {
        // The status has been seen, and that is what counts.
        answered();
        this.#request?.destroy();
        return;
      }
      chunks.push(chunk);
      bytes += chunk.length;
    });
    response.on('end', answered);
    response.on('error', (error) => this.#fail(error, false));
  }

  #fail(error: unknown, hopeless: boolean): void {
    if (this.#finished) return;
    const { code } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown };
    // The server closed an idle connection while this request was being written to it.
    const stale = code === 'ECONNRESET' && this.#request?.reusedSocket === true && !this.#responded;
    // An error for several addresses has no message, only a code.
    const message = describeError(error) || String(code);
    this.#finish({ status: 0, error: message, hopeless, staleConnection: stale });
    this.#request?.destroy();
  }

  #finish(answer: Answer): void {
    if (this.#finished) return;
    this.#released = this.handedOver();
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket = undefined;
    this.#resolve(answer);
  }
}
