import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
// @ts-expect-error programs are compiled by plain JavaScript
import { compile } from '../../examples/build.mjs';
import { childProgram, removePrograms } from '../support/child-program.js';
import { startReceiver, type Receiver } from '../support/otlp-receiver.js';

// Processes are started; nothing here waits for time to pass.
jest.setTimeout(60_000);

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);

/** Compiled below this repository, because what they import is found from there. */
let folder: string;
let receiver: Receiver;
let app: App | undefined;

beforeAll(async () => {
  mkdirSync('examples/build', { recursive: true });
  folder = mkdtempSync(path.resolve('examples/build/register-'));
  await compile(
    {
      register: path.resolve('lib/integrations/register.ts'),
      nest: path.resolve('__tests__/integrations/children/nest-app/main.legacy.ts'),
      plain: path.resolve('__tests__/integrations/children/plain-app.ts'),
    },
    folder,
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  removePrograms();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  app?.process.kill('SIGKILL');
  await app?.ended;
  app = undefined;
  await receiver.close();
});

interface App {
  process: ChildProcess;
  /** The first line that it prints. */
  ready: Promise<string>;
  ended: Promise<{ code: number | null; signal: string | null; stdout: string; complaints: string[] }>;
}

/** Starts a program with `--import spanwise/register`, in a folder of its own that has these files. */
function start(
  program: string,
  files: Record<string, string> = {},
  env: Record<string, string> = {},
  args: string[] = ['--import', path.join(folder, 'register.mjs')],
): App {
  const home = mkdtempSync(path.join(folder, 'home-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(home, name), text);
  const child = spawn(
    process.execPath,
    [...args, program.includes('/') ? program : path.join(folder, program)],
    {
      cwd: home,
      env: {
        PATH: process.env['PATH'],
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        HH_PROJECT: 'shop',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
      if (stdout.includes('\n')) resolve(stdout.split('\n')[0] as string);
    });
    child.once('exit', () => reject(new Error(`it ended before it printed anything: ${stderr}`)));
  });
  ready.catch(() => undefined);
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    stdout,
    complaints: stderr.split('\n').filter((line) => line !== ''),
  }));
  return (app = { process: child, ready, ended });
}

const MODULE = `
  import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
  import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
  export default {
    source: 'from-file',
    instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
  };`;
const JSON_FILE = JSON.stringify({
  source: 'from-file',
  instrumentations: ['http', ['@opentelemetry/instrumentation-express', {}]],
});

describe('an ESM application of Nest 12 that knows nothing of tracing', () => {
  let peer: http.Server;
  let asked: http.IncomingHttpHeaders[];
  let PEER: string;
  beforeEach(async () => {
    asked = [];
    peer = http.createServer((request, response) => {
      asked.push(request.headers);
      response.end('42');
    });
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    PEER = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    peer.closeAllConnections();
    peer.close();
  });

  it.each([
    ['a module', { 'spanwise.config.mjs': MODULE }, {}],
    ['JSON in a file that is named', { 'elsewhere.json': JSON_FILE }, { SPANWISE_CONFIG: 'elsewhere.json' }],
  ])(
    'is traced whole, configured by %s, and has delivered when SIGTERM ends it',
    async (_how, files, env) => {
      const {
        ready,
        ended,
        process: child,
      } = start('nest.mjs', files as Record<string, string>, {
        ...(env as Record<string, string>),
        PEER,
      });
      const url = await ready;
      const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, baggage: 'session_id=theirs' };
      expect(await (await fetch(`${url}/items/tea`, { headers })).text()).toBe('tea: 42');
      child.kill('SIGTERM');
      const { signal, complaints } = await ended;
      expect([signal, complaints]).toEqual(['SIGTERM', []]);

      const server = receiver.spans.find(({ kind, parentSpanId }) => kind === 2 && parentSpanId === SPAN)!;
      expect(server.attributes['http.target'] ?? server.attributes['url.path']).toBe('/items/tea');
      const handler = receiver.spans.find(({ name }) => name.startsWith('request handler'))!;
      expect(handler).toBeDefined();
      const client = receiver.spans.find(({ kind }) => kind === 3)!;
      expect(asked[0]!['traceparent']).toBe(`00-${TRACE}-${client.spanId}-01`);
      expect(asked[0]!['baggage']).toContain('session_id=theirs');
      for (const { traceId, attributes } of [server, handler, client, receiver.span('price')]) {
        expect(traceId).toBe(TRACE);
        expect(attributes['honeyhive.session_id']).toBe('theirs');
        expect([attributes['honeyhive.project'], attributes['honeyhive.source']]).toEqual([
          'shop',
          'from-file',
        ]);
      }
      // One server span, by the instrumentation; one client span, by us.
      expect(receiver.spans.filter(({ kind }) => kind === 2)).toHaveLength(1);
      expect(receiver.spans.filter(({ kind }) => kind === 3)).toHaveLength(1);
    },
  );

  it('keeps 20 requests of 20 sessions apart, configured by the environment', async () => {
    const {
      ready,
      ended,
      process: child,
    } = start(
      'nest.mjs',
      {},
      { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http, express', HH_SOURCE: 'from-env', PEER },
    );
    const url = await ready;
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        (await fetch(`${url}/items/${i}`, { headers: { baggage: `session_id=s${i}` } })).text(),
      ),
    );
    child.kill('SIGTERM');
    await ended;
    expect(receiver.spans.filter(({ name }) => name.startsWith('request handler'))).toHaveLength(20);
    expect(receiver.spans[0]!.attributes['honeyhive.source']).toBe('from-env');
    const byTrace = new Map<string, Set<unknown>>();
    for (const { traceId, attributes } of receiver.spans) {
      const sessions = byTrace.get(traceId) ?? new Set();
      byTrace.set(traceId, sessions.add(attributes['honeyhive.session_id']));
    }
    const sessions = [...byTrace.values()].map((found) => [...found].join());
    expect(sessions.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `s${i}`).sort());
    expect(asked.map(({ baggage }) => /session_id=(\w+)/.exec(baggage as string)?.[1]).sort()).toEqual(
      sessions,
    );
  });
});

describe('any application', () => {
  it('is traced without a file, and ends as it would', async () => {
    const { code, stdout, complaints } = await start('plain.mjs').ended;
    expect([code, stdout, complaints]).toEqual([0, 'started true\n', []]);
    expect(receiver.span('work').attributes['honeyhive.project']).toBe('shop');
  });

  it('may be CommonJS, with --require', async () => {
    const register = await childProgram('lib/integrations/register.ts');
    const { code, complaints } = await start('plain.mjs', {}, {}, ['--require', register]).ended;
    expect([code, complaints]).toEqual([0, []]);
    expect(receiver.span('work').attributes['honeyhive.project']).toBe('shop');
  });

  it('is not traced where tracing is switched off', async () => {
    const { stdout } = await start('plain.mjs', {}, { OTEL_SDK_DISABLED: 'true' }).ended;
    expect(stdout).toBe('started false\n');
  });

  it('has its threads traced too', async () => {
    const { code } = await start('plain.mjs', {}, { THREAD: '1' }).ended;
    expect(code).toBe(0);
    expect(receiver.spans.map(({ name }) => name).sort()).toEqual(['work', 'work of a thread']);
  });

  it('is told nothing where OTEL_LOG_LEVEL says so', async () => {
    const { complaints } = await start('plain.mjs', {}, { OTEL_LOG_LEVEL: 'none', SPANWISE_CONFIG: 'x' })
      .ended;
    expect(complaints).toEqual([]);
  });
});

describe('a configuration that cannot be used', () => {
  const TRACED = 'started true\n';
  const UNTRACED = 'started false\n';

  it.each([
    [
      'is no JSON',
      { 'spanwise.config.json': '{ project: shop' },
      {},
      /SPW_REGISTER.*cannot be read/,
      UNTRACED,
    ],
    ['is no object', { 'spanwise.config.json': '[]' }, {}, /SPW_REGISTER.*no object/, UNTRACED],
    ['throws', { 'spanwise.config.mjs': 'throw new Error("mine");' }, {}, /SPW_REGISTER.*mine/, UNTRACED],
    ['does not parse', { 'spanwise.config.mjs': 'export {' }, {}, /SPW_REGISTER.*cannot be read/, UNTRACED],
    [
      'awaits',
      { 'spanwise.config.mjs': 'await 0; export default {};' },
      {},
      /SPW_REGISTER.*must not await/,
      UNTRACED,
    ],
    [
      'is not there',
      {},
      { SPANWISE_CONFIG: 'gone.json' },
      /SPW_REGISTER.*gone\.json, which is not there/,
      UNTRACED,
    ],
    [
      'has an unknown option',
      { 'spanwise.config.json': '{"projekt":"x"}' },
      {},
      /SPW_OPTION.*projekt/,
      TRACED,
    ],
    [
      'names an instrumentation that is not installed',
      { 'spanwise.config.json': '{"instrumentations":["gone"]}' },
      {},
      /SPW_MISSING_PACKAGE.*npm install @opentelemetry\/instrumentation-gone/,
      TRACED,
    ],
    [
      'names a package that is none',
      { 'spanwise.config.json': '{"instrumentations":["@opentelemetry/core"]}' },
      {},
      /SPW_REGISTER.*exports no instrumentation/,
      TRACED,
    ],
  ])(
    'because it %s is told in one line, and the application starts',
    async (_what, files, env, line, expected) => {
      const started = start('plain.mjs', files as Record<string, string>, env as Record<string, string>);
      const { code, stdout, complaints } = await started.ended;
      expect([code, stdout]).toEqual([0, expected]);
      expect(complaints).toEqual([expect.stringMatching(line)]);
    },
  );
});
