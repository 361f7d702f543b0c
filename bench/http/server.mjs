/**
 * One server in a process of its own: a framework, and how its requests are traced. Tells its parent what CPU time
 * it has used, when asked.
 */
import { trace } from '@opentelemetry/api';
import { noop } from '../raw.mjs';
import { express } from './express.mjs';
import { fastify } from './fastify.mjs';
import { nest } from './nest.mjs';

const [framework, how] = process.argv.slice(2);
const FRAMEWORKS = { express, fastify, nest };

let ended = 0;
/** Sees that every request made its span, with what it is supposed to carry. */
const counting = {
  ...noop,
  onEnd({ name, parentSpanContext, attributes }) {
    if (
      name === 'GET /users/:id' &&
      parentSpanContext !== undefined &&
      attributes['http.route'] === '/users/:id' &&
      attributes['http.response.status_code'] === 200 &&
      attributes['honeyhive.session_id'] !== undefined
    ) {
      ended++;
    }
  },
};

if (how === 'raw') {
  const { setUp } = await import('./raw.mjs');
  await setUp(counting);
} else if (how === 'ours') {
  const { SessionTracer } = await import('spanwise');
  SessionTracer.init({ testMode: true, spanProcessors: [counting] });
} else if (how === 'instrumentation') {
  const { setUp } = await import('./raw.mjs');
  await setUp(counting);
  const { HttpInstrumentation } = await import('@opentelemetry/instrumentation-http');
  const instrumentation = new HttpInstrumentation();
  instrumentation.setTracerProvider(trace.getTracerProvider());
}
const server = await FRAMEWORKS[framework](how);
// The client's connections rest while it is another server's turn.
server.keepAliveTimeout = 0;
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ micros: user + system, ended });
});
process.on('disconnect', () => process.exit(0));
process.send({ port: server.address().port });
