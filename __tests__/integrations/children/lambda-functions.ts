/** Functions as one would deploy them to AWS Lambda. */
import { setTimeout as delay } from 'node:timers/promises';
import { getBaggage, SessionTracer, trace, withSpan } from '../../../lib/index.js';
import { spanwise } from '../../../lib/integrations/lambda.js';

SessionTracer.init({ project: 'lambda', source: 'function', skipBackendSessionCreation: true });

interface Event {
  id?: number;
  fail?: string;
}
const work = trace(async ({ id, fail }: Event) => {
  await delay(2);
  if (fail !== undefined) throw new RangeError(fail);
  return { id, session: getBaggage('session_id') ?? null };
}, 'work');

/** Traced, but nothing delivers before the process is frozen. */
export const bare = work;

export const wrapped = spanwise(work);

export const callback = spanwise(
  (event: Event, _context: object, done: (error: unknown, result?: unknown) => void) => {
    void work(event).then(
      (result) => done(null, result),
      (error) => done(error),
    );
  },
);

declare const awslambda: { streamifyResponse<F>(handler: F): F };
const stream = async (event: Event, out: NodeJS.WritableStream, _context: object): Promise<void> => {
  for (const word of ['a', 'b', String(event.id)]) {
    await withSpan(`word ${word}`, () => delay(2));
    out.write(word);
  }
  out.end();
};
export const streamed = awslambda.streamifyResponse(spanwise(stream));
export const streamedInside = spanwise(awslambda.streamifyResponse(stream));
