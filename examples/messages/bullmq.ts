/**
 * BullMQ: headers are kept in the options of the job, beside its data. A job that is tried again has a span for each try,
 * all in the trace of whoever added it.
 *
 * ```text
 * sign up [tool] session=s-1
 * └─ send mails [tool] PRODUCER
 *    ├─ Mailer.send [tool] CONSUMER ERROR: try again
 *    └─ Mailer.send [tool] CONSUMER
 * ```
 */
import { Queue, Worker, type Job } from 'bullmq';
import { DistributedEntry, SessionTracer, withSession, withSpan } from 'spanwise';
import { jobOptions, messageAttributes, withProducerSpan } from 'spanwise/messaging';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Mailer {
  @DistributedEntry({ attributes: messageAttributes })
  async send(job: Job<{ to: string }>): Promise<void> {
    if (job.attemptsMade === 0) throw new Error('try again');
  }
}

const { hostname: host, port } = new URL(process.env['BROKER_URL'] ?? 'redis://127.0.0.1:6379');
const connection = { host, port: Number(port) };
const queue = new Queue('mails', { connection });
const mailer = new Mailer();
const worker = new Worker('mails', (job) => mailer.send(job), { connection });
const handled = new Promise((resolve) => worker.once('completed', resolve));

await withSession('s-1', () =>
  withSpan('sign up', () =>
    withProducerSpan({ system: 'bullmq', destination: 'mails' }, (headers) =>
      queue.add('welcome', { to: 'a@example.com' }, { attempts: 2, ...jobOptions(headers) }),
    ),
  ),
);
await handled;
await worker.close();
await queue.close();
await tracer.shutdown();
console.log(spans.tree());
