import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Context,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { suppressTracing } from '@opentelemetry/core';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createBaggage } from '../../lib/context/baggage.js';
import { injectContextIntoCarrier } from '../../lib/propagation/propagate.js';
import { CARRIER_GETTER } from '../../lib/propagation/read-headers.js';
import { propagatorOf, setPropagator, SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { remoteOf } from '../../lib/propagation/remote.js';
import { enterContext } from '../../lib/propagation/trust.js';
import { withOwner } from '../../lib/tracer/owner.js';
import { tracerRegistry } from '../../lib/tracer/registry.js';
import { listen, owner, SPAN, TRACE, TRACEPARENT } from './helpers.js';

type Sent = Record<string, string>;
const getter = { get: (c: any, k: string) => c[k], keys: (c: any) => Object.keys(c) };
const setter = { set: (c: any, k: string, v: string) => void (c[k] = v) };
const WITH_SPAN = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1 });
const send = (propagator: TextMapPropagator, ctx: Context, carrier: Sent = {}): Sent => {
  propagator.inject(ctx, carrier, setter);
  return carrier;
};
const baggageOf = (ctx: Context): Sent =>
  Object.fromEntries(
    (propagation.getBaggage(ctx)?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value]),
  );

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => {
  log.stop();
  for (const tracer of tracerRegistry.list()) tracerRegistry.unregister(tracer);
});

describe('inject', () => {
  const propagator = new SpanwisePropagator();

  it('sends the identity of the context’s owner, else of the default tracer', () => {
    const a = owner('a', { sessionId: 'sa' });
    const b = owner('b', { sessionId: 'sb' });
    tracerRegistry.register(a);
    expect(send(propagator, ROOT_CONTEXT)).toEqual({ baggage: 'session_id=sa' });
    expect(send(propagator, withOwner(ROOT_CONTEXT, b))).toEqual({ baggage: 'session_id=sb' });
  });

  it('writes nothing where there is nothing', () => {
    expect(send(propagator, ROOT_CONTEXT)).toEqual({});
    expect(send(propagator, propagation.setBaggage(ROOT_CONTEXT, createBaggage()))).toEqual({});
  });

  it('passes an inbound header through as it came', () => {
    const baggage = 'session_id=s,  tenant = a%20b ;p=1 ,x=1';
    expect(send(propagator, propagator.extract(ROOT_CONTEXT, { baggage }, getter))).toEqual({ baggage });
  });

  it('writes nothing while tracing is suppressed, and reads all the same', () => {
    tracerRegistry.register(owner('a', { sessionId: 'sa' }));
    expect(send(propagator, suppressTracing(WITH_SPAN))).toEqual({});
    const read = propagator.extract(suppressTracing(ROOT_CONTEXT), { traceparent: TRACEPARENT }, getter);
    expect(trace.getSpanContext(read)?.traceId).toBe(TRACE);
  });

  it('a setter that throws is reported and goes no further', () => {
    tracerRegistry.register(owner('a', { sessionId: 'sa' }));
    const throwing = {
      set: () => {
        throw new Error('no');
      },
    };
    expect(() => propagator.inject(WITH_SPAN, {}, throwing)).not.toThrow();
    expect(log.said.join()).toMatch(/SPW_INTERNAL/);
  });

  it('baggage that throws does not keep the trace from being sent', () => {
    const hostile = {
      getEntry: () => undefined,
      getAllEntries: () => {
        throw new Error('no');
      },
    };
    expect(send(propagator, propagation.setBaggage(WITH_SPAN, hostile as never))).toEqual({
      traceparent: TRACEPARENT,
    });
  });
});

describe('inject under propagateTo', () => {
  const propagator = new SpanwisePropagator({
    extra: [
      {
        inject: (c, carrier, s) => s.set(carrier, 'extra', JSON.stringify(baggageOf(c))),
        extract: (c) => c,
        fields: () => ['extra'],
      },
    ],
  });
  const provider = new BasicTracerProvider();
  const client = (attributes: Record<string, string | number>): Context =>
    trace.setSpan(
      ROOT_CONTEXT,
      provider.getTracer('x').startSpan('GET', { kind: SpanKind.CLIENT, attributes }),
    );
  beforeEach(() => {
    tracerRegistry.register(
      owner('a', { sessionId: 's' }, { propagateTo: ['ok.example', 'ported.example:8080'] }),
    );
  });

  it.each([
    ['url.full', { 'url.full': 'https://ok.example/x' }],
    ['http.url', { 'http.url': 'http://user@ok.example:3000/x' }],
    ['server.address', { 'server.address': 'ok.example', 'server.port': 443 }],
    ['net.peer.name', { 'net.peer.name': 'ported.example', 'net.peer.port': 8080 }],
    ['http.host', { 'http.host': 'ok.example:1234' }],
  ])('the host is taken from the client span’s %s', (_name, attributes) => {
    expect(send(propagator, client(attributes))).toHaveProperty('baggage', 'session_id=s');
  });

  it('or from the carrier’s host header', () => {
    expect(send(propagator, ROOT_CONTEXT, { Host: 'ok.example' })).toHaveProperty('baggage');
    expect(send(propagator, ROOT_CONTEXT, { ':authority': 'ok.example' })).toHaveProperty('baggage');
  });

  it.each([
    ['another host', { 'url.full': 'https://evil.example/?ok.example' }],
    ['another port', { 'server.address': 'ported.example', 'server.port': 81 }],
    ['no host', {}],
  ])('0 bytes of baggage go to %s, by no propagator', (_name, attributes) => {
    const sent = send(propagator, propagation.setBaggage(client(attributes), createBaggage({ secret: 'x' })));
    expect(sent).not.toHaveProperty('baggage');
    expect(sent['extra']).toBe('{}');
    expect(sent).toHaveProperty('traceparent');
  });
});

describe('extract', () => {
  const propagator = new SpanwisePropagator();

  it('returns the context itself if there is nothing to read', () => {
    for (const headers of [{}, { traceparent: 'x', baggage: ',' }, { tracestate: 'a=1' }]) {
      expect(propagator.extract(ROOT_CONTEXT, headers, getter)).toBe(ROOT_CONTEXT);
    }
  });

  it('remembers the caller, and how far it was trusted', () => {
    const headers = { traceparent: TRACEPARENT, baggage: 'a=1' };
    expect(remoteOf(propagator.extract(ROOT_CONTEXT, headers, getter))).toMatchObject({
      spanContext: { traceId: TRACE, spanId: SPAN },
      trust: 'continue',
    });
    for (const [trust, spanId] of [
      ['link', SPAN],
      ['restart', undefined],
    ] as const) {
      const ctx = new SpanwisePropagator({ trust }).extract(ROOT_CONTEXT, headers, getter);
      expect(trace.getSpan(ctx)).toBeUndefined();
      expect(baggageOf(ctx)).toEqual({});
      expect(remoteOf(ctx)?.spanContext?.spanId).toBe(spanId);
    }
  });

  it('brings identity to its canonical keys, also in spellings of its own', () => {
    const keys = { session: ['session_id', 'x-session'], project: ['project', 'team'], source: ['source'] };
    const custom = new SpanwisePropagator({ identityKeys: keys });
    expect(baggageOf(custom.extract(ROOT_CONTEXT, { baggage: 'x-session=s,team=a+b,t=1' }, getter))).toEqual({
      session_id: 's',
      project: 'a b',
      t: '1',
    });
  });

  it('reads through a getter that only its library understands', () => {
    const carrier = { secret: new Map([['TraceParent', [TRACEPARENT]]]) };
    const own = {
      get: (c: typeof carrier, key: string) => c.secret.get(key),
      keys: (c: typeof carrier) => [...c.secret.keys()],
    };
    expect(trace.getSpanContext(propagator.extract(ROOT_CONTEXT, carrier, own))?.traceId).toBe(TRACE);
  });

  it('a getter that throws is no reason to fail', () => {
    const throwing = {
      get: () => {
        throw new Error('no');
      },
      keys: () => {
        throw new Error('no');
      },
    };
    expect(
      trace.getSpanContext(propagator.extract(ROOT_CONTEXT, { traceparent: TRACEPARENT }, throwing))?.traceId,
    ).toBe(TRACE);
    expect(propagator.extract(ROOT_CONTEXT, 5, throwing)).toBe(ROOT_CONTEXT);
  });
});

describe('options that are none', () => {
  it.each([{ trust: 'yes' }, { formats: 'w3c' }, { extra: 5 }, { allowBaggage: 'tenant' }])(
    '%j are reported, and never mean more than was meant',
    (options) => {
      const propagator = new SpanwisePropagator(options as never);
      expect(log.said.join()).toMatch(/SPW_OPTION.*SpanwisePropagator/);
      const ctx = propagator.extract(
        ROOT_CONTEXT,
        { traceparent: TRACEPARENT, baggage: 'tenant=gold' },
        { get: (c: Record<string, string>, k) => c[k], keys: Object.keys },
      );
      const trusted = 'formats' in options || 'extra' in options;
      expect(propagation.getBaggage(ctx)?.getEntry('tenant')?.value).toBe(trusted ? 'gold' : undefined);
      expect(trace.getSpan(ctx) === undefined).toBe('trust' in options);
      propagator.inject(ctx, {}, { set: () => undefined });
    },
  );
});

describe('extra propagators', () => {
  const KEY = Symbol('extra');
  const mesh: TextMapPropagator = {
    inject: (ctx, carrier, s) => s.set(carrier, 'mesh', trace.getSpanContext(ctx)?.traceId ?? ''),
    extract: (ctx, carrier, g) => {
      const id = g.get(carrier, 'mesh');
      return typeof id === 'string'
        ? trace.setSpanContext(ctx.setValue(KEY, 1), {
            traceId: id,
            spanId: SPAN,
            traceFlags: 1,
            isRemote: true,
          })
        : ctx;
    },
    fields: () => ['mesh'],
  };
  const broken: TextMapPropagator = {
    inject: () => {
      throw new Error('no');
    },
    extract: () => {
      throw new Error('no');
    },
    fields: () => {
      throw new Error('no');
    },
  };

  it('write beside ours, and are asked for a caller that ours do not name', () => {
    const propagator = new SpanwisePropagator({ extra: [broken, mesh] });
    expect(propagator.fields()).toEqual(['baggage', 'traceparent', 'tracestate', 'mesh']);
    expect(send(propagator, WITH_SPAN)).toEqual({ traceparent: TRACEPARENT, mesh: TRACE });
    const other = '1'.repeat(32);
    const alone = propagator.extract(ROOT_CONTEXT, { mesh: other }, getter);
    expect(trace.getSpanContext(alone)?.traceId).toBe(other);
    expect(alone.getValue(KEY)).toBe(1);
    expect(remoteOf(alone)?.spanContext?.traceId).toBe(other);
    const both = propagator.extract(ROOT_CONTEXT, { mesh: other, traceparent: TRACEPARENT }, getter);
    expect(trace.getSpanContext(both)?.traceId).toBe(TRACE);
    expect(log.said.join()).toMatch(/SPW_CALLBACK/);
  });

  it('are held to trust as well', () => {
    const propagator = new SpanwisePropagator({ extra: [mesh], trust: 'link' });
    const ctx = propagator.extract(ROOT_CONTEXT, { mesh: TRACE }, getter);
    expect(trace.getSpan(ctx)).toBeUndefined();
    expect(ctx.getValue(KEY)).toBeUndefined();
    expect(remoteOf(ctx)?.spanContext?.traceId).toBe(TRACE);
  });

  it('serve the entries of the tracer they are set for', () => {
    const tracer = owner('t');
    setPropagator(tracer, new SpanwisePropagator({ extra: [mesh] }));
    const entered = enterContext(
      new Map([['Mesh', TRACE]]),
      { trust: 'continue', owner: tracer },
      ROOT_CONTEXT,
    );
    expect(trace.getSpanContext(entered.context)?.traceId).toBe(TRACE);
    expect(propagatorOf(owner('other'))).toBe(propagatorOf(undefined));
  });
});

describe('the getter for other propagators', () => {
  it('reads any carrier and names its keys', () => {
    expect(CARRIER_GETTER.get(new Headers({ a: '1' }), 'A')).toBe('1');
    expect(CARRIER_GETTER.keys(new Map([['a', 1]]))).toEqual(['a']);
    expect(CARRIER_GETTER.keys({ a: 1 })).toEqual(['a']);
    expect(CARRIER_GETTER.keys(null)).toEqual([]);
    expect(
      CARRIER_GETTER.keys({
        keys: () => {
          throw new Error('no');
        },
      }),
    ).toEqual([]);
  });
});

describe('under OpenTelemetry’s HTTP instrumentation', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const instrumentation = new HttpInstrumentation();
  type Patchable = {
    name: string;
    patch(m: unknown, v?: string): unknown;
    unpatch(m: unknown, v?: string): unknown;
  };
  // Hooks on `require` do not reach an ESM test: the same patch is put on Node's module by hand.
  const modules = (instrumentation as unknown as { _modules: Patchable[] })._modules.filter(
    (m) => m.name === 'http',
  );
  let handle: (req: http.IncomingMessage) => unknown = () => ({});
  let server: http.Server;
  let port = 0;

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    instrumentation.setTracerProvider(provider);
    for (const m of modules) m.patch(http, process.version);
    server = http.createServer((req, res) => void res.end(JSON.stringify(handle(req))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    for (const m of modules) m.unpatch(http, process.version);
    instrumentation.disable();
    await new Promise((resolve) => server.close(resolve));
    propagation.disable();
    context.disable();
  });
  afterEach(() => {
    propagation.disable();
    exporter.reset();
  });

  const HEADERS = { traceparent: TRACEPARENT, baggage: 'session_id=theirs,tenant=gold' };
  const ask = (headers: Sent): Promise<Sent> =>
    new Promise((resolve, reject) => {
      // Without a context of its own, so that only these headers arrive.
      context.with(suppressTracing(ROOT_CONTEXT), () => {
        http
          .get({ host: '127.0.0.1', port, headers, agent: false }, (res) => {
            let text = '';
            res.on('data', (chunk) => (text += String(chunk)));
            res.on('end', () => resolve(JSON.parse(text) as Sent));
          })
          .on('error', reject);
      });
    });
  const enterAs = (trust: 'continue' | 'link' | 'restart') => {
    handle = (req) => {
      const active = trace.getSpan(context.active());
      const entered = enterContext(req.headers, { trust, owner: undefined }, context.active());
      return {
        instrumented: active !== undefined,
        serverTrace: active?.spanContext().traceId,
        underServer: trace.getSpan(entered.context) === active,
        root: entered.root,
        links: entered.links.length,
        baggage: baggageOf(entered.context),
      };
    };
  };

  it('continue: the entry is below the server span, which is below the caller', async () => {
    propagation.setGlobalPropagator(new SpanwisePropagator());
    enterAs('continue');
    expect(await ask(HEADERS)).toEqual({
      instrumented: true,
      serverTrace: TRACE,
      underServer: true,
      root: false,
      links: 0,
      baggage: { session_id: 'theirs', tenant: 'gold' },
    });
  });

  it.each(['link', 'restart'] as const)(
    '%s, also told to the propagator: the server span is local',
    async (trust) => {
      propagation.setGlobalPropagator(new SpanwisePropagator({ trust }));
      enterAs(trust);
      const seen = await ask(HEADERS);
      expect(seen).toMatchObject({ instrumented: true, underServer: true, root: false, baggage: {} });
      expect(seen['serverTrace']).not.toBe(TRACE);
      expect(seen['links']).toBe(trust === 'link' ? 1 : 0);
      expect(log.said).toEqual([]);
    },
  );

  it.each(['link', 'restart'] as const)(
    '%s, at the entry alone: it leaves the trace that was joined, and says so',
    async (trust) => {
      propagation.setGlobalPropagator(new SpanwisePropagator());
      enterAs(trust);
      expect(await ask(HEADERS)).toMatchObject({
        serverTrace: TRACE,
        underServer: false,
        root: true,
        baggage: {},
      });
      expect(log.said.join()).toMatch(/SPW_TRUST/);
    },
  );

  it.each(['link', 'restart'] as const)('%s, under OpenTelemetry’s own propagators', async (trust) => {
    const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } =
      await import('@opentelemetry/core');
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
    enterAs(trust);
    expect(await ask(HEADERS)).toMatchObject({
      serverTrace: TRACE,
      underServer: false,
      root: true,
      baggage: {},
    });
    expect(log.said.join()).toMatch(/SPW_TRUST/);
  });

  it('an outgoing request carries the identity, and none of it goes off the list', async () => {
    propagation.setGlobalPropagator(new SpanwisePropagator());
    handle = (req) => ({ baggage: req.headers['baggage'] ?? 'none' });
    const get = (): Promise<string> =>
      new Promise((resolve) => {
        http.get({ host: '127.0.0.1', port, agent: false }, (res) => {
          let text = '';
          res.on('data', (chunk) => (text += String(chunk)));
          res.on('end', () => resolve((JSON.parse(text) as Sent)['baggage'] ?? ''));
        });
      });
    tracerRegistry.register(owner('open', { sessionId: 's' }));
    expect(await get()).toBe('session_id=s');
    tracerRegistry.unregister('open');
    tracerRegistry.register(owner('closed', { sessionId: 's' }, { propagateTo: ['elsewhere.example'] }));
    expect(await get()).toBe('none');
    tracerRegistry.unregister('closed');
    tracerRegistry.register(owner('listed', { sessionId: 's' }, { propagateTo: [`127.0.0.1:${port}`] }));
    expect(await get()).toBe('session_id=s');
  });

  it('our helper and the global propagator agree', () => {
    propagation.setGlobalPropagator(new SpanwisePropagator());
    tracerRegistry.register(owner('a', { sessionId: 's' }));
    context.with(WITH_SPAN, () => {
      const carrier = {};
      propagation.inject(context.active(), carrier);
      expect(injectContextIntoCarrier({})).toEqual(carrier);
    });
  });
});
