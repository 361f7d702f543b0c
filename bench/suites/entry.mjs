/**
 * A request entering, in this one process: what an integration does between a request's arrival and its answer, beside
 * what one writes by hand. Without sockets, so that a small change shows.
 */
import http from 'node:http';
import { interleave, ratio } from '../measure.mjs';
import { noop } from '../raw.mjs';

const socket = { remoteAddress: '127.0.0.1', server: {}, on() {}, removeListener() {}, once() {} };
let serial = 0;

/** A request and its response as Node's server makes them. */
function arriving() {
  const request = new http.IncomingMessage(socket);
  const id = (++serial).toString(16);
  request.url = `/users/${serial % 1000}?page=2`;
  request.method = 'GET';
  request.httpVersion = '1.1';
  const headers = {
    host: '127.0.0.1:3000',
    'user-agent': 'bench/1.0',
    traceparent: `00-${id.padStart(32, 'a')}-${id.padStart(16, 'b')}-01`,
    baggage: `session_id=3f2504e0-4f89-41d3-9a0c-${id.padStart(12, '0')},project=shop,source=web`,
  };
  const list = Object.entries(headers).flat();
  request._addHeaderLines(list, list.length);
  return { request, response: new http.ServerResponse(request) };
}

function answer(response) {
  response.emit('finish');
  response.emit('close');
}

export async function run(settings) {
  const raw = await import('../http/raw.mjs');
  await raw.setUp(noop);
  const { SessionTracer } = await import('spanwise');
  SessionTracer.init({ testMode: true, global: false, spanProcessors: [noop] });
  const { spanwise } = await import('spanwise/fastify');
  const hooks = {};
  spanwise()({ addHook: (name, hook) => (hooks[name] = hook) }, {}, () => {});
  const route = () => '/users/:id';
  let served = 0;
  const next = () => void served++;
  const samples = await interleave(
    {
      bare: {
        fn() {
          const { request, response } = arriving();
          served += request.headers.host.length;
          answer(response);
        },
      },
      raw: {
        fn() {
          const { request, response } = arriving();
          raw.enter(request, response, route, next);
          answer(response);
        },
      },
      ours: {
        fn() {
          const { request, response } = arriving();
          hooks.onRequest({ raw: request, routeOptions: { url: '/users/:id' } }, { raw: response }, next);
          answer(response);
        },
      },
    },
    // More code runs here than in other rows, and the compiler comes to it later.
    { ...settings, warmUpMs: Math.max(500, settings.warmUpMs ?? 0) },
  );
  return { samples, results: { added: ratio(samples, 'ours', 'raw', 'bare') } };
}
