import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { spanwise } from '../../lib/integrations/express.js';
import { withSpan } from '../../lib/index.js';
import { shutdownAll, startTracer } from '../support/harness.js';
import { app as routes, dispatch, describeHttpContract, type Running } from './http-contract.js';

async function listen(app: express.Express): Promise<Running> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeHttpContract('express', async (options) => {
  const app = express();
  app.set('env', 'test');
  app.use(spanwise(options));
  app.use(express.json({ limit: '1mb' }));
  app.get('/users/:id', async (req, res) => void res.json(await routes.user(req.params.id)));
  app.post('/echo', async (req, res) => void res.json(await routes.echo(req.body)));
  app.get('/boom', () => routes.boom());
  app.get('/entry/:id', async (req, res) => void res.json(await routes.entry(req.params.id)));
  app.get('/stream', (_req, res) => void Readable.from(routes.chunks()).pipe(res));
  app.get('/hang', async (_req, res) => void res.send(await routes.hang()));
  app.get('/dispatch', async (_req, res) => {
    res.json(await dispatch(app, '/users/inner'));
  });
  return listen(app);
});

describe('the template of an Express route', () => {
  const names = async (build: (app: express.Express) => void, paths: string[]): Promise<string[]> => {
    const { recorder } = startTracer();
    const app = express();
    app.set('env', 'test');
    app.use(spanwise());
    build(app);
    const server = await listen(app);
    for (const path of paths) await (await fetch(`http://127.0.0.1:${server.port}${path}`)).text();
    await server.close();
    await shutdownAll();
    return recorder.names;
  };

  it('has parameters of mounted routers by name, whatever they share', async () => {
    const found = await names(
      (app) => {
        const orders = express.Router();
        orders.get('/orders/:order', (_req, res) => void res.send('ok'));
        orders.get('/', (_req, res) => void res.send('ok'));
        app.use('/tenants/:tenant', orders);
      },
      ['/tenants/a%20b/orders/7', '/tenants/12'],
    );
    expect(found).toEqual(['GET /tenants/:tenant/orders/:order', 'GET /tenants/:tenant']);
  });

  it('may be one of several or an expression', async () => {
    const found = await names(
      (app) => {
        app.get(['/a', '/b'], (_req, res) => void res.send('ok'));
        app.get(/^\/x(\d+)$/, (_req, res) => void res.send('ok'));
      },
      ['/b', '/x12'],
    );
    expect(found).toEqual(['GET /a|/b', 'GET /^\\/x(\\d+)$/']);
  });

  it('is the same where the middleware stands twice, and there is one span', async () => {
    const found = await names(
      (app) => {
        app.use(spanwise());
        app.get('/twice', (_req, res) => void res.send('ok'));
      },
      ['/twice'],
    );
    expect(found).toEqual(['GET /twice']);
  });
});

describe('a server that was started inside a span', () => {
  it('serves requests that are no children of it', async () => {
    const { recorder } = startTracer();
    const server = await withSpan('startup', async () => {
      const app = express();
      app.use(spanwise());
      app.get('/', (_req, res) => void res.send('ok'));
      return listen(app);
    });
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    await server.close();
    expect(recorder.span('GET /').parentSpanContext).toBeUndefined();
    await shutdownAll();
  });
});
