/** Prints which functions the first calls of a process are the first to call. */
import { Session, type Profiler } from 'node:inspector';
import { extractContextFromCarrier, SessionTracer, trace } from '../../../lib/index.js';

const session = new Session();
session.connect();

function ask<T>(method: string, params: object = {}): T {
  let answer: unknown;
  session.post(method, params, (error, result) => {
    if (error !== null) throw error;
    answer = result;
  });
  return answer as T;
}

/** The functions of this file that were called since the last time. */
function called(): Set<string> {
  const { result } = ask<Profiler.TakePreciseCoverageReturnType>('Profiler.takePreciseCoverage');
  const names = new Set<string>();
  for (const script of result) {
    if (!script.url.includes('first-call')) continue;
    for (const { functionName, ranges } of script.functions) {
      if ((ranges[0]?.count ?? 0) > 0)
        names.add(`${functionName || '(anonymous)'}@${ranges[0]!.startOffset}`);
    }
  }
  return names;
}

ask('Profiler.enable');
ask('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
SessionTracer.init({ project: 'first', testMode: process.argv[2] === 'test-mode' });
const rank = trace((query: { text: string }) => query.text.length, { inputs: true, outputs: true });
const headers = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  baggage: 'session_id=s',
};
const before = called();
extractContextFromCarrier(headers);
const entering = [...called()].filter((name) => !before.has(name));
for (const name of entering) before.add(name);
rank({ text: 'tea' });
const tracing = [...called()].filter((name) => !before.has(name));
process.stdout.write(JSON.stringify({ before: before.size, entering, tracing }));
process.exit(0);
