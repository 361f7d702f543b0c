/** Reading requests and writing replies, within bounds that a sender cannot move. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';
import type { JsonObject } from '../honeyhive/event.js';

/** A reply that ends the request early. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

/**
 * Bounds of what a request to the viewer may hold.
 *
 * @category Viewer
 */
export interface ViewerLimits {
  /** The largest body as it comes over the wire. @default 16 MiB */
  maxBodyBytes: number;
  /** The largest body after decompression. @default 64 MiB */
  maxDecodedBytes: number;
  /** What all requests together may hold in memory while they are read. @default 128 MiB */
  maxInFlightBytes: number;
  /** How long a body may take to arrive, in milliseconds. @default 15000 */
  bodyTimeoutMs: number;
}

export const DEFAULT_LIMITS: ViewerLimits = {
  maxBodyBytes: 16 * 1024 * 1024,
  maxDecodedBytes: 64 * 1024 * 1024,
  maxInFlightBytes: 128 * 1024 * 1024,
  bodyTimeoutMs: 15_000,
};

const MAX_JSON_DEPTH = 100;
const DRAIN_MS = 1_000;

/** Counts what all requests together hold, so that many of them cannot do what one may not. */
export class InFlight {
  #bytes = 0;
  constructor(readonly limits: ViewerLimits) {}

  take(bytes: number): void {
    if (this.#bytes + bytes > this.limits.maxInFlightBytes) {
      throw new HttpError(429, 'too much is arriving at once; send it again later', { 'retry-after': '1' });
    }
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

const decoders: Readonly<Record<string, (body: Buffer, maxOutputLength: number) => Promise<Buffer>>> = {
  gzip: (body, maxOutputLength) => promisify<Buffer, object, Buffer>(gunzip)(body, { maxOutputLength }),
  deflate: (body, maxOutputLength) => {
    // "deflate" is zlib's format, but some senders leave its header out.
    const hasHeader = (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0;
    return promisify<Buffer, object, Buffer>(hasHeader ? inflate : inflateRaw)(body, { maxOutputLength });
  },
};

/**
 * Reads a whole body, decompressed, and hands it to `use`; the bytes count as in flight until `use` is done.
 *
 * @throws `HttpError` 400, 408, 413, 415 or 429
 */
export async function withBody<Result>(
  request: IncomingMessage,
  inFlight: InFlight,
  use: (body: Buffer) => Result | Promise<Result>,
): Promise<Result> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && !Object.hasOwn(decoders, encoding)) {
    throw new HttpError(415, `the content encoding ${JSON.stringify(encoding)} is not understood`, {
      'accept-encoding': 'gzip, deflate',
    });
  }
  let held = 0;
  const hold = (bytes: number) => {
    inFlight.take(bytes);
    held += bytes;
  };
  try {
    let body = await receive(request, inFlight.limits, hold);
    if (encoding !== 'identity' && body.length > 0) {
      body = await decompress(body, encoding, inFlight.limits.maxDecodedBytes);
      hold(body.length);
    }
    return await use(body);
  } finally {
    inFlight.give(held);
  }
}

function receive(
  request: IncomingMessage,
  limits: ViewerLimits,
  hold: (bytes: number) => void,
): Promise<Buffer> {
  const tooLarge = () => new HttpError(413, `the body is larger than ${limits.maxBodyBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limits.maxBodyBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (error: unknown) => {
      stop();
      reject(error as Error);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limits.maxBodyBytes) return fail(tooLarge());
      try {
        hold(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = () => {
      stop();
      resolve(Buffer.concat(chunks));
    };
    const onClose = () => fail(new HttpError(400, 'the body was cut off'));
    const timer = setTimeout(
      () => fail(new HttpError(408, `the body did not arrive within ${limits.bodyTimeoutMs} ms`)),
      limits.bodyTimeoutMs,
    );
    const stop = () => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose);
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

async function decompress(body: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  try {
    return await decoders[encoding]!(body, maxBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpError(413, `the body is larger than ${maxBytes} bytes when decompressed`);
    }
    throw new HttpError(400, `the body is not ${encoding}`);
  }
}

/** The JSON object of a body, not nested deeper than is sane. */
export function parseJsonObject(body: Buffer): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new HttpError(400, 'the body must be a JSON object');
  }
  if (isTooDeep(parsed)) throw new HttpError(400, `the body is nested deeper than ${MAX_JSON_DEPTH} levels`);
  return parsed as JsonObject;
}

/** Walks level by level, because recursion is what deep nesting attacks. */
function isTooDeep(root: object): boolean {
  let level: object[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) return true;
    const below: object[] = [];
    for (const value of level) {
      for (const child of Object.values(value) as unknown[]) {
        if (typeof child === 'object' && child !== null) below.push(child);
      }
    }
    level = below;
  }
  return false;
}

/** The media type of a request, without its parameters. */
export function contentTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

/** Ends a request; what is left of its body is let through for a moment, so that the sender reads the reply. */
export function reply(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string>,
): void {
  if (response.headersSent || response.destroyed) return;
  const unread = !request.complete;
  response.writeHead(status, {
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    ...(unread ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  if (!unread) return;
  request.on('error', () => undefined).resume();
  const timer = setTimeout(() => request.destroy(), DRAIN_MS).unref();
  request.once('close', () => clearTimeout(timer));
}

export function replyJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  reply(request, response, status, JSON.stringify(value), { 'content-type': 'application/json', ...headers });
}
