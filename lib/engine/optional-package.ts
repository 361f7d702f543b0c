/**
 * Loads packages that may or may not be installed, synchronously, in ESM, CJS and bundles alike.
 *
 * `node:module` is asked for at run time and not imported, so that runtimes and bundles without it can still load
 * this file.
 */
interface Require {
  (id: string): unknown;
  resolve(id: string): string;
  readonly cache?: Record<string, { exports: unknown } | undefined>;
}
interface NodeModule {
  createRequire(filename: string): Require;
}
interface NodeProcess {
  cwd(): string;
  readonly argv?: readonly string[];
  getBuiltinModule?(id: string): unknown;
}

/** A package that was found. */
export interface OptionalPackage {
  /** Its exports. */
  readonly exports: any;
  /** Its version, or an empty string if its package.json cannot be read. */
  readonly version: string;
}

function nodeProcess(): NodeProcess | undefined {
  return (globalThis as { process?: NodeProcess }).process;
}

/** A Node built-in, or undefined where there is none. */
export function builtin<T>(id: string): T | undefined {
  try {
    return nodeProcess()?.getBuiltinModule?.(id) as T | undefined;
  } catch {
    return undefined;
  }
}

/**
 * `require` functions as the application and as this package would have them, in that order.
 *
 * @param from files to resolve from instead
 */
export function requires(from?: readonly string[]): Require[] {
  const createRequire = builtin<NodeModule>('node:module')?.createRequire;
  if (createRequire === undefined) return [];
  const found: Require[] = [];
  for (const base of from ?? defaultBases()) {
    try {
      found.push(createRequire(base));
    } catch {
      // Not a usable path: a relative script name in a bundle, a virtual file system.
    }
  }
  return found;
}

function defaultBases(): string[] {
  const bases: string[] = [];
  const process = nodeProcess();
  try {
    if (process !== undefined) bases.push(`${process.cwd()}/noop.js`);
  } catch {
    // The working directory was deleted.
  }
  const script = process?.argv?.[1];
  if (typeof script === 'string') bases.push(script);
  try {
    // Undefined in a CJS bundle of esbuild: nothing to resolve from, and no reason to fail.
    const own = import.meta.url as string | undefined;
    if (own !== undefined) bases.push(own);
  } catch {
    // Not a module.
  }
  return bases;
}

/**
 * Loads an optional package.
 *
 * @param name the package's name
 * @param accept tells from a version whether the package may be used
 * @param from files to resolve from, instead of the application and this package
 * @returns the package, or undefined if no acceptable one is installed
 */
export function loadOptionalPackage(
  name: string,
  accept: (version: string) => boolean = () => true,
  from?: readonly string[],
): OptionalPackage | undefined {
  for (const require of requires(from)) {
    try {
      const entry = require.resolve(name);
      const version = versionOf(require, name, entry);
      if (accept(version)) return { exports: loadEntry(require, entry), version };
    } catch {
      // Not installed here, or broken: the next place may have it.
    }
  }
  return undefined;
}

function versionOf(require: Require, name: string, entry: string): string {
  try {
    const { version } = require(`${name}/package.json`) as { version?: unknown };
    if (typeof version === 'string') return version;
  } catch {
    // The package does not export its package.json: read the one above its entry.
  }
  const end = entry.replaceAll('\\', '/').lastIndexOf(`node_modules/${name}/`);
  if (end < 0) return '';
  try {
    const manifest = `${entry.slice(0, end)}node_modules/${name}/package.json`;
    const { version } = require(manifest) as { version?: unknown };
    return typeof version === 'string' ? version : '';
  } catch {
    return '';
  }
}

function loadEntry(require: Require, entry: string): unknown {
  if (entry.endsWith('.cjs')) {
    // OpenTelemetry 3.x ships both formats; as ESM it is the copy that `import` gives, and 1.3 to 1.6 times
    // faster. The require is made from inside the package, where Node does not warn about loading ESM.
    try {
      const inside = requires([entry])[0] ?? require;
      return inside(`${entry.slice(0, -4)}.mjs`);
    } catch {
      // A runtime that cannot require ESM (Jest on Node 20): the CJS copy works as well.
    }
  }
  return require(entry);
}
