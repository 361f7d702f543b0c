/** What a span weighs that has ended and waits for its export. Needs --expose-gc. */
import { context, trace } from '@opentelemetry/api';
import { SessionTracer } from 'spanwise';
import { median } from '../measure.mjs';
import { noop, stockProvider } from '../raw.mjs';

export const flags = ['--expose-gc'];

const SPANS = 50_000;

function weigh(tracer, queue) {
  const attributes = (at) => ({ 'app.tier': 'gold', 'app.item': at });
  const fill = (count) => {
    // One trace per ten spans, as a request makes them.
    for (let at = 0; at < count; at += 10) {
      const root = tracer.startSpan('request', { attributes: attributes(at) });
      const inside = trace.setSpan(context.active(), root);
      for (let child = 1; child < 10; child++) {
        tracer.startSpan('step', { attributes: attributes(at + child) }, inside).end();
      }
      root.end();
    }
  };
  fill(2_000);
  queue.length = 0;
  globalThis.gc();
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  fill(SPANS);
  globalThis.gc();
  globalThis.gc();
  const weight = (process.memoryUsage().heapUsed - before) / SPANS;
  if (queue.length !== SPANS) throw new Error(`queued ${queue.length} of ${SPANS} spans`);
  queue.length = 0;
  return weight;
}

export async function run() {
  const queue = [];
  // As the batch processors do: they look at the sampled flag before they keep a span.
  const queueing = {
    ...noop,
    onEnd(span) {
      if ((span.spanContext().traceFlags & 1) !== 0) queue.push(span);
    },
  };
  const { provider } = SessionTracer.init({ testMode: true, global: false, spanProcessors: [queueing] });
  const ours = provider.getTracer('bench');
  ours.startSpan('probe').end();
  const identity = Object.entries(queue.pop().attributes);
  // The SDK's span gets the same identity as ours, so that both weigh the same attributes.
  const stamping = {
    ...noop,
    onStart(span) {
      for (const [key, value] of identity) span.setAttribute(key, value);
    },
  };
  const raw = (await stockProvider([stamping, queueing])).getTracer('bench');
  const weights = { raw: [], ours: [] };
  for (let round = 0; round < 3; round++) {
    weights.raw.push(weigh(raw, queue));
    weights.ours.push(weigh(ours, queue));
  }
  return {
    samples: weights,
    unit: 'bytes',
    results: { 'per span': median(weights.ours) / median(weights.raw) },
  };
}
