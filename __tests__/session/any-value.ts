/** Options of `init` as a stranger would write them. */
import fc from 'fast-check';

export const boom = (): never => {
  throw new Error('boom');
};

/** Every option that `init` knows. */
export const OPTION_NAMES = [
  'name',
  'project',
  'source',
  'sessionId',
  'sessionName',
  'apiKey',
  'serverUrl',
  'endpoint',
  'headers',
  'protocol',
  'exporter',
  'spanProcessors',
  'provider',
  'engine',
  'resource',
  'sampler',
  'spanLimits',
  'instrumentations',
  'propagators',
  'exportMode',
  'spool',
  'global',
  'testMode',
  'capture',
  'redact',
  'baggageAttributes',
  'identityKeys',
  'trust',
  'propagateTo',
  'conventions',
  'newSession',
  'inputs',
  'metadata',
  'userProperties',
  'runId',
  'datasetId',
  'datapointId',
  'experiment',
  'skipBackendSessionCreation',
  'spanNameFilters',
];

const hostile = fc.constantFrom<() => unknown>(
  () => new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => boom,
  () => ({ toString: boom, toJSON: boom, valueOf: boom, [Symbol.iterator]: boom, then: boom }),
  () => ({ export: boom, shutdown: boom, forceFlush: boom }),
  () => ({ getTracer: boom }),
  () => ({ getTracer: () => undefined }),
  () => ({ getTracer: () => ({ startSpan: boom }) }),
  () => ({ getTracer: () => ({ startSpan: () => null }) }),
  () => ({ shouldSample: boom, toString: boom }),
  () => ({ shouldSample: () => null }),
  () => ({ onStart: boom, onEnd: boom, onEnding: boom, forceFlush: boom, shutdown: boom }),
  () => [{ onStart: boom, onEnd: boom, onEnding: boom, forceFlush: boom, shutdown: boom }, null],
  () => [{ inject: boom, extract: boom, fields: boom }, 'b3', 'nonsense', null],
  () => [{ setTracerProvider: boom, enable: boom }],
  () => [boom, null, undefined, 1n, Symbol('x')],
  () => ({ session: [null, 'x', 5], project: 'p', source: {} }),
  () => ({ getRawAttributes: boom, attributes: {}, merge: boom }),
  () => ({ id: 1n, name: Symbol('x'), metadata: { big: 1n, self: globalThis } }),
  () => ({
    get session(): never {
      return boom();
    },
    get attributes(): never {
      return boom();
    },
    get metadata(): never {
      return boom();
    },
    get include(): never {
      return boom();
    },
  }),
);
const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSparseArray: true,
});
const words = fc.constantFrom(
  'sdk',
  'spanwise',
  'auto',
  'link',
  'restart',
  'immediate',
  'honeyhive',
  '*.example.com',
  '',
);
/** What JavaScript may give for an option; made when it is called, for not all of it survives being generated. */
export const anyValue: fc.Arbitrary<() => unknown> = fc.oneof(
  { weight: 4, arbitrary: anything.map((found) => () => found) },
  {
    weight: 2,
    arbitrary: fc.oneof(words, fc.boolean(), fc.string({ unit: 'binary' })).map((found) => () => found),
  },
  { weight: 3, arbitrary: hostile },
);
