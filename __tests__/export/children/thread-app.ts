/** A program whose worker thread makes the spans and ends before it does. */
import { isMainThread, Worker } from 'node:worker_threads';
import { ExportPipeline } from '../../../lib/export/pipeline.js';
import { makeSpan } from '../make-span.js';

if (isMainThread) {
  const worker = new Worker(__filename);
  worker.on('error', () => {});
  worker.on('exit', () => console.log('main goes on'));
} else {
  const pipeline = new ExportPipeline({ url: process.env['URL'] ?? '', scheduledDelayMs: 60_000 });
  for (let i = 0; i < 100; i++) pipeline.onEnd(makeSpan());
  if (process.env['HOW'] === 'process.exit') process.exit(0);
  if (process.env['HOW'] === 'uncaught error') throw new Error('in the thread');
}
