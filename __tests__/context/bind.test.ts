import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { bindContext } from '../../lib/context/bind.js';

const KEY = createContextKey('bind test');
const A = ROOT_CONTEXT.setValue(KEY, 'a');
const B = ROOT_CONTEXT.setValue(KEY, 'b');
const where = (): unknown => context.active().getValue(KEY);

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

describe('bindContext on a function', () => {
  it('runs it in the context, with its receiver, arguments and result', () => {
    const bound = bindContext(function (this: unknown, x: number, y: number) {
      return [this, x + y, where()];
    }, A);
    const receiver = {};
    expect(bound.call(receiver, 1, 2)).toEqual([receiver, 3, 'a']);
    expect(where()).toBeUndefined();
  });

  it('takes the active context unless one is given', () => {
    expect(context.with(B, () => bindContext(where))()).toBe('b');
  });

  it('keeps name, length and type', () => {
    const work = (a: string, b?: number): string => a + String(b);
    const bound: typeof work = bindContext(work, A);
    expect([bound.name, bound.length]).toEqual(['work', 2]);
    // @ts-expect-error a bound function takes what the function takes
    bound(1);
  });

  it('lets errors through and restores the context', () => {
    const error = new Error('x');
    expect(() =>
      bindContext(() => {
        throw error;
      }, A)(),
    ).toThrow(error);
    expect(where()).toBeUndefined();
  });
});

describe('bindContext on an emitter', () => {
  it.each(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const)(
    'listeners added later with %s run in the context, once per event',
    (add) => {
      const emitter = new EventEmitter();
      const seen: unknown[] = [];
      expect(bindContext(emitter, A)).toBe(emitter);
      emitter[add]('e', (value: number) => seen.push([value, where()]));
      emitter.emit('e', 1);
      emitter.emit('e', 2);
      const once = add.toLowerCase().includes('once');
      expect(seen).toEqual(
        once
          ? [[1, 'a']]
          : [
              [1, 'a'],
              [2, 'a'],
            ],
      );
    },
  );

  it.each(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const)(
    'what was added with %s is removed by the function that was added',
    (add) => {
      for (const remove of ['off', 'removeListener'] as const) {
        const emitter = bindContext(new EventEmitter(), A);
        const listener = (): never => {
          throw new Error('was to be removed');
        };
        emitter[add]('e', listener);
        emitter[remove]('e', listener);
        expect(emitter.listenerCount('e')).toBe(0);
        expect(emitter.emit('e')).toBe(false);
      }
    },
  );

  it('removes a listener that was added before and after binding as often as it was added', () => {
    const emitter = new EventEmitter();
    const listener = (): void => undefined;
    emitter.on('e', listener);
    bindContext(emitter, A);
    emitter.on('e', listener);
    emitter.on('e', listener);
    expect(emitter.listeners('e')).toEqual([listener, listener, listener]);
    emitter.off('e', listener).off('e', listener);
    expect(emitter.listenerCount('e')).toBe(1);
    emitter.off('e', listener);
    expect(emitter.listenerCount('e')).toBe(0);
  });

  it('binding again changes the context of what is added from then on', () => {
    const emitter = bindContext(new EventEmitter(), A);
    const seen: unknown[] = [];
    emitter.on('e', () => seen.push(where()));
    bindContext(emitter, B).on('e', () => seen.push(where()));
    emitter.emit('e');
    expect(seen).toEqual(['a', 'b']);
  });

  it('is not seen by enumeration and does not start a stream', async () => {
    const stream = Readable.from(['x']);
    const keys = Object.keys(stream);
    bindContext(stream, A);
    expect(Object.keys(stream)).toEqual(keys);
    expect(stream.readableFlowing).toBeNull();
    const chunk = await new Promise((resolve) => stream.on('data', (data) => resolve([data, where()])));
    expect(chunk).toEqual(['x', 'a']);
  });
});

describe('bindContext on an event target', () => {
  it('binds functions and objects, adds one listener once, and removes it', () => {
    const target = bindContext(new EventTarget(), A);
    const seen: unknown[] = [];
    const listener = (): void => void seen.push(where());
    const object = { handleEvent: (): void => void seen.push(`${String(where())} by object`) };
    target.addEventListener('e', listener);
    target.addEventListener('e', listener);
    target.addEventListener('e', object);
    target.dispatchEvent(new Event('e'));
    expect(seen).toEqual(['a', 'a by object']);
    target.removeEventListener('e', listener);
    target.removeEventListener('e', object);
    target.dispatchEvent(new Event('e'));
    expect(seen).toHaveLength(2);
  });

  it('removes what was added before it was bound', () => {
    const target = new EventTarget();
    let calls = 0;
    const listener = (): void => void calls++;
    target.addEventListener('e', listener);
    bindContext(target, A).removeEventListener('e', listener);
    target.dispatchEvent(new Event('e'));
    expect(calls).toBe(0);
  });
});

describe('bindContext on anything else', () => {
  it('returns it as it is', () => {
    const promise = Promise.resolve(1);
    const frozen = Object.freeze(new EventEmitter());
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [1, 'x', null, undefined, {}, promise, frozen])
      expect(bindContext(value, A)).toBe(value);
    expect(bindContext(proxy, A) === proxy).toBe(true);
  });
});
