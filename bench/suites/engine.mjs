/** The engine alone, written by hand in the same way as raw. */
import { SessionTracer } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { handWritten, noop, stockProvider, work } from '../raw.mjs';

export async function run(settings) {
  const tracer = SessionTracer.init({
    engine: 'spanwise',
    testMode: true,
    global: false,
    spanProcessors: [noop],
  });
  const raw = handWritten((await stockProvider()).getTracer('bench'));
  const ours = handWritten(tracer.provider.getTracer('bench'));
  const samples = await interleave(
    {
      'bare sync': { fn: work.sync },
      'raw sync': { fn: (i) => raw.sync(work.sync, i) },
      'ours sync': { fn: (i) => ours.sync(work.sync, i) },
      'bare async': { fn: work.async, async: true },
      'raw async': { fn: (i) => raw.async(work.async, i), async: true },
      'ours async': { fn: (i) => ours.async(work.async, i), async: true },
    },
    settings,
  );
  return {
    samples,
    results: {
      sync: ratio(samples, 'ours sync', 'raw sync', 'bare sync'),
      async: ratio(samples, 'ours async', 'raw async', 'bare async'),
    },
  };
}
