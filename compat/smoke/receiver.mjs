/** An OTLP receiver that knows nothing of our encoders: the tests' decoder, and Node's http. */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

/**
 * @param decoder `decodeJson` and `decodeProtobuf`
 * @returns its URL, the spans so far, and how to wait for one
 */
export async function startReceiver({ decodeJson, decodeProtobuf }) {
  const spans = [];
  const requests = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const sent = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      const type = request.headers['content-type'] ?? '';
      requests.push({ url: request.url, type });
      const resources = type.includes('json') ? decodeJson(body) : decodeProtobuf(body);
      for (const resource of resources) {
        for (const scope of resource.scopes) {
          for (const span of scope.spans)
            spans.push({ ...span, resource: resource.attributes, scope: scope.name });
        }
      }
      response.setHeader('content-type', type).end(type.includes('json') ? '{}' : '');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    spans,
    requests,
    async until(found, ms = 5_000) {
      for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) if (found(spans)) return true;
      return found(spans);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
