/** Sessions in a worker thread: an event loop, a tracer and an exporter of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { runSessions, type RunOptions } from './sessions.js';
import { startTracing } from './tracing.js';

const tracer = startTracing();
const results = await runSessions(workerData as RunOptions);
await tracer?.shutdown();
parentPort?.postMessage(results);
