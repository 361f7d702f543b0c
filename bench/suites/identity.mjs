/** A traced call with three baggage keys that become attributes, and two attributes of its own. */
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { SessionTracer, Trace } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { decorated, handWritten, noop, stamping, stockProvider, work } from '../raw.mjs';

export async function run(settings) {
  SessionTracer.init({ testMode: true, global: false, spanProcessors: [noop] });
  const attributes = { 'app.tier': 'gold', 'app.items': 3 };
  const raw = handWritten((await stockProvider([stamping])).getTracer('bench'), { attributes });
  const baggage = propagation.createBaggage({
    session_id: { value: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' },
    project: { value: 'shop' },
    source: { value: 'agent-server' },
  });
  const inside = propagation.setBaggage(ROOT_CONTEXT, baggage);
  const around = (loop) => context.with(inside, loop);
  const options = { name: 'op', attributes };
  const samples = await interleave(
    {
      'bare sync': { fn: work.sync, around },
      'raw sync': { fn: (i) => raw.sync(work.sync, i), around },
      'ours sync': { fn: decorated('sync', Trace(options)), around },
      'bare async': { fn: work.async, async: true, around },
      'raw async': { fn: (i) => raw.async(work.async, i), async: true, around },
      'ours async': { fn: decorated('async', Trace(options)), async: true, around },
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
