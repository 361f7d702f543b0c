/** What the lab can do to the servers; every mode ends by itself, and nothing in it is unbounded. */
import { performance } from 'node:perf_hooks';

const MODES = { check, scale, stress, chaos, soak };

/** Runs one mode; gives its facts and whether all of it held. */
export async function runMode(mode, tools) {
  const start = performance.now();
  const outcome = await MODES[mode](tools);
  return { mode, seconds: round((performance.now() - start) / 1_000), ...outcome };
}

/** A few sessions in the test server's process, and a few in worker threads of it. */
async function check({ startLab, say, settings }) {
  const lab = await startLab();
  try {
    const waves = [];
    for (const threads of [0, 2]) {
      const body = { num_sessions: settings.sessions ?? 6, max_delay_ms: 40, threads };
      const wave = await lab.wave(body);
      const { results } = wave.summary;
      const modes = results.every((one) => one.agent_1_mode === 'remote' && one.agent_2_mode === 'local');
      const facts = {
        where: threads === 0 ? 'one event loop' : `${threads} worker threads`,
        ...factsOf(wave),
      };
      waves.push({ ...facts, ok: facts.ok && modes && wave.summary.status === 'ok' });
      tell(say, waves.at(-1), wave.report);
    }
    return verdict(lab, waves);
  } finally {
    await lab.close();
  }
}

/** Ever more sessions at once. */
async function scale({ startLab, say, settings }) {
  const most = settings.sessions ?? 1_000;
  const sizes = [2, 10, 100, 1_000, 10_000, 100_000].filter((size) => size < most);
  return inWaves({ startLab, say, settings }, [...sizes, most], { max_delay_ms: 100 });
}

/** Errors, callers that give up, and an agent server that is ended and killed under its callers. */
async function chaos({ startLab, say, settings }) {
  const sessions = settings.sessions ?? 1_000;
  const faults = { throw_share: 0.1, abort_share: 0.05, max_delay_ms: 100 };
  return inWaves({ startLab, say, settings }, [sessions], faults, async (lab) => {
    const waves = [];
    for (const signal of ['SIGTERM', 'SIGKILL']) {
      const body = {
        num_sessions: Math.min(sessions, 200),
        concurrency: 20,
        announce: false,
        ...faults,
        max_delay_ms: 400,
      };
      // What a killed process had not sent yet is lost; that nothing mixes is checked all the same.
      const wave = await lab.wave(body, {
        lenient: signal === 'SIGKILL',
        during: async () => {
          await new Promise((resolve) => setTimeout(resolve, 500));
          await lab.restartAgent(signal, 200);
        },
      });
      const hit = wave.summary.results.filter(({ interrupted }) => interrupted).length;
      waves.push({ where: `${signal} in the middle, ${hit} calls hit`, ...factsOf(wave) });
      tell(say, waves.at(-1), wave.report);
    }
    return waves;
  });
}

/** A steady rate of requests against both servers, with tracing and without, in turns. */
async function stress({ startLab, say, settings }) {
  const sessions = settings.sessions ?? 400;
  const concurrency = settings.concurrency ?? 50;
  const samples = { on: [], off: [] };
  const waves = [];
  const { rateScenario } = await import('./load/autocannon.mjs');
  const rates = {};
  const traced = await startLab();
  const plain = await startLab({ tracing: false, agentPort: 0, testPort: 0 });
  try {
    // The first round warms both up.
    for (let round_ = 0; round_ < 4; round_++) {
      const body = { num_sessions: sessions, concurrency, announce: false, max_delay_ms: 5 };
      const wave = await traced.wave(body);
      const other = await plain.run(body);
      waves.push({ where: `round ${round_}`, ...factsOf(wave) });
      tell(say, waves.at(-1), wave.report);
      if (round_ === 0) continue;
      samples.on.push(measured(wave.summary));
      samples.off.push(measured(other));
    }
    for (const [name, lab] of [
      ['with tracing', traced],
      ['without', plain],
    ]) {
      rates[name] = await rateScenario(lab.agentUrl, { rate: settings.rate ?? 100, seconds: 5 });
      say(`${name}: ${JSON.stringify(rates[name])}`);
    }
    const ratio = (key) =>
      round(median(samples.on.map((one) => one[key])) / median(samples.off.map((one) => one[key])));
    const ratios = {
      sessionsPerSecond: ratio('sessionsPerSecond'),
      medianMs: ratio('medianMs'),
      p99Ms: ratio('p99Ms'),
    };
    say(`with tracing / without, ${samples.on.length} rounds in turns: ${JSON.stringify(ratios)}`);
    const answered = Object.values(rates).every(({ errors, non2xx }) => errors === 0 && non2xx === 0);
    const outcome = verdict(traced, waves);
    return { ...outcome, ok: outcome.ok && answered && plain.complaints === '', samples, ratios, rates };
  } finally {
    await traced.close();
    await plain.close();
  }
}

/** The same for a long time: memory must not grow with the requests. */
async function soak({ startLab, say, settings }) {
  const lab = await startLab();
  const until = performance.now() + (settings.seconds ?? 60) * 1_000;
  const body = {
    num_sessions: settings.sessions ?? 500,
    concurrency: settings.concurrency ?? 50,
    throw_share: 0.1,
    abort_share: 0.05,
    announce: false,
  };
  const waves = [];
  const points = [];
  let requests = 0;
  try {
    do {
      const wave = await lab.wave(body);
      requests += body.num_sessions;
      const memory = { requests, agent: await lab.memory(), test: wave.summary.rss };
      points.push(memory);
      waves.push({ where: `${requests} requests`, ...factsOf(wave), rssMb: round(memory.agent / 2 ** 20) });
      tell(say, waves.at(-1), wave.report);
    } while (performance.now() < until);
    // The first half fills caches, pools and the heap.
    const later = points.slice(Math.floor(points.length / 2));
    const mbPer100k = later.length < 3 ? null : round((slope(later, 'agent') * 100_000) / 2 ** 20);
    say(`agent server's resident memory: ${mbPer100k ?? 'too few waves to tell'} MB per 100,000 requests`);
    return { ...verdict(lab, waves), requests, mbPer100k };
  } finally {
    await lab.close();
  }
}

/** Each size in waves that are verified by themselves, so that memory is bounded by the wave. */
async function inWaves({ startLab, say, settings }, sizes, body, then) {
  const lab = await startLab();
  const waves = [];
  try {
    for (const size of sizes) {
      const wave = settings.wave ?? 5_000;
      for (let done = 0; done < size; done += wave) {
        const sessions = Math.min(wave, size - done);
        const concurrency = Math.min(sessions, settings.concurrency ?? 2_000);
        const result = await lab.wave({ num_sessions: sessions, concurrency, announce: false, ...body });
        waves.push({ where: `${sessions} sessions, ${concurrency} at once`, ...factsOf(result) });
        tell(say, waves.at(-1), result.report);
      }
    }
    if (then !== undefined) waves.push(...(await then(lab)));
    return verdict(lab, waves);
  } finally {
    await lab.close();
  }
}

function factsOf({ summary, report, tally }) {
  const failed = summary.results.filter(({ success }) => !success).length;
  return {
    ok: report.ok,
    sessions: summary.sessions_run,
    failed,
    spans: report.sessions.reduce((sum, session) => sum + session.spans, 0),
    faults: report.faults,
    sessionsPerSecond: round(summary.sessions_per_second),
    largestBatch: tally.largestBatch,
  };
}

function verdict(lab, waves) {
  const total = (key) => waves.reduce((sum, wave) => sum + wave[key], 0);
  const faults = {};
  for (const wave of waves) {
    for (const [fault, count] of Object.entries(wave.faults)) faults[fault] = (faults[fault] ?? 0) + count;
  }
  return {
    ok: waves.every(({ ok }) => ok) && lab.complaints === '',
    sessions: total('sessions'),
    failedAsPlanned: total('failed'),
    spans: total('spans'),
    mixed: (faults['mixed-session'] ?? 0) + (faults['foreign-baggage'] ?? 0),
    orphans: (faults['orphan'] ?? 0) + (faults['wrong-parent'] ?? 0),
    missing:
      (faults['span-count'] ?? 0) +
      (faults['missing-remote'] ?? 0) +
      (faults['missing-baggage'] ?? 0) +
      (faults['no-spans'] ?? 0),
    faults,
    complaints: lab.complaints,
    waves,
  };
}

function tell(say, { where, ok, sessions, failed, spans, sessionsPerSecond, largestBatch }, report) {
  say(
    `${where}: ${sessions} sessions (${failed} failed), ${spans} spans, ${sessionsPerSecond} sessions/s, ` +
      `up to ${largestBatch} in a batch: ${ok ? 'holds' : 'DOES NOT HOLD'}`,
  );
  for (const session of report.sessions.filter((one) => !one.ok).slice(0, 5)) {
    for (const { fault, message } of session.findings.slice(0, 3)) {
      say(`  ${session.baggage.session_identifier}: ${fault}: ${message}`);
    }
  }
}

function measured({ results, sessions_per_second: sessionsPerSecond }) {
  const durations = results.map(({ duration }) => duration).sort((a, b) => a - b);
  const at = (share) =>
    round(durations[Math.min(durations.length - 1, Math.floor(durations.length * share))]);
  return { sessionsPerSecond: round(sessionsPerSecond), medianMs: at(0.5), p99Ms: at(0.99) };
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The least-squares slope of a field over the requests. */
function slope(points, field) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const x = mean((point) => point.requests);
  const y = mean((point) => point[field]);
  const over = points.reduce((sum, point) => sum + (point.requests - x) * (point[field] - y), 0);
  const under = points.reduce((sum, point) => sum + (point.requests - x) ** 2, 0);
  return over / under;
}

function round(value) {
  return Math.round(value * 100) / 100;
}
