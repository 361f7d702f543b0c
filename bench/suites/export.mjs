/**
 * What sending spans costs the main thread, beside OpenTelemetry's batch processor and protobuf exporter, and for how
 * long it holds the event loop up. The cases take turns in one process, by the CPU time of its main thread, and what
 * making the spans costs is measured in the same way and subtracted.
 */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { median } from '../measure.mjs';

const run_ = promisify(execFile);
const folder = path.join(import.meta.dirname, '../export-load');

const CASES = ['raw nothing', 'raw', 'ours nothing', 'ours'];
const LOADS = [
  { rate: 5_000, windowMs: 1_000, pauseMs: 10 },
  { rate: 20_000, windowMs: 600, pauseMs: 10 },
];
const FAST = { rate: 50_000, windowMs: 1_000, pauseMs: 1, delays: true, cases: ['ours nothing', 'ours'] };

async function measure(load) {
  const { stdout } = await run_(
    process.execPath,
    ['--no-warnings', '--expose-gc', path.join(folder, 'load.mjs'), JSON.stringify(load)],
    { timeout: 120_000 },
  );
  return JSON.parse(stdout);
}

export async function run({ turns = 8, short = false }) {
  const sink = fork(path.join(folder, 'sink.mjs'), { execArgv: [] });
  const [{ port }] = await once(sink, 'message');
  const samples = {};
  const results = {};
  try {
    for (const load of short ? LOADS.slice(1) : LOADS) {
      const found = await measure({ ...load, port, turns, cases: CASES });
      for (const name of CASES) samples[`${name} ${load.rate}/s, µs`] = found[name].map(({ each }) => each);
      const lost = found.ours.some(({ sent }) => sent < 1);
      if (lost || median(found.raw.map(({ sent }) => sent)) < 0.5) throw new Error('spans were not sent');
      // Spans that a full queue dropped were not paid for.
      const beyond = (who, at) =>
        (found[who][at].each - found[`${who} nothing`][at].each) / Math.min(1, found[who][at].sent);
      const ratios = found.ours.map((_, at) => beyond('ours', at) / beyond('raw', at));
      results[`main thread ${load.rate}`] = median(ratios);
    }
    if (short) return { samples, unit: '', results };
    const found = await measure({ ...FAST, port, turns: turns + 4 });
    const middle = (name, what) => median(found[name].map((each) => each[what]));
    const delays = found.ours.map(({ busyP99 }, at) => busyP99 - found['ours nothing'][at].busyP99);
    results.delay = median(delays);
    samples['busy without export, p99, ms'] = [middle('ours nothing', 'busyP99')];
    samples['busy with export, p99, ms'] = [middle('ours', 'busyP99')];
    samples['event-loop delay without export, p99, ms'] = [middle('ours nothing', 'delayP99')];
    samples['event-loop delay with export, p99, ms'] = [middle('ours', 'delayP99')];
  } finally {
    sink.disconnect();
  }
  return { samples, unit: '', results };
}
