/** The smoke as a worker of workerd: asked for it, it answers with what it saw. */
import { SessionTracer } from 'spanwise';
import { said } from './diagnostics.mjs';
import { conformance } from './conformance.mjs';
import { Server } from './classes.standard.mjs';

export default {
  async fetch(request, env, execution) {
    const { pathname } = new URL(request.url);
    if (pathname === '/smoke') {
      const checks = await conformance({
        endpoint: env.ENDPOINT,
        engine: 'spanwise',
        protocol: env.PROTOCOL,
      });
      return Response.json({ checks, said: said.splice(0) });
    }
    // A service: one tracer for all requests, each delivered before its request is over.
    const tracer = (globalThis.tracer ??= SessionTracer.init({
      project: 'compat',
      endpoint: env.ENDPOINT,
      protocol: env.PROTOCOL,
    }));
    const answer = await new Server().answer(request);
    if (pathname === '/wait') {
      const { ok } = await tracer.flush({ timeoutMs: 5_000 });
      return new Response(`${answer}, ${ok ? 'delivered' : 'lost'}`);
    }
    execution.waitUntil(tracer.flush({ timeoutMs: 5_000 }));
    return new Response(answer);
  },
};
