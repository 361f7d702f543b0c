/**
 * The peers as they are published: each entry sets itself up with nothing exported, and gives a sync and/or an async
 * traced call.
 */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { noop, work } from '../raw.mjs';

const require = createRequire(import.meta.url);

/** A method with a legacy decorator, without the syntax that Node does not have. */
function legacy(decorator) {
  const make = (kind) => {
    class Service {
      sync(x) {
        return work.sync(x);
      }
      async async(x) {
        return work.async(x);
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, kind);
    Object.defineProperty(
      Service.prototype,
      kind,
      decorator(Service.prototype, kind, descriptor) ?? descriptor,
    );
    const service = new Service();
    return (x) => service[kind](x);
  };
  return { sync: make('sync'), async: make('async') };
}

/**
 * name → set-up, told whether to record arguments and results; a stock provider is registered globally already, but for
 * those that bring their own.
 */
export const PEERS = {
  'dd-trace': async () => {
    process.env.DD_INSTRUMENTATION_TELEMETRY_ENABLED = 'false';
    process.env.DD_REMOTE_CONFIGURATION_ENABLED = 'false';
    const tracer = require('dd-trace');
    tracer.init({ startupLogs: false, plugins: false, flushInterval: 3_600_000 });
    const processor = tracer._tracer?._processor;
    if (typeof processor?.process !== 'function') throw new Error('its processor was not found');
    // Like the no-op processor that raw has: without it every trace is formatted and encoded.
    processor.process = () => {};
    return { sync: tracer.wrap('op', work.sync), async: tracer.wrap('op', work.async) };
  },
  'nestjs-otel': async () => {
    require('reflect-metadata');
    return legacy(require('nestjs-otel').Span('op'));
  },
  autotel: async () => {
    const { Trace } = await import('autotel/decorators');
    class Service {
      async async(x) {
        return work.async(x);
      }
    }
    const context = { kind: 'method', name: 'async', static: false, private: false, addInitializer() {} };
    const service = new Service();
    service.traced = Trace('op')(Service.prototype.async, context);
    return { async: (x) => service.traced(x) };
  },
  '@arizeai/openinference-core': async (capture) => {
    process.env.OPENINFERENCE_HIDE_INPUTS = String(!capture);
    process.env.OPENINFERENCE_HIDE_OUTPUTS = String(!capture);
    const { withSpan } = await import('@arizeai/openinference-core');
    return { sync: withSpan(work.sync, { name: 'op' }), async: withSpan(work.async, { name: 'op' }) };
  },
  '@langfuse/tracing': async (capture) => {
    const { observe } = await import('@langfuse/tracing');
    const options = { name: 'op', captureInput: capture, captureOutput: capture };
    return { sync: observe(work.sync, options), async: observe(work.async, options) };
  },
  '@traceloop/node-server-sdk': async (capture) => {
    process.env.TRACELOOP_TELEMETRY = 'false';
    const traceloop = require('@traceloop/node-server-sdk');
    traceloop.initialize({
      appName: 'bench',
      apiKey: 'bench',
      baseUrl: 'http://127.0.0.1:9',
      silenceInitializationMessage: true,
      traceContent: capture,
      processor: noop,
    });
    return { async: (x) => traceloop.withTask({ name: 'op', traceContent: capture }, work.async, x) };
  },
  logfire: async (capture) => {
    const { instrument } = await import('logfire');
    const options = { spanName: 'op', message: 'op', extractArgs: capture, recordReturn: capture };
    return { sync: instrument(work.sync, options), async: instrument(work.async, options) };
  },
  effect: async () => {
    const { Effect, Layer, ManagedRuntime } = await import('effect');
    const { OtelTracer, Resource } = await import('@effect/opentelemetry');
    const resource = Resource.layer({ serviceName: 'bench' });
    const runtime = ManagedRuntime.make(Layer.provide(OtelTracer.layerGlobal, resource));
    const traced = (x) =>
      Effect.withSpan(
        Effect.sync(() => work.sync(x)),
        'op',
      );
    return { async: (x) => runtime.runPromise(traced(x)) };
  },
  '@amplication/opentelemetry-nestjs': async () => {
    require('reflect-metadata');
    // Its entry wants the instrumentation of everything; what wraps a method does not.
    const folder = path.dirname(require.resolve('@amplication/opentelemetry-nestjs/package.json'));
    const { TraceWrapper } = require(path.join(folder, 'dist/trace/trace-wrapper.js'));
    return legacy((prototype, kind, descriptor) => ({
      ...descriptor,
      value: TraceWrapper.wrap(descriptor.value, 'op'),
    }));
  },
  langsmith: async (capture) => {
    process.env.LANGSMITH_TRACING = 'true';
    process.env.LANGSMITH_HIDE_INPUTS = String(!capture);
    process.env.LANGSMITH_HIDE_OUTPUTS = String(!capture);
    const { traceable } = await import('langsmith/traceable');
    const client = { createRun: async () => {}, updateRun: async () => {} };
    return { async: traceable(work.async, { name: 'op', client, tracingEnabled: true }) };
  },
  '@sentry/node': async () => {
    const Sentry = await import('@sentry/node');
    const sent = async () => ({});
    Sentry.init({
      dsn: 'http://public@127.0.0.1:9/1',
      tracesSampleRate: 1,
      defaultIntegrations: false,
      transport: () => ({ send: sent, flush: async () => true }),
      skipOpenTelemetrySetup: false,
    });
    return {
      sync: (x) => Sentry.startSpan({ name: 'op' }, () => work.sync(x)),
      async: (x) => Sentry.startSpan({ name: 'op' }, () => work.async(x)),
    };
  },
  honeyhive: async () => {
    process.env.HONEYHIVE_TELEMETRY = 'false';
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ session_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' }));
      });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    const { HoneyHiveTracer } = require('honeyhive');
    const tracer = await HoneyHiveTracer.init({
      apiKey: 'bench',
      project: 'bench',
      sessionName: 'bench',
      serverUrl: `http://127.0.0.1:${server.address().port}`,
    });
    const traced = tracer.traceFunction({ eventType: 'tool', eventName: 'op' })(work.async);
    return { async: traced };
  },
};

/** Which peers bring a provider of their own, so that none is registered before them. */
export const OWN_PROVIDER = new Set([
  'dd-trace',
  'langsmith',
  '@sentry/node',
  'honeyhive',
  '@traceloop/node-server-sdk',
]);

/** Which peers can record arguments and results, or not. */
export const CAPTURING = new Set([
  '@arizeai/openinference-core',
  '@langfuse/tracing',
  '@traceloop/node-server-sdk',
  'langsmith',
  'logfire',
]);
