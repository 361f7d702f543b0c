/** A backend that takes spans over HTTP and keeps them, for programs that run elsewhere. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { decodeProtobuf, spansOf, type DecodedSpan } from '../export/otlp-decode.js';

export type { DecodedSpan };

export interface Receiver {
  readonly url: string;
  readonly spans: readonly DecodedSpan[];
  /** The only span of that name. */
  span(name: string): DecodedSpan;
  /** Hung requests are never answered. */
  behave(mode: 'ok' | 'hang'): void;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const spans: DecodedSpan[] = [];
  let mode: 'ok' | 'hang' = 'ok';
  const server = http.createServer((request, response) => {
    void bodyOf(request).then((body) => {
      if (request.url?.endsWith('/v1/traces') === true) {
        if (mode === 'hang') return;
        const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
        spans.push(...spansOf(decodeProtobuf(plain)));
      }
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    span(name) {
      const found = spans.filter((span) => span.name === name);
      if (found.length === 1) return found[0]!;
      throw new Error(
        `${found.length} spans named ${name}; there are: ${spans.map((s) => s.name).join(', ')}`,
      );
    },
    behave: (next) => void (mode = next),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The whole body of a request. */
export async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
