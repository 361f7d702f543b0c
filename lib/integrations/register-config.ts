/**
 * What `spanwise/register` is configured by: a small file beside the application, if there is one.
 */
import { ENV } from '../conventions.js';
import { describeError, warn } from '../diagnostics.js';
import type { Instrumentation, SessionTracerOptions } from '../session/options.js';
import { builtin } from './builtin.js';
import type { ClientOptions } from './http.js';

/**
 * What a configuration file of `spanwise/register` holds: the options of `SessionTracer.init`, and two more things.
 *
 * @category Frameworks
 */
export interface RegisterConfig extends Omit<SessionTracerOptions, 'instrumentations'> {
  /**
   * OpenTelemetry's instrumentations: made ones, or packages by name ("@opentelemetry/instrumentation-express", or
   * "express" for short), each alone or with options.
   *
   * @default `OTEL_NODE_ENABLED_INSTRUMENTATIONS`
   */
  instrumentations?: (Instrumentation | string | [name: string, options: object])[];
  /** Trace outgoing calls, as `instrumentClients` does. @default true */
  clients?: boolean | ClientOptions;
}

type Env = Readonly<Record<string, string | undefined>>;

interface Files {
  existsSync(path: string): boolean;
  readFileSync(path: string, encoding: 'utf8'): string;
}
interface Paths {
  resolve(...parts: string[]): string;
}
interface Modules {
  createRequire(from: string): (id: string) => unknown;
}

const NAMES = ['mjs', 'js', 'cjs', 'json'].map((ending) => `spanwise.config.${ending}`);

/**
 * Reads the configuration.
 *
 * @param env names the file with `SPANWISE_CONFIG`
 * @param folder where the application was started
 * @returns an empty one if there is no file; undefined if it cannot be used, which has been reported then
 */
export function readConfig(env: Env, folder: string): RegisterConfig | undefined {
  const files = builtin<Files>('node:fs');
  const paths = builtin<Paths>('node:path');
  if (files === undefined || paths === undefined) return {};
  const named = env[ENV.config];
  const isNamed = named !== undefined && named !== '';
  const candidates = (isNamed ? [named] : NAMES).map((name) => paths.resolve(folder, name));
  const file = candidates.find((path) => files.existsSync(path));
  if (file === undefined) {
    return isNamed ? refuse(`${ENV.config} names ${candidates[0]}, which is not there`) : {};
  }
  try {
    const read = file.endsWith('.json')
      ? (JSON.parse(files.readFileSync(file, 'utf8')) as unknown)
      : exported(load(file, folder));
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as RegisterConfig;
    return refuse(
      `${file} has no object of options; write { "project": "…" } or "export default { project: '…' }"`,
    );
  } catch (error) {
    const isAsync = (error as { code?: unknown } | null)?.code === 'ERR_REQUIRE_ASYNC_MODULE';
    return refuse(
      `${file} cannot be read: ${isAsync ? 'it must not await at its top level' : describeError(error)}`,
    );
  }
}

/** Options that are lost may have been there for privacy, so that no tracing is better than tracing by default. */
function refuse(what: string): undefined {
  warn('SPW_REGISTER', `${what}; nothing is traced`, 'config');
  return undefined;
}

/** Synchronously, so that all is set before the application is loaded; Node loads ESM so, too. */
function load(file: string, folder: string): unknown {
  // As if from an installed package: Node warns applications that require ESM.
  return builtin<Modules>('node:module')?.createRequire(`${folder}/node_modules/spanwise.js`)(file);
}

function exported(module: unknown): unknown {
  return (module as { default?: unknown } | null | undefined)?.default ?? module;
}
