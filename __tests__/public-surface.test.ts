import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportedNames } from './support/architecture.js';

/**
 * What each entry offers. A name enters or leaves here only in the commit that means it to.
 */
const SURFACE: Record<string, { source: string; values: string[]; types: string[] }> = {
  '.': {
    source: 'lib/index.ts',
    values: [
      'Trace',
      'DistributedEntry',
      'Enrich',
      'SessionTracer',
      'enrichSession',
      'withSession',
      'tracerRegistry',
      'withSpan',
      'trace',
      'enrichSpan',
      'enrichSpanContext',
      'getBaggage',
      'withBaggage',
      'bindContext',
      'extractContextFromCarrier',
      'injectContextIntoCarrier',
      'withDistributedTraceContext',
      'SpanwisePropagator',
      'IdentitySpanProcessor',
      'sessionSampler',
      'keepErrors',
      'ExportPipeline',
      'HoneyHiveClient',
      'waitForEvents',
      'whereIs',
      'SpanwiseError',
    ],
    types: [
      'Decorator',
      'EntryOptions',
      'Payload',
      'TraceOptions',
      'Instrumentation',
      'SessionTracerConfig',
      'SessionTracerOptions',
      'SessionOptions',
      'SessionPayload',
      'OwnerSettings',
      'BaggageAllowList',
      'Identity',
      'IdentityDefaults',
      'IdentityKeys',
      'SpanOwner',
      'Trust',
      'WithSpanOptions',
      'FunctionTraceOptions',
      'SpanPayload',
      'PropagatorOptions',
      'SessionSamplerOptions',
      'KeepErrorsOptions',
      'AttributeMatch',
      'SamplingRule',
      'ReadableSpan',
      'Sampler',
      'SpanExporter',
      'SpanLimits',
      'SpanProcessor',
      'WritableSpan',
      'Redactor',
      'RedactOption',
      'RedactRules',
      'FlushResult',
      'PipelineOptions',
      'HoneyHiveClientOptions',
      'EventFilter',
      'HoneyHiveEvent',
      'JsonObject',
      'EventType',
      'DiagnosticCode',
    ],
  },
  './testing': {
    source: 'lib/testing/index.ts',
    values: ['recordSpans', 'spanMatchers'],
    types: [
      'ExpectedAttribute',
      'ExpectedAttributes',
      'MatcherResult',
      'RecordedSpan',
      'RecordOptions',
      'SpanMatchers',
      'SpanPattern',
      'SpanQuery',
      'SpanRecorder',
      'TreeOptions',
    ],
  },
  './nestjs': {
    source: 'lib/integrations/nestjs.ts',
    values: ['SpanwiseModule', 'SpanwiseLogger', 'tracedClient', 'logContext'],
    types: ['HttpEntryOptions', 'SpanwiseModuleOptions'],
  },
  './express': {
    source: 'lib/integrations/express.ts',
    values: ['spanwise'],
    types: ['HttpEntryOptions'],
  },
  './fastify': {
    source: 'lib/integrations/fastify.ts',
    values: ['spanwise'],
    types: ['HttpEntryOptions'],
  },
  './hono': {
    source: 'lib/integrations/hono.ts',
    values: ['spanwise'],
    types: ['HttpEntryOptions'],
  },
  './koa': {
    source: 'lib/integrations/koa.ts',
    values: ['spanwise'],
    types: ['HttpEntryOptions'],
  },
  './http': {
    source: 'lib/integrations/http.ts',
    values: ['MeshPropagator', 'instrumentClients', 'logContext'],
    types: ['ClientOptions'],
  },
  './register': { source: 'lib/integrations/register.ts', values: [], types: ['RegisterConfig'] },
  './lambda': {
    source: 'lib/integrations/lambda.ts',
    values: ['spanwise'],
    types: ['LambdaContext', 'LambdaOptions'],
  },
  './workers': {
    source: 'lib/integrations/workers.ts',
    values: ['carrierEnv', 'continueFromParent', 'continueMessages', 'withCarrier'],
    types: ['CarryOptions', 'ContinueOptions'],
  },
  './messaging': {
    source: 'lib/integrations/messaging.ts',
    values: ['jobOptions', 'messageAttributes', 'mqttOptions', 'sqsAttributes', 'withProducerSpan'],
    types: ['ProducerOptions'],
  },
  './viewer': {
    source: 'lib/viewer/index.ts',
    values: ['HoneyHiveClient', 'startViewer', 'waitForEvents', 'whereIs'],
    types: [
      'EventFilter',
      'HoneyHiveClientOptions',
      'HoneyHiveEvent',
      'JsonObject',
      'Viewer',
      'ViewerLimits',
      'ViewerOptions',
      'WaitOptions',
    ],
  },
};

// `spanwise/register` starts tracing by being loaded, for the whole process, which also runs tests after these.
let disabled: string | undefined;
beforeAll(() => {
  disabled = process.env['OTEL_SDK_DISABLED'];
  process.env['OTEL_SDK_DISABLED'] = 'true';
});
afterAll(() => {
  if (disabled === undefined) delete process.env['OTEL_SDK_DISABLED'];
  else process.env['OTEL_SDK_DISABLED'] = disabled;
});

describe.each(Object.entries(SURFACE))('the surface of spanwise %s', (_entry, { source, values, types }) => {
  const named = exportedNames(source, readFileSync(source, 'utf8'));

  it('exports these values', async () => {
    expect([...named.values].sort()).toEqual([...values].sort());
    const loaded = (await import(path.resolve(source))) as object;
    expect(Object.keys(loaded).sort()).toEqual([...values].sort());
  });

  it('exports these types', () => {
    expect([...named.types].sort()).toEqual([...types].sort());
  });
});

describe('the list', () => {
  it('covers every entry of package.json', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: object };
    const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
    expect(Object.keys(SURFACE).sort()).toEqual(entries.sort());
  });
});
