import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** @returns the listening server of a Fastify application that is traced in the way that is asked for */
export async function fastify(how) {
  const app = require('fastify')();
  if (how === 'raw') {
    const { enter } = await import('./raw.mjs');
    app.addHook('onRequest', (request, reply, next) =>
      enter(request.raw, reply.raw, () => request.routeOptions.url, next),
    );
  } else if (how === 'ours') {
    const { spanwise } = await import('spanwise/fastify');
    await app.register(spanwise());
  }
  app.get('/users/:id', async (request) => ({ id: request.params.id }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}
