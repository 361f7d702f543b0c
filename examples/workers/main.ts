/**
 * Threads and processes: an order is priced in a worker thread and shipped by a child process. `withCarrier` and
 * `carrierEnv` send trace and session along, `continueMessages` and `continueFromParent` go on with them, so that what
 * three programs record is one trace of one session.
 *
 * ```text
 * the program
 *   order [tool] session=s-1
 *   noted 42 [tool] session=s-1 (parent is remote)
 * its thread
 *   price tea [tool] session=s-1 (parent is remote)
 * its child process
 *   ship [tool] session=s-1 (parent is remote)
 * one trace: yes
 * ```
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { SessionTracer, withSession, withSpan } from 'spanwise';
import { recordSpans } from 'spanwise/testing';
import { carrierEnv, continueFromParent, continueMessages, withCarrier } from 'spanwise/workers';

const self = fileURLToPath(import.meta.url);
const spans = recordSpans();
// Each has a tracer of its own; sessions are those of whoever the work is for.
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

/** What a program tells of itself when it has finished. */
interface Record {
  tree: string;
  traceIds: string[];
}
const recorded = (): Record => ({
  tree: spans.tree(),
  traceIds: spans.spans.map((span) => span.spanContext().traceId),
});

/** The worker thread: one message, one answer. */
function price(port: NonNullable<typeof parentPort>): void {
  port.once(
    'message',
    continueMessages(({ item }: { item: string }) => {
      withSpan(`price ${item}`, () => port.postMessage(withCarrier({ price: 42 })));
      port.postMessage(recorded());
    }),
  );
}

/** The child process: its work is what it was started for. */
function ship(): void {
  continueFromParent(() => withSpan('ship', () => undefined));
  process.send?.(recorded());
  process.disconnect();
}

/** The program that starts the two. */
async function order(): Promise<void> {
  const [thread, child] = await withSession('s-1', () =>
    withSpan('order', async () => {
      const worker = new Worker(self);
      const priced = new Promise((resolve) => {
        worker.once(
          'message',
          continueMessages((answer: { price: number }) => {
            withSpan(`noted ${answer.price}`, () => undefined);
            worker.once('message', resolve);
          }),
        );
      });
      worker.postMessage(withCarrier({ item: 'tea' }));
      const process_ = fork(self, { env: carrierEnv() });
      const [[shipped]] = await Promise.all([once(process_, 'message'), priced]);
      return [(await priced) as Record, shipped as Record] as const;
    }),
  );
  const own = recorded();
  for (const [where, { tree }] of Object.entries({
    'the program': own,
    'its thread': thread,
    'its child process': child,
  })) {
    console.log(`${where}\n${tree.replaceAll(/^/gm, '  ')}`);
  }
  const traces = new Set([own, thread, child].flatMap(({ traceIds }) => traceIds));
  console.log(`one trace: ${traces.size === 1 ? 'yes' : 'no'}`);
  await tracer.shutdown();
}

if (!isMainThread && parentPort !== null) price(parentPort);
else if (process.send !== undefined) ship();
else await order();
