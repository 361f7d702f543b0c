/**
 * What sending spans costs the main thread, beside OpenTelemetry's batch processor and protobuf exporter, and how long
 * the event loop is held up by it. Every case is a process of its own; making the spans is measured in the same way
 * and subtracted.
 */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { median } from '../measure.mjs';

const run_ = promisify(execFile);
const folder = path.join(import.meta.dirname, '../export-load');

async function measure(how, rate, seconds, port) {
  const { stdout } = await run_(
    process.execPath,
    ['--no-warnings', path.join(folder, 'load.mjs'), how, String(rate), String(seconds), String(port)],
    { timeout: 60_000 },
  );
  return JSON.parse(stdout);
}

const RATES = [5_000, 20_000];
const FAST = 50_000;
const CASES = ['raw nothing', 'raw', 'ours nothing', 'ours'];

export async function run({ seconds = 2, turns = 1 }) {
  const sink = fork(path.join(folder, 'sink.mjs'), { execArgv: [] });
  const [{ port }] = await once(sink, 'message');
  const samples = {};
  const results = {};
  const delays = [];
  const note = (name, value) => (samples[name] ??= []).push(value);
  try {
    for (const rate of RATES) {
      const ratios = [];
      for (let turn = 0; turn < turns; turn++) {
        const cost = {};
        for (let at = 0; at < CASES.length; at++) {
          const how = CASES[(at + turn) % CASES.length];
          const { made, cpuMicros, delivered } = await measure(how, rate, seconds, port);
          if (!how.endsWith('nothing') && delivered < made * 0.5) {
            throw new Error(`${how}: ${delivered} of ${made} spans were sent`);
          }
          // Spans that a full queue dropped were not paid for.
          cost[how] = { each: cpuMicros / made, sent: delivered / made };
          note(`${how} ${rate}/s`, cpuMicros / made);
        }
        const beyond = (who) => (cost[who].each - cost[`${who} nothing`].each) / cost[who].sent;
        ratios.push(beyond('ours') / beyond('raw'));
      }
      results[`main thread ${rate}`] = median(ratios);
    }
    for (let turn = 0; turn < turns; turn++) {
      const idle = await measure('ours nothing', FAST, seconds, port);
      const busy = await measure('ours', FAST, seconds, port);
      note('delay without export, ms', idle.delayP99Ms);
      note('delay with export, ms', busy.delayP99Ms);
      delays.push(busy.delayP99Ms - idle.delayP99Ms);
    }
    results.delay = median(delays);
  } finally {
    sink.disconnect();
  }
  return { samples, unit: '', results };
}
