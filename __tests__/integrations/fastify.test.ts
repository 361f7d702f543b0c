import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import fastify from 'fastify';
import { spanwise } from '../../lib/integrations/fastify.js';
import { app as routes, describeHttpContract, dispatch } from './http-contract.js';

describeHttpContract('fastify', async (options) => {
  const app = fastify({ forceCloseConnections: true });
  await app.register(spanwise(options));
  app.get<{ Params: { id: string } }>('/users/:id', (request) => routes.user(request.params.id));
  app.post('/echo', (request) => routes.echo(request.body));
  app.get('/boom', async () => routes.boom());
  app.get<{ Params: { id: string } }>('/entry/:id', async (request) => routes.entry(request.params.id));
  app.get('/stream', (_request, reply) => reply.type('text/plain').send(Readable.from(routes.chunks())));
  app.get('/hang', () => routes.hang());
  app.get('/dispatch', () => dispatch((request, response) => app.routing(request, response), '/users/inner'));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
});
