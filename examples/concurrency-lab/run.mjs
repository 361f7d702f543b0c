/**
 * The concurrency lab: sessions that run at once through two servers, and the proof that none of them mix.
 *
 * node examples/concurrency-lab/run.mjs [--once] [--mode check|scale|stress|chaos|soak] [options]
 *
 * Without --once the servers stay up (agent server 5003, test server 5004, viewer 4318) for requests of your own;
 * with it everything runs on free ports, and the exit code tells whether all of it held.
 *
 * --sessions N     how many altogether (check 6, scale and chaos 1000, stress 400, soak 500 a wave; at most 100000)
 * --concurrency N  how many at once (at most 2000)
 * --seconds N      how long the soak takes (60; at most 1800), and each load of the stress (5)
 * --wave N         how many sessions are verified together (5000)
 * --rate N         requests per second of the stress (100, and then three times as many); of the soak, at most
 * --break context  the agent server lets callbacks run where they run: sessions mix, and the lab must say so
 * --json           print the facts as JSON
 */
import { parseArgs } from 'node:util';
import { prepare } from './processes.mjs';

const MODES = ['check', 'scale', 'stress', 'chaos', 'soak'];
let flags;
try {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  flags = parseArgs({
    options: {
      once: flag,
      json: flag,
      mode: { type: 'string', default: 'check' },
      sessions: text,
      concurrency: text,
      seconds: text,
      wave: text,
      rate: text,
      break: text,
      port: text,
      'agent-port': text,
      'test-port': text,
    },
  }).values;
} catch (error) {
  fail(error.message);
}
if (!MODES.includes(flags.mode)) fail(`--mode takes ${MODES.join(', ')}`);
if (![undefined, 'context'].includes(flags.break)) fail('--break takes context');
const number = (name, max) => {
  if (flags[name] === undefined) return undefined;
  const value = Number(flags[name]);
  if (!Number.isInteger(value) || value < 0 || value > max) {
    fail(`--${name} takes a whole number of at most ${max}`);
  }
  return value;
};
const settings = {
  sessions: number('sessions', 100_000),
  concurrency: number('concurrency', 2_000),
  seconds: number('seconds', 1_800),
  wave: number('wave', 10_000),
  rate: number('rate', 5_000),
};
const ports = {
  viewer: number('port', 65_535) ?? (flags.once ? 0 : 4318),
  agent: number('agent-port', 65_535) ?? (flags.once ? 0 : 5003),
  test: number('test-port', 65_535) ?? (flags.once ? 0 : 5004),
};
const say = (text) => flags.json || process.stdout.write(`${text}\n`);

prepare(say);
const { startViewer } = await import('spanwise/viewer');
const { Lab } = await import('./lab.mjs');
const { runMode } = await import('./modes.mjs');

const viewer = await startViewer({ port: ports.viewer, retentionBytes: 384 * 1024 ** 2 }).catch((error) =>
  fail(error.message),
);
const startLab = (more = {}) =>
  Lab.start({ viewer, agentPort: ports.agent, testPort: ports.test, broken: flags.break, ...more });
let code = 1;
try {
  const outcome = await runMode(flags.mode, { startLab, viewer, settings, say });
  if (flags.json) process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  code = outcome.ok ? 0 : 1;
  say(outcome.ok ? '\nall of it holds' : '\nNOT all of it holds');
  if (!flags.once && !flags.json) {
    const lab = await startLab();
    say(`\nagent server ${lab.agentUrl}, test server ${lab.testUrl}, sessions at ${viewer.url}`);
    say(`try: curl -X POST ${lab.testUrl}/concurrent/test -d '{"num_sessions": 3, "first": 1000000}'`);
    say('Ctrl+C ends the lab.');
    await new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    await lab.close();
  }
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  code = 1;
}
await viewer.close();
process.exit(code);

function fail(message) {
  process.stderr.write(`concurrency lab: ${message}\n`);
  process.exit(2);
}
