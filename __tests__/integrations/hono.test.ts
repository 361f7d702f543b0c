import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Hono, type Context } from 'hono';
import { stream } from 'hono/streaming';
import { spanwise } from '../../lib/integrations/hono.js';
import type { HttpEntryOptions } from '../../lib/integrations/http-entry.js';
import { shutdownAll, startTracer } from '../support/harness.js';
import { app as routes, describeHttpContract } from './http-contract.js';

function build(options: HttpEntryOptions): Hono {
  const app = new Hono();
  app.use(spanwise(options));
  app.onError((_error, c) => c.text('failed', 500));
  app.get('/users/:id', async (c) => c.json(await routes.user(c.req.param('id'))));
  app.post('/echo', async (c) => c.json(await routes.echo(await c.req.json())));
  app.get('/boom', () => routes.boom());
  app.get('/entry/:id', async (c) => c.json(await routes.entry(c.req.param('id'))));
  app.get('/stream', (c) =>
    stream(c, async (out) => {
      for await (const chunk of routes.chunks()) await out.write(chunk);
    }),
  );
  app.get('/hang', async (c) => c.text(await routes.hang()));
  app.get('/dispatch', async (c: Context) => {
    const answer = await app.request('/users/inner');
    return c.json(await answer.json());
  });
  return app;
}

describeHttpContract('hono', async (options) => {
  const server = serve({ fetch: build(options).fetch, port: 0, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      (server as unknown as { closeAllConnections(): void }).closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
});

describe('hono without a Node server', () => {
  afterEach(shutdownAll);
  const ask = async (path: string, use: (response: Response) => Promise<unknown>) => {
    const { recorder } = startTracer();
    const response = await build({}).request(path, { headers: { baggage: 'session_id=web' } });
    const before = recorder.spans.filter(({ name }) => name.startsWith('GET')).length;
    const used = await use(response);
    return { before, used, span: recorder.spans.find(({ name }) => name.startsWith('GET'))! };
  };

  it('ends the span with the body', async () => {
    const { before, used, span } = await ask('/users/5', (response) => response.json());
    expect(before).toBe(0);
    expect(used).toEqual({ id: '5', session: 'web' });
    expect(span.name).toBe('GET /users/:id');
    expect(span.attributes['http.response.status_code']).toBe(200);
    expect(span.attributes['spanwise.aborted']).toBeUndefined();
  });

  it('ends it when the body is cancelled', async () => {
    const { span } = await ask('/stream', (response) => response.body!.cancel());
    expect(span.attributes['spanwise.aborted']).toBe(true);
  });

  it('keeps status and headers of the answer', async () => {
    const { used } = await ask('/boom', async (response) => [
      response.status,
      response.headers.get('content-type'),
      await response.text(),
    ]);
    expect(used).toEqual([500, 'text/plain; charset=UTF-8', 'failed']);
  });
});
