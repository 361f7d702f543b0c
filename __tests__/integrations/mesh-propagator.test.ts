import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, describe, expect, it } from '@jest/globals';
import { injectContextIntoCarrier } from '../../lib/index.js';
import { spanwise } from '../../lib/integrations/express.js';
import { MeshPropagator } from '../../lib/integrations/http.js';
import type { SessionTracerOptions } from '../../lib/session/options.js';
import { shutdownAll, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

const TRACE = 'e'.repeat(32);
const SPAN = 'f'.repeat(16);

/** What a service behind the middleware would send on, for a request with these headers. */
async function sentOn(
  headers: Record<string, string>,
  options: SessionTracerOptions,
): Promise<Record<string, string>> {
  startTracer(options);
  const app = express();
  app.use(spanwise());
  app.get('/', (_request, response) => void response.json(injectContextIntoCarrier({})));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers });
  const sent = (await answer.json()) as Record<string, string>;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return sent;
}

const MESH = { 'x-request-id': 'r-1', 'l5d-ctx-trace': 'abc', 'x-ot-span-context': 'ot', 'x-other': 'no' };

describe('MeshPropagator', () => {
  it('passes the mesh’s headers on, and no others', async () => {
    const sent = await sentOn(MESH, { propagators: [new MeshPropagator()] });
    expect(sent).toMatchObject({ 'x-request-id': 'r-1', 'l5d-ctx-trace': 'abc', 'x-ot-span-context': 'ot' });
    expect(sent).not.toHaveProperty('x-other');
  });

  it('goes with a mixed chain: B3 in, W3C and B3 out', async () => {
    const headers = { ...MESH, 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' };
    const sent = await sentOn(headers, { propagators: ['b3multi', new MeshPropagator()] });
    expect(sent['traceparent']).toContain(`00-${TRACE}-`);
    expect(sent['x-b3-traceid']).toBe(TRACE);
    expect(sent['x-request-id']).toBe('r-1');
  });

  it('passes nothing on of a caller that is refused', async () => {
    const sent = await sentOn(MESH, { propagators: [new MeshPropagator()], trust: 'restart' });
    expect(sent).not.toHaveProperty('x-request-id');
  });
});
