import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, trace as api } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import { withBaggage } from '../../lib/context/baggage.js';
import { injectContextIntoCarrier } from '../../lib/propagation/propagate.js';
import { withDistributedTraceContext } from '../../lib/propagation/propagate.js';
import { SessionTracer } from '../../lib/session/session-tracer.js';
import { sessionSampler } from '../../lib/sampler/session-sampler.js';
import { enrichSession, withSession } from '../../lib/session/with-session.js';
import { withSpan } from '../../lib/span/with-span.js';
import { tracerRegistry } from '../../lib/tracer/registry.js';
import { collectDiagnostics, Recorder, shutdownAll, startTracer } from '../support/harness.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('SessionTracer.init', () => {
  let said: string[];
  beforeEach(() => {
    said = collectDiagnostics();
  });
  afterEach(shutdownAll);

  it('mints a session id at once, and is ready without a network in test mode', async () => {
    const { tracer } = startTracer();
    expect(tracer.sessionId).toMatch(UUID);
    await expect(tracer.ready).resolves.toBe(true);
    expect(said).toEqual([]);
  });

  it('takes a UUID in any case, and replaces anything else with a diagnostic', () => {
    const given = '0B6C4A3E-9D1F-4A5B-8C7D-1E2F3A4B5C6D';
    expect(startTracer({ sessionId: given }).tracer.sessionId).toBe(given.toLowerCase());
    expect(startTracer({ sessionId: 'not-a-uuid' }).tracer.sessionId).toMatch(UUID);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('[SPW_SESSION_ID]');
  });

  it('makes the first tracer the default and returns the live one for a name that is taken', () => {
    const first = startTracer({ name: 'one' }).tracer;
    startTracer({ name: 'two' });
    expect(tracerRegistry.default).toBe(first);
    expect(SessionTracer.init({ name: 'one', testMode: true })).toBe(first);
    expect(said.join()).toContain('[SPW_TRACER_EXISTS]');
  });

  it('names an unknown option and a bad value, and goes on', () => {
    startTracer({ projekt: 'x', trust: 'maybe' } as never);
    expect(said.some((line) => line.includes('[SPW_OPTION]') && line.includes('"projekt"'))).toBe(true);
    expect(
      said.some((line) => line.includes('trust is not one of continue, link, restart; "restart" is used')),
    ).toBe(true);
  });

  it('makes spans where the API refuses to register anything, and says so', () => {
    const refusing = jest.spyOn(api, 'setGlobalTracerProvider').mockImplementation(() => {
      throw new TypeError('Invalid property descriptor');
    });
    try {
      const { recorder } = startTracer();
      withSpan('order', () => undefined);
      expect(recorder.names).toEqual(['order']);
      expect(said.join()).toContain('[SPW_GLOBAL] provider and propagator could not be registered');
    } finally {
      refusing.mockRestore();
    }
  });

  it('returns the subclass on a subclass', () => {
    class ShopTracer extends SessionTracer {
      greet(): string {
        return `hello from ${this.name}`;
      }
    }
    const tracer: ShopTracer = ShopTracer.init({ name: 'shop', testMode: true });
    expect(tracer).toBeInstanceOf(ShopTracer);
    expect(tracer.greet()).toBe('hello from shop');
  });

  it('exports the failed traces, and no others, of sessions that its sampler drops and keeps the errors of', async () => {
    const exporter = new InMemorySpanExporter();
    const sampler = sessionSampler({ ratio: 0, keepErrors: true });
    const tracer = SessionTracer.init({
      name: 'errors',
      exporter,
      sampler,
      skipBackendSessionCreation: true,
    });
    const fail = (): never => {
      throw new Error('no');
    };
    withSpan('fine', () => withSpan('fine too', () => undefined));
    expect(() => withSpan('order', () => withSpan('parse', fail))).toThrow('no');
    await tracer.flush();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['parse', 'order']);
  });

  it('exports nothing of a dropped session whose errors nobody asked for', async () => {
    const exporter = new InMemorySpanExporter();
    const sampler = sessionSampler({ ratio: 0 });
    const tracer = SessionTracer.init({
      name: 'errors',
      exporter,
      sampler,
      skipBackendSessionCreation: true,
    });
    expect(() =>
      withSpan('order', () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    await tracer.flush();
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('can be initialised again after a shutdown, and makes spans again', async () => {
    const first = startTracer({ name: 'again' });
    await first.tracer.shutdown();
    expect(tracerRegistry.get('again')).toBeUndefined();
    const second = startTracer({ name: 'again' });
    expect(second.tracer).not.toBe(first.tracer);
    withSpan('after', () => undefined);
    expect(second.recorder.names).toEqual(['after']);
    expect(first.recorder.names).toEqual([]);
  });

  it('lets a call run untraced after the last shutdown', async () => {
    const { tracer, recorder } = startTracer();
    await tracer.shutdown();
    expect(withSpan('late', (span) => span.isRecording())).toBe(false);
    expect(recorder.names).toEqual([]);
  });
});

describe('identity of nested tracers', () => {
  afterEach(shutdownAll);

  it("never gives B the defaults of A it runs in, but A's upstream session", () => {
    const a = startTracer({ name: 'a', project: 'pa', source: 'sa' });
    const b = startTracer({ name: 'b', project: 'pb', source: 'sb' });
    const both = (): void => {
      withSpan({ name: 'outer', tracer: 'a' }, () =>
        withSpan({ name: 'inner', tracer: 'b' }, () => undefined),
      );
    };
    both();
    expect(a.recorder.span('outer').attributes).toMatchObject({
      'honeyhive.session_id': a.tracer.sessionId,
      'honeyhive.project': 'pa',
      'honeyhive.source': 'sa',
    });
    expect(b.recorder.span('inner').attributes).toMatchObject({
      'honeyhive.session_id': b.tracer.sessionId,
      'honeyhive.project': 'pb',
      'honeyhive.source': 'sb',
    });
    a.recorder.spans.length = b.recorder.spans.length = 0;
    withDistributedTraceContext({ baggage: 'session_id=upstream' }, both);
    for (const span of [a.recorder.span('outer'), b.recorder.span('inner')]) {
      expect(span.attributes['honeyhive.session_id']).toBe('upstream');
    }
    expect(b.recorder.span('inner').attributes['honeyhive.project']).toBe('pb');
  });

  it('gives A back its own defaults inside B inside A', () => {
    const a = startTracer({ name: 'a', project: 'pa' });
    startTracer({ name: 'b', project: 'pb' });
    withSpan({ name: 'one', tracer: 'a' }, () =>
      withSpan({ name: 'two', tracer: 'b' }, () => withSpan({ name: 'three', tracer: 'a' }, () => undefined)),
    );
    expect(a.recorder.span('three').attributes).toMatchObject({
      'honeyhive.session_id': a.tracer.sessionId,
      'honeyhive.project': 'pa',
    });
  });

  it('leaves a chosen session alone in nested tracers, also one that equals a default', () => {
    const a = startTracer({ name: 'a' });
    const b = startTracer({ name: 'b' });
    const chosen = a.tracer.sessionId as string;
    withSession({ sessionId: chosen, tracer: 'a' }, () =>
      withSpan({ name: 'outer', tracer: 'a' }, () =>
        withSpan({ name: 'inner', tracer: 'b' }, () => undefined),
      ),
    );
    expect(b.recorder.span('inner').attributes['honeyhive.session_id']).toBe(chosen);
  });

  it('I5: routes calls without an explicit tracer, and spans of other libraries, to the owner of the context', () => {
    const a = startTracer({ name: 'a' });
    const b = startTracer({ name: 'b' });
    const library = api.getTracer('some-library', '1.0.0');
    withSpan({ name: 'b.outer', tracer: 'b' }, () => {
      withSpan('b.inner', () => undefined);
      library.startSpan('library.in.b').end();
      library.startActiveSpan('library.active', (span) => {
        expect(api.getActiveSpan()).toBe(span);
        withSpan('b.below', () => undefined);
        span.end();
      });
    });
    library.startSpan('library.outside').end();
    expect(b.recorder.names).toEqual(['b.inner', 'library.in.b', 'b.below', 'library.active', 'b.outer']);
    expect(a.recorder.names).toEqual(['library.outside']);
    const stamped = b.recorder.span('library.in.b');
    expect(stamped.attributes['honeyhive.session_id']).toBe(b.tracer.sessionId);
    expect(stamped.instrumentationScope.name).toBe('some-library');
    expect(b.recorder.span('b.below').parentSpanContext?.spanId).toBe(
      b.recorder.span('library.active').spanContext().spanId,
    );
  });
});

describe('withSession', () => {
  afterEach(shutdownAll);

  it('keeps concurrent sessions apart and restores the context on every path', async () => {
    const { recorder } = startTracer();
    const before = context.active();
    const run = (id: string): Promise<string> =>
      withSession({ sessionId: id }, async (sessionId) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        await withSpan(`span ${id}`, async () => new Promise((resolve) => setTimeout(resolve, 2)));
        return sessionId;
      });
    const ids = Array.from({ length: 20 }, (_, i) => `session-${i}`);
    expect(await Promise.all(ids.map(run))).toEqual(ids);
    for (const id of ids) {
      expect(recorder.span(`span ${id}`).attributes['honeyhive.session_id']).toBe(id);
      expect(recorder.span(`span ${id}`).attributes['session.id']).toBe(id);
    }
    expect(() =>
      withSession('x', () => {
        throw new Error('body');
      }),
    ).toThrow('body');
    expect(context.active()).toBe(before);
  });

  it('mints an id where none is given or the given one is unusable', () => {
    const said = collectDiagnostics();
    startTracer();
    expect(withSession({}, (id) => id)).toMatch(UUID);
    expect(withSession({ sessionId: 'x'.repeat(129) }, (id) => id)).toMatch(UUID);
    expect(said.join()).toContain('[SPW_SESSION_ID]');
  });

  it('works without any tracer: the session travels all the same', () => {
    const carrier: Record<string, string> = {};
    withSession('alone', () => injectContextIntoCarrier(carrier));
    expect(carrier['baggage']).toBe('session_id=alone');
  });
});

describe('identity on the wire', () => {
  afterEach(shutdownAll);

  it('is injected outside any decorator too, and beside the other baggage', () => {
    const { tracer } = startTracer({ project: 'client project' });
    const carrier: Record<string, string> = {};
    withBaggage({ user_id: 'u 1' }, () => injectContextIntoCarrier(carrier));
    const members = (carrier['baggage'] as string).split(',');
    expect(members).toContain(`session_id=${tracer.sessionId}`);
    expect(members).toContain('project=client%20project');
    expect(members).toContain('user_id=u%201');
    expect(carrier['baggage']).not.toContain('tracer_id');
  });

  it('reaches a foreign propagator as well, from inside a span', () => {
    const { tracer } = startTracer();
    withSpan('s', () => {
      expect(propagation.getBaggage(context.active())?.getEntry('session_id')?.value).toBe(tracer.sessionId);
    });
  });
});

describe('becoming global', () => {
  afterEach(shutdownAll);

  it('takes neither provider nor propagator from someone who was first, and says so when asked to', () => {
    const said = collectDiagnostics();
    const theirs = new BasicTracerProvider();
    api.setGlobalTracerProvider(theirs);
    const before = api.getTracer('x');
    startTracer({ name: 'quiet' });
    expect(said).toEqual([]);
    startTracer({ name: 'loud', global: true });
    expect(said.join()).toContain('[SPW_GLOBAL]');
    expect(api.getTracer('x').constructor).toBe(before.constructor);
  });

  it('stays out of the global places with global: false', () => {
    const { recorder } = startTracer({ global: false });
    api.getTracer('library').startSpan('elsewhere').end();
    expect(recorder.names).toEqual([]);
  });

  it('reports a later attempt of someone else', () => {
    const said = collectDiagnostics();
    startTracer();
    expect(api.setGlobalTracerProvider(new BasicTracerProvider())).toBe(false);
    expect(said.some((line) => line.includes('[SPW_GLOBAL]') && line.includes('refused'))).toBe(true);
  });
});

describe('a provider of your own', () => {
  afterEach(shutdownAll);

  it('makes the spans, stamped, and is left running by shutdown', async () => {
    const recorder = new Recorder();
    let closed = false;
    const provider = new BasicTracerProvider({ spanProcessors: [recorder] });
    provider.shutdown = async () => void (closed = true);
    const { tracer } = startTracer({ provider });
    withSpan('mine', () => undefined);
    await tracer.shutdown();
    expect(recorder.span('mine').attributes['honeyhive.session_id']).toBe(tracer.sessionId);
    expect(closed).toBe(false);
  });
});

describe('flush and shutdown', () => {
  afterEach(shutdownAll);

  it('delivers to an exporter of your own and tells the truth', async () => {
    const exporter = new InMemorySpanExporter();
    const { tracer } = startTracer({ exporter });
    withSpan('one', () => undefined);
    await expect(tracer.flush()).resolves.toMatchObject({ ok: true, delivered: 1 });
    expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(['one']);
  });

  it('says when nothing was delivered', async () => {
    const { tracer } = startTracer({
      exporter: {
        export: (_spans, done) => done({ code: 1, error: new Error('no') }),
        shutdown: async () => undefined,
      },
    });
    withSpan('one', () => undefined);
    await expect(tracer.flush()).resolves.toMatchObject({ ok: false, failed: 1 });
  });

  it('keeps to its time when exporter, processor and backend all hang, and flushes each once', async () => {
    let exports = 0;
    let flushes = 0;
    const hang = (): Promise<never> => new Promise(() => undefined);
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { tracer } = startTracer({
      testMode: false,
      apiKey: 'key',
      serverUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      exporter: { export: () => void exports++, shutdown: async () => undefined },
      spanProcessors: [
        {
          onStart: () => undefined,
          onEnd: () => undefined,
          forceFlush: () => (flushes++, hang()),
          shutdown: async () => undefined,
        },
      ],
    });
    withSpan('one', () => undefined);
    try {
      await expect(tracer.flush({ timeoutMs: 100 })).resolves.toMatchObject({ ok: false });
      expect([exports, flushes]).toEqual([1, 1]);
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  it('ends what is open before it closes', async () => {
    const { tracer, recorder } = startTracer();
    async function* numbers(): AsyncGenerator<number> {
      yield 1;
      yield 2;
    }
    const open = withSpan('open', () => numbers());
    await open.next();
    await tracer.shutdown();
    expect(recorder.span('open').attributes['spanwise.abandoned']).toBe(true);
  });
});

describe('the backend', () => {
  let server: Server;
  let url: string;
  let requests: { method: string; path: string; headers: NodeJS.Dict<string | string[]>; body: any }[];
  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const raw = Buffer.concat(chunks);
        const json = request.headers['content-type'] === 'application/json';
        const body: any = json ? JSON.parse(raw.toString()) : raw;
        requests.push({
          method: request.method as string,
          path: request.url as string,
          headers: request.headers,
          body,
        });
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ session_id: body?.session?.session_id ?? 'x' }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await shutdownAll();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('is told of the session, of spans by OTLP with its headers, and of what is added later', async () => {
    const { tracer } = startTracer({
      testMode: false,
      serverUrl: url,
      apiKey: 'secret-key',
      metadata: { release: 7 },
      runId: 'run-1',
      sessionName: 'named',
    });
    await expect(tracer.ready).resolves.toBe(true);
    withSpan({ name: 'work', metadata: { a: 1 } }, () => undefined);
    withSession({ sessionId: 'second', sessionName: 'again', inputs: { q: 1 } }, () => {
      enrichSession({ feedback: { rating: 5 }, inputs: { question: 'why' } });
      withSpan({ name: 'other', eventId: 'event-9', metadata: { deep: [{ x: 1 }] } }, () => undefined);
    });
    tracer.enrichSession({ metrics: { cost: 2 } });
    expect(enrichSession({})).toBe(false);
    const result = await tracer.flush();
    expect(result).toMatchObject({ ok: true, delivered: 2 });

    const start = requests.filter((request) => request.path === '/session/start');
    expect(start.map((request) => request.body.session)).toEqual([
      {
        session_id: tracer.sessionId,
        session_name: 'named',
        project: 'test-project',
        source: 'test-source',
        metadata: { release: 7, run_id: 'run-1' },
      },
      {
        session_id: 'second',
        session_name: 'again',
        project: 'test-project',
        source: 'test-source',
        inputs: { q: 1 },
      },
    ]);
    const updates = requests.filter((request) => request.method === 'PUT' && request.path === '/events');
    expect(updates.map((request) => request.body)).toEqual([
      { event_id: 'second', feedback: { rating: 5 }, metadata: { inputs: { question: 'why' } } },
      { event_id: 'event-9', metadata: { deep: [{ x: 1 }] } },
      { event_id: tracer.sessionId, metrics: { cost: 2 } },
    ]);
    const traces = requests.filter((request) => request.path === '/opentelemetry/v1/traces');
    expect(traces.length).toBeGreaterThan(0);
    expect(traces[0]?.headers).toMatchObject({
      authorization: 'Bearer secret-key',
      'x-source': 'test-source',
      'hh-client-language': 'typescript',
      'content-type': 'application/x-protobuf',
    });
  });

  it('is not told of a session with skipBackendSessionCreation', async () => {
    const { tracer } = startTracer({ testMode: false, serverUrl: url, skipBackendSessionCreation: true });
    expect(tracer.sessionId).toBeUndefined();
    withSpan('work', () => undefined);
    await tracer.flush();
    expect(requests.map((request) => request.path)).toEqual(['/opentelemetry/v1/traces']);
  });

  it('can be away: the service goes on, one diagnostic says so, and never with the key', async () => {
    const said = collectDiagnostics();
    const { tracer } = startTracer({
      testMode: false,
      serverUrl: 'http://127.0.0.1:1',
      apiKey: 'secret-key',
    });
    expect(withSpan('work', () => 42)).toBe(42);
    await tracer.shutdown({ timeoutMs: 300 });
    expect(said.join('\n')).not.toContain('secret-key');
    expect(said.length).toBeGreaterThan(0);
  });
});

it('keeps ROOT_CONTEXT free of anything of ours', () => {
  expect(propagation.getBaggage(ROOT_CONTEXT)).toBeUndefined();
});
