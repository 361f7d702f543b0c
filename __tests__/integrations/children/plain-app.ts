/** An application that does a little work and ends; it knows OpenTelemetry's API only. */
import { isMainThread, Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { trace } from '@opentelemetry/api';

const work = trace.getTracer('app').startSpan(isMainThread ? 'work' : 'work of a thread');

console.log(`started ${work.isRecording()}`);
work.end();
if (isMainThread && process.env['THREAD'] !== undefined) new Worker(fileURLToPath(import.meta.url));
if (process.env['STAY'] !== undefined) setInterval(() => undefined, 1_000);
