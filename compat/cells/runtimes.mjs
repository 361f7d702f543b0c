/** The smoke on every runtime, beside each line of OpenTelemetry, with each engine. */
import { build } from 'esbuild';
import { loadDecoder, smokeFiles } from '../smoke/compile.mjs';
import { startReceiver } from '../smoke/receiver.mjs';
import { checkWire } from '../smoke/wire.mjs';
import { run } from '../stage.mjs';
import { OTEL } from '../versions.mjs';

/** What each runtime is started with, and what it has. */
const HOSTS = {
  node: {
    args: ['--no-warnings'],
    servers: ['node'],
    findsRequest: true,
    ends: ['natural', 'exit', 'error', 'signal'],
  },
  bun: {
    args: [],
    servers: ['node', 'own'],
    findsRequest: false,
    ends: ['natural', 'exit', 'error', 'signal'],
  },
  deno: {
    args: ['run', '--allow-all', '--node-modules-dir=manual', '--no-lock', '--quiet'],
    servers: ['node', 'own'],
    findsRequest: true,
    ends: ['natural', 'exit', 'error', 'signal'],
  },
};
const EXITS = { natural: [0, null], exit: [3, null], error: [1, null], signal: [null, 'SIGTERM'] };
const PROTOCOLS = { spanwise: 'http/protobuf', sdk: 'http/json' };

/** Installs a line of OpenTelemetry and puts the smoke beside it. */
async function place(stage, line) {
  const folder = await stage.install(line, OTEL[line]);
  stage.fill(`${line}/smoke`, smokeFiles());
  return folder;
}

export async function withReceiver(stage, body) {
  const receiver = await startReceiver(await loadDecoder(stage));
  try {
    return await body(receiver);
  } finally {
    await receiver.close();
  }
}

/** One run of the smoke, and what arrived of it. */
export async function smokeOnce(
  stage,
  { runtime, line, engine, server, folder: given, entry = 'smoke/main.mjs', ...expected },
) {
  const kind = runtime.replace(/\d+$/, '');
  const { args, findsRequest } = HOSTS[kind];
  const folder = given ?? (await place(stage, line));
  return withReceiver(stage, async ({ url, spans }) => {
    const finds = findsRequest && server === 'node';
    const settings = { endpoint: url, engine, protocol: PROTOCOLS[engine], server, findsRequest: finds };
    const env = { SMOKE: JSON.stringify(settings), ...home(stage) };
    const binary = await stage.runtime(runtime);
    const { stdout } = await run(binary, [...args, entry], {
      cwd: folder,
      env,
      timeout: 60_000,
    });
    const { checks, said } = JSON.parse(stdout.trim().split('\n').at(-1));
    const prefix = `${engine}${server === 'own' ? ', own server' : ''}: `;
    const all = [
      ...checks,
      ...checkWire(spans, { server: true, findsRequest: finds, ...expected }),
      complaints(said),
    ];
    return all.map((check) => ({ ...check, name: prefix + check.name }));
  });
}

/** Hostile carriers are told of; anything else that is said on a healthy machine is wrong. */
function complaints(said) {
  const expected = /\[SPW_(?:CARRIER|TRACEPARENT|BAGGAGE|SESSION_ID|CALLBACK)\]/;
  const others = said.filter((line) => !expected.test(line));
  return { name: 'nothing is complained of', ok: others.length === 0, note: others.join('\n') };
}

/** Runtimes keep caches in the home folder; theirs is in the stage. */
function home(stage) {
  return { HOME: stage.at('home'), DENO_DIR: stage.at('home/deno'), DENO_NO_UPDATE_CHECK: '1' };
}

async function ends(stage, { runtime, line }) {
  const kind = runtime.replace(/\d+$/, '');
  const folder = await place(stage, line);
  const binary = await stage.runtime(runtime);
  const checks = [];
  for (const end of HOSTS[kind].ends) {
    checks.push(
      await withReceiver(stage, async ({ url, spans }) => {
        const env = { SMOKE: JSON.stringify({ endpoint: url, end }), ...home(stage) };
        const outcome = await run(binary, [...HOSTS[kind].args, 'smoke/main.mjs'], {
          cwd: folder,
          env,
          timeout: 20_000,
        })
          .then(() => [0, null])
          .catch((error) => [typeof error.code === 'number' ? error.code : null, error.signal]);
        const arrived = spans.filter(({ name }) => name === 'last words').length;
        const ok = arrived === 1 && JSON.stringify(outcome) === JSON.stringify(EXITS[end]);
        return {
          name: `end by ${end}`,
          ok,
          note: `${arrived} of 1 spans arrived, ended with ${JSON.stringify(outcome)}`,
        };
      }),
    );
  }
  return checks;
}

const processCell = (runtime, line) => ({
  id: `${runtime} ${line}`,
  what: 'smoke with both engines, its spans on the wire, every end of a process',
  quick: true,
  runtimes: [runtime],
  async run(stage) {
    const { servers } = HOSTS[runtime.replace(/\d+$/, '')];
    const smokes = [
      ...['spanwise', 'sdk'].map((engine) => ({ engine, server: servers[0] })),
      ...servers.slice(1).map((server) => ({ engine: 'spanwise', server })),
    ];
    const checks = [];
    for (const smoke of smokes) checks.push(...(await smokeOnce(stage, { runtime, line, ...smoke })));
    checks.push(...(await ends(stage, { runtime, line })));
    return checks;
  },
});

/** What workerd has depends on the compatibility date and flags of a worker. */
const WORKERS = {
  'node-compat': { date: '2026-11-01', flags: [] },
  'als-only': { date: '2025-01-01', flags: ['nodejs_als'], prelude: true },
};

const CONFIG = ({ port, date, flags }) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "${date}",
  compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(', ')}],
);`;

/** Bundles a worker as wrangler does, serves it, and hands out its URL. */
async function withWorker(stage, { name, line, entry, endpoint }, body) {
  const { date, flags, prelude } = WORKERS[name];
  const folder = await place(stage, line);
  const own = `workerd-${name}-${line}-${entry}`;
  const imports = prelude ? "import './smoke/async-local-storage.mjs';" : '';
  const { outputFiles } = await build({
    stdin: { contents: `${imports} export { default } from './smoke/${entry}.mjs';`, resolveDir: folder },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*'],
    define: { ENDPOINT: JSON.stringify(endpoint) },
    // Without it two classes of one name are told apart by a number, and so are their spans.
    keepNames: true,
    logLevel: 'silent',
  });
  stage.fill(own, {
    'worker.mjs': outputFiles[0].text,
    'config.capnp': CONFIG({ port: 0, date, flags }),
  });
  const worker = await stage.start(
    await stage.runtime('workerd'),
    ['serve', 'config.capnp', '--control-fd=1'],
    { cwd: stage.at(own), ready: /"socket":"http","port":(\d+)/ },
  );
  try {
    return await body(`http://127.0.0.1:${worker.found[1]}`);
  } catch (error) {
    error.message += ` ${worker.said()}`;
    throw error;
  } finally {
    await worker.stop();
  }
}

async function ask(url, init) {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000), ...init });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

const workerCell = (name, line) => ({
  id: `workerd ${name} ${line}`,
  what: 'smoke in a worker, 20 requests at once, each delivered before it is over, and `init` outside of a request',
  quick: true,
  runtimes: ['workerd'],
  run: (stage) =>
    withReceiver(stage, async (receiver) => {
      const { url: endpoint, spans } = receiver;
      const checks = [];
      await withWorker(stage, { name, line, entry: 'worker', endpoint }, async (base) => {
        const smoke = JSON.parse(await ask(`${base}/smoke`));
        checks.push(...smoke.checks, ...checkWire(spans, { server: false }), complaints(smoke.said));
        checks.push(...(await service(base, receiver)));
      });
      await withWorker(stage, { name, line, entry: 'global-worker', endpoint }, async (base) => {
        const said = JSON.parse(await ask(base));
        const arrived = spans.filter(({ name: called }) => called === 'outside').length;
        const ok = arrived === 1 && said.length === 1 && said[0].includes('[SPW_SESSION_ID]');
        checks.push({ name: 'a tracer from outside of a request', ok, note: `${arrived} spans, ${said}` });
      });
      return checks;
    }),
});

const PARALLEL = 20;

/** A service in front of the outside world: 20 callers at once, of 20 sessions, twice over. */
async function service(base, receiver) {
  const checks = [];
  for (const way of ['wait', 'until']) {
    const call = (n) => {
      const traceId = n.toString(16).padStart(32, 'f');
      const headers = {
        traceparent: `00-${traceId}-${'a'.repeat(16)}-01`,
        baggage: `session_id=${way}-${n}`,
      };
      return ask(`${base}/${way}`, { headers });
    };
    let note = '';
    try {
      const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, n) => call(n)));
      const wanted = way === 'wait' ? 'a cup of tea, delivered' : 'a cup of tea';
      const wrong = answers.filter((answer) => answer !== wanted);
      if (wrong.length > 0) note += `${wrong.length} answers such as "${wrong[0]}"; `;
      const complete = () =>
        Array.from(
          { length: PARALLEL },
          (_, n) =>
            receiver.spans.filter(
              ({ attributes, traceId }) =>
                attributes['session.id'] === `${way}-${n}` && traceId === n.toString(16).padStart(32, 'f'),
            ).length,
        );
      await receiver.until(() => complete().every((count) => count === 3));
      const right = complete().filter((count) => count === 3).length;
      if (right !== PARALLEL) note += `${right} of ${PARALLEL} sessions right`;
    } catch (error) {
      note += error.message;
    }
    checks.push({ name: `${PARALLEL} requests at once, ${way}`, ok: note === '', note });
  }
  return checks;
}

export const cells = [
  processCell('node20', 'otel2'),
  ...['node22', 'node24', 'node26', 'bun', 'deno'].flatMap((runtime) =>
    ['otel2', 'otel3'].map((line) => processCell(runtime, line)),
  ),
  workerCell('node-compat', 'otel2'),
  workerCell('node-compat', 'otel3'),
  workerCell('als-only', 'otel2'),
];
