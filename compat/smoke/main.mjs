/** Runs the smoke in a process of a runtime that has them, and prints what it saw as the last line. */
import { createServer } from 'node:http';
import { SessionTracer, withSession, withSpan } from 'spanwise';
import { said } from './diagnostics.mjs';
import { conformance } from './conformance.mjs';

const settings = JSON.parse(process.env.SMOKE);
const { Bun, Deno } = globalThis;

/** Node's own server, and in the other runtimes theirs. */
async function serveNode(handler) {
  const server = createServer((request, response) => {
    void handler(request).then(
      (text) => response.end(text),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}

async function serveOwn(handler) {
  const fetch = async (request) => new Response(await handler(request));
  if (Bun !== undefined) {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch });
    return { url: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) };
  }
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, fetch);
  return { url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

if (settings.end === undefined) {
  const serve = settings.server === 'own' ? serveOwn : serveNode;
  // No top-level await: bundlers that write CommonJS refuse it.
  void conformance({ ...settings, serve }).then((checks) => console.log(JSON.stringify({ checks, said })));
} else {
  // The end of a process in each of its ways, with a span that nobody has sent.
  SessionTracer.init({ project: 'compat', endpoint: settings.endpoint, protocol: settings.protocol });
  withSession(`end-${settings.end}`, () => withSpan('last words', () => 1));
  if (settings.end === 'exit') process.exit(3);
  if (settings.end === 'error') throw new Error('uncaught, as it should be');
  if (settings.end === 'signal') {
    setInterval(() => {}, 1_000);
    process.kill(process.pid, 'SIGTERM');
  }
}
