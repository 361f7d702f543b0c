import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { context, propagation } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DistributedEntry, injectContextIntoCarrier, withDistributedTraceContext } from '../../lib/index.js';
import { spanwise } from '../../lib/integrations/express.js';
import { MeshPropagator } from '../../lib/integrations/http.js';
import type { SessionTracerOptions } from '../../lib/session/options.js';
import { collectDiagnostics, shutdownAll, startTracer } from '../support/harness.js';

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

const MESH = {
  'x-request-id': 'r-1',
  'x-envoy-force-trace': 'true',
  'x-client-trace-id': 'c-1',
  'l5d-ctx-trace': 'abc',
  'x-ot-span-context': 'ot',
};
const OTHERS = { 'x-other': 'no', 'x-envoy-attempt-count': '1' };

describe.each([
  ['the name', 'mesh' as const],
  ['the propagator', new MeshPropagator()],
])('mesh headers, asked for by %s', (_how, mesh) => {
  it('are passed on, and no others', async () => {
    const sent = await sentOn({ ...MESH, ...OTHERS }, { propagators: [mesh] });
    expect(sent).toMatchObject(MESH);
    for (const name of Object.keys(OTHERS)) expect(sent).not.toHaveProperty(name);
  });

  it.each(['restart', 'link'] as const)('of a caller that is refused are not (%s)', async (trust) => {
    const sent = await sentOn(MESH, { propagators: [mesh], trust });
    for (const name of Object.keys(MESH)) expect(sent).not.toHaveProperty(name);
  });

  it('reach an entry that was no HTTP request, in any case', () => {
    startTracer({ propagators: [mesh] });
    class Worker {
      @DistributedEntry(({ headers }: { headers: object }) => headers)
      work(_job: { headers: object }): Record<string, string> {
        return injectContextIntoCarrier({});
      }
    }
    const headers = { 'X-Request-Id': 'r-2', 'x-client-trace-id': ['c-2', 'c-3'] };
    const sent = new Worker().work({ headers });
    expect(sent).toMatchObject({ 'x-request-id': 'r-2', 'x-client-trace-id': 'c-2' });
    expect(injectContextIntoCarrier({})).not.toHaveProperty('x-request-id');
  });

  it('of the inner of two callers win', () => {
    startTracer({ propagators: [mesh] });
    const seen: (string | undefined)[] = [];
    const look = (): void => {
      seen.push(injectContextIntoCarrier<Record<string, string>>({})['x-request-id']);
    };
    withDistributedTraceContext({ 'x-request-id': 'outer' }, () => {
      withDistributedTraceContext({ 'x-request-id': 'inner' }, look);
      withDistributedTraceContext({}, look);
    });
    expect(seen).toEqual(['inner', 'outer']);
  });

  it('also go through the global propagator, as other instrumentations use it', () => {
    startTracer({ propagators: [mesh] });
    const extracted = propagation.extract(context.active(), MESH);
    const sent = {};
    propagation.inject(extracted, sent);
    expect(sent).toMatchObject(MESH);
  });

  it('that would forge a header are left out', () => {
    startTracer({ propagators: [mesh] });
    const forged = { 'x-request-id': 'a\r\nset-cookie: b', 'l5d-sample': 'x'.repeat(2_000) };
    const sent = withDistributedTraceContext(forged, () => injectContextIntoCarrier({}));
    expect(sent).not.toHaveProperty('x-request-id');
    expect(sent).not.toHaveProperty('l5d-sample');
  });
});

describe('a mixed chain', () => {
  const B3_MULTI = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' };
  const B3 = { b3: `${TRACE}-${SPAN}-1` };

  it.each([
    ['b3multi', B3_MULTI],
    ['b3', B3],
  ] as const)('continues %s and sends W3C and the same on', async (format, headers) => {
    const sent = await sentOn({ ...MESH, ...headers }, { propagators: [format, 'mesh'] });
    expect(sent['traceparent']).toMatch(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`));
    const span = sent['traceparent']!.split('-')[2];
    expect(sent).toMatchObject(
      format === 'b3'
        ? { b3: `${TRACE}-${span}-1` }
        : { 'x-b3-traceid': TRACE, 'x-b3-spanid': span, 'x-b3-sampled': '1' },
    );
    expect(sent['x-request-id']).toBe('r-1');
  });

  it('B3 in, W3C only to a service that has no B3, and back to B3: one trace', async () => {
    const first = await sentOn(B3_MULTI, { propagators: ['b3multi', 'mesh'] });
    await shutdownAll();
    const w3cOnly = { traceparent: first['traceparent']!, baggage: first['baggage']! };
    const second = await sentOn(w3cOnly, {});
    expect(second).not.toHaveProperty('x-b3-traceid');
    await shutdownAll();
    const third = await sentOn({ traceparent: second['traceparent']! }, { propagators: ['b3'] });
    expect(third['b3']).toMatch(new RegExp(`^${TRACE}-[0-9a-f]{16}-1$`));
  });

  it('takes W3C where both arrive and differ', async () => {
    const other = 'a'.repeat(32);
    const sent = await sentOn(
      { ...B3_MULTI, traceparent: `00-${other}-${SPAN}-01` },
      { propagators: ['b3multi'] },
    );
    expect(sent['x-b3-traceid']).toBe(other);
  });
});

describe('a format that nobody knows', () => {
  it('is reported and changes nothing', () => {
    const said = collectDiagnostics();
    startTracer({ propagators: ['jaeger' as 'b3'] });
    expect(said.join()).toMatch(/SPW_OPTION.*"jaeger" is ignored/);
    expect(injectContextIntoCarrier({})).not.toHaveProperty('uber-trace-id');
  });
});
