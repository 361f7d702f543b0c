/** A request with Node’s own client: under load, Node 20’s `fetch` lost the signals of half of the long requests. */
import { request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** Sends a JSON body; rejects with the signal's reason when that is aborted first. */
export function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal?: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(body)) };
    const call = request(url, { method: 'POST', headers: { ...headers, ...length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    call.on('error', reject);
    signal?.addEventListener('abort', () => {
      reject(signal.reason as Error);
      call.destroy();
    });
    call.end(body);
  });
}
