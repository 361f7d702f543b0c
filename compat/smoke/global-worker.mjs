/* global ENDPOINT */
/** A worker that begins to trace where it must not: outside of a request, where there are no random numbers. */
import { said } from './diagnostics.mjs';
import { SessionTracer, withSpan } from 'spanwise';

const tracer = SessionTracer.init({ project: 'compat', endpoint: ENDPOINT });

export default {
  async fetch() {
    withSpan('outside', () => 1);
    await tracer.flush({ timeoutMs: 5_000 });
    return Response.json(said);
  },
};
