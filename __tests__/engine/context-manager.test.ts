import { context, createContextKey, ROOT_CONTEXT, type ContextManager } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { hasContextManager, installContextManager } from '../../lib/engine/context-manager.js';
import { collectDiagnostics } from './support.js';

const KEY = createContextKey('test');
let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
  context.disable();
});
afterEach(() => {
  context.disable();
});

const installed = (): ContextManager =>
  (context as unknown as { _getContextManager(): ContextManager })._getContextManager();

describe('installContextManager', () => {
  test('installs the manager of context-async-hooks when that is there', async () => {
    expect(hasContextManager()).toBe(false);
    installContextManager();
    expect(hasContextManager()).toBe(true);
    expect(installed().constructor.name).toBe('AsyncLocalStorageContextManager');
    const seen = await context.with(ROOT_CONTEXT.setValue(KEY, 1), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return context.active().getValue(KEY);
    });
    expect(seen).toBe(1);
  });

  test('installs our own when the package is missing', () => {
    installContextManager(['/nowhere/at/all.js']);
    expect(hasContextManager()).toBe(true);
    expect(installed().constructor.name).toBe('AlsContextManager');
    expect(messages).toEqual([]);
  });

  test('leaves a working manager of someone else alone', () => {
    const theirs = new AsyncLocalStorageContextManager();
    context.setGlobalContextManager(theirs);
    installContextManager();
    expect(installed()).toBe(theirs);
    expect(messages).toEqual([]);
  });

  test('reports a manager that does not work and cannot be replaced', () => {
    const broken = {
      active: () => ROOT_CONTEXT,
      with: (_context: unknown, fn: () => unknown) => fn(),
      bind: (_context: unknown, target: unknown) => target,
      enable: () => broken,
      disable: () => broken,
    } as unknown as ContextManager;
    context.setGlobalContextManager(broken);
    installContextManager();
    // Nothing of the API's own, which would answer an attempt to register a second one with a stack.
    expect(messages).toEqual([expect.stringContaining('SPW_CONTEXT_MANAGER')]);
  });
});
