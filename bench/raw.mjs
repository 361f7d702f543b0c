/**
 * Hand-written OpenTelemetry, of the line that is installed: the unit of the table.
 */
import { propagation, SpanStatusCode } from '@opentelemetry/api';

/** The SDK of the line: its names differ between 2.x and 3.x, what is used of them does not. */
export async function loadSdk() {
  try {
    const node = await import('@opentelemetry/sdk-trace-node');
    return { Provider: node.NodeTracerProvider, AlwaysOnSampler: node.AlwaysOnSampler };
  } catch {
    const sdk = await import('@opentelemetry/sdk-trace');
    return { Provider: sdk.TracerProvider, AlwaysOnSampler: sdk.AlwaysOnSampler };
  }
}

/** A processor that does nothing. */
export const noop = {
  onStart() {},
  onEnd() {},
  forceFlush: async () => {},
  shutdown: async () => {},
};

const KEYS = ['session_id', 'project', 'source'];

/** The processor that one writes by hand to have the session, project and source of the baggage on every span. */
export const stamping = {
  ...noop,
  onStart(span, parent) {
    const baggage = propagation.getBaggage(parent);
    if (baggage === undefined) return;
    for (const key of KEYS) {
      const entry = baggage.getEntry(key);
      if (entry !== undefined) span.setAttribute(`honeyhive.${key}`, entry.value);
    }
  },
};

/** A stock provider with an AlwaysOn sampler. */
export async function stockProvider(spanProcessors = [noop]) {
  const { Provider, AlwaysOnSampler } = await loadSdk();
  return new Provider({ spanProcessors, sampler: new AlwaysOnSampler() });
}

/** A traced call as one writes it by hand, sync and async. */
export function handWritten(tracer, options) {
  return {
    sync(fn, x) {
      return tracer.startActiveSpan('op', options ?? {}, (span) => {
        try {
          return fn(x);
        } catch (error) {
          span.recordException(error);
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      });
    },
    async async(fn, x) {
      return tracer.startActiveSpan('op', options ?? {}, async (span) => {
        try {
          return await fn(x);
        } catch (error) {
          span.recordException(error);
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      });
    },
  };
}

let sink = 0;
/** The work that is traced: next to nothing, so that what is measured is the tracing. */
export const work = {
  sync(x) {
    sink += x;
    return x;
  },
  async async(x) {
    sink += x;
    return x;
  },
};

/**
 * A method with decorators, without the syntax that Node does not have. It is the work itself, as what raw calls is:
 * an `async` method around it would cost three more turns of the event loop and two promises of its own.
 */
export function decorated(kind, ...decorators) {
  class Service {}
  Object.defineProperty(Service.prototype, kind, { value: work[kind], writable: true, configurable: true });
  for (const decorate of decorators.reverse()) {
    const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, kind);
    Object.defineProperty(
      Service.prototype,
      kind,
      decorate(Service.prototype, kind, descriptor) ?? descriptor,
    );
  }
  const service = new Service();
  return kind === 'sync' ? (x) => service.sync(x) : (x) => service.async(x);
}
