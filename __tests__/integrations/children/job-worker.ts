/** Does jobs, as a worker thread, a child process or a worker of a cluster, and tells of every span it ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort } from 'node:worker_threads';
import { getBaggage, SessionTracer, withSpan, type ReadableSpan } from '../../../lib/index.js';
import { continueFromParent, continueMessages, withCarrier } from '../../../lib/integrations/workers.js';

const post = (message: unknown): void => {
  if (isMainThread) process.send?.(message as object);
  else parentPort?.postMessage(message);
};

SessionTracer.init({
  project: 'workers',
  source: 'worker',
  testMode: true,
  trust: process.env['TRUST'] as 'restart' | undefined,
  spanProcessors: [
    {
      onStart: () => undefined,
      onEnd: (span: ReadableSpan) =>
        post({
          ended: {
            name: span.name,
            traceId: span.spanContext().traceId,
            spanId: span.spanContext().spanId,
            parentId: span.parentSpanContext?.spanId,
            session: span.attributes['honeyhive.session_id'],
          },
        }),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    },
  ],
});

const onMessage = continueMessages(async (job: { id: number } | 'stop') => {
  if (job === 'stop') return isMainThread ? process.disconnect() : parentPort?.close();
  await withSpan(`job ${job.id}`, async () => {
    await delay(Math.random() * 20);
    post(withCarrier({ done: job.id, session: getBaggage('session_id') }));
  });
});
if (isMainThread) process.on('message', onMessage);
else parentPort?.on('message', onMessage);

void continueFromParent(async (data: unknown) => {
  await delay(1);
  withSpan('started', () => undefined);
  post({ ready: true, data });
});
