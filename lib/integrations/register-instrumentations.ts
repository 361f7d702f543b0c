/**
 * The instrumentations that `spanwise/register` connects, and the hook that lets them see what ESM imports.
 */
import { describeError, warn } from '../diagnostics.js';
import type { Instrumentation } from '../session/options.js';
import { builtin } from './builtin.js';
import type { ClientOptions } from './http.js';
import type { RegisterConfig } from './register-config.js';

interface Require {
  (id: string): unknown;
  resolve(id: string): string;
}
interface Modules {
  createRequire(from: string): Require;
  register?(specifier: string, options?: object): void;
  readonly builtinModules: readonly string[];
}
interface Urls {
  pathToFileURL(path: string): URL;
}

/** OpenTelemetry's loader hook, which every one of its instrumentations brings along. */
const HOOK = '@opentelemetry/instrumentation/hook.mjs';
/** What it is made of, in the form for newer Nodes. */
const IN_THREAD_HOOK = 'import-in-the-middle/register-hooks.mjs';
/** What their packages' names begin with. */
const PREFIX = HOOK.slice(0, HOOK.indexOf('/hook')) + '-';

/**
 * Makes the instrumentations that are asked for.
 *
 * @param wanted made ones, or names of packages
 * @param folder where packages are looked for
 * @returns those that could be made; the others have been reported
 */
export function makeInstrumentations(
  wanted: NonNullable<RegisterConfig['instrumentations']>,
  folder: string,
): Instrumentation[] {
  const made: Instrumentation[] = [];
  for (const one of wanted) {
    if (typeof one === 'string') add(made, one, undefined, folder);
    else if (Array.isArray(one)) add(made, one[0], one[1], folder);
    else made.push(one);
  }
  return made;
}

function add(made: Instrumentation[], name: string, options: object | undefined, folder: string): void {
  const id = /^[@./]/.test(name) || name.includes('/') ? name : PREFIX + name;
  let exports: unknown;
  try {
    exports = requireIn(folder)?.(id);
  } catch (error) {
    const isMissing = (error as { code?: unknown } | null)?.code === 'MODULE_NOT_FOUND';
    if (isMissing) warn('SPW_MISSING_PACKAGE', `${id} is not installed; npm install ${id}`, id);
    else warn('SPW_REGISTER', `${id} cannot be loaded: ${describeError(error)}`, id);
    return;
  }
  const makers = Object.values((exports ?? {}) as object).filter(isMaker);
  if (makers.length === 0) warn('SPW_REGISTER', `${id} exports no instrumentation`, id);
  for (const Maker of new Set(makers)) {
    try {
      made.push(new Maker(options));
    } catch (error) {
      warn('SPW_REGISTER', `${id} cannot be started: ${describeError(error)}`, id);
    }
  }
}

function isMaker(value: unknown): value is new (options?: object) => Instrumentation {
  if (typeof value !== 'function' || !value.name.endsWith('Instrumentation')) return false;
  const prototype = value.prototype as Partial<Instrumentation> | undefined;
  return typeof prototype?.enable === 'function' && typeof prototype.setTracerProvider === 'function';
}

function requireIn(folder: string): Require | undefined {
  return builtin<Modules>('node:module')?.createRequire(`${folder}/node_modules/spanwise.js`);
}

/**
 * Lets instrumentations see what ESM imports from now on; what CommonJS requires they see by themselves.
 *
 * @param instrumentations whose modules are to be seen
 * @param folder where OpenTelemetry's hook is looked for
 */
export function hookImports(instrumentations: readonly Instrumentation[], folder: string): void {
  const modules = builtin<Modules>('node:module');
  const urls = builtin<Urls>('node:url');
  if (modules?.register === undefined || urls === undefined) {
    warn(
      'SPW_REGISTER',
      'this runtime has no loader hooks, so that what ESM imports is not instrumented',
      'hook',
    );
    return;
  }
  let path: string | undefined;
  try {
    path = requireIn(folder)?.resolve(HOOK);
  } catch {
    // Reported below.
  }
  if (path === undefined) {
    const what =
      '@opentelemetry/instrumentation is not installed, so that what ESM imports is not instrumented';
    warn('SPW_MISSING_PACKAGE', `${what}; npm install @opentelemetry/instrumentation`, 'hook');
    return;
  }
  const include = watched(instrumentations, modules.builtinModules);
  const data = include === undefined ? undefined : { include };
  if (hookInThread(modules.createRequire(path), data)) return;
  modules.register(urls.pathToFileURL(path).href, data === undefined ? {} : { data });
}

/** Newer Nodes have hooks that run in the application's own thread, and warn of the others. */
function hookInThread(require: Require, options: object | undefined): boolean {
  try {
    const hooks = require(IN_THREAD_HOOK) as {
      supportsSyncHooks(): boolean;
      register(options?: object): void;
    };
    if (!hooks.supportsSyncHooks()) return false;
    hooks.register(options);
    return true;
  } catch {
    // An older hook, which has no such thing.
    return false;
  }
}

/**
 * What the hook has to look at. It wraps each module it sees, which makes a start several times as long if it sees all.
 *
 * @returns undefined if an instrumentation does not tell, and the hook has to see all
 */
function watched(
  instrumentations: readonly Instrumentation[],
  builtins: readonly string[],
): (string | RegExp)[] | undefined {
  const include: (string | RegExp)[] = [];
  for (const one of instrumentations) {
    const definitions: unknown = (one as { _modules?: unknown })._modules;
    if (!Array.isArray(definitions)) return undefined;
    for (const { name } of definitions as { name?: unknown }[]) {
      if (typeof name !== 'string') return undefined;
      const plain = name.replace(/^node:/, '');
      if (builtins.includes(plain)) include.push(plain, `node:${plain}`);
      // By its folder, since instrumentations also look into a package's own files.
      else include.push(name, new RegExp(`/node_modules/${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}/`));
    }
  }
  return include;
}

/** Which clients are left to us: an instrumentation of the user's makes its own spans. */
export function clientsBeside(instrumentations: readonly Instrumentation[]): ClientOptions {
  const names = instrumentations.map((one) => (one as { instrumentationName?: unknown }).instrumentationName);
  return {
    node: !names.includes(`${PREFIX}http`),
    fetch: !names.includes(`${PREFIX}undici`),
  };
}
