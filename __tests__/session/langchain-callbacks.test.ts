import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag, trace } from '@opentelemetry/api';
import { collectDiagnostics, startTracer, shutdownAll } from '../support/harness.js';

// What it prevents is shown with the real LangGraph in examples/agents.

const BACKGROUND = 'LANGCHAIN_CALLBACKS_BACKGROUND';
const SCOPE = '@arizeai/openinference-instrumentation-langchain';
let warnings: string[];
let before: string | undefined;
beforeEach(() => {
  before = process.env[BACKGROUND];
  delete process.env[BACKGROUND];
  warnings = collectDiagnostics();
});
afterEach(async () => {
  if (before === undefined) delete process.env[BACKGROUND];
  else process.env[BACKGROUND] = before;
  await shutdownAll();
  diag.disable();
});

/** An instrumentation that takes its tracer as OpenTelemetry's do. */
const instrumentation = (instrumentationName: string) => ({
  instrumentationName,
  setTracerProvider: () => undefined,
  enable: () => undefined,
});

describe("LangChain's callbacks are awaited, each in the context of its run,", () => {
  it('as soon as its instrumentation is passed to init', () => {
    startTracer({ instrumentations: [instrumentation(SCOPE)] });
    expect(process.env[BACKGROUND]).toBe('false');
    expect(warnings.join()).not.toContain('SPW_CALLBACKS');
  });

  it('as soon as its instrumentation asks for a tracer', async () => {
    startTracer();
    const tracer = trace.getTracer('@traceloop/instrumentation-langchain');
    expect(process.env[BACKGROUND]).toBe('false');
    await Promise.resolve();
    tracer.startSpan('a run').end();
    expect(warnings.join()).not.toContain('SPW_CALLBACKS');
  });

  it('which is told to nobody who does not use it', () => {
    startTracer({ instrumentations: [instrumentation('@opentelemetry/instrumentation-http')] });
    trace.getTracer('@arizeai/openinference-instrumentation-openai').startSpan('a call').end();
    expect(process.env[BACKGROUND]).toBeUndefined();
  });
});

describe('it is said loudly that sessions mix', () => {
  it('if someone wants the callbacks in the background', () => {
    process.env[BACKGROUND] = 'true';
    startTracer({ instrumentations: [instrumentation(SCOPE)] });
    expect(process.env[BACKGROUND]).toBe('true');
    expect(warnings.join()).toContain(`SPW_CALLBACKS] ${SCOPE} makes its spans in callbacks`);
  });

  it('if the tracer was asked for by a span of a run that had begun', () => {
    startTracer();
    trace.getTracer(SCOPE).startSpan('a run').end();
    expect(process.env[BACKGROUND]).toBe('false');
    expect(warnings.join()).toContain('SPW_CALLBACKS');
    expect(warnings.join()).toContain('after runs of LangChain had begun');
  });
});
