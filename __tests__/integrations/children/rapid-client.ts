/**
 * Stands in for the native HTTP client of AWS's runtime interface client, which is built from C++ at installation (and
 * nothing is at ours). Like the native one it blocks until an answer is posted, so that nothing else runs before the
 * next invocation is asked for. `SPANWISE_RAPID_CLIENT` names a native one to use instead.
 */
import Module from 'node:module';
import { Worker } from 'node:worker_threads';

const state = new Int32Array(new SharedArrayBuffer(4));
const poster = new Worker(
  `const { workerData: state, parentPort } = require('node:worker_threads');
   const http = require('node:http');
   parentPort.on('message', ({ path, body, headers }) => {
     const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
     const done = () => { Atomics.store(state, 0, 1); Atomics.notify(state, 0); };
     http.request({ hostname, port, path, method: 'POST', headers, agent: false }, (response) => {
       response.resume().on('end', done);
     }).on('error', done).end(body);
   });`,
  { eval: true, workerData: state, execArgv: [] },
);
poster.unref();

function post(path: string, body: string, headers: Record<string, string> = {}): void {
  Atomics.store(state, 0, 0);
  poster.postMessage({ path: `/2018-06-01/runtime/invocation/${path}`, body, headers });
  Atomics.wait(state, 0, 0, 10_000);
}

const client = {
  initializeClient: () => undefined,
  next: () => Promise.reject(new Error('AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1 is not set')),
  done: (id: string, body: string) => post(`${id}/response`, body),
  error: (id: string, body: string) =>
    post(`${id}/error`, body, { 'lambda-runtime-function-error-type': 'Unhandled' }),
};

const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
const { _load } = loader;
loader._load = function (request, ...rest) {
  if (!request.endsWith('rapid-client.node')) return Reflect.apply(_load, this, [request, ...rest]);
  const native = process.env['SPANWISE_RAPID_CLIENT'];
  return native === undefined ? client : Reflect.apply(_load, this, [native, ...rest]);
};
