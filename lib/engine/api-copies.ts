/**
 * Several copies of `@opentelemetry/api` in one process, which lose spans without a word.
 *
 * API 1.10 is published as CJS and as ESM. Both share what is registered globally, but a tracer that was taken
 * from one copy before the provider was registered through the other stays without a provider for ever.
 */
import { trace, type Tracer, type TracerProvider } from '@opentelemetry/api';
import { describeError, warn } from '../diagnostics.js';
import { requires } from './optional-package.js';

interface ApiCopy {
  readonly trace: { getTracerProvider(): TracerProvider & { setDelegate?(delegate: TracerProvider): void } };
}

const API_GLOBAL = Symbol.for('opentelemetry.js.api.1');
const API_ENTRY = /^(.*[\\/]@opentelemetry[\\/]api[\\/])(?:build|dist)[\\/](?:src[\\/])?index\.(?:c?js)$/;

/** Hands out tracers of our copy's provider, also for tracers that were asked for before there was one. */
const ours: TracerProvider = {
  getTracer: (name, version, options): Tracer => trace.getTracerProvider().getTracer(name, version, options),
};

/**
 * Connects every other loaded copy of `@opentelemetry/api` to ours, and reports copies that cannot work together.
 * To be called before a provider is registered; does nothing once one is.
 *
 * @param from files to resolve the API from, instead of the application and this package
 */
export function ensureApiCopies(from?: readonly string[]): void {
  try {
    const folders = new Set<string>();
    for (const copy of loadedCopies(from, folders)) {
      if (copy.trace === undefined || (copy.trace as unknown) === trace || registered()) continue;
      copy.trace.getTracerProvider().setDelegate?.(ours);
    }
    if (folders.size > 1) {
      warn(
        'SPW_API_COPY',
        `${folders.size} copies of @opentelemetry/api are loaded (${[...folders].join(', ')}), so some ` +
          'libraries may not be traced; keep one, for example with `npm dedupe`',
      );
    }
  } catch (error) {
    warn('SPW_API_COPY', `the copies of @opentelemetry/api could not be looked at: ${describeError(error)}`);
  }
}

/** With a provider registered, a delegate of ours would lead back to itself. */
function registered(): boolean {
  return (globalThis as { [API_GLOBAL]?: { trace?: unknown } })[API_GLOBAL]?.trace !== undefined;
}

function* loadedCopies(from: readonly string[] | undefined, folders: Set<string>): Generator<ApiCopy> {
  for (const require of requires(from)) {
    for (const [file, module] of Object.entries(require.cache ?? {})) {
      const folder = API_ENTRY.exec(file)?.[1];
      if (folder === undefined || module === undefined) continue;
      folders.add(folder);
      yield module.exports as ApiCopy;
    }
    // Node keeps ESM out of that cache, so the ESM twin is asked for by path: a copy that is loaded already is the
    // one that comes back, and one that is not costs a few milliseconds once.
    try {
      const entry = require.resolve('@opentelemetry/api');
      if (!entry.endsWith('.cjs')) continue;
      folders.add(API_ENTRY.exec(entry)?.[1] ?? entry);
      yield (requires([entry])[0] ?? require)(`${entry.slice(0, -4)}.mjs`) as ApiCopy;
    } catch {
      // Not resolvable from here, or a runtime that cannot require ESM.
    }
  }
}
