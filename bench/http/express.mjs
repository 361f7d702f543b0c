import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** @returns the listening server of an Express application that is traced in the way that is asked for */
export async function express(how) {
  const create = require('express');
  const app = create();
  if (how === 'raw') {
    const { enter } = await import('./raw.mjs');
    app.use((request, response, next) => enter(request, response, () => request.route?.path, next));
  } else if (how === 'ours') {
    const { spanwise } = await import('spanwise/express');
    app.use(spanwise());
  }
  app.get('/users/:id', (request, response) => {
    response.json({ id: request.params.id });
  });
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  return server;
}
