/** An application under load: ends spans at a rate, or as fast as it may, and says over IPC what became of them. */
import { ExportPipeline } from '../../../lib/export/pipeline.js';
import { makeSpan } from '../make-span.js';

const { URL: url = '', RATE = '200', OPTIONS = '{}' } = process.env;
const pipeline = new ExportPipeline({ url, ...JSON.parse(OPTIONS) });
let made = 0;
let peak = 0;
let base = 0;

function memory(): { heap: number; rss: number } {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

let timer: NodeJS.Timeout | undefined;

async function bulk(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    pipeline.onEnd(makeSpan('bulk'));
    // At a pace that any backend keeps up with, so that the queue is no part of the measurement.
    if (i % 500 === 499) await pipeline.flush({ timeoutMs: 30_000 });
  }
  made += count;
}

process.on('message', (command: { do: string; count?: number; timeoutMs?: number }) => {
  void (async () => {
    if (command.do === 'start') {
      base = memory().rss;
      const started = performance.now();
      timer = setInterval(() => {
        const due = ((performance.now() - started) / 1000) * Number(RATE);
        for (; made < due; made++) pipeline.onEnd(makeSpan('load'));
        peak = Math.max(peak, process.memoryUsage().rss);
      }, 5);
      process.send?.({ started: true });
    }
    if (command.do === 'stop') {
      clearInterval(timer);
      const result = await pipeline.flush({ timeoutMs: command.timeoutMs ?? 60_000 });
      process.send?.({ made, result, grown: peak - base });
    }
    if (command.do === 'bulk') {
      await bulk(command.count ?? 0);
      process.send?.({ made, ...memory() });
    }
    if (command.do === 'spans') {
      for (let i = 0; i < (command.count ?? 0); i++) pipeline.onEnd(makeSpan('one'));
      process.send?.({ done: true });
    }
  })();
});
process.on('disconnect', () => process.exit(0));
process.send?.({ up: true });
