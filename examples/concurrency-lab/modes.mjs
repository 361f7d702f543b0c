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
    // As it is asked in the simplest case: with nothing.
    const simplest = await lab.wave({});
    waves.push({ where: 'the defaults', ...factsOf(simplest) });
    tell(say, waves.at(-1), simplest.report);
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
    return { ...verdict(lab, waves), summary: simplest.summary };
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
  const faults = { throw_share: 0.1, abort_share: 0.05, max_delay_ms: 50 };
  return inWaves({ startLab, say, settings }, [sessions], faults, async (lab) => {
    const waves = [];
    for (const signal of ['SIGTERM', 'SIGKILL']) {
      const body = {
        num_sessions: Math.min(sessions, 200),
        concurrency: 50,
        announce: false,
        ...faults,
        max_delay_ms: 200,
        // There are sessions before, while the server is gone, and after.
        spread_ms: 4_000,
      };
      // What a killed process had not sent yet is lost; everything else is checked all the same.
      const wave = await lab.wave(body, {
        killed: signal === 'SIGKILL',
        during: async () => {
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          await lab.restartAgent(signal, 100);
        },
      });
      const hit = wave.summary.results.filter(({ interrupted }) => interrupted).length;
      const lost = wave.lost === 0 ? '' : `, the spans of ${wave.lost} at stake`;
      waves.push({ where: `${signal} in the middle, ${hit} calls hit${lost}`, ...factsOf(wave) });
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
  const loads = [];
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
    const rate = settings.rate ?? 100;
    for (const perSecond of [rate, rate * 3]) {
      for (const [name, lab] of [
        ['with tracing', traced],
        ['without', plain],
      ]) {
        const { measured: facts, report } = await lab.load((url) =>
          rateScenario(url, { rate: perSecond, seconds: settings.seconds ?? 5 }),
        );
        const held = report === undefined ? {} : { sessions: report.sessions.length, holds: report.ok };
        loads.push({ where: `${perSecond} requests/s ${name}`, ...facts, ...held, faults: report?.faults });
        say(`${loads.at(-1).where}: ${JSON.stringify({ ...facts, ...held })}`);
      }
    }
    const ratio = (key) =>
      round(median(samples.on.map((one) => one[key])) / median(samples.off.map((one) => one[key])));
    const ratios = {
      sessionsPerSecond: ratio('sessionsPerSecond'),
      medianMs: ratio('medianMs'),
      p99Ms: ratio('p99Ms'),
    };
    say(`with tracing / without, ${samples.on.length} rounds in turns: ${JSON.stringify(ratios)}`);
    const answered = loads.every(({ errors, non2xx, holds = true }) => errors === 0 && non2xx === 0 && holds);
    const outcome = verdict(traced, waves);
    return { ...outcome, ok: outcome.ok && answered && plain.complaints === '', samples, ratios, loads };
  } finally {
    await traced.close();
    await plain.close();
  }
}

/** The same for a long time: memory must not grow with the requests. */
async function soak({ startLab, say, settings }) {
  const lab = await startLab();
  const start = performance.now();
  const seconds = settings.seconds ?? 60;
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
  const elapsed = () => (performance.now() - start) / 1_000;
  try {
    do {
      const wave = await lab.wave(body);
      requests += body.num_sessions;
      const memory = await lab.memory();
      points.push({ requests, ...memory });
      waves.push({ where: `${requests} requests`, ...factsOf(wave), memory });
      const size = (server) => `${megabytes(memory[server].rss)} (${megabytes(memory[server].heap)})`;
      tell(say, waves.at(-1), wave.report);
      say(
        `  resident (heap) after ${Math.round(elapsed())} s: agent ${size('agent')}, test ${size('test')} MB`,
      );
      // A rate bounds the load on a machine that others use as well.
      const ahead = requests / (settings.rate ?? Infinity) - elapsed();
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead * 1_000));
    } while (elapsed() < seconds);
    // The first third fills caches, pools and the heap.
    const later = points.slice(Math.floor(points.length / 3));
    const growth = {};
    for (const server of ['agent', 'test']) {
      for (const kind of ['rss', 'heap']) growth[`${server} ${kind}`] = growthOf(later, server, kind);
    }
    const span = `the last ${later.length} of ${points.length} waves`;
    say(`MB per 100,000 requests (± standard error), over ${span}: ${JSON.stringify(growth)}`);
    const perSecond = round(requests / elapsed());
    return { ...verdict(lab, waves), requests, requestsPerSecond: perSecond, growth };
  } finally {
    await lab.close();
  }
}

/** Each size in waves that are verified by themselves, so that memory is bounded by the wave. */
async function inWaves({ startLab, say, settings }, sizes, body, then) {
  const lab = await startLab();
  const waves = [];
  const most = { agent: 0, test: 0, viewer: 0 };
  const noteMemory = async () => {
    const { agent, test } = await lab.memory();
    const now = { agent: agent.rss, test: test.rss, viewer: process.memoryUsage().rss };
    for (const key of Object.keys(most)) most[key] = Math.max(most[key], megabytes(now[key]));
  };
  try {
    for (const size of sizes) {
      const wave = settings.wave ?? 5_000;
      for (let done = 0; done < size; done += wave) {
        const sessions = Math.min(wave, size - done);
        const concurrency = Math.min(sessions, settings.concurrency ?? 2_000);
        const result = await lab.wave({ num_sessions: sessions, concurrency, announce: false, ...body });
        waves.push({ where: `${sessions} sessions, ${concurrency} at once`, ...factsOf(result) });
        tell(say, waves.at(-1), result.report);
        await noteMemory();
      }
    }
    if (then !== undefined) waves.push(...(await then(lab)));
    const outcome = verdict(lab, waves);
    const { sessions, mixed, orphans, missing, threw, gaveUp } = outcome;
    say(
      `${sessions} sessions (${threw} threw, ${gaveUp} gave up, ${outcome.interrupted} lost their server): ` +
        `${mixed} mixed, ${orphans} orphans, ${missing} missing; resident at most, in MB: ${JSON.stringify(most)}`,
    );
    return { ...outcome, residentMb: most };
  } finally {
    await lab.close();
  }
}

function factsOf({ summary, report, tally, verifySeconds }) {
  const count = (pick) => summary.results.filter(pick).length;
  return {
    ok: report.ok,
    sessions: summary.sessions_run,
    failed: count(({ success }) => !success),
    gaveUp: count(({ gave_up }) => gave_up),
    interrupted: count(({ interrupted }) => interrupted),
    // What went wrong on the way, which nobody has planned.
    unreached: countedBy(summary.results.filter(({ interrupted }) => interrupted).map(({ error }) => error)),
    spans: report.sessions.reduce((sum, session) => sum + session.spans, 0),
    faults: report.faults,
    sessionsPerSecond: round(summary.sessions_per_second),
    verifySeconds: round(verifySeconds),
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
    threw: total('failed') - total('gaveUp') - total('interrupted'),
    gaveUp: total('gaveUp'),
    interrupted: total('interrupted'),
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

function tell(say, { where, ok, sessions, failed, gaveUp, spans, ...facts }, report) {
  const { sessionsPerSecond, largestBatch, verifySeconds } = facts;
  say(
    `${where}: ${sessions} sessions (${failed} failed, of these ${gaveUp} gave up), ${spans} spans, ${sessionsPerSecond} sessions/s, ` +
      `up to ${largestBatch} in a batch, verified in ${verifySeconds} s: ${ok ? 'holds' : 'DOES NOT HOLD'}`,
  );
  if (Object.keys(facts.unreached).length > 0) say(`  not reached: ${JSON.stringify(facts.unreached)}`);
  for (const session of report.sessions.filter((one) => !one.ok).slice(0, 5)) {
    for (const { fault, message } of session.findings.slice(0, 3)) {
      say(`  ${session.baggage.session_identifier}: ${fault}: ${message}`);
    }
  }
}

function countedBy(texts) {
  const counts = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
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

/** By how much memory grows: the slope of least squares, and its standard error. */
function growthOf(points, server, kind) {
  if (points.length < 3) return null;
  const perUnit = 100_000 / 2 ** 20;
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const x = mean((point) => point.requests);
  const y = mean((point) => point[server][kind]);
  const across = points.reduce((sum, point) => sum + (point.requests - x) ** 2, 0);
  const slope =
    points.reduce((sum, point) => sum + (point.requests - x) * (point[server][kind] - y), 0) / across;
  const rest = points.reduce(
    (sum, point) => sum + (point[server][kind] - y - slope * (point.requests - x)) ** 2,
    0,
  );
  const error = Math.sqrt(rest / (points.length - 2) / across);
  return `${round(slope * perUnit)} ± ${round(error * perUnit)}`;
}

function megabytes(bytes) {
  return round(bytes / 2 ** 20);
}

function round(value) {
  return Math.round(value * 100) / 100;
}
