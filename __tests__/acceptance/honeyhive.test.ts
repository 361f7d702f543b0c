/**
 * HoneyHive's own acceptance cases, as far as they are about behaviour that both SDKs share.
 *
 * The names begin with the ids of the cases. D (distributed context) stands in propagation/propagate.test.ts; P, S, R,
 * E (span processor) in processor/identity-span-processor.test.ts and T (event type) in processor/event-type.test.ts.
 * What was left out, and why, stands in README.md beside this file.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, trace as api } from '@opentelemetry/api';
import { getBaggage, withBaggage } from '../../lib/context/baggage.js';
import { ExporterPipeline } from '../../lib/export/exporter-pipeline.js';
import { Trace } from '../../lib/decorators/trace.js';
import { extractContextFromCarrier, injectContextIntoCarrier } from '../../lib/propagation/propagate.js';
import { enrichSession, withSession } from '../../lib/session/with-session.js';
import { enrichSpan, enrichSpanContext } from '../../lib/span/enrich-span.js';
import { trace } from '../../lib/span/trace-function.js';
import { withSpan } from '../../lib/span/with-span.js';
import { resolveOwner, tracerRegistry } from '../../lib/tracer/registry.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { collectDiagnostics, shutdownAll, startTracer, traceId } from '../support/harness.js';

afterEach(shutdownAll);

const LOCAL = {
  sessionId: '0b6c4a3e-9d1f-4a5b-8c7d-1e2f3a4b5c6d',
  project: 'local-project',
  source: 'local-source',
};
const identity = (): (string | undefined)[] => [
  getBaggage('session_id'),
  getBaggage('project'),
  getBaggage('source'),
];

describe('B: what a decorator puts into baggage', () => {
  class Agent {
    @Trace()
    run(): (string | undefined)[] {
      return identity();
    }
  }

  it('B1: a distributed session stays, the local one is never set', () => {
    const { recorder } = startTracer(LOCAL);
    const seen = withBaggage({ session_id: 'distributed-session-456' }, () => new Agent().run());
    expect(seen[0]).toBe('distributed-session-456');
    expect(JSON.stringify(recorder.spans[0]?.attributes)).not.toContain(LOCAL.sessionId);
  });

  it('B2: without baggage the local session is set', () => {
    startTracer(LOCAL);
    expect(new Agent().run()[0]).toBe(LOCAL.sessionId);
    expect(getBaggage('session_id')).toBeUndefined();
  });

  it('B3: with all three there, neither the local project nor the local source is set', () => {
    startTracer(LOCAL);
    const there = { session_id: 's', project: 'p', source: 'o' };
    expect(withBaggage(there, () => new Agent().run())).toEqual(['s', 'p', 'o']);
  });

  it('B4: with only a session there, project and source come from the tracer', () => {
    startTracer(LOCAL);
    expect(withBaggage({ session_id: 's' }, () => new Agent().run())).toEqual([
      's',
      'local-project',
      'local-source',
    ]);
  });

  it('B5: baggage that throws when it is read does not keep the function from running', () => {
    collectDiagnostics();
    startTracer(LOCAL);
    const hostile = {
      getEntry: (): never => {
        throw new Error('unreadable');
      },
      getAllEntries: (): never => {
        throw new Error('unreadable');
      },
    };
    const broken = propagation.setBaggage(ROOT_CONTEXT, hostile as never);
    let runs = 0;
    class Counting {
      @Trace()
      run(): number {
        return ++runs;
      }
    }
    expect(context.with(broken, () => new Counting().run())).toBe(1);
    expect(runs).toBe(1);
  });
});

describe('SB: sessions in baggage', () => {
  it('SB1: id and name of a session that is not announced are in baggage, and nothing is sent', async () => {
    const { tracer } = startTracer();
    const sent: string[] = [];
    tracer.announceSession = (id) => void sent.push(id);
    const seen = withSession(
      { sessionId: 'provided-session-id', sessionName: 'per-request-name', skipApiCall: true },
      (id) => [id, getBaggage('session_id'), getBaggage('session_name')],
    );
    expect(seen).toEqual(['provided-session-id', 'provided-session-id', 'per-request-name']);
    expect(sent).toEqual([]);
  });

  it('SB2: without a name only the id is', () => {
    startTracer();
    const entries = withSession({ sessionId: 'only', skipApiCall: true }, () =>
      propagation.getBaggage(context.active())?.getAllEntries(),
    );
    expect(entries?.map(([key]) => key)).toEqual(['session_id']);
  });

  it('6.5: a session per request leaves the tracer own session unchanged, and has a name of its own', () => {
    const { tracer } = startTracer();
    const announced: string[] = [];
    tracer.announceSession = (id, name) => void announced.push(`${id} ${name}`);
    const before = tracer.sessionId;
    const id = tracer.startSession();
    expect(announced).toEqual([`${id} session-${id.slice(0, 8)}`]);
    expect(tracer.sessionId).toBe(before);
  });
});

describe('M: several tracers', () => {
  it('M1, M3: parallel inits give distinct tracers with distinct sessions', async () => {
    const tracers = await Promise.all(Array.from({ length: 30 }, async () => startTracer().tracer));
    expect(new Set(tracers.map((tracer) => tracer.name)).size).toBe(30);
    expect(new Set(tracers.map((tracer) => tracer.sessionId)).size).toBe(30);
    expect(tracerRegistry.list()).toHaveLength(30);
  });

  it('M2, M4, M5: each parallel flow finds its own tracer, and its metadata is in its own span only', async () => {
    const flows = Array.from({ length: 10 }, () => startTracer());
    await Promise.all(
      flows.map(({ tracer }, i) =>
        withSpan({ name: 'flow', tracer }, async () => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
          enrichSpan({ metadata: { unique_id: `flow-${i}` } });
          expect(resolveOwner(undefined, context.active())).toBe(tracer);
        }),
      ),
    );
    flows.forEach(({ recorder, tracer }, i) => {
      expect(recorder.names).toEqual(['flow']);
      expect(recorder.spans[0]?.attributes).toMatchObject({
        'honeyhive_metadata.unique_id': `flow-${i}`,
        'honeyhive.session_id': tracer.sessionId,
      });
    });
  });

  it('M6: two projects in one process keep their own metadata and ids', () => {
    const one = startTracer({ project: 'project-one' });
    const two = startTracer({ project: 'project-two' });
    for (const { tracer } of [one, two, one]) {
      withSpan({ name: tracer.project as string, tracer, metadata: { of: tracer.project } }, () => undefined);
    }
    const projects = (spans: ReadableSpan[]): unknown[] =>
      spans.map((span) => [span.attributes['honeyhive.project'], span.attributes['honeyhive_metadata.of']]);
    expect(projects(one.recorder.spans)).toEqual([
      ['project-one', 'project-one'],
      ['project-one', 'project-one'],
    ]);
    expect(projects(two.recorder.spans)).toEqual([['project-two', 'project-two']]);
  });

  it('M7: sequential tracers have distinct ids, also after the one before has gone', async () => {
    const ids = new Set<string | undefined>();
    for (let i = 0; i < 5; i++) {
      const { tracer } = startTracer({ name: 'same' });
      ids.add(tracer.sessionId);
      await tracer.shutdown();
    }
    expect(ids.size).toBe(5);
  });
});

describe('I: isolation', () => {
  it('I1, I6, I7: inside a span the tracer is found, also in nested spans, with the ids of the run', () => {
    const { tracer, recorder } = startTracer({ runId: 'run', datasetId: 'set', datapointId: 'point' });
    withSpan('outer', () => {
      expect(resolveOwner(undefined, context.active())).toBe(tracer);
      withSpan('inner', () => expect(getBaggage('run_id')).toBe('run'));
    });
    for (const span of recorder.spans) {
      expect(span.attributes).toMatchObject({
        'honeyhive_metadata.run_id': 'run',
        'honeyhive_metadata.dataset_id': 'set',
        'honeyhive_metadata.datapoint_id': 'point',
      });
    }
  });

  it('I2: init leaks nothing into the ambient context', () => {
    startTracer({ ...LOCAL, runId: 'run' });
    expect(propagation.getBaggage(context.active())).toBeUndefined();
  });

  it('I4: the ids of an experiment are in baggage inside spans', () => {
    startTracer({ runId: 'run', datasetId: 'set', datapointId: 'point' });
    const seen = withSpan('s', () => ['run_id', 'dataset_id', 'datapoint_id'].map((key) => getBaggage(key)));
    expect(seen).toEqual(['run', 'set', 'point']);
  });

  it('I5: inside t2 nested in t1, calls and enrichment are t2s', () => {
    const t1 = startTracer({ name: 't1' });
    const t2 = startTracer({ name: 't2' });
    withSpan({ name: 'one', tracer: 't1' }, () =>
      withSpan({ name: 'two', tracer: 't2' }, () => {
        enrichSpan({ metadata: { where: 't2' } });
        withSpan('three', () => undefined);
      }),
    );
    expect(t1.recorder.names).toEqual(['one']);
    expect(t2.recorder.names).toEqual(['three', 'two']);
    expect(t2.recorder.span('two').attributes['honeyhive_metadata.where']).toBe('t2');
    expect(t1.recorder.span('one').attributes).not.toHaveProperty(['honeyhive_metadata.where']);
  });

  it('I8: without any tracer there is none to find', () => {
    expect(resolveOwner(undefined, context.active())).toBeUndefined();
  });

  it('I10: a loop of an evaluation keeps the metadata of each datapoint apart', async () => {
    const points = ['a', 'b', 'c'].map((datapointId) =>
      startTracer({ name: datapointId, datapointId, runId: 'run' }),
    );
    await Promise.all(
      points.map(({ tracer }) =>
        withSpan({ name: 'evaluate', tracer, metadata: { score: tracer.name } }, async () => null),
      ),
    );
    for (const { tracer, recorder } of points) {
      expect(recorder.span('evaluate').attributes).toMatchObject({
        'honeyhive_metadata.datapoint_id': tracer.name,
        'honeyhive_metadata.score': tracer.name,
      });
    }
  });

  it('I11: t1 and then t2 in sequence each see their own session', () => {
    const t1 = startTracer({ name: 't1' });
    const t2 = startTracer({ name: 't2' });
    const seen = [t1, t2, t1].map(({ tracer }) =>
      withSpan({ name: 's', tracer }, () => getBaggage('session_id')),
    );
    expect(seen).toEqual([t1.tracer.sessionId, t2.tracer.sessionId, t1.tracer.sessionId]);
  });
});

describe('N: what leaves the process', () => {
  const exporterWith = (taken: ReadableSpan[][]): any => ({
    export: (spans: ReadableSpan[], done: (result: { code: number }) => void) => {
      taken.push(spans);
      done({ code: 0 });
    },
    shutdown: async () => undefined,
  });

  it('N1: in immediate mode a span with a session is exported once, without being asked', async () => {
    const taken: ReadableSpan[][] = [];
    startTracer({ exporter: exporterWith(taken), exportMode: 'immediate' });
    withSpan('one', () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    withSpan('two', () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken.map((spans) => spans.map((span) => span.name))).toEqual([['one'], ['two']]);
  });

  it('N3: a span that is not sampled is not exported', async () => {
    const taken: ReadableSpan[][] = [];
    const sampler = { shouldSample: () => ({ decision: 1 }), toString: () => 'record only' };
    const { tracer, recorder } = startTracer({ exporter: exporterWith(taken), sampler });
    withSpan('one', () => undefined);
    await tracer.flush();
    expect(recorder.names).toEqual(['one']);
    expect(taken).toEqual([]);
  });

  it('N4: without an exporter nothing throws', async () => {
    const { tracer } = startTracer();
    withSpan('one', () => undefined);
    await expect(tracer.flush()).resolves.toMatchObject({ ok: true });
  });

  it('N5: an exporter that throws is reported and reaches nobody', async () => {
    const said = collectDiagnostics();
    const exporter = {
      export: () => {
        throw new Error('exporter down');
      },
      shutdown: async () => undefined,
    };
    const { tracer } = startTracer({ exporter });
    expect(withSpan('one', () => 1)).toBe(1);
    await expect(tracer.flush()).resolves.toMatchObject({ ok: false, failed: 1 });
    expect(said.join()).toContain('exporter down');
  });

  it('N6: in batch mode spans are exported together', async () => {
    const taken: ReadableSpan[][] = [];
    const { tracer } = startTracer({ exporter: exporterWith(taken) });
    withSpan('one', () => undefined);
    withSpan('two', () => undefined);
    await tracer.flush();
    expect(taken.map((spans) => spans.length)).toEqual([2]);
  });

  it('L1, L3, L4: shutdown closes the exporter once, and survives one that has no shutdown or throws in it', async () => {
    let closed = 0;
    const closing = { ...exporterWith([]), shutdown: async () => void closed++ };
    await startTracer({ exporter: closing }).tracer.shutdown();
    expect(closed).toBe(1);
    const bare = { export: exporterWith([]).export };
    await expect(startTracer({ exporter: bare as never }).tracer.shutdown()).resolves.toBeUndefined();
    const throwing = { ...exporterWith([]), shutdown: () => Promise.reject(new Error('no')) };
    await expect(startTracer({ exporter: throwing }).tracer.shutdown()).resolves.toBeUndefined();
  });

  it('F1-F3: flush asks the exporter to flush, where it can', async () => {
    let flushed = 0;
    const pipeline = new ExporterPipeline({
      exporter: { ...exporterWith([]), forceFlush: async () => void flushed++ },
    });
    await pipeline.flush();
    expect(flushed).toBe(1);
    await expect(new ExporterPipeline({ exporter: exporterWith([]) }).flush()).resolves.toMatchObject({
      ok: true,
    });
  });
});

describe('6.8: enrichment', () => {
  it('writes each namespace under its own name, and nothing for empty ones', () => {
    const { recorder } = startTracer();
    withSpan('s', () => {
      expect(
        enrichSpan({
          inputs: { a: 1 },
          outputs: { a: 1 },
          metadata: { a: 1 },
          metrics: { a: 1 },
          feedback: { a: 1 },
          config: { a: 1 },
          userProperties: { a: 1 },
          error: 'e',
          updateEventId: 'id',
        }),
      ).toBe(true);
      enrichSpan({ metadata: {}, metrics: null, feedback: undefined, inputs: [] });
    });
    const names = Object.keys(recorder.span('s').attributes).filter((key) => key.startsWith('honeyhive_'));
    expect(names.sort()).toEqual(
      [
        'honeyhive_inputs.a',
        'honeyhive_outputs.a',
        'honeyhive_metadata.a',
        'honeyhive_metrics.a',
        'honeyhive_feedback.a',
        'honeyhive_config.a',
        'honeyhive_user_properties.a',
        'honeyhive_error',
        'honeyhive_event_id',
        'honeyhive_event_type',
      ].sort(),
    );
  });

  it('answers false without an active span, without throwing', () => {
    startTracer();
    expect(enrichSpan({ metadata: { a: 1 } })).toBe(false);
    expect(enrichSpan(null as never)).toBe(false);
  });

  it('enriches the active span only, with a span of its own around a function where asked for', () => {
    const { recorder } = startTracer();
    const seen = withSpan('outer', () =>
      enrichSpanContext({ name: 'call_agent_1', inputs: { query: 'q' } }, (span) => {
        expect(api.getActiveSpan()).toBe(span);
        enrichSpan({ outputs: { answer: 'a' } });
        return 7;
      }),
    );
    expect(seen).toBe(7);
    expect(recorder.span('call_agent_1').attributes).toMatchObject({
      'honeyhive_inputs.query': 'q',
      'honeyhive_outputs.answer': 'a',
    });
    expect(recorder.span('outer').attributes).not.toHaveProperty(['honeyhive_outputs.answer']);
  });

  it('enrichSession prefers the session of the context to that of the tracer', () => {
    const { tracer } = startTracer();
    const sent: Record<string, unknown>[] = [];
    tracer.updateEvent = (event) => void sent.push(event);
    withSession({ sessionId: 'in-context', skipApiCall: true }, () => enrichSession({ metadata: { a: 1 } }));
    enrichSession({ userProperties: { plan: 'pro' } });
    enrichSession({ sessionId: 'explicit', outputs: { a: 1 } });
    expect(sent).toEqual([
      { event_id: 'in-context', metadata: { a: 1 } },
      { event_id: tracer.sessionId, user_properties: { plan: 'pro' } },
      { event_id: 'explicit', outputs: { a: 1 } },
    ]);
  });

  it('keeps name, arguments and errors of a traced function', async () => {
    const { recorder } = startTracer();
    const failing = trace(async function fetchPage(url: string): Promise<string> {
      throw new RangeError(url);
    });
    expect([failing.name, failing.length]).toEqual(['fetchPage', 1]);
    await expect(failing('x')).rejects.toThrow(RangeError);
    expect(recorder.span('fetchPage').attributes).toMatchObject({
      honeyhive_error: 'x',
      honeyhive_error_type: 'RangeError',
    });
  });

  it('injected and extracted contexts keep trace id and identity, and plain OpenTelemetry spans are stamped', () => {
    const { tracer, recorder } = startTracer();
    const carrier: Record<string, string> = {};
    withSpan('sender', () => withBaggage({ custom_context: 'x' }, () => injectContextIntoCarrier(carrier)));
    expect(carrier['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
    const extracted = extractContextFromCarrier(carrier);
    api.getTracer('instrumentor').startSpan('receiver', {}, extracted).end();
    const receiver = recorder.span('receiver');
    expect(traceId(receiver)).toBe(traceId(recorder.span('sender')));
    expect(receiver.attributes['honeyhive.session_id']).toBe(tracer.sessionId);
    expect(propagation.getBaggage(extracted)?.getEntry('custom_context')?.value).toBe('x');
  });
});

describe('6.9: what the original fails', () => {
  it('6: a foreign tracer id on the wire neither selects nor breaks a local tracer, and is not sent on', () => {
    const { tracer, recorder } = startTracer();
    const extracted = extractContextFromCarrier({
      baggage: 'honeyhive_tracer_id=140478887901520,session_id=s',
    });
    const carrier: Record<string, string> = {};
    context.with(extracted, () =>
      withSpan('s', () => {
        expect(resolveOwner(undefined, context.active())).toBe(tracer);
        injectContextIntoCarrier(carrier);
      }),
    );
    expect(recorder.names).toEqual(['s']);
    expect(carrier['baggage']).not.toContain('tracer_id');
  });

  it('8: a tracer made after a shutdown makes spans again', async () => {
    await startTracer({ name: 'main' }).tracer.shutdown();
    const { recorder } = startTracer({ name: 'main' });
    api.getTracer('library').startSpan('of a library').end();
    expect(recorder.names).toEqual(['of a library']);
  });

  it('12: circular values, BigInt and throwing getters as arguments do not break the call', () => {
    const { recorder } = startTracer({ capture: true });
    const circular: Record<string, unknown> = { n: 1n };
    circular['self'] = circular;
    Object.defineProperty(circular, 'bad', {
      enumerable: true,
      get() {
        throw new Error('never read');
      },
    });
    class Hostile {
      @Trace()
      take(value: unknown): unknown {
        return value;
      }
    }
    expect(new Hostile().take(circular)).toBe(circular);
    expect(recorder.span('Hostile.take').attributes['honeyhive_inputs.arg0.n']).toBe('1');
  });

  it('14: static methods, generators and getters work under their own and under class decoration', () => {
    @Trace()
    class Everything {
      static make(): Everything {
        return new this();
      }
      *items(): Generator<number> {
        yield 1;
      }
      get size(): number {
        return 1;
      }
    }
    const { recorder } = startTracer();
    const made = Everything.make();
    expect([...made.items()]).toEqual([1]);
    expect(made.size).toBe(1);
    expect(recorder.names).toEqual(['Everything.make', 'Everything.items']);
  });
});
