/** Whether a span stays as cheap as it was: deep down, among many sessions, after a million. */
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { SessionTracer, Trace } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { decorated, handWritten, noop, stamping, stockProvider, work } from '../raw.mjs';

export const flags = ['--expose-gc'];

const SESSIONS = 10_000;

export async function run(settings) {
  const { provider } = SessionTracer.init({ testMode: true, global: false, spanProcessors: [noop] });
  const tracer = provider.getTracer('bench');
  // It writes the session on its spans too: without looking for it, it would not matter how many there are.
  const raw = handWritten((await stockProvider([stamping])).getTracer('bench'));
  const traced = decorated('sync', Trace('op'));

  const nested = (depth) => {
    let inside = ROOT_CONTEXT;
    for (let at = 0; at < depth; at++) inside = trace.setSpan(inside, tracer.startSpan('above', {}, inside));
    return (loop) => context.with(inside, loop);
  };
  const sessions = Array.from({ length: SESSIONS }, (_, at) =>
    propagation.setBaggage(
      ROOT_CONTEXT,
      propagation.createBaggage({
        session_id: { value: `session-${at}` },
        project: { value: 'shop' },
        source: { value: 'web' },
      }),
    ),
  );
  const among = (call, count) => (i) => context.with(sessions[i % count], call, undefined, i);
  const rawCall = (i) => raw.sync(work.sync, i);
  const samples = await interleave(
    {
      bare: { fn: work.sync },
      'ours depth 1': { fn: traced, around: nested(1) },
      'ours depth 100': { fn: traced, around: nested(100) },
      'ours 1 session': { fn: among(traced, 1) },
      'ours 10000 sessions': { fn: among(traced, SESSIONS) },
      'raw 1 session': { fn: among(rawCall, 1) },
      'raw 10000 sessions': { fn: among(rawCall, SESSIONS) },
    },
    settings,
  );

  const heap = () => {
    globalThis.gc();
    globalThis.gc();
    return process.memoryUsage().heapUsed;
  };
  const spans = async (count) => {
    for (let at = 0; at < count; at++) {
      traced(at);
      // Lets finalisers and weak references have their turn.
      if (at % 20_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return heap();
  };
  const early = await spans(100_000);
  const late = await spans(900_000);
  return {
    samples: { ...samples, 'heap bytes': [early, late] },
    results: {
      depth: ratio(samples, 'ours depth 100', 'ours depth 1', 'bare'),
      sessions:
        ratio(samples, 'ours 10000 sessions', 'ours 1 session') /
        ratio(samples, 'raw 10000 sessions', 'raw 1 session'),
      leak: late / early,
    },
  };
}
