/**
 * `spanwise/register`: tracing that starts before the application, for `node --import spanwise/register app.js`.
 *
 * Imports of an ESM application run before any line of its own, so that what is to see them has to be there before.
 * Configured by `spanwise.config.{mjs,js,cjs,json}` where the application is started, or the file that
 * `SPANWISE_CONFIG` names, over the variables that `SessionTracer.init` reads. A configuration that cannot be used is
 * reported, nothing is traced, and the application starts as ever. Waiting spans are delivered when the process ends,
 * also by SIGTERM.
 *
 * @module spanwise/register
 */
import { diag, DiagLogLevel, type DiagLogger } from '@opentelemetry/api';
import { ENV } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { flag } from '../session/options.js';
import { SessionTracer } from '../session/session-tracer.js';
import { builtin } from './builtin.js';
import { instrumentClients } from './http.js';
import { readConfig, type RegisterConfig } from './register-config.js';
import { clientsBeside, hookImports, makeInstrumentations } from './register-instrumentations.js';

export type { RegisterConfig };

type Env = Readonly<Record<string, string | undefined>>;

/** Set once per process, whichever copies of this package are loaded. */
const DONE = Symbol.for('spanwise.v1.registered');
/** Where OpenTelemetry keeps its logger. */
const API = Symbol.for('opentelemetry.js.api.1');

function start(): void {
  const host = globalThis as { [DONE]?: true };
  const env: Env = globalThis.process?.env ?? {};
  if (host[DONE] === true || flag(env[ENV.sdkDisabled])) return;
  host[DONE] = true;
  const stopListening = listen(env);
  try {
    const folder = globalThis.process?.cwd() ?? '.';
    const config = readConfig(env, folder);
    if (config !== undefined) begin(config, env, folder);
  } catch (error) {
    warnError('SPW_REGISTER', 'tracing could not be started', error);
  } finally {
    stopListening();
  }
}

function begin(config: RegisterConfig, env: Env, folder: string): void {
  const { clients = true, instrumentations: given, ...options } = config;
  const named = env[ENV.instrumentations]?.split(',').map((name) => name.trim());
  const wanted = given ?? named?.filter((name) => name !== '') ?? [];
  const instrumentations = makeInstrumentations(wanted, folder);
  if (instrumentations.length > 0) hookImports(instrumentations, folder);
  // A thread's work is someone's, whose session it is in; it needs none of its own at the backend.
  const isThread = builtin<{ isMainThread: boolean }>('node:worker_threads')?.isMainThread === false;
  SessionTracer.init({
    ...(isThread ? { skipBackendSessionCreation: true } : {}),
    ...options,
    instrumentations,
  });
  if (clients !== false) {
    instrumentClients({ ...clientsBeside(instrumentations), ...(clients === true ? {} : clients) });
  }
}

/**
 * Writes diagnostics to stderr while tracing starts, since nobody can have set a logger before; with `OTEL_LOG_LEVEL`
 * for good.
 *
 * @returns what ends that
 */
function listen(env: Env): () => void {
  if ((globalThis as { [API]?: { diag?: unknown } })[API]?.diag !== undefined) return () => undefined;
  const wanted = env[ENV.logLevel]?.toUpperCase();
  const level = DiagLogLevel[(wanted ?? 'WARN') as keyof typeof DiagLogLevel] ?? DiagLogLevel.WARN;
  diag.setLogger(STDERR, { logLevel: level, suppressOverrideMessage: true });
  return wanted === undefined ? () => diag.disable() : () => undefined;
}

function write(message: string): void {
  globalThis.process?.stderr?.write(`${message}\n`);
}
const STDERR: DiagLogger = { error: write, warn: write, info: write, debug: write, verbose: write };

start();
