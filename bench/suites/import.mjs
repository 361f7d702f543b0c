/** What it takes to load the main entry, and to load OpenTelemetry's SDK: fresh processes, in turns. */
import { execFileSync } from 'node:child_process';
import { median } from '../measure.mjs';

const sdk = () => {
  try {
    import.meta.resolve('@opentelemetry/sdk-trace-node');
    return '@opentelemetry/sdk-trace-node';
  } catch {
    return '@opentelemetry/sdk-trace';
  }
};

/** The API is loaded before the clock starts, because both need it. */
const script = (name) => `
  await import('@opentelemetry/api');
  globalThis.gc();
  const before = process.memoryUsage();
  const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
  const started = cpu();
  await import('${name}');
  const time = cpu() - started;
  globalThis.gc();
  const after = process.memoryUsage();
  console.log(JSON.stringify({ time, memory: after.heapUsed + after.external - before.heapUsed - before.external }));
`;

function load(name) {
  const args = ['--expose-gc', '--no-warnings', '--input-type=module', '--eval', script(name)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', cwd: import.meta.dirname }));
}

export async function run({ rounds }) {
  const times = { raw: [], ours: [] };
  const memory = { raw: [], ours: [] };
  const theirs = sdk();
  for (let round = 0; round < Math.max(5, Math.round(rounds / 3)); round++) {
    for (const [who, name] of round % 2 === 0
      ? [
          ['raw', theirs],
          ['ours', 'spanwise'],
        ]
      : [
          ['ours', 'spanwise'],
          ['raw', theirs],
        ]) {
      const seen = load(name);
      times[who].push(seen.time);
      memory[who].push(seen.memory);
    }
  }
  return {
    samples: {
      'raw ms': times.raw,
      'ours ms': times.ours,
      'raw bytes': memory.raw,
      'ours bytes': memory.ours,
    },
    unit: '',
    results: {
      time: median(times.ours) / median(times.raw),
      memory: median(memory.ours) / median(memory.raw),
    },
  };
}
