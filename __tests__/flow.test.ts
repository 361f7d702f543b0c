/**
 * The flow in one test file: decorator → session → span → propagation → processor → export, in the order of
 * `lib/index.ts`, on the real thing up to a receiver.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DistributedEntry,
  Enrich,
  enrichSession,
  enrichSpan,
  HoneyHiveClient,
  injectContextIntoCarrier,
  SessionTracer,
  Trace,
  waitForEvents,
  whereIs,
  withSession,
} from '../lib/index.js';
import { startViewer, type Viewer } from '../lib/viewer/index.js';
import { shutdownAll } from './support/harness.js';

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer({ port: 0 });
});
afterEach(shutdownAll);
afterAll(() => viewer.close());

describe('the flow', () => {
  it.each(['spanwise', 'sdk'] as const)(
    'takes a call from the decorator to the receiver (%s engine)',
    async (engine) => {
      // decorators
      class Callee {
        @DistributedEntry()
        @Trace({ eventType: 'chain', tracer: `callee-${engine}` })
        @Enrich({ metadata: { tier: 'gold' }, outputs: (answer) => ({ length: answer.length }) })
        async invoke(_headers: Record<string, string>, query: string): Promise<string> {
          enrichSpan({ metrics: { words: query.split(' ').length } });
          return `answer to ${query}`;
        }
      }
      class Caller {
        @Trace({ eventType: 'chain', tracer: `caller-${engine}`, inputs: (query) => ({ query }) })
        async ask(query: string): Promise<string> {
          const headers: Record<string, string> = {};
          injectContextIntoCarrier(headers);
          return new Callee().invoke(headers, query);
        }
      }

      // session
      const options = { engine, serverUrl: viewer.url, project: 'flow' };
      const caller = SessionTracer.init({ ...options, name: `caller-${engine}`, source: 'caller' });
      const callee = SessionTracer.init({ ...options, name: `callee-${engine}`, source: 'callee' });
      const sessionId = `flow-${engine}`;
      const answer = await withSession({ sessionId, sessionName: 'the flow' }, async () => {
        const given = await new Caller().ask('the price of tea');
        enrichSession({ feedback: { rating: 5 } });
        return given;
      });
      expect(answer).toBe('answer to the price of tea');

      // span, propagation, processor, export
      expect(await caller.flush()).toMatchObject({ ok: true, delivered: 1 });
      expect(await callee.flush()).toMatchObject({ ok: true, delivered: 1 });
      const client = new HoneyHiveClient({ serverUrl: viewer.url });
      const events = await waitForEvents(
        client,
        { filters: [whereIs('session_id', sessionId)] },
        (all) => all.length >= 3,
      );
      const byName = Object.fromEntries(events.map((event) => [event.event_name, event]));
      const ask = byName['Caller.ask'];
      const invoke = byName['Callee.invoke'];
      expect(invoke?.parent_id).toBe(ask?.event_id);
      expect(invoke?.['trace_id']).toBe(ask?.['trace_id']);
      expect(ask).toMatchObject({ project: 'flow', source: 'caller', inputs: { query: 'the price of tea' } });
      // Project and source travel with the session: they are the caller's, downstream too.
      expect(invoke).toMatchObject({
        project: 'flow',
        source: 'caller',
        outputs: { length: 26 },
        metrics: { words: 4 },
        metadata: { tier: 'gold' },
      });
      expect(byName['the flow']).toMatchObject({ event_type: 'session', feedback: { rating: 5 } });
    },
  );
});
