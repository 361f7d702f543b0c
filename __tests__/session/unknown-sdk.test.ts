import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag, trace, type TracerProvider } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { SessionTracer } from '../../lib/session/session-tracer.js';
import { collectDiagnostics } from '../support/diagnostics.js';

class VendorProvider implements TracerProvider {
  getTracer = () => ({ startSpan: () => trace.wrapSpanContext({} as never), startActiveSpan() {} }) as never;
}
/** As the 1.x line has it, whose spans have another shape. */
class OldProvider {
  getTracer = () =>
    ({ instrumentationLibrary: { name: 'x' }, startSpan() {}, startActiveSpan() {} }) as never;
}
class Throwing {
  getTracer = () => {
    throw new Error('no tracer for you');
  };
}

let said: string[];
const unknown = () => said.filter((line) => line.includes('[SPW_SDK]'));
let tracer: SessionTracer | undefined;
beforeEach(() => {
  said = collectDiagnostics();
  trace.disable();
});
afterEach(async () => {
  await tracer?.shutdown();
  trace.disable();
  diag.disable();
});

describe('a tracer provider that someone registered globally', () => {
  it.each([
    ['of a vendor', new VendorProvider(), /VendorProvider.*IdentitySpanProcessor/],
    ["of OpenTelemetry's 1.x line", new OldProvider(), /OldProvider.*1\.x.*sdk-trace-node@2/],
    ['that throws', new Throwing(), /Throwing/],
  ])('%s is reported with what to do', (_, provider, message) => {
    trace.setGlobalTracerProvider(provider as TracerProvider);
    tracer = SessionTracer.init({ testMode: true });
    expect(unknown()).toEqual([expect.stringMatching(message)]);
  });

  it('is reported also where the place is left to it', () => {
    trace.setGlobalTracerProvider(new VendorProvider());
    tracer = SessionTracer.init({ testMode: true, global: false });
    expect(unknown()).toHaveLength(1);
  });

  it("of OpenTelemetry's SDK is not", () => {
    trace.setGlobalTracerProvider(new BasicTracerProvider());
    tracer = SessionTracer.init({ testMode: true });
    expect(unknown()).toEqual([]);
  });

  it('is not asked for where there is none, or it is ours', async () => {
    tracer = SessionTracer.init({ testMode: true });
    const second = SessionTracer.init({ testMode: true, name: 'second' });
    await second.shutdown();
    expect(unknown()).toEqual([]);
  });

  it('of our own engine is not', async () => {
    const first = SessionTracer.init({ testMode: true, global: false, name: 'first' });
    trace.setGlobalTracerProvider(first.provider);
    tracer = SessionTracer.init({ testMode: true });
    await first.shutdown();
    expect(unknown()).toEqual([]);
  });
});

describe('a provider that is given to init', () => {
  it('is reported if its SDK is unknown, though it is used', () => {
    const provider = new VendorProvider();
    tracer = SessionTracer.init({ testMode: true, provider, global: false });
    expect(tracer.provider).toBe(provider);
    expect(unknown()).toEqual([expect.stringContaining('VendorProvider')]);
  });

  it("is not reported if it is OpenTelemetry's", () => {
    tracer = SessionTracer.init({ testMode: true, provider: new BasicTracerProvider(), global: false });
    expect(unknown()).toEqual([]);
  });
});
