/** OTLP over fetch, for runtimes without Node's http. */
import { describeError } from '../diagnostics.js';
import { backgroundTimer } from './platform.js';
import { MAX_RESPONSE_BYTES, pieceBytes, type Answer, type Transport } from './transport.js';

/**
 * A transport over the runtime's fetch.
 *
 * @param url the full URL of the traces endpoint
 */
export function fetchTransport(url: URL): Transport {
  return {
    send({ pieces, headers, timeoutMs }) {
      const controller = new AbortController();
      const timer = backgroundTimer(
        () => controller.abort(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const failed = (error: unknown, hopeless: boolean): Answer => ({
        status: 0,
        error: describeError(controller.signal.aborted ? controller.signal.reason : error),
        hopeless,
        staleConnection: false,
      });
      const exchange = async (): Promise<Answer> => {
        try {
          const body = new Uint8Array(pieceBytes(pieces));
          let at = 0;
          for (const piece of pieces) {
            body.set(piece, at);
            at += piece.length;
          }
          const init = {
            method: 'POST',
            headers,
            body,
            signal: controller.signal,
            redirect: 'manual' as const,
          };
          const response = await fetch(url, init);
          return {
            status: response.status,
            retryAfter: response.headers.get('retry-after') ?? undefined,
            contentType: response.headers.get('content-type') ?? '',
            body: (await readBounded(response)) ?? new Uint8Array(0),
          };
        } catch (error) {
          return failed(error, false);
        } finally {
          clearTimeout(timer);
        }
      };
      return {
        answer: exchange(),
        handedOver: () => false,
        released: () => false,
        abort: () => controller.abort(new Error('it was given up')),
      };
    },
    close() {},
  };
}

async function readBounded(response: Response): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (pieceBytes(chunks) + value.length > MAX_RESPONSE_BYTES) {
      await reader.cancel();
      break;
    }
    chunks.push(value);
  }
  const body = new Uint8Array(pieceBytes(chunks));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
