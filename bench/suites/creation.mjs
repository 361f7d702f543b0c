/** A traced call on our engine: sampled, and below an unsampled parent. */
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { SessionTracer, Trace } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { decorated, handWritten, noop, stockProvider, work } from '../raw.mjs';

export async function run(settings, engine = 'spanwise') {
  SessionTracer.init({ engine, testMode: true, global: false, spanProcessors: [noop] });
  const raw = handWritten((await stockProvider()).getTracer('bench'));
  const unsampled = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    traceFlags: 0,
    isRemote: true,
  });
  const traced = { sync: decorated('sync', Trace('op')), async: decorated('async', Trace('op')) };
  const samples = await interleave(
    {
      'bare sync': { fn: work.sync },
      'raw sync': { fn: (i) => raw.sync(work.sync, i) },
      'ours sync': { fn: traced.sync },
      'ours unsampled': { fn: traced.sync, around: (loop) => context.with(unsampled, loop) },
      'bare async': { fn: work.async, async: true },
      'raw async': { fn: (i) => raw.async(work.async, i), async: true },
      'ours async': { fn: traced.async, async: true },
    },
    settings,
  );
  return {
    samples,
    results: {
      sync: ratio(samples, 'ours sync', 'raw sync', 'bare sync'),
      async: ratio(samples, 'ours async', 'raw async', 'bare async'),
      unsampled: ratio(samples, 'ours unsampled', 'raw sync', 'bare sync'),
    },
  };
}
