/** A traced call on a provider that the user brings. */
import { SessionTracer, Trace } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { decorated, handWritten, stockProvider, work } from '../raw.mjs';

export async function run(settings) {
  const provider = await stockProvider();
  SessionTracer.init({ provider, testMode: true, global: false });
  const raw = handWritten(provider.getTracer('bench'));
  const samples = await interleave(
    {
      'bare sync': { fn: work.sync },
      'raw sync': { fn: (i) => raw.sync(work.sync, i) },
      'ours sync': { fn: decorated('sync', Trace('op')) },
      'bare async': { fn: work.async, async: true },
      'raw async': { fn: (i) => raw.async(work.async, i), async: true },
      'ours async': { fn: decorated('async', Trace('op')), async: true },
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
