/* global ENDPOINT */
/** The smoke as a worker of workerd: asked for it, it answers with what it saw. `ENDPOINT` is written in by the build. */
import { SessionTracer } from 'spanwise';
import { Server } from './classes.standard.mjs';
import { conformance } from './conformance.mjs';
import { said } from './diagnostics.mjs';

const settings = { project: 'compat', endpoint: ENDPOINT };
let tracer;

export default {
  async fetch(request, _env, execution) {
    const { pathname } = new URL(request.url);
    if (pathname === '/smoke') {
      const checks = await conformance({ ...settings, engine: 'spanwise' });
      return Response.json({ checks, said: said.splice(0) });
    }
    // A service: one tracer for all requests, each delivered before its request is over.
    tracer ??= SessionTracer.init(settings);
    const answer = await new Server().answer(request);
    if (pathname === '/wait') {
      const { ok } = await tracer.flush({ timeoutMs: 5_000 });
      return new Response(`${answer}, ${ok ? 'delivered' : 'lost'}`);
    }
    execution.waitUntil(tracer.flush({ timeoutMs: 5_000 }));
    return new Response(answer);
  },
};
