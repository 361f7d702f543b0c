/**
 * The trace SDK clauses of the OpenTelemetry specification, one test each, run against OpenTelemetry's SDK and
 * against our own engine side by side.
 *
 * https://opentelemetry.io/docs/specs/otel/trace/sdk/ (headings as section names) and, where the SDK implements
 * them, the clauses of https://opentelemetry.io/docs/specs/otel/trace/api/.
 */
import {
  context,
  createContextKey,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type SpanContext,
} from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { installContextManager } from '../../lib/engine/context-manager.js';
import type { Engine, EngineOptions } from '../../lib/engine/engine.js';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { createSdkEngine } from '../../lib/engine/sdk.js';
import type { Sampler, SamplingResult, WritableSpan } from '../../lib/tracer/sdk-contract.js';
import { collectDiagnostics, LINE, RecordingProcessor, stock } from './support.js';

type Kind = Engine['kind'];

/**
 * Where the two engines differ, on purpose. Every test that reads this table checks both columns, so a difference
 * that goes away, or another one, turns a test red.
 */
const DIFFERENCES = {
  /** "the SDK SHOULD set the Random flag when it makes the trace id": the SDK does not know the flag yet. */
  rootFlags: { sdk: 0b01, spanwise: 0b11 },
  /** A child keeps the random flag of its parent (W3C level 2: "MUST be set to the same value"); the SDK loses it. */
  childOfRandomFlags: { sdk: 0b01, spanwise: 0b11 },
  /** The same with a sampler of one's own, that drops and that samples. */
  flagsAfterSampling: { sdk: [0b00, 0b01], spanwise: [0b10, 0b11] },
  /** "after shutdown getTracer SHOULD return a no-op tracer": the SDK goes on making spans that nobody gets. */
  recordsAfterShutdown: { sdk: true, spanwise: false },
  /** The SDK passes a name that is no string on, and OTLP exporters then fail on the whole batch. */
  numericName: { sdk: 7, spanwise: '7' },
  /** The SDK passes on a NaN time; ours reports it and takes the current time. */
  invalidDate: { sdk: NaN, spanwise: 'now' },
  /** The SDK keeps the caller's array, so that a later change of it changes the span. */
  hrTimeIsCopied: { sdk: false, spanwise: true },
  /** The SDK writes `__proto__` into the prototype slot, where it is lost. */
  protoKey: { sdk: undefined, spanwise: 'kept' },
  /** A getter that throws in the attributes reaches the caller in the SDK. */
  throwingAttribute: { sdk: 'throws', spanwise: 'returns' },
  /** "a message SHOULD be logged": SDK 2.x says nothing. */
  attributeLimitIsLogged: { sdk: LINE === 3, spanwise: true },
  /** The SDK reports at level error. */
  secondEndLevel: { sdk: 'error', spanwise: 'warn' },
} as const satisfies Record<string, Record<Kind, unknown>>;

const ENGINES: [Kind, (options: EngineOptions) => Engine][] = [
  ['sdk', createSdkEngine],
  ['spanwise', createSpanwiseEngine],
];

const REMOTE: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
};
const remote = (change: Partial<SpanContext> = {}): Context =>
  trace.setSpanContext(ROOT_CONTEXT, { ...REMOTE, ...change });

/** Times as nanoseconds, to be compared. */
const nanos = ([seconds, rest]: readonly [number, number]): number => seconds * 1e9 + rest;

beforeAll(() => installContextManager());
afterAll(() => context.disable());

describe.each(ENGINES)('trace SDK clauses on engine %s', (kind, create) => {
  let messages: string[];
  let seen: RecordingProcessor;
  const make = (options: Partial<EngineOptions> = {}): Engine =>
    create({ spanProcessors: [seen], ...options });
  const tracerOf = (options?: Partial<EngineOptions>) => make(options).provider.getTracer('test', '1.0');
  const only = (): WritableSpan => {
    expect(seen.ended).toHaveLength(1);
    return seen.ended[0]!;
  };
  /** A span with everything default, ended. */
  const finished = (write: (span: WritableSpan) => void, options?: Partial<EngineOptions>): WritableSpan => {
    const span = tracerOf(options).startSpan('op', {}, ROOT_CONTEXT) as WritableSpan;
    write(span);
    span.end();
    return only();
  };
  beforeEach(() => {
    resetDiagnostics();
    messages = collectDiagnostics();
    seen = new RecordingProcessor();
  });

  describe('Tracer Provider', () => {
    test('a tracer knows its name, version and schema URL, and its spans carry them as scope', () => {
      const tracer = make().provider.getTracer('lib', '2.1', { schemaUrl: 'https://schema' });
      tracer.startSpan('s').end();
      expect(only().instrumentationScope).toEqual({
        name: 'lib',
        version: '2.1',
        schemaUrl: 'https://schema',
      });
    });

    test('a name that is empty still gets a working tracer', () => {
      make().provider.getTracer('').startSpan('s').end();
      expect(only().instrumentationScope.name).toBe('');
    });

    test('the same parameters give the same tracer, other parameters another one', () => {
      const { provider } = make();
      expect(provider.getTracer('a', '1')).toBe(provider.getTracer('a', '1'));
      expect(provider.getTracer('a', '1')).not.toBe(provider.getTracer('a', '2'));
      expect(provider.getTracer('a', '1')).not.toBe(provider.getTracer('a', '1', { schemaUrl: 'x' }));
    });

    test('every span is associated with the resource of the provider', () => {
      const engine = make({ resource: { 'service.name': 'shop', team: 'blue' } });
      engine.provider.getTracer('t').startSpan('s').end();
      expect(only().resource.attributes).toMatchObject({ 'service.name': 'shop', team: 'blue' });
      expect(engine.resource.attributes).toMatchObject({ team: 'blue' });
    });

    test('shutdown reaches every processor, and only once', async () => {
      const second = new RecordingProcessor();
      const engine = make({ spanProcessors: [seen, second] });
      await Promise.all([engine.shutdown(), engine.shutdown()]);
      await engine.shutdown();
      expect([seen.calls, second.calls]).toEqual([['shutdown'], ['shutdown']]);
    });

    test('after shutdown tracers work and record nothing', async () => {
      const engine = make();
      const tracer = engine.provider.getTracer('t');
      await engine.shutdown();
      const span = engine.provider.getTracer('u').startSpan('s');
      span.end();
      expect(span.isRecording() || tracer.startSpan('s').isRecording()).toBe(
        DIFFERENCES.recordsAfterShutdown[kind],
      );
      const sampled = make({ sampler: { shouldSample: () => ({ decision: 2 }), toString: () => '' } });
      await sampled.shutdown();
      expect(sampled.provider.getTracer('t').startSpan('s').isRecording()).toBe(
        DIFFERENCES.recordsAfterShutdown[kind],
      );
      expect(trace.isSpanContextValid(span.spanContext())).toBe(true);
    });

    test('forceFlush reaches every processor', async () => {
      const second = new RecordingProcessor();
      await make({ spanProcessors: [seen, second] }).forceFlush();
      expect([seen.calls, second.calls]).toEqual([['forceFlush'], ['forceFlush']]);
    });

    test('shutdown and forceFlush report a processor that fails and go on', async () => {
      const failing = new RecordingProcessor();
      failing.forceFlush = () => Promise.reject(new Error('flush broke'));
      failing.shutdown = () => {
        throw new Error('shutdown broke');
      };
      const engine = make({ spanProcessors: [failing, seen] });
      await engine.forceFlush();
      await engine.shutdown();
      expect(seen.calls).toEqual(['forceFlush', 'shutdown']);
      expect(messages.filter((line) => /flush broke|shutdown broke/.test(line))).toHaveLength(2);
    });
  });

  describe('Additional Span Interfaces', () => {
    test('a readable span shows everything that was given at its start', () => {
      const tracer = tracerOf();
      const links = [{ context: REMOTE, attributes: { l: 1 } }];
      tracer
        .startSpan('op', { kind: SpanKind.CLIENT, attributes: { a: 1 }, links, startTime: [5, 6] }, remote())
        .end([7, 8]);
      expect(only()).toMatchObject({
        name: 'op',
        kind: SpanKind.CLIENT,
        parentSpanContext: REMOTE,
        startTime: [5, 6],
        endTime: [7, 8],
        duration: [2, 2],
        status: { code: SpanStatusCode.UNSET },
        attributes: { a: 1 },
        links,
        events: [],
        ended: true,
        droppedAttributesCount: 0,
        droppedEventsCount: 0,
        droppedLinksCount: 0,
      });
    });

    test('a readable span tells whether it has ended', () => {
      const span = tracerOf().startSpan('s') as WritableSpan;
      expect(span.ended).toBe(false);
      span.end();
      expect(span.ended).toBe(true);
    });

    test('a root span has no parent', () => {
      tracerOf().startSpan('s', {}, ROOT_CONTEXT).end();
      expect(only().parentSpanContext).toBeUndefined();
    });

    test('the writable span that a processor gets is the one that the user gets', () => {
      const span = tracerOf().startSpan('s');
      expect(seen.started[0]).toBe(span);
    });

    test('what is written into the live attributes is exported and passes the limits', () => {
      const stamping = new RecordingProcessor();
      stamping.onStart = (span) => {
        span.attributes['identity.session'] = 'a value longer than the limit';
      };
      const span = tracerOf({
        spanProcessors: [stamping, seen],
        spanLimits: { attributeCountLimit: 2, attributeValueLengthLimit: 4 },
      }).startSpan('s', { attributes: { a: 'first', b: 'second', c: 'third' } });
      span.end();
      expect(only().attributes).toEqual({
        a: 'firs',
        b: 'seco',
        'identity.session': 'a value longer than the limit',
      });
      expect(only().droppedAttributesCount).toBe(1);
    });
  });

  describe('Sampling', () => {
    const deciding = (result: Partial<SamplingResult>): Sampler => ({
      shouldSample: () => result,
      toString: () => 'deciding',
    });

    test.each([
      ['NOT_RECORD', 0, false, 0, 0],
      ['RECORD', 1, true, 0, 1],
      ['RECORD_AND_SAMPLED', 2, true, 1, 1],
    ] as const)(
      '%s: recording, the sampled flag and the processors follow',
      (_name, decision, recording, flag, calls) => {
        const span = tracerOf({ sampler: deciding({ decision }) }).startSpan('s', {}, ROOT_CONTEXT);
        expect(span.isRecording()).toBe(recording);
        expect(span.spanContext().traceFlags & TraceFlags.SAMPLED).toBe(flag);
        span.end();
        expect([seen.started.length, seen.ended.length]).toEqual([calls, calls]);
      },
    );

    test('exporters get only spans with the sampled flag', () => {
      const exporter = new InMemorySpanExporter();
      const processor = stock(SimpleSpanProcessor, exporter);
      tracerOf({ sampler: deciding({ decision: 1 }), spanProcessors: [processor] })
        .startSpan('r')
        .end();
      tracerOf({ sampler: deciding({ decision: 2 }), spanProcessors: [processor] })
        .startSpan('s')
        .end();
      expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(['s']);
    });

    test('the span id is generated independently of the decision', () => {
      const dropped = tracerOf({ sampler: new AlwaysOffSampler() }).startSpan('s', {}, remote());
      expect(dropped.spanContext().traceId).toBe(REMOTE.traceId);
      expect(dropped.spanContext().spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(dropped.spanContext().spanId).not.toBe(REMOTE.spanId);
    });

    test('the sampler is asked with parent context, trace id, name, kind, attributes and links', () => {
      const calls: unknown[][] = [];
      const sampler: Sampler = {
        shouldSample: (...args: unknown[]) => {
          calls.push(args);
          return { decision: 2 };
        },
        toString: () => 's',
      };
      const parent = remote();
      const span = tracerOf({ sampler }).startSpan(
        'op',
        { kind: SpanKind.SERVER, attributes: { a: 1 }, links: [{ context: REMOTE }] },
        parent,
      );
      expect(calls).toHaveLength(1);
      const [given, traceId, name, spanKind, attributes, links] = calls[0]!;
      expect(given).toBe(parent);
      expect(traceId).toBe(span.spanContext().traceId);
      expect([name, spanKind, attributes]).toEqual(['op', SpanKind.SERVER, { a: 1 }]);
      expect(links).toMatchObject([{ context: REMOTE }]);
    });

    test('the sampler sees attributes that the limit will drop', () => {
      let asked: unknown;
      const sampler: Sampler = {
        shouldSample: (_context, _traceId, _name, _kind, attributes) => {
          asked = { ...attributes };
          return { decision: 2 };
        },
        toString: () => 's',
      };
      tracerOf({ sampler, spanLimits: { attributeCountLimit: 1 } })
        .startSpan('s', { attributes: { a: 1, b: 2 } })
        .end();
      expect(asked).toEqual({ a: 1, b: 2 });
      expect(only().attributes).toEqual({ a: 1 });
    });

    test('the sampler’s attributes are added to the span and win', () => {
      const sampler = deciding({ decision: 2, attributes: { by: 'sampler', a: 2 } });
      tracerOf({ sampler })
        .startSpan('s', { attributes: { a: 1 } })
        .end();
      expect(only().attributes).toEqual({ a: 2, by: 'sampler' });
    });

    test('the sampler’s trace state replaces the parent’s, and without one the parent’s stays', () => {
      const before = createTraceState('vendor=before');
      const after = createTraceState('vendor=after');
      const parent = remote({ traceState: before });
      const replaced = tracerOf({ sampler: deciding({ decision: 2, traceState: after }) });
      const kept = tracerOf({ sampler: deciding({ decision: 0 }) });
      expect(replaced.startSpan('s', {}, parent).spanContext().traceState).toBe(after);
      expect(kept.startSpan('s', {}, parent).spanContext().traceState).toBe(before);
    });

    test('by default roots are sampled and children follow their parent', () => {
      const tracer = tracerOf();
      const flag = (parent: Context) =>
        tracer.startSpan('s', {}, parent).spanContext().traceFlags & TraceFlags.SAMPLED;
      expect(flag(ROOT_CONTEXT)).toBe(1);
      expect(flag(remote())).toBe(1);
      expect(flag(remote({ traceFlags: TraceFlags.NONE }))).toBe(0);
      const local = tracer.startSpan('p', {}, remote({ traceFlags: TraceFlags.NONE }));
      expect(flag(trace.setSpan(ROOT_CONTEXT, local))).toBe(0);
    });

    test('stock samplers are understood: AlwaysOn, AlwaysOff, ParentBased, TraceIdRatioBased', () => {
      const recording = (sampler: unknown, parent: Context = ROOT_CONTEXT) =>
        tracerOf({ sampler: sampler as Sampler })
          .startSpan('s', {}, parent)
          .isRecording();
      const off = remote({ traceFlags: TraceFlags.NONE });
      expect(recording(new AlwaysOnSampler(), off)).toBe(true);
      expect(recording(new AlwaysOffSampler(), remote())).toBe(false);
      expect(recording(new ParentBasedSampler({ root: new AlwaysOffSampler() }))).toBe(false);
      expect(recording(new ParentBasedSampler({ root: new AlwaysOffSampler() }), remote())).toBe(true);
      expect(recording(new TraceIdRatioBasedSampler(1))).toBe(true);
      expect(recording(new TraceIdRatioBasedSampler(0))).toBe(false);
    });

    test.each([
      ['always_off', undefined, false, false],
      ['always_on', undefined, true, true],
      ['parentbased_always_off', undefined, false, true],
      ['traceidratio', '0', false, false],
      ['parentbased_traceidratio', '1', true, true],
    ])('OTEL_TRACES_SAMPLER=%s (%s) decides about roots and children', (name, arg, root, child) => {
      const before = { ...process.env };
      process.env['OTEL_TRACES_SAMPLER'] = name;
      if (arg !== undefined) process.env['OTEL_TRACES_SAMPLER_ARG'] = arg;
      try {
        const tracer = tracerOf();
        expect(tracer.startSpan('s', {}, ROOT_CONTEXT).isRecording()).toBe(root);
        expect(tracer.startSpan('s', {}, remote()).isRecording()).toBe(child);
      } finally {
        delete process.env['OTEL_TRACES_SAMPLER'];
        delete process.env['OTEL_TRACES_SAMPLER_ARG'];
        Object.assign(process.env, before);
      }
    });

    test('the random flag says that the trace id is random (W3C level 2)', () => {
      const tracer = tracerOf();
      const root = tracer.startSpan('s', {}, ROOT_CONTEXT);
      expect(root.spanContext().traceFlags).toBe(DIFFERENCES.rootFlags[kind]);
      const child = tracer.startSpan('s', {}, remote({ traceFlags: 0b11 }));
      expect(child.spanContext().traceFlags).toBe(DIFFERENCES.childOfRandomFlags[kind]);
    });

    test('the random flag of the parent is kept whatever the sampler decides', () => {
      const flags = (decision: 0 | 1 | 2) =>
        tracerOf({ sampler: deciding({ decision }) })
          .startSpan('s', {}, remote({ traceFlags: 0b11 }))
          .spanContext().traceFlags;
      expect([flags(0), flags(2)]).toEqual(DIFFERENCES.flagsAfterSampling[kind]);
    });

    test('the random flag is not set for ids that are not known to be random', () => {
      const tracer = tracerOf({
        idGenerator: { generateTraceId: () => 'a'.repeat(32), generateSpanId: () => 'b'.repeat(16) },
      });
      expect(tracer.startSpan('s', {}, ROOT_CONTEXT).spanContext().traceFlags).toBe(1);
      expect(tracerOf().startSpan('s', {}, remote()).spanContext().traceFlags).toBe(1);
    });

    test('flags of later levels are not passed on', () => {
      const child = tracerOf().startSpan('s', {}, remote({ traceFlags: 0b11111101 }));
      expect(child.spanContext().traceFlags).toBe(1);
    });
  });

  describe('Suppressed tracing', () => {
    test('a context in which tracing is suppressed gets an invalid span that records nothing', () => {
      const suppressed = ROOT_CONTEXT.setValue(
        createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'),
        true,
      );
      const span = tracerOf().startSpan('s', {}, suppressed);
      expect(span.isRecording()).toBe(false);
      expect(trace.isSpanContextValid(span.spanContext())).toBe(false);
      span.end();
      expect(seen.started).toEqual([]);
    });
  });

  describe('Span Limits', () => {
    test('attributes beyond the count are dropped and counted; known keys can still be changed', () => {
      const span = finished(
        (span) => {
          span.setAttributes({ a: 1, b: 2, c: 3 });
          span.setAttribute('d', 4);
          span.setAttribute('a', 5);
        },
        { spanLimits: { attributeCountLimit: 2 } },
      );
      expect(span.attributes).toEqual({ a: 5, b: 2 });
      expect(span.droppedAttributesCount).toBe(2);
    });

    test('a limit of 0 keeps no attributes', () => {
      const span = finished((span) => span.setAttribute('a', 1), { spanLimits: { attributeCountLimit: 0 } });
      expect(span.attributes).toEqual({});
      expect(span.droppedAttributesCount).toBe(1);
    });

    test('strings are cut to the length limit, also in arrays; other values are not', () => {
      const span = finished(
        (span) => span.setAttributes({ s: 'abcdef', l: ['abcdef', 'x'], n: 123456, b: true }),
        {
          spanLimits: { attributeValueLengthLimit: 3 },
        },
      );
      expect(span.attributes).toEqual({ s: 'abc', l: ['abc', 'x'], n: 123456, b: true });
    });

    test('the length limit holds for events and links too', () => {
      const span = finished(
        (span) => {
          span.addEvent('e', { s: 'abcdef' });
          span.addLink({ context: REMOTE, attributes: { s: 'abcdef' } });
        },
        { spanLimits: { attributeValueLengthLimit: 3 } },
      );
      expect(span.events[0]!.attributes).toEqual({ s: 'abc' });
      expect(span.links[0]!.attributes).toEqual({ s: 'abc' });
    });

    test('the oldest events go, and are counted', () => {
      const span = finished((span) => void ['a', 'b', 'c'].forEach((name) => span.addEvent(name)), {
        spanLimits: { eventCountLimit: 2 },
      });
      expect(span.events.map((event) => event.name)).toEqual(['b', 'c']);
      expect(span.droppedEventsCount).toBe(1);
    });

    test('a limit of 0 keeps no events and no links', () => {
      const span = finished(
        (span) => {
          span.addEvent('a');
          span.addLink({ context: REMOTE });
        },
        { spanLimits: { eventCountLimit: 0, linkCountLimit: 0 } },
      );
      expect([span.events, span.links]).toEqual([[], []]);
      expect([span.droppedEventsCount, span.droppedLinksCount]).toEqual([1, 1]);
    });

    test('the oldest links go, at the start and later, and are counted', () => {
      const link = (spanId: string) => ({ context: { ...REMOTE, spanId } });
      const ids = ['1', '2', '3', '4'].map((digit) => digit.repeat(16));
      const span = tracerOf({ spanLimits: { linkCountLimit: 2 } }).startSpan('s', {
        links: ids.slice(0, 3).map(link),
      });
      span.addLink(link(ids[3]!));
      span.end();
      expect(only().links.map((kept) => kept.context.spanId)).toEqual(ids.slice(2));
      expect(only().droppedLinksCount).toBe(2);
    });

    test('attributes per event and per link are limited and counted', () => {
      const span = finished(
        (span) => {
          span.addEvent('e', { a: 1, b: 2, c: 3 });
          span.addLink({ context: REMOTE, attributes: { a: 1, b: 2 } });
        },
        { spanLimits: { attributePerEventCountLimit: 1, attributePerLinkCountLimit: 1 } },
      );
      expect(span.events[0]).toMatchObject({ attributes: { a: 1 }, droppedAttributesCount: 2 });
      expect(span.links[0]).toMatchObject({ attributes: { a: 1 }, droppedAttributesCount: 1 });
    });

    test('by default 128 attributes, events and links are kept, of any length', () => {
      const long = 'x'.repeat(100_000);
      const span = finished((span) => {
        for (let i = 0; i < 130; i++) {
          span.setAttribute(`k${i}`, long);
          span.addEvent(`e${i}`);
          span.addLink({ context: REMOTE });
        }
      });
      expect(Object.keys(span.attributes)).toHaveLength(128);
      expect(span.attributes['k0']).toBe(long);
      expect([span.events.length, span.links.length]).toEqual([128, 128]);
      expect([span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount]).toEqual([
        2, 2, 2,
      ]);
    });

    test('the limits of the environment are read', () => {
      process.env['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT'] = '1';
      process.env['OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'] = '2';
      try {
        expect(finished((span) => span.setAttributes({ a: 'long', b: 'x' })).attributes).toEqual({ a: 'lo' });
      } finally {
        delete process.env['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT'];
        delete process.env['OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'];
      }
    });

    test('a dropped attribute is logged once per span', () => {
      finished((span) => span.setAttributes({ a: 1, b: 2, c: 3 }), {
        spanLimits: { attributeCountLimit: 1 },
      });
      const logged = messages.filter((line) => line.includes('attributes')).length;
      expect(logged).toBe(DIFFERENCES.attributeLimitIsLogged[kind] ? 1 : 0);
    });
  });

  describe('Id Generators', () => {
    test('ids are random, lower-case hexadecimal and never all zeroes', () => {
      const tracer = tracerOf();
      const traceIds = new Set<string>();
      const spanIds = new Set<string>();
      for (let i = 0; i < 500; i++) {
        const { traceId, spanId } = tracer.startSpan('s', {}, ROOT_CONTEXT).spanContext();
        expect(traceId).toMatch(/^[0-9a-f]{32}$/);
        expect(spanId).toMatch(/^[0-9a-f]{16}$/);
        traceIds.add(traceId);
        spanIds.add(spanId);
      }
      expect([traceIds.size, spanIds.size]).toEqual([500, 500]);
    });

    test('a generator of one’s own is used: for roots both ids, for children the span id', () => {
      let count = 0;
      const next = (length: number) => (++count).toString(16).padStart(length, '0');
      const tracer = tracerOf({
        idGenerator: { generateTraceId: () => next(32), generateSpanId: () => next(16) },
      });
      const root = tracer.startSpan('root', {}, ROOT_CONTEXT);
      expect(trace.isSpanContextValid(root.spanContext())).toBe(true);
      expect(count).toBe(2);
      const child = tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, root));
      expect(child.spanContext()).toMatchObject({
        traceId: root.spanContext().traceId,
        spanId: '0'.repeat(15) + '3',
      });
    });

    test('a generator that throws or makes nonsense is replaced for that id and reported', () => {
      const tracer = tracerOf({
        idGenerator: {
          generateTraceId: () => {
            throw new Error('no id');
          },
          generateSpanId: () => '0'.repeat(16),
        },
      });
      expect(trace.isSpanContextValid(tracer.startSpan('s', {}, ROOT_CONTEXT).spanContext())).toBe(true);
      expect(messages.filter((line) => line.includes('SPW_CALLBACK'))).toHaveLength(2);
    });
  });

  describe('Span Processor', () => {
    test('onStart and onEnd run synchronously, in the order of registration', () => {
      const order: string[] = [];
      const noting = (tag: string) => ({
        onStart: () => void order.push(`start ${tag}`),
        onEnding: () => void order.push(`ending ${tag}`),
        onEnd: () => void order.push(`end ${tag}`),
        forceFlush: async () => {},
        shutdown: async () => {},
      });
      const span = tracerOf({ spanProcessors: [noting('1'), noting('2')] }).startSpan('s');
      order.push('running');
      span.end();
      expect(order).toEqual(['start 1', 'start 2', 'running', 'ending 1', 'ending 2', 'end 1', 'end 2']);
    });

    test('onStart gets the parent context, without the span if a root was asked for', () => {
      const tracer = tracerOf();
      const parent = remote();
      tracer.startSpan('child', {}, parent);
      tracer.startSpan('root', { root: true }, parent);
      expect(seen.contexts[0]).toBe(parent);
      expect(trace.getSpan(seen.contexts[1]!)).toBeUndefined();
      expect(seen.started[1]!.parentSpanContext).toBeUndefined();
      expect(seen.started[1]!.spanContext().traceId).not.toBe(REMOTE.traceId);
    });

    test('onStart sees what the span was started with and may write to it', () => {
      let at: unknown;
      seen.onStart = (span) => {
        at = { ...span.attributes, links: span.links.length, start: span.startTime };
        span.setAttribute('stamped', true);
      };
      tracerOf()
        .startSpan('s', { attributes: { a: 1 }, links: [{ context: REMOTE }], startTime: [3, 4] })
        .end();
      expect(at).toEqual({ a: 1, links: 1, start: [3, 4] });
      expect(only().attributes).toEqual({ a: 1, stamped: true });
    });

    test('onEnding sees the end time and may still write; afterwards the span is sealed', () => {
      let end: unknown;
      seen.onEnding = (span) => {
        end = span.endTime;
        expect(span.isRecording()).toBe(true);
        span.setAttribute('late', true);
      };
      const span = tracerOf().startSpan('s') as WritableSpan;
      span.end([9_999_999_999, 5]);
      expect(end).toEqual([9_999_999_999, 5]);
      span.setAttribute('too late', true);
      expect(only().attributes).toEqual({ late: true });
      expect(only().isRecording()).toBe(false);
    });

    test('a processor that throws stops neither the others nor the caller, and is reported', () => {
      const boom = () => {
        throw new Error('boom');
      };
      const failing = { onStart: boom, onEnding: boom, onEnd: boom, forceFlush: boom, shutdown: boom };
      tracerOf({ spanProcessors: [failing, seen] })
        .startSpan('s')
        .end();
      expect([seen.started.length, seen.ending.length, seen.ended.length]).toEqual([1, 1, 1]);
      expect(messages.filter((line) => line.includes('boom'))).toHaveLength(3);
    });

    test('a sampler that throws or answers nonsense is reported, and the span follows its parent', () => {
      const boom = (): never => {
        throw new Error('boom');
      };
      for (const shouldSample of [boom, () => ({ decision: 'yes' }), () => undefined]) {
        const tracer = tracerOf({ sampler: { shouldSample, toString: boom } });
        expect(tracer.startSpan('s', {}, ROOT_CONTEXT).isRecording()).toBe(true);
        expect(tracer.startSpan('s', {}, remote()).isRecording()).toBe(true);
        expect(tracer.startSpan('s', {}, remote({ traceFlags: 0 })).isRecording()).toBe(false);
      }
      expect(messages.some((line) => line.includes('SPW_CALLBACK'))).toBe(true);
    });
  });

  describe('Span Creation', () => {
    test('a child takes trace id, trace state and sampling from a remote parent', () => {
      const traceState = createTraceState('a=1');
      const child = tracerOf().startSpan('s', {}, remote({ traceState }));
      expect(child.spanContext()).toMatchObject({ traceId: REMOTE.traceId, traceFlags: 1, traceState });
      expect(child.spanContext().isRemote).not.toBe(true);
    });

    test('the parent is the span of the context that is active', () => {
      const tracer = tracerOf();
      tracer.startActiveSpan('parent', (parent) => {
        expect(trace.getActiveSpan()).toBe(parent);
        tracer.startSpan('child').end();
        parent.end();
      });
      const [child, parent] = seen.ended;
      expect(child!.parentSpanContext).toEqual(parent!.spanContext());
      expect(trace.getActiveSpan()).toBeUndefined();
    });

    test('startActiveSpan takes options and a context, and returns what the function returns', async () => {
      const tracer = tracerOf();
      const key = createContextKey('k');
      const result = await tracer.startActiveSpan(
        'a',
        { kind: SpanKind.PRODUCER },
        remote().setValue(key, 'kept'),
        async (span) => {
          await Promise.resolve();
          expect(trace.getActiveSpan()).toBe(span);
          span.end();
          return context.active().getValue(key);
        },
      );
      expect(result).toBe('kept');
      expect(only()).toMatchObject({ kind: SpanKind.PRODUCER, parentSpanContext: REMOTE });
      expect(tracer.startActiveSpan('b', { attributes: { a: 1 } }, () => 'value')).toBe('value');
    });

    test('an error thrown in startActiveSpan reaches the caller as it is', () => {
      const failure = new Error('mine');
      expect(() =>
        tracerOf().startActiveSpan('s', () => {
          throw failure;
        }),
      ).toThrow(failure);
    });

    test('an invalid parent makes a root', () => {
      const invalid = trace.setSpanContext(ROOT_CONTEXT, { traceId: 'x', spanId: 'y', traceFlags: 1 });
      const span = tracerOf().startSpan('s', {}, invalid) as WritableSpan;
      expect(span.parentSpanContext).toBeUndefined();
      expect(trace.isSpanContextValid(span.spanContext())).toBe(true);
    });

    test('a parent that does not record but is sampled has recording children', () => {
      const parent = trace.wrapSpanContext({ ...REMOTE, isRemote: false });
      const span = tracerOf().startSpan('s', {}, trace.setSpan(ROOT_CONTEXT, parent)) as WritableSpan;
      expect(span.isRecording()).toBe(true);
      expect(span.parentSpanContext?.spanId).toBe(REMOTE.spanId);
    });

    test('the default kind is INTERNAL, and every kind is kept', () => {
      const tracer = tracerOf();
      for (const spanKind of [0, 1, 2, 3, 4]) tracer.startSpan('s', { kind: spanKind }).end();
      tracer.startSpan('s').end();
      expect(seen.ended.map((span) => span.kind)).toEqual([0, 1, 2, 3, 4, SpanKind.INTERNAL]);
    });

    test('a name that is no string becomes one', () => {
      tracerOf()
        .startSpan(7 as never)
        .end();
      expect(only().name).toBe(DIFFERENCES.numericName[kind]);
    });

    test('links keep their order and attributes, also to invalid contexts', () => {
      const empty = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };
      tracerOf()
        .startSpan('s', {
          links: [
            { context: REMOTE, attributes: { a: 1 } },
            { context: empty, attributes: { b: 2 } },
          ],
        })
        .end();
      expect(only().links).toMatchObject([
        { context: REMOTE, attributes: { a: 1 } },
        { context: empty, attributes: { b: 2 } },
      ]);
    });

    test('a span context can be copied and compared like a plain object', () => {
      const span = tracerOf().startSpan('s', {}, remote());
      const spanContext = span.spanContext();
      const { traceId, spanId, traceFlags, traceState } = spanContext;
      expect({ ...spanContext }).toEqual({ traceId, spanId, traceFlags, traceState });
      expect(JSON.parse(JSON.stringify(spanContext))).toEqual({ traceId, spanId, traceFlags });
      expect(span.spanContext()).toBe(spanContext);
    });
  });

  describe('Span Operations', () => {
    test('setAttribute takes strings, numbers, booleans and arrays of them, and overwrites', () => {
      const span = finished((span) => {
        span.setAttribute('s', 'x').setAttribute('n', 1.5).setAttribute('b', false);
        span.setAttributes({ l: ['a', null, 'b'], e: [], s: 'y' });
      });
      expect(span.attributes).toEqual({ s: 'y', n: 1.5, b: false, l: ['a', null, 'b'], e: [] });
    });

    test('values of other types are dropped with a warning and not counted as dropped', () => {
      const span = finished((span) => {
        const values = [() => 1, Symbol('s'), 1n, [() => 1], new Date(), new Map()];
        values.forEach((value, at) => span.setAttribute(`k${at}`, value as never));
      });
      expect(span.attributes).toEqual({});
      expect(span.droppedAttributesCount).toBe(0);
      expect(messages.length).toBeGreaterThan(0);
    });

    test('nested values, mixed lists, bytes and null are attributes since API 1.10', () => {
      const nested = { o: { a: [1, 'x'] }, m: [1, 'a'], b: new Uint8Array([1, 2]), n: null };
      const span = finished((span) => span.setAttributes(nested as never));
      expect(span.attributes).toEqual(LINE === 3 ? nested : {});
    });

    test('undefined values and empty keys are ignored', () => {
      const span = finished((span) => {
        span.setAttribute('u', undefined as never).setAttribute('', 'empty');
      });
      expect(span.attributes).toEqual({});
    });

    test('keys of Object.prototype are keys like any other', () => {
      const span = finished((span) => {
        span
          .setAttribute('constructor', 'c')
          .setAttribute('hasOwnProperty', 'h')
          .setAttribute('__proto__', 'kept');
      });
      expect(Object.getOwnPropertyDescriptor(span.attributes, 'constructor')?.value).toBe('c');
      expect(Object.getOwnPropertyDescriptor(span.attributes, 'hasOwnProperty')?.value).toBe('h');
      expect(Object.getOwnPropertyDescriptor(span.attributes, '__proto__')?.value).toBe(
        DIFFERENCES.protoKey[kind],
      );
    });

    test('attributes that cannot be read', () => {
      const span = tracerOf().startSpan('s');
      const hostile = {
        get bad(): string {
          throw new Error('getter');
        },
      };
      const outcome = (() => {
        try {
          span.setAttributes(hostile);
          span.addEvent('e', hostile);
          return 'returns';
        } catch {
          return 'throws';
        }
      })();
      expect(outcome).toBe(DIFFERENCES.throwingAttribute[kind]);
    });

    test('events keep name, attributes, time and order', () => {
      const span = finished((span) => {
        span.addEvent('first', { a: 1 }, [10, 20]);
        span.addEvent('second', [30, 40]);
        span.addEvent('third');
      });
      expect(span.events.map((event) => event.name)).toEqual(['first', 'second', 'third']);
      expect(span.events[0]).toMatchObject({ attributes: { a: 1 }, time: [10, 20] });
      expect(span.events[1]!.time).toEqual([30, 40]);
      expect(nanos(span.events[2]!.time)).toBeGreaterThanOrEqual(nanos(span.startTime));
      expect(nanos(span.events[2]!.time)).toBeLessThanOrEqual(nanos(span.endTime));
    });

    test('links can be added later', () => {
      const span = finished((span) => {
        span.addLink({ context: REMOTE, attributes: { a: 1 } });
        span.addLinks([{ context: REMOTE }, { context: REMOTE }]);
      });
      expect(span.links).toHaveLength(3);
      expect(span.links[0]).toMatchObject({ context: REMOTE, attributes: { a: 1 } });
    });

    test('status: OK is final, UNSET never overrides, the description belongs to ERROR', () => {
      const status = (...steps: { code: SpanStatusCode; message?: unknown }[]) => {
        seen = new RecordingProcessor();
        return finished((span) => steps.forEach((step) => span.setStatus(step as never))).status;
      };
      const { UNSET, OK, ERROR } = SpanStatusCode;
      expect(status()).toEqual({ code: UNSET });
      expect(status({ code: OK }, { code: ERROR, message: 'x' })).toEqual({ code: OK });
      expect(status({ code: ERROR, message: 'x' }, { code: OK })).toEqual({ code: OK });
      expect(status({ code: ERROR, message: 'x' }, { code: UNSET })).toEqual({ code: ERROR, message: 'x' });
      expect(status({ code: ERROR, message: 'x' }, { code: ERROR, message: 'y' })).toEqual({
        code: ERROR,
        message: 'y',
      });
      expect(status({ code: OK, message: 'ignored' })).toEqual({ code: OK });
      expect(status({ code: ERROR, message: 5 })).toEqual({ code: ERROR });
    });

    test('updateName replaces the name', () => {
      expect(finished((span) => span.updateName('new')).name).toBe('new');
    });

    test('recordException adds one event with type, message and stack', () => {
      const failure = new TypeError('wrong');
      const span = finished((span) => span.recordException(failure, [1, 2]));
      expect(span.events).toMatchObject([
        {
          name: 'exception',
          time: [1, 2],
          attributes: {
            'exception.type': 'TypeError',
            'exception.message': 'wrong',
            'exception.stacktrace': failure.stack,
          },
        },
      ]);
      expect(span.status).toEqual({ code: SpanStatusCode.UNSET });
    });

    test('recordException takes strings and codes, and reports what has neither type nor message', () => {
      const span = finished((span) => {
        span.recordException('just text');
        span.recordException({ code: 'ENOENT', name: 'Error', message: 'no file' });
        span.recordException({ code: 404 } as never);
        span.recordException({} as never);
      });
      expect(span.events.map((event) => event.attributes)).toEqual([
        { 'exception.message': 'just text' },
        { 'exception.type': 'ENOENT', 'exception.message': 'no file' },
        { 'exception.type': '404' },
      ]);
      expect(messages).toHaveLength(1);
    });

    test('after the end nothing changes any more, and a second end is reported and ignored', () => {
      const span = tracerOf().startSpan('s') as WritableSpan;
      span.end([9_999_999_999, 0]);
      span.setAttribute('a', 1).addEvent('e').addLink({ context: REMOTE }).updateName('other');
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.recordException(new Error('late'));
      messages.length = 0;
      span.end();
      expect(messages).toHaveLength(kind === 'sdk' ? 2 : 1);
      expect(messages.some((line) => line.startsWith(DIFFERENCES.secondEndLevel[kind]))).toBe(true);
      expect(only()).toMatchObject({
        name: 's',
        attributes: {},
        events: [],
        links: [],
        endTime: [9_999_999_999, 0],
        status: { code: SpanStatusCode.UNSET },
      });
    });

    test('ending a parent does not end its child', () => {
      const tracer = tracerOf();
      const parent = tracer.startSpan('parent', {}, ROOT_CONTEXT);
      const child = tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, parent));
      parent.end();
      expect(child.isRecording()).toBe(true);
      const late = tracer.startSpan('late', {}, trace.setSpan(ROOT_CONTEXT, parent)) as WritableSpan;
      expect(late.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
    });
  });

  describe('Timestamps', () => {
    test('by default a span has the wall-clock time of its start and end', () => {
      const before = Date.now();
      const span = finished(() => {});
      const after = Date.now();
      expect(nanos(span.startTime) / 1e6).toBeGreaterThanOrEqual(before - 2);
      expect(nanos(span.endTime) / 1e6).toBeLessThanOrEqual(after + 2);
      expect(nanos(span.duration)).toBeGreaterThanOrEqual(0);
      expect(span.startTime.concat(span.endTime).every(Number.isInteger)).toBe(true);
      expect([span.startTime[1], span.endTime[1]].every((rest) => rest >= 0 && rest < 1e9)).toBe(true);
    });

    test('start and end are taken as Date, milliseconds, a reading of performance.now, or a pair', () => {
      const epoch = 1_700_000_000_123;
      const cases: [unknown, number][] = [
        [new Date(epoch), epoch * 1e6],
        [epoch, epoch * 1e6],
        [[1_700_000_000, 123_000_000], epoch * 1e6],
      ];
      for (const [input, expected] of cases) {
        const span = tracerOf().startSpan('s', { startTime: input as never }) as WritableSpan;
        span.end(epoch + 5);
        expect(Math.abs(nanos(span.startTime) - expected)).toBeLessThan(1e6);
        expect(nanos(span.duration)).toBe(5e6);
      }
    });

    test('a reading of performance.now is put onto the wall clock', () => {
      const reading = performance.now();
      const wall = Date.now();
      const span = tracerOf().startSpan('s', { startTime: reading }) as WritableSpan;
      span.end(performance.now());
      expect(Math.abs(nanos(span.startTime) / 1e6 - wall)).toBeLessThan(50);
      expect(nanos(span.duration)).toBeGreaterThanOrEqual(0);
    });

    test('a span that would end before its start lasts 0', () => {
      const span = tracerOf().startSpan('s', { startTime: [100, 0] }) as WritableSpan;
      span.end([99, 0]);
      expect(span).toMatchObject({ startTime: [100, 0], endTime: [100, 0], duration: [0, 0] });
      expect(messages).toHaveLength(1);
    });

    test('before its end a span shows no end time', () => {
      const span = tracerOf().startSpan('s') as WritableSpan;
      expect([span.endTime, span.duration]).toEqual([
        [0, 0],
        [-1, -1],
      ]);
    });

    test('with a given start the end is the wall clock’s', () => {
      const start = Date.now() - 1_000;
      const span = tracerOf().startSpan('s', { startTime: start }) as WritableSpan;
      span.end();
      expect(nanos(span.duration) / 1e6).toBeGreaterThanOrEqual(1_000);
      expect(nanos(span.duration) / 1e6).toBeLessThan(3_000);
    });

    test('a time that is not one', () => {
      const span = tracerOf().startSpan('s', { startTime: new Date(NaN) }) as WritableSpan;
      const seconds = span.startTime[0];
      expect(Number.isNaN(seconds) ? seconds : 'now').toBe(DIFFERENCES.invalidDate[kind]);
      span.end();
    });

    test('a pair that was given belongs to the caller', () => {
      const given: [number, number] = [5, 6];
      const span = tracerOf().startSpan('s', { startTime: given }) as WritableSpan;
      given[0] = 99;
      expect(span.startTime[0] === 5).toBe(DIFFERENCES.hrTimeIsCopied[kind]);
    });
  });

  describe('Resource', () => {
    test('attributes that are still on their way arrive before the export', async () => {
      const exporter = new InMemorySpanExporter();
      const engine = make({
        resource: { 'host.id': Promise.resolve('h1'), gone: Promise.reject(new Error('no')) } as never,
        spanProcessors: [stock(SimpleSpanProcessor, exporter)],
      });
      engine.provider.getTracer('t').startSpan('s').end();
      expect(engine.resource.asyncAttributesPending).toBe(true);
      await engine.forceFlush();
      expect(exporter.getFinishedSpans()).toHaveLength(1);
      expect(exporter.getFinishedSpans()[0]!.resource.attributes).toMatchObject({ 'host.id': 'h1' });
      expect(exporter.getFinishedSpans()[0]!.resource.attributes).not.toHaveProperty('gone');
      expect(engine.resource.asyncAttributesPending).toBe(false);
    });
  });
});
