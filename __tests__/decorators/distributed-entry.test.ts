import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace as api } from '@opentelemetry/api';
import { getBaggage, withBaggage } from '../../lib/context/baggage.js';
import { DistributedEntry } from '../../lib/decorators/distributed-entry.js';
import { Trace } from '../../lib/decorators/trace.js';
import { injectContextIntoCarrier } from '../../lib/propagation/propagate.js';
import { withSpan } from '../../lib/span/with-span.js';
import {
  collectDiagnostics,
  parentId,
  shutdownAll,
  spanId,
  startTracer,
  traceId,
} from '../support/harness.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${SPAN}-01`;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** What most tests call: an entry that finds the carrier by itself. */
class Server {
  @DistributedEntry()
  async invoke(_headers: unknown, _body?: unknown): Promise<string | undefined> {
    await null;
    return getBaggage('session_id');
  }
}

afterEach(shutdownAll);

describe('@DistributedEntry', () => {
  it("continues the caller's trace and session with a SERVER span", async () => {
    const { recorder } = startTracer();
    const seen = await new Server().invoke({ traceparent, baggage: 'session_id=upstream,project=theirs' });
    expect(seen).toBe('upstream');
    const span = recorder.span('Server.invoke');
    expect([traceId(span), parentId(span), span.kind]).toEqual([TRACE, SPAN, SpanKind.SERVER]);
    expect(span.attributes).toMatchObject({
      'honeyhive.session_id': 'upstream',
      'honeyhive.project': 'theirs',
      'honeyhive.source': 'test-source',
    });
  });

  it.each([
    ['capitalised names', { Traceparent: traceparent, Baggage: 'session_id=s' }],
    ['value arrays', { traceparent: [traceparent], baggage: ['session_id=s'] }],
    ['Headers', new Headers({ traceparent, baggage: 'session_id=s' })],
    ['a Map', new Map([['traceparent', traceparent], ['baggage', 'session_id=s']])], // prettier-ignore
    ['properties', { traceparent, baggage: 'session_id=s;prop=1' }],
    ['a variant of the key', { traceparent, baggage: 'honeyhive.session_id=s' }],
    ['a foreign tracer id', { traceparent, baggage: 'session_id=s,honeyhive_tracer_id=140478887901520' }],
    [
      'a request',
      { httpVersion: '1.1', on: () => undefined, headers: { traceparent, baggage: 'session_id=s' } },
    ],
  ])('reads %s', async (_what, carrier) => {
    const { recorder } = startTracer();
    expect(await new Server().invoke(carrier)).toBe('s');
    expect([traceId(recorder.span('Server.invoke')), parentId(recorder.span('Server.invoke'))]).toEqual([
      TRACE,
      SPAN,
    ]);
  });

  it('reads client+project as Python writes it', async () => {
    const { recorder } = startTracer();
    await new Server().invoke({ baggage: 'session_id=s,project=client+project,source=a%2Bb,note=1+1' });
    expect(recorder.span('Server.invoke').attributes).toMatchObject({
      'honeyhive.project': 'client project',
      'honeyhive.source': 'a+b',
    });
  });

  it.each([[null], [undefined], ['text'], [42], [{ headers: 'x' }], [[]], [{ traceparent: 'garbage' }]])(
    'lets the call go on with %p for a carrier',
    async (carrier) => {
      const { tracer, recorder } = startTracer();
      await expect(new Server().invoke(carrier)).resolves.toBe(tracer.sessionId);
      const span = recorder.span('Server.invoke');
      expect(parentId(span)).toBeUndefined();
      expect(span.attributes['honeyhive.session_id']).toBe(tracer.sessionId);
    },
  );

  it('never takes headers from inside plain data', async () => {
    const { tracer, recorder } = startTracer();
    await new Server().invoke({ query: 'x', headers: { traceparent, baggage: 'session_id=stranger' } });
    expect(recorder.span('Server.invoke').attributes['honeyhive.session_id']).toBe(tracer.sessionId);
  });

  it('takes none of two candidates that disagree, and says so', async () => {
    const said = collectDiagnostics();
    const { tracer } = startTracer();
    const other = { traceparent: traceparent.replace('4bf9', 'ffff'), baggage: 'session_id=b' };
    expect(await new Server().invoke({ traceparent, baggage: 'session_id=a' }, other)).toBe(tracer.sessionId);
    expect(said.join()).toContain('[SPW_CARRIER]');
  });

  it('takes the carrier from an index or a selector, and survives a selector that throws', async () => {
    const said = collectDiagnostics();
    class Jobs {
      @DistributedEntry({ carrier: 1, kind: SpanKind.CONSUMER })
      byIndex(_job: object, _meta: object): void {}
      @DistributedEntry((job: { meta: object }) => job.meta)
      bySelector(_job: { meta: object }): void {}
      @DistributedEntry((context: { req: object }) => context.req)
      byRequest(_context: { req: object }): void {}
      @DistributedEntry({
        carrier: () => {
          throw new Error('no selector');
        },
      })
      broken(): string {
        return 'ran';
      }
    }
    const { recorder } = startTracer();
    const jobs = new Jobs();
    jobs.byIndex({}, { traceparent });
    jobs.bySelector({ meta: { traceparent } });
    jobs.byRequest({ req: { httpVersion: '1.1', on: () => undefined, headers: { traceparent } } });
    expect(parentId(recorder.span('Jobs.byRequest'))).toBe(SPAN);
    expect(jobs.broken()).toBe('ran');
    expect(recorder.span('Jobs.byIndex').kind).toBe(SpanKind.CONSUMER);
    expect(parentId(recorder.span('Jobs.byIndex'))).toBe(SPAN);
    expect(parentId(recorder.span('Jobs.bySelector'))).toBe(SPAN);
    expect(said.join()).toContain('no selector');
  });

  it('makes a CONSUMER span for a message it knows', () => {
    class Queue {
      @DistributedEntry()
      handle(_message: unknown): void {}
    }
    const { recorder } = startTracer();
    new Queue().handle({
      value: Buffer.from('x'),
      offset: '1',
      headers: { traceparent: Buffer.from(traceparent) },
    });
    expect(recorder.span('Queue.handle').kind).toBe(SpanKind.CONSUMER);
    expect(parentId(recorder.span('Queue.handle'))).toBe(SPAN);
  });

  it('shares one span with @Trace, in any order', async () => {
    class Both {
      @DistributedEntry()
      @Trace({ name: 'above', eventType: 'chain' })
      above(_carrier: unknown): void {}
      @Trace({ name: 'below', eventType: 'chain' })
      @DistributedEntry({ metadata: { entry: true } })
      below(_carrier: unknown): void {}
    }
    const { recorder } = startTracer();
    new Both().above({ traceparent });
    new Both().below({ traceparent });
    expect(recorder.names).toEqual(['above', 'below']);
    for (const span of recorder.spans) {
      expect([parentId(span), span.kind]).toEqual([SPAN, SpanKind.SERVER]);
      expect(span.attributes['honeyhive_event_type']).toBe('chain');
    }
    expect(recorder.span('below').attributes['honeyhive_metadata.entry']).toBe(true);
  });

  it('attaches only, without a span, when span is false, bodies of generators included', async () => {
    class Attach {
      @DistributedEntry({ span: false })
      async *stream(_carrier: unknown): AsyncGenerator<string | undefined> {
        yield getBaggage('session_id');
        withSpan('inside', () => undefined);
        yield getBaggage('session_id');
      }
    }
    const { recorder } = startTracer();
    const got: (string | undefined)[] = [];
    for await (const id of new Attach().stream({ traceparent, baggage: 'session_id=s' })) got.push(id);
    expect(got).toEqual(['s', 's']);
    expect(recorder.names).toEqual(['inside']);
    expect(parentId(recorder.span('inside'))).toBe(SPAN);
  });

  it('lets an explicit session win over what arrived', async () => {
    class Explicit {
      @DistributedEntry({ sessionId: (_carrier: unknown, body: { session: string }) => body.session })
      invoke(_carrier: unknown, _body: { session: string }): string | undefined {
        return getBaggage('session_id');
      }
    }
    startTracer();
    expect(new Explicit().invoke({ baggage: 'session_id=theirs' }, { session: 'ours' })).toBe('ours');
  });

  it('mints a session per root entry with newSession, and keeps one that arrived', async () => {
    const { tracer } = startTracer({ newSession: true });
    const server = new Server();
    const [one, two] = [await server.invoke({}), await server.invoke({})];
    expect(one).toMatch(UUID);
    expect(two).toMatch(UUID);
    expect(new Set([one, two, tracer.sessionId]).size).toBe(3);
    expect(await server.invoke({ baggage: 'session_id=up' })).toBe('up');
    expect(await withSpan('outer', () => server.invoke({}))).toBe(tracer.sessionId);
  });

  it('R: mints one too where the tracer has no session of its own, and leaks it nowhere', async () => {
    startTracer({ skipBackendSessionCreation: true });
    const before = context.active();
    expect(await new Server().invoke({})).toMatch(UUID);
    expect(context.active()).toBe(before);
    expect(getBaggage('session_id')).toBeUndefined();
  });

  it('keeps the active span as parent where it descends from the carrier, and merges only baggage', async () => {
    const { recorder } = startTracer();
    const instrumentation = api.getTracer('http');
    const carrier = { traceparent, baggage: 'session_id=s' };
    const extracted = propagation.extract(ROOT_CONTEXT, carrier);
    const server = instrumentation.startSpan('POST /', { kind: SpanKind.SERVER }, extracted);
    await context.with(api.setSpan(extracted, server), () => new Server().invoke(carrier));
    server.end();
    expect(parentId(recorder.span('Server.invoke'))).toBe(spanId(recorder.span('POST /')));
    expect(traceId(recorder.span('Server.invoke'))).toBe(TRACE);
  });

  it('admits only listed baggage', async () => {
    class Strict {
      @DistributedEntry({ baggage: ['user_id'] })
      invoke(_carrier: unknown): Record<string, string> {
        return Object.fromEntries(
          (propagation.getBaggage(context.active())?.getAllEntries() ?? []).map(([key, entry]) => [
            key,
            entry.value,
          ]),
        );
      }
    }
    startTracer();
    const seen = new Strict().invoke({ baggage: 'session_id=s,user_id=u,evil=1' });
    expect(seen).toMatchObject({ session_id: 's', user_id: 'u' });
    expect(seen).not.toHaveProperty('evil');
  });

  it('runs the method once, unchanged, without a tracer', async () => {
    await expect(new Server().invoke({ traceparent, baggage: 'session_id=s' })).resolves.toBeUndefined();
  });

  it('reports an unknown option by name', () => {
    const said = collectDiagnostics();
    DistributedEntry({ trsut: 'link' } as never);
    expect(said.join()).toContain('unknown option "trsut"');
  });
});

describe('trust', () => {
  const carrier = { traceparent, baggage: 'session_id=stranger,user_id=stranger' };

  it("link: a new root with a link, and nothing of the stranger's", async () => {
    class Public {
      @DistributedEntry({ trust: 'link' })
      invoke(_carrier: unknown): string | undefined {
        return getBaggage('user_id');
      }
    }
    const { tracer, recorder } = startTracer({ baggageAttributes: ['user_id'] });
    expect(new Public().invoke(carrier)).toBeUndefined();
    const span = recorder.span('Public.invoke');
    expect(parentId(span)).toBeUndefined();
    expect(traceId(span)).not.toBe(TRACE);
    expect(span.links.map((link) => link.context.spanId)).toEqual([SPAN]);
    expect(span.attributes['honeyhive.session_id']).toBe(tracer.sessionId);
    expect(JSON.stringify(span.attributes)).not.toContain('stranger');
  });

  it('restart: a new root, nothing kept, also when the tracer says so', () => {
    class Public {
      @DistributedEntry()
      invoke(_carrier: unknown): void {}
    }
    const { recorder } = startTracer({ trust: 'restart' });
    new Public().invoke(carrier);
    const span = recorder.span('Public.invoke');
    expect([parentId(span), span.links]).toEqual([undefined, []]);
    expect(JSON.stringify(span.attributes)).not.toContain('stranger');
  });

  it('takes nothing that an instrumentation let in with our propagator', () => {
    class Public {
      @DistributedEntry({ trust: 'restart' })
      invoke(_carrier: unknown): void {}
    }
    const { tracer, recorder } = startTracer();
    const extracted = propagation.extract(ROOT_CONTEXT, carrier);
    const server = api.getTracer('http').startSpan('POST /', { kind: SpanKind.SERVER }, extracted);
    context.with(api.setSpan(extracted, server), () => new Public().invoke(carrier));
    const span = recorder.span('Public.invoke');
    expect(traceId(span)).not.toBe(TRACE);
    expect(span.attributes['honeyhive.session_id']).toBe(tracer.sessionId);
  });
});

describe('the current request of Node', () => {
  beforeEach(() => void collectDiagnostics());

  it('is found where the method never receives it: 20 of 20 concurrent requests', async () => {
    class Handler {
      @DistributedEntry()
      async handle(delay: number): Promise<string | undefined> {
        await new Promise((resolve) => setTimeout(resolve, delay));
        return getBaggage('session_id');
      }
    }
    const { recorder } = startTracer();
    const handler = new Handler();
    const server = createServer((_request, response) => {
      void handler.handle(Math.random() * 10).then((id) => response.end(id));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = async (i: number): Promise<string> => {
      const headers: Record<string, string> = {};
      withBaggage({ session_id: `s-${i}` }, () => injectContextIntoCarrier(headers));
      return (await fetch(url, { headers })).text();
    };
    try {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i)));
      expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => `s-${i}`));
      expect(recorder.spans).toHaveLength(20);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
