/**
 * Sees to it that there is a context manager, because without one no span finds its parent.
 */
import { context, createContextKey, ROOT_CONTEXT, type ContextManager } from '@opentelemetry/api';
import { describeError, warn } from '../diagnostics.js';
import { createAlsContextManager } from './als-context-manager.js';
import { loadOptionalPackage } from './optional-package.js';

const PROBE = createContextKey('spanwise probe of the context manager');

/** Tells whether a context that is set can be read back, whoever's manager keeps it. */
export function hasContextManager(): boolean {
  try {
    return context.with(ROOT_CONTEXT.setValue(PROBE, true), () => context.active().getValue(PROBE) === true);
  } catch {
    return false;
  }
}

/**
 * Installs `AsyncLocalStorageContextManager` of `@opentelemetry/context-async-hooks` if that is installed, else our
 * own, and only if no working manager is there. Reports SPW_CONTEXT_MANAGER if there is none in the end.
 *
 * @param from files to resolve the package from, instead of the application and this package
 */
export function installContextManager(from?: readonly string[]): void {
  try {
    if (hasContextManager()) return;
    const manager = isTaken() ? undefined : (theirs(from) ?? createAlsContextManager());
    if (manager !== undefined) {
      manager.enable();
      if (context.setGlobalContextManager(manager) && hasContextManager()) return;
      // One that does not work still counts as a live AsyncLocalStorage, which costs on every call.
      manager.disable();
    }
    warn(
      'SPW_CONTEXT_MANAGER',
      'no context manager could be installed, so spans will not find their parents; register one with ' +
        'context.setGlobalContextManager before SessionTracer.init, and load one version of @opentelemetry/api',
    );
  } catch (error) {
    warn('SPW_CONTEXT_MANAGER', `the context manager could not be installed: ${describeError(error)}`);
  }
}

/** Whether some manager is registered, as one is that does not work; it cannot be replaced. */
function isTaken(): boolean {
  const api = Symbol.for('opentelemetry.js.api.1');
  return (globalThis as { [api]?: { context?: unknown } })[api]?.context !== undefined;
}

function theirs(from?: readonly string[]): ContextManager | undefined {
  try {
    const found = loadOptionalPackage('@opentelemetry/context-async-hooks', () => true, from);
    const Manager: unknown = found?.exports.AsyncLocalStorageContextManager;
    return typeof Manager === 'function' ? new (Manager as new () => ContextManager)() : undefined;
  } catch {
    return undefined;
  }
}
