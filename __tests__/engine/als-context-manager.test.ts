import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAlsContextManager, type AlsContextManager } from '../../lib/engine/als-context-manager.js';

const KEY = createContextKey('test');
const one = ROOT_CONTEXT.setValue(KEY, 1);
const two = ROOT_CONTEXT.setValue(KEY, 2);
let manager: AlsContextManager;
const value = () => manager.active().getValue(KEY);
beforeEach(() => {
  manager = createAlsContextManager()!;
});

describe('AlsContextManager', () => {
  test('is at the root outside of any context', () => {
    expect(manager.active()).toBe(ROOT_CONTEXT);
  });

  test('passes receiver, arguments, results and errors through', () => {
    const receiver = { tag: 'me' };
    const fn = function (this: typeof receiver, a: number, b: number) {
      return [this.tag, a, b, value()];
    };
    expect(manager.with(one, fn, receiver, 3, 4)).toEqual(['me', 3, 4, 1]);
    const failure = new Error('mine');
    expect(() =>
      manager.with(one, () => {
        throw failure;
      }),
    ).toThrow(failure);
    expect(value()).toBeUndefined();
  });

  test('keeps concurrent contexts apart across awaits', async () => {
    const run = (context: typeof one) =>
      manager.with(context, async () => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return value();
      });
    expect(await Promise.all([run(one), run(two), run(one)])).toEqual([1, 2, 1]);
  });

  test('binds a function, with its receiver and arity', () => {
    const bound = manager.bind(one, function (this: unknown, _a: unknown, _b: unknown) {
      return [this, value()];
    });
    const receiver = {};
    expect(bound.call(receiver, 0, 0)).toEqual([receiver, 1]);
    expect(bound).toHaveLength(2);
  });

  test('returns what is neither a function nor an emitter untouched', () => {
    const target = { plain: true };
    expect(manager.bind(one, target)).toBe(target);
    expect(Object.keys(target)).toEqual(['plain']);
  });

  test('runs the listeners of a bound emitter in its context', () => {
    const emitter = manager.bind(one, new EventEmitter());
    const seen: unknown[] = [];
    emitter.on('e', () => seen.push(value()));
    emitter.once('e', () => seen.push(value()));
    manager.with(two, () => emitter.emit('e'));
    emitter.emit('e');
    expect(seen).toEqual([1, 1, 1]);
  });

  test('removes listeners of a bound emitter by their original function', () => {
    const emitter = manager.bind(one, new EventEmitter());
    let calls = 0;
    const listener = () => {
      calls++;
    };
    emitter.on('e', listener);
    emitter.on('e', listener);
    emitter.once('e', listener);
    emitter.off('e', listener);
    expect(emitter.listenerCount('e')).toBe(2);
    emitter.removeListener('e', listener);
    emitter.off('e', listener);
    expect(emitter.listenerCount('e')).toBe(0);
    emitter.on('e', listener);
    emitter.removeAllListeners('e');
    emitter.emit('e');
    expect(calls).toBe(0);
  });

  test('removes the listener that is left when one added with once has fired', () => {
    const emitter = manager.bind(one, new EventEmitter());
    const listener = () => {};
    emitter.on('e', listener);
    emitter.once('e', listener);
    emitter.emit('e');
    emitter.off('e', listener);
    expect(emitter.listenerCount('e')).toBe(0);
  });

  test('shows the original functions as listeners', () => {
    const emitter = manager.bind(one, new EventEmitter());
    const listener = () => {};
    emitter.on('e', listener);
    expect(emitter.listeners('e')).toEqual([listener]);
  });

  test('still removes what was added before the emitter was bound', () => {
    const emitter = new EventEmitter();
    const early = () => {};
    emitter.on('e', early);
    manager.bind(one, emitter);
    emitter.off('e', early);
    expect(emitter.listenerCount('e')).toBe(0);
  });

  test('binds an emitter once', () => {
    const emitter = manager.bind(one, new EventEmitter());
    const on = emitter.on;
    manager.bind(two, emitter);
    expect(emitter.on).toBe(on);
  });

  test('attaches a context until the token is disposed of, once', () => {
    manager.with(two, () => {
      const token = manager.attach(one);
      expect(value()).toBe(1);
      token.dispose();
      expect(value()).toBe(2);
      const again = manager.attach(one);
      token.dispose();
      expect(value()).toBe(1);
      again.dispose();
    });
  });
});

describe('createAlsContextManager without Node’s modules', () => {
  const { getBuiltinModule } = process;
  const host = globalThis as { AsyncLocalStorage?: unknown };
  beforeEach(() => {
    process.getBuiltinModule = (() => undefined) as never;
  });
  afterEach(() => {
    process.getBuiltinModule = getBuiltinModule;
    delete host.AsyncLocalStorage;
  });

  test('takes the AsyncLocalStorage that the host has put among the globals', () => {
    host.AsyncLocalStorage = AsyncLocalStorage;
    const made = createAlsContextManager();
    expect(made?.with(one, () => made.active().getValue(KEY))).toBe(1);
  });

  test('gives none where there is none, or something else of that name', () => {
    expect(createAlsContextManager()).toBeUndefined();
    host.AsyncLocalStorage = 'mine';
    expect(createAlsContextManager()).toBeUndefined();
  });
});
