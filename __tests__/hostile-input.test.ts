/**
 * Strangers at the door, through the public surface alone: hostile values, names and callers, and faults inside of
 * tracing. Properties run `SPANWISE_PROPERTY_RUNS` times each, 300 unless set.
 */
import http from 'node:http';
import { Socket } from 'node:net';
import { Duplex, Readable } from 'node:stream';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { context, trace as otelTrace, TraceFlags } from '@opentelemetry/api';
import fc from 'fast-check';
import {
  bindContext,
  enrichSession,
  enrichSpan,
  enrichSpanContext,
  extractContextFromCarrier,
  getBaggage,
  injectContextIntoCarrier,
  SessionTracer,
  SpanwisePropagator,
  trace,
  tracerRegistry,
  withBaggage,
  withDistributedTraceContext,
  withSession,
  withSpan,
  type Trust,
} from '../lib/index.js';
import { collectDiagnostics, parentId, shutdownAll, startTracer, traceId } from './support/harness.js';
import { holds, is } from './support/quick.js';

afterEach(shutdownAll);

const runs = Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 300);
const TIMEOUT = 30_000 + (runs / 100_000) * 600_000;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const MB = 1_000_000;

const touched = jest.fn((): never => {
  throw new Error('code of a stranger ran');
});

function shared(levels: number): unknown {
  let value: unknown = { v: 1 };
  for (let level = 0; level < levels; level++) value = [value, value];
  return value;
}

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = { v: value };
  return value;
}

function circular(): unknown {
  const value: Record<string, unknown> = { a: 1 };
  value['self'] = [value];
  return value;
}

function keys(count: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) value[`key${i}`] = i;
  return value;
}

const everyTrap = new Proxy({}, { get: () => touched });

function proxy(target: object): unknown {
  return new Proxy(target, everyTrap);
}

function revoked(target: object): unknown {
  const { proxy: gone, revoke } = Proxy.revocable(target, {});
  revoke();
  return gone;
}

class Order {
  id = 7;
  get total(): number {
    return touched();
  }
  toJSON(): unknown {
    return touched();
  }
  toString(): string {
    return touched();
  }
  [Symbol.toPrimitive](): unknown {
    return touched();
  }
}

const VALUES: readonly (readonly [string, () => unknown])[] = [
  ['a graph of 22 levels of shared references', () => shared(22)],
  ['100,000 keys', () => keys(100_000)],
  ['100,000 keys a level down', () => ({ table: keys(100_000), query: 'tea' })],
  ['a string of 100 MB', () => 'x'.repeat(100 * MB)],
  ['5 million items', () => new Array<number>(5 * MB).fill(1)],
  ['5 million holes', () => new Array(5 * MB)],
  ['a depth of 100,000', () => deep(100_000)],
  ['a circle', circular],
  ['a BigInt', () => 2n ** 100_000n],
  ['a Symbol', () => Symbol('x')],
  [
    'throwing getters',
    () => ({
      get a() {
        return touched();
      },
      b: 1,
    }),
  ],
  ['a Proxy', () => proxy({})],
  ['a Proxy of a list', () => proxy([])],
  ['a Proxy of a function', () => proxy(() => 1)],
  ['Proxies inside', () => ({ list: [proxy({}), proxy([])], map: new Map([['k', proxy({})]]) })],
  ['a revoked Proxy', () => revoked({})],
  ['revoked Proxies inside', () => [revoked({}), { a: revoked([]) }]],
  ['a Buffer', () => Buffer.alloc(10 * MB)],
  ['a socket', () => new Socket()],
  ['a boxed string', () => Object('x'.repeat(100 * MB)) as unknown],
  ['an instance with toJSON and getters', () => new Order()],
  ['instances inside', () => [{ order: new Order() }]],
  ['what has no prototype', () => Object.assign(Object.create(null) as object, { a: 1 })],
  [
    'own __proto__',
    () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  ],
  ['a polluting list', () => JSON.parse('[["__proto__",{"polluted":1}]]') as unknown],
  ['secrets', () => 'password=x '.repeat(100_000)],
];

const sizeOf = (attributes: object): number =>
  Object.entries(attributes).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );

describe.each(VALUES)('%s', (_name, make) => {
  it('as an argument is recorded in bounds, without running anything of it', () => {
    touched.mockClear();
    const { recorder } = startTracer({ capture: true });
    const value = make();
    const seen: unknown[] = [];
    const traced = trace(
      function op(given: unknown, also: unknown): number {
        seen.push(given, also);
        return 42;
      },
      {
        metadata: (given: unknown) => ({ given }),
        metrics: (_result: unknown, given: unknown) => ({ given }),
        config: (given: unknown) => given as object,
      },
    );
    expect(traced(value, value)).toBe(42);
    expect(seen.length).toBe(2);
    expect(Object.is(seen[0], value) && Object.is(seen[1], value)).toBe(true);
    expect(touched).not.toHaveBeenCalled();
    expect(sizeOf(recorder.span('op').attributes)).toBeLessThan(1024 * 1024);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('as a result, thrown, and rejected stays what it was', async () => {
    touched.mockClear();
    const { recorder } = startTracer({ capture: true });
    const value = make();
    const holder = { value };
    expect(Object.is(trace(() => holder, { name: 'result' })().value, value)).toBe(true);
    let thrown: unknown;
    try {
      trace(
        (): never => {
          throw value;
        },
        { name: 'thrown' },
      )();
    } catch (error) {
      thrown = error;
    }
    expect(Object.is(thrown, value)).toBe(true);
    const rejected = await trace(() => Promise.reject({ holder }), { name: 'rejected' })().catch(
      (error: unknown) => (error as { holder: unknown }).holder,
    );
    expect(rejected).toBe(holder);
    expect(touched).not.toHaveBeenCalled();
    for (const name of ['result', 'thrown', 'rejected']) {
      expect(sizeOf(recorder.span(name).attributes)).toBeLessThan(1024 * 1024);
    }
    expect(recorder.span('thrown').status.code).toBe(2);
  });

  it('added to a span, or given for a name, an id or a carrier, throws nothing', () => {
    const { recorder } = startTracer();
    const value = make() as never;
    let calls = 0;
    withSpan('s', () => {
      enrichSpan({ metadata: { value }, outputs: value, userProperties: value, feedback: value });
      enrichSpan(value);
      calls++;
    });
    withDistributedTraceContext(value, () => calls++);
    withBaggage({ value }, () => calls++);
    withSession({ sessionId: value }, () => calls++);
    enrichSession({ metadata: { value } });
    enrichSession(value);
    extractContextFromCarrier(value);
    injectContextIntoCarrier(value);
    tracerRegistry.get(value);
    expect(calls).toBe(4);
    expect(recorder.names).toContain('s');
  });
});

it('a stream as an argument is named and not opened', () => {
  const { recorder } = startTracer({ capture: true });
  const stream = Readable.from(['a']);
  trace((given: Readable) => given.readableFlowing, { name: 'op' })(stream);
  expect(stream.readableFlowing).toBeNull();
  expect(recorder.span('op').attributes['honeyhive_inputs.arg0']).toBe('[Readable]');
});

it('of a thrown text of megabytes only the length is recorded, and a stack that it would fill is not put together', () => {
  const { recorder } = startTracer();
  const prepare = jest.fn((error: Error) => String(error.message.length));
  const original = Error.prepareStackTrace;
  const thrown: unknown[] = [];
  try {
    Error.prepareStackTrace = prepare;
    for (const error of [
      new Error('x'.repeat(20 * MB)),
      new Error('y'.repeat(20_000)),
      'z'.repeat(100 * MB),
    ]) {
      try {
        trace(
          (): never => {
            throw error;
          },
          { name: 'op' },
        )();
      } catch (caught) {
        thrown.push(caught);
      }
      expect(thrown.at(-1)).toBe(error);
    }
    expect(prepare).not.toHaveBeenCalled();
  } finally {
    Error.prepareStackTrace = original;
  }
  expect(recorder.spans.map((span) => span.status.message)).toEqual([
    '[String 20000000 characters]',
    'y'.repeat(4_096),
    '[String 100000000 characters]',
  ]);
});

describe('for anything at all', () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  const names = fc.oneof(
    fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'session_id', 'a.b', ''),
    fc.string({ unit: 'binary' }),
  );

  it(
    'spans, payloads, sessions and baggage: the function runs once, its result comes back, nothing throws',
    () => {
      const { recorder } = startTracer({ capture: true });
      fc.assert(
        fc.property(names, anything, fc.dictionary(names, anything), (name, value, dictionary) => {
          recorder.spans.length = recorder.started.length = 0;
          let calls = 0;
          const body = (): unknown => {
            calls++;
            return name;
          };
          const enriched = (): unknown => {
            enrichSpan(dictionary as never);
            enrichSpan({
              metadata: dictionary,
              metrics: value as never,
              outputs: value,
              feedback: value as never,
            });
            enrichSpan(value as never);
            return body();
          };
          is(withSpan(name, enriched), name);
          is(withSpan({ name, metadata: dictionary, attributes: dictionary as never }, body), name);
          is(enrichSpanContext({ name, metadata: value as never }, body), name);
          is(trace(body as (given: unknown) => unknown, { name: 'op', inputs: true })(value), name);
          is(withBaggage(dictionary as Record<string, string>, body), name);
          is(calls, 5);
          getBaggage(name);
          tracerRegistry.get(name);
          if (typeof value !== 'function') is(bindContext(value), value);
        }),
        { numRuns: runs },
      );
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
    TIMEOUT,
  );

  it(
    'callbacks that throw or answer with anything change nothing for the caller',
    () => {
      const failure = new Error('redactor');
      const { recorder } = startTracer({
        redact: {
          custom: () => {
            throw failure;
          },
        },
        capture: true,
      });
      fc.assert(
        fc.property(anything, fc.boolean(), (value, throws) => {
          recorder.spans.length = recorder.started.length = 0;
          const callback = (): never => {
            if (throws) throw value;
            return value as never;
          };
          const traced = trace((given: unknown) => given, {
            name: 'op',
            inputs: callback,
            outputs: callback,
            metadata: callback,
            metrics: callback,
            config: callback,
            error: callback,
            attributes: callback,
            tracer: undefined,
          });
          const primitive = typeof value === 'object' || typeof value === 'function' ? 1 : value;
          is(traced(primitive), primitive);
        }),
        { numRuns: runs },
      );
    },
    TIMEOUT,
  );

  it(
    'a propagator made with anything reads and writes all the same',
    () => {
      startTracer();
      const setter = {
        set: (carrier: Record<string, string>, key: string, value: string) => void (carrier[key] = value),
      };
      fc.assert(
        fc.property(
          fc.dictionary(fc.constantFrom('trust', 'extra', 'allowBaggage', 'identityKeys'), anything),
          (options) => {
            let propagator: SpanwisePropagator;
            try {
              propagator = new SpanwisePropagator(options as never);
            } catch {
              // What a developer writes down wrongly may be refused where it is written.
              return;
            }
            const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, baggage: 'a=1,session_id=s' };
            const getter = { get: (c: Record<string, string>, k: string) => c[k], keys: Object.keys };
            const next = propagator.extract(context.active(), headers, getter);
            propagator.inject(next, {}, setter);
          },
        ),
        { numRuns: runs },
      );
    },
    TIMEOUT,
  );
});

describe('a caller who is not trusted', () => {
  const caller = (flags: '00' | '01', baggage: string): Record<string, string> => ({
    traceparent: `00-${TRACE}-${PARENT}-${flags}`,
    tracestate: 'theirs=1',
    baggage,
  });
  const THEIRS =
    'session_id=theirs,project=theirs,source=theirs,run_id=theirs,tenant=theirs,honeyhive.session_id=theirs,session.id=theirs';

  describe.each<Trust>(['link', 'restart'])('under %s', (trust) => {
    it.each(['00', '01'] as const)('with flags %s chooses nothing: per entry or per tracer', (flags) => {
      const { tracer, recorder } = startTracer({
        trust,
        sessionId: '11111111-2222-4333-8444-555555555555',
        baggageAttributes: ['tenant'],
      });
      const sent: Record<string, string>[] = [];
      const work = (): void => {
        withSpan('work', () => sent.push(injectContextIntoCarrier({})));
      };
      withDistributedTraceContext(caller(flags, THEIRS), work);
      withDistributedTraceContext(caller(flags, THEIRS), { trust, tracer }, work);
      const spans = recorder.spans.filter((span) => span.name === 'work');
      // Unsampled callers do not switch recording off either.
      expect(spans).toHaveLength(2);
      for (const span of spans) {
        expect(traceId(span)).not.toBe(TRACE);
        expect(parentId(span)).toBeUndefined();
        expect(span.spanContext().traceFlags & TraceFlags.SAMPLED).toBe(1);
        expect(JSON.stringify(span.attributes)).not.toContain('theirs');
        expect(span.attributes['honeyhive.session_id']).toBe('11111111-2222-4333-8444-555555555555');
        expect(span.links.map((link) => link.context.traceId)).toEqual(trust === 'link' ? [TRACE] : []);
        expect(JSON.stringify(span.links)).not.toContain('theirs');
      }
      expect(JSON.stringify(sent)).not.toMatch(/theirs/);
      expect(JSON.stringify(sent)).not.toContain(TRACE);
    });
  });

  it('does not switch recording on where a sampler says no', () => {
    const { recorder } = startTracer({
      trust: 'restart',
      sampler: { shouldSample: () => ({ decision: 0 }), toString: () => 'never' },
    });
    withDistributedTraceContext(caller('01', THEIRS), () => withSpan('work', () => undefined));
    expect(recorder.spans).toEqual([]);
  });
});

describe('faults of every part at once', () => {
  const boom = (): never => {
    throw new Error('boom');
  };

  it('reach neither the traced code nor the parts beside them', async () => {
    const said = collectDiagnostics();
    const failing = { onStart: boom, onEnding: boom, onEnd: boom, forceFlush: boom, shutdown: boom };
    const exporter = { export: boom, shutdown: boom, forceFlush: boom };
    const { recorder, tracer } = startTracer({
      spanProcessors: [failing],
      exporter,
      sampler: { shouldSample: boom, toString: boom },
      redact: boom,
      capture: true,
      exportMode: 'immediate',
    });
    let calls = 0;
    const traced = trace(
      (given: string): string => {
        calls++;
        enrichSpan({ metadata: { given } });
        return given;
      },
      { name: 'op', inputs: boom, outputs: boom, metadata: boom, attributes: boom, tracer: boom as never },
    );
    expect(traced('tea')).toBe('tea');
    expect(withSpan('inner', () => traced('tea'))).toBe('tea');
    await withDistributedTraceContext(
      {
        get traceparent() {
          return boom();
        },
      },
      async () => {
        expect(await Promise.resolve(traced('tea'))).toBe('tea');
      },
    );
    const failure = new Error('theirs');
    expect(() =>
      trace(
        (): never => {
          throw failure;
        },
        { name: 'fails', error: boom },
      )(),
    ).toThrow(failure);
    expect(calls).toBe(3);
    expect(recorder.names.filter((name) => name === 'op')).toHaveLength(3);
    expect(JSON.stringify(recorder.spans.map((span) => span.attributes))).not.toContain('tea');
    await expect(tracer.flush()).resolves.toMatchObject({});
    await tracer.shutdown();
    expect(said.some((line) => line.includes('boom'))).toBe(true);
    for (const line of said) expect(line).not.toMatch(/[\n\r]/);
  });
});

describe('headers that we set', () => {
  /** A connection to nobody. */
  class Nowhere extends Duplex {
    override _read(): void {}
    override _write(_chunk: unknown, _encoding: string, done: () => void): void {
      done();
    }
  }

  it(
    'never make http.request throw, whatever is in the baggage',
    async () => {
      const { tracer, recorder } = startTracer();
      const text = fc.string({ unit: 'binary' });
      const property = fc.property(fc.dictionary(text, text), text, (entries, header) => {
        recorder.spans.length = recorder.started.length = 0;
        const headers = withDistributedTraceContext({ baggage: header, tracestate: header }, { tracer }, () =>
          withBaggage(entries, () => withSpan('out', () => injectContextIntoCarrier({ accept: '*/*' }))),
        );
        // Node looks at headers when they are set and when they are written.
        const request = http.request({ host: 'nowhere', headers, createConnection: () => new Nowhere() });
        request.on('error', () => undefined);
        request.flushHeaders();
        request.destroy();
      });
      // In pieces, between which the requests come to their end.
      for (let left = runs; left > 0; left -= 1_000) {
        fc.assert(property, { numRuns: Math.min(left, 1_000) });
        await new Promise(setImmediate);
      }
    },
    TIMEOUT,
  );

  it('are written to a request as one more header, or reported, never thrown', () => {
    startTracer();
    withSpan('out', () => {
      const request = http.request({ host: '127.0.0.1', port: 1, agent: false });
      request.on('error', () => undefined);
      request.flushHeaders();
      // Node refuses further headers from here on.
      expect(injectContextIntoCarrier(request)).toBe(request);
      request.destroy();
    });
  });
});

// In our own engine: OpenTelemetry's assigns attributes, and so loses one that is called `__proto__`.
describe('an Object.prototype that someone has polluted', () => {
  it('gives no carrier its headers, no options their values and no span its attributes', () => {
    const polluted = {
      traceparent: `00-${TRACE}-${PARENT}-01`,
      baggage: 'session_id=theirs',
      Traceparent: `00-${TRACE}-${PARENT}-01`,
      _meta: { traceparent: `00-${TRACE}-${PARENT}-01` },
      'honeyhive_inputs.arg0.a': 'theirs',
    };
    for (const [name, value] of Object.entries(polluted)) {
      Object.defineProperty(Object.prototype, name, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
    try {
      const { recorder } = startTracer({ engine: 'spanwise', capture: { inputs: true } });
      const active = withDistributedTraceContext({ accept: 'x' }, () => {
        trace((given: object) => Object.keys(given).length, { name: 'op' })({ a: 1 });
        return otelTrace.getSpanContext(extractContextFromCarrier({}));
      });
      expect(active).toBeUndefined();
      const span = recorder.span('op');
      expect(traceId(span)).not.toBe(TRACE);
      expect(Object.getOwnPropertyDescriptor(span.attributes, 'honeyhive_inputs.arg0.a')?.value).toBe(1);
      expect(
        Object.values(Object.getOwnPropertyDescriptors(span.attributes)).map(({ value }) => value as unknown),
      ).not.toContain('theirs');
    } finally {
      for (const name of Object.keys(polluted)) delete (Object.prototype as Record<string, unknown>)[name];
    }
  });
});

it('names that every object has are names like any other: of options, spans, attributes, headers and baggage', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const said = collectDiagnostics();
    const options = JSON.parse(`{"${name}": {"trust": "link", "project": "theirs"}}`) as object;
    const { recorder, tracer } = startTracer({ ...options, engine: 'spanwise', name: `t-${name}` });
    expect(tracer.project).toBe('test-project');
    const attributes = JSON.parse(`{"${name}": "x"}`) as Record<string, string>;
    withBaggage(attributes, () =>
      withSpan({ name, attributes, tracer, ...(options as object) }, () => {
        enrichSpan({ metadata: attributes });
        const sent = injectContextIntoCarrier<Record<string, string>>({});
        expect(sent['baggage']).toContain(`${name}=x`);
      }),
    );
    const span = recorder.span(name);
    expect(Object.getOwnPropertyDescriptor(span.attributes, `honeyhive_metadata.${name}`)?.value).toBe('x');
    expect(Object.getOwnPropertyDescriptor(span.attributes, name)?.value).toBe('x');
    expect(Object.getPrototypeOf(span.attributes)).toBe(Object.prototype);
    expect(tracerRegistry.get(name)).toBeUndefined();
    expect(said).toBeDefined();
  }
  expect(SessionTracer.prototype.constructor).toBe(SessionTracer);
});
