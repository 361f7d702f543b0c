/** An application whose HTTP requests are traced, to see whether ours are. */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { ExportPipeline } from '../../../lib/export/pipeline.js';
import { makeSpan } from '../make-span.js';

const { URL: url = '' } = process.env;
const memory = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(provider);
const instrumentation = new HttpInstrumentation();
instrumentation.setTracerProvider(provider);
// The instrumentation patches what is required after it, also for who has the module already.
const http = require('http') as typeof import('node:http');

async function main(): Promise<void> {
  const pipeline = new ExportPipeline({ url, scheduledDelayMs: 1 });
  const span = provider.getTracer('t').startSpan('request');
  await context.with(trace.setSpan(context.active(), span), async () => {
    pipeline.onEnd(makeSpan());
    await pipeline.flush();
    pipeline.onEnd(makeSpan());
    await pipeline.flush();
  });
  const ours = memory.getFinishedSpans().length;
  await new Promise((resolve) => http.get(url, (response) => response.resume().on('end', resolve)));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const all = memory.getFinishedSpans().length;
  console.log(JSON.stringify({ ours, all }));
}
void main();
