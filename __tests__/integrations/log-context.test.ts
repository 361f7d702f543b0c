import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setImmediate as tick } from 'node:timers/promises';
import express from 'express';
import { afterEach, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { withSpan } from '../../lib/index.js';
import { spanwise } from '../../lib/integrations/express.js';
import { logContext } from '../../lib/integrations/http.js';
import { shutdownAll, spanId, startTracer, traceId } from '../support/harness.js';

afterEach(shutdownAll);

interface Line {
  msg: string;
  trace_id?: string;
  span_id?: string;
  session_id?: string;
}

/** A logger of pino's, and the lines it wrote. */
function logger(): { log: pino.Logger; lines: Line[] } {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  return { log: pino({ mixin: logContext }, { write }), lines };
}

describe('lines of pino', () => {
  it('of 20 requests at once have the trace, span and session of their own request', async () => {
    const { recorder } = startTracer();
    const { log, lines } = logger();
    const app = express();
    app.use(spanwise());
    app.get('/:id', async (request, response) => {
      await tick();
      withSpan(`work ${request.params.id}`, () => log.child({ part: 'shop' }).info(request.params.id));
      response.end();
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        (await fetch(`${url}/${i}`, { headers: { baggage: `session_id=s${i}` } })).text(),
      ),
    );
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(lines).toHaveLength(20);
    for (const { msg, trace_id, span_id, session_id } of lines) {
      const span = recorder.span(`work ${msg}`);
      expect({ trace_id, span_id, session_id }).toEqual({
        trace_id: traceId(span),
        span_id: spanId(span),
        session_id: `s${msg}`,
      });
    }
  });

  it('outside of a span have the tracer’s session alone, and without a tracer nothing', async () => {
    const { log, lines } = logger();
    const { tracer } = startTracer();
    log.info('outside');
    await shutdownAll();
    log.info('after');
    expect(lines[0]).toMatchObject({ msg: 'outside', session_id: tracer.sessionId });
    for (const line of lines) expect(line).not.toHaveProperty('trace_id');
    expect(lines[1]).not.toHaveProperty('session_id');
  });
});
