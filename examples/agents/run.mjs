/**
 * Sessions at once through the agent frameworks that people use, offline: no span of one session is in another.
 *
 * node examples/agents/run.mjs [--sessions N] [--only NAME] [--json]
 *
 * Installs what is beside this file, and builds the library, where that lacks.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const FRAMEWORKS = ['google-adk', 'vercel-ai', 'openai-agents', 'langgraph'];

const text = { type: 'string' };
const { values: flags } = parseArgs({
  options: { sessions: { ...text, default: '24' }, only: text, json: { type: 'boolean', default: false } },
});
const sessions = Number(flags.sessions);
if (!Number.isInteger(sessions) || sessions < 2 || sessions > 1_000) {
  throw new RangeError('--sessions takes a whole number from 2 to 1000');
}
const say = (line) => flags.json || process.stdout.write(`${line}\n`);

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const quietly = (args, cwd) => execFileSync(npm, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
if (!existsSync(path.join(here, 'node_modules/.package-lock.json'))) {
  say('installing the frameworks…');
  quietly(['ci', '--loglevel=error'], here);
}
if (!existsSync(path.join(root, 'dist/index.js'))) quietly(['run', '--silent', 'build'], root);

const { runSessions, startTracing } = await import('./sessions.mjs');
const outcomes = {};
let ok = true;
for (const id of FRAMEWORKS.filter((one) => flags.only === undefined || one === flags.only)) {
  const framework = await import(`./frameworks/${id}.mjs`);
  if (id === 'langgraph') {
    // First as it is without the guard: the setting that says so is one that Spanwise leaves alone.
    const mixed = await through(framework, { LANGCHAIN_CALLBACKS_BACKGROUND: 'true' });
    const mixes = mixed.mixed > 0 && mixed.warned.some((line) => line.includes('SPW_CALLBACKS'));
    report('LangGraph with its callbacks in the background', mixed, mixes);
    say(`  ${mixes ? 'mixes, as it must, and that is said' : 'DOES NOT MIX: nothing is shown below'}`);
  }
  const outcome = await through(framework, {});
  const { mixed, orphans, uneven, missing, answeredWithAnothers, traces } = outcome;
  const held = mixed + orphans + uneven + missing.length + answeredWithAnothers === 0 && traces === sessions;
  report(framework.name, outcome, held);
}
if (flags.json) process.stdout.write(`${JSON.stringify({ ok, outcomes }, null, 2)}\n`);
else say(ok ? '\nno session has a span of another' : '\nNOT all of it holds');
process.exit(ok ? 0 : 1);

/** Runs all sessions under a tracer of their own, with these settings in the environment. */
async function through({ connect, expected }, environment) {
  delete process.env.LANGCHAIN_CALLBACKS_BACKGROUND;
  Object.assign(process.env, environment);
  const { tracer, spans, warned } = startTracing();
  try {
    const connected = await connect({ provider: tracer.provider });
    const outcome = await runSessions({ ...connected, spans, sessions, expected });
    return { ...outcome, warned };
  } finally {
    await tracer.shutdown();
  }
}

function report(name, outcome, held) {
  outcomes[name] = { ...outcome, held };
  ok &&= held;
  const { spans, traces, mixed, orphans, uneven, missing } = outcome;
  say(
    `${name}: ${sessions} sessions at once, ${spans} spans in ${traces} traces: ${mixed} mixed, ${orphans} orphans, ` +
      `${uneven} uneven${missing.length === 0 ? '' : `, no ${missing.join(', ')}`}: ${held ? 'as expected' : 'NOT AS EXPECTED'}`,
  );
}
