import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import Koa from 'koa';
import Router from '@koa/router';
import { spanwise } from '../../lib/integrations/koa.js';
import { app as routes, describeHttpContract, dispatch } from './http-contract.js';

/** The body as JSON; Koa leaves that to packages. */
async function parsed(request: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

describeHttpContract('koa', async (options) => {
  const app = new Koa();
  app.silent = true;
  app.use(spanwise(options));
  const router = new Router();
  router.get('/users/:id', async (ctx) => void (ctx.body = await routes.user(ctx.params['id'] as string)));
  router.post('/echo', async (ctx) => void (ctx.body = await routes.echo(await parsed(ctx.req))));
  router.get('/boom', () => routes.boom());
  router.get('/entry/:id', async (ctx) => void (ctx.body = await routes.entry(ctx.params['id'] as string)));
  router.get('/stream', (ctx) => void (ctx.body = Readable.from(routes.chunks())));
  router.get('/hang', async (ctx) => void (ctx.body = await routes.hang()));
  router.get('/dispatch', async (ctx) => void (ctx.body = await dispatch(app.callback(), '/users/inner')));
  app.use(router.routes());
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
});
