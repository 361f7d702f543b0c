/**
 * Measuring on a machine that others use too: all cases of a process take turns in short rounds, and a case is
 * compared with the others of its own round, so that a slow moment of the machine is slow for all of them. What
 * counts is the process's CPU time, which does not run while others have the processor and includes the collection
 * of garbage, also on other threads.
 */

/** CPU time of this process so far, in milliseconds. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The middle of a list of numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs the cases in turns.
 *
 * @param cases name → { fn, async?, around? }: `fn(i)` is one call; `around(loop)` may run the loop in a context
 * @param rounds how many turns each case gets
 * @param roundMs how long a turn takes, in milliseconds; long enough that a case pays for its own garbage
 * @param warmUpMs how long each case runs before it counts, in milliseconds of CPU time
 * @returns name → nanoseconds per call, one number per round
 */
export async function interleave(cases, { rounds, roundMs, warmUpMs = Math.max(300, roundMs * 40) }) {
  const names = Object.keys(cases);
  const calls = {};
  for (const name of names) calls[name] = await calibrate(cases[name], roundMs, warmUpMs);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Another order in every round: whoever follows a case that makes garbage must not always be the same.
    for (const name of rotated(names, round)) {
      samples[name].push(await turn(cases[name], calls[name]));
    }
  }
  return samples;
}

function rotated(names, by) {
  const at = by % names.length;
  const turned = [...names.slice(at), ...names.slice(0, at)];
  return by % 2 === 0 ? turned : turned.reverse();
}

/** Warms a case up and finds how many calls fill a round. */
async function calibrate(subject, roundMs, warmUpMs) {
  let calls = 16;
  // Long enough for the optimising compiler to have had its turn, also with a processor that is shared.
  const until = cpu() + warmUpMs;
  for (;;) {
    const perCall = await turn(subject, calls);
    if (cpu() >= until) return Math.max(1, Math.round((roundMs * 1e6) / Math.max(perCall, 0.1)));
    calls = Math.max(1, Math.min(calls * 2, Math.round((roundMs * 1e6) / Math.max(perCall, 0.1))));
  }
}

/** Nanoseconds per call over one turn. */
async function turn({ fn, async: isAsync, around = (loop) => loop() }, calls) {
  const started = cpu();
  if (isAsync) {
    await around(async () => {
      for (let i = 0; i < calls; i++) await fn(i);
    });
  } else {
    around(() => {
      for (let i = 0; i < calls; i++) fn(i);
    });
  }
  return ((cpu() - started) * 1e6) / calls;
}

/**
 * The overhead of a case as a part of the overhead of hand-written OpenTelemetry, the median over all rounds.
 *
 * @param samples of `interleave`
 * @param subject the case
 * @param raw the case that is the unit
 * @param bare what both would cost without tracing; undefined compares the whole cost
 * @param bareSubject the same for the subject, where it differs
 */
export function ratio(samples, subject, raw, bare, bareSubject = bare) {
  return median(
    samples[subject].map((time, round) => {
      const below = bareSubject === undefined ? 0 : samples[bareSubject][round];
      const unitBelow = bare === undefined ? 0 : samples[bare][round];
      return (time - below) / (samples[raw][round] - unitBelow);
    }),
  );
}
