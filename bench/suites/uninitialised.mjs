/** A decorated method in a process where `init` was never called. */
import { Trace } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { decorated, handWritten, stockProvider, work } from '../raw.mjs';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';

export async function run(settings) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const raw = handWritten((await stockProvider()).getTracer('bench'));
  const samples = await interleave(
    {
      'bare sync': { fn: work.sync },
      'raw sync': { fn: (i) => raw.sync(work.sync, i) },
      'ours sync': { fn: decorated('sync', Trace('op')) },
    },
    settings,
  );
  return { samples, results: { call: ratio(samples, 'ours sync', 'raw sync', 'bare sync') } };
}
