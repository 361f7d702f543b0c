import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { createHook } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import { lastValueFrom, of, type Observable } from 'rxjs';
import { endOpenRuns } from '../../lib/span/settle.js';
import { active, inConsumer, Recorder, settled, useContexts } from './settle-harness.js';

let recorder: Recorder;
beforeEach(() => {
  useContexts();
  recorder = new Recorder();
});
afterEach(() => {
  endOpenRuns();
  context.disable();
});

describe('a plain promise', () => {
  it('costs one call of then', async () => {
    const promise = Promise.resolve(1);
    const made: unknown[] = [];
    const hook = createHook({ init: (_id, type) => void (type === 'PROMISE' && made.push(type)) }).enable();
    const returned = recorder.trace(() => promise)();
    hook.disable();
    expect(made).toHaveLength(1);
    expect(returned).toBeInstanceOf(Promise);
    expect(returned.constructor).toBe(Promise);
    expect(Object.getOwnPropertyNames(returned)).toEqual([]);
    expect(Object.getOwnPropertyNames(promise)).toEqual([]);
    expect(await returned).toBe(1);
    expect(recorder.ends).toEqual(['succeed']);
    expect(recorder.value()).toBe(1);
  });

  it('keeps the identity of its value and of its error', async () => {
    const value = { deep: {} };
    const error = { no: 'Error' };
    expect(await recorder.trace(async () => value)()).toBe(value);
    await expect(recorder.trace(() => Promise.reject(error))()).rejects.toBe(error);
    await expect(recorder.trace(() => Promise.reject(undefined))()).rejects.toBe(undefined);
    expect(recorder.ends).toEqual(['succeed', 'fail', 'fail']);
    expect(recorder.value(1)).toBe(error);
  });

  it('has ended its span before its consumer goes on, who is in a context of its own', async () => {
    await inConsumer(async () => {
      await recorder.trace(async () => {})();
      expect(recorder.ends).toEqual(['succeed']);
      expect(active()).toBe('consumer');
      await recorder
        .trace(async () => {})()
        .then(() => expect(active()).toBe('consumer'));
    });
  });

  it('may be of another realm, as those of Node are here', async () => {
    const file = readFile(import.meta.filename, 'utf8');
    expect(file instanceof Promise).toBe(false);
    expect(await recorder.trace(() => file)()).toContain('another realm');
    await expect(recorder.trace(() => readFile('/missing'))()).rejects.toThrow('ENOENT');
    expect(recorder.ends).toEqual(['succeed', 'fail']);
  });

  it('may be an object that only claims to be one', () => {
    const fake = Object.create(Promise.prototype);
    expect(recorder.trace(() => fake)()).toBe(fake);
    expect(recorder.runs[0]?.ends).toHaveLength(1);
  });
});

describe('a promise with extras', () => {
  const withExtras = <T>(promise: Promise<T>): Promise<T> & { json(): Promise<T> } =>
    Object.defineProperty(promise, 'json', { value: () => promise, configurable: true }) as never;

  it('stays the same object with the same visible members', async () => {
    const promise = Object.assign(Promise.resolve(1), { cancel: () => 'cancelled' });
    const traced = recorder.trace(() => promise)();
    expect(traced).toBe(promise);
    expect(traced.cancel()).toBe('cancelled');
    expect(Object.keys(traced)).toEqual(['cancel']);
    expect(traced instanceof Promise).toBe(true);
    expect(traced.constructor.name).toBe('Promise');
    expect(traced.then(() => 1).constructor).toBe(Promise);
    expect(await traced).toBe(1);
    expect(await Promise.all([traced, traced.finally(() => 2), Promise.resolve(traced)])).toEqual([1, 1, 1]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('is noticed when the extras are hidden', async () => {
    const promise = withExtras(Promise.resolve(1));
    expect(recorder.trace(() => promise)()).toBe(promise);
    expect(await promise.json()).toBe(1);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('ends its span although nobody waits for it', async () => {
    recorder.trace(() => withExtras(Promise.resolve(1)))();
    await settled();
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('returned by two traced methods ends both spans', async () => {
    const inner = recorder.trace(() => withExtras(Promise.resolve(1)), 'inner');
    expect(await recorder.trace(() => inner(), 'outer')()).toBe(1);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });

  it('kept by its method ends a span for each call', async () => {
    const kept = withExtras(Promise.resolve(1));
    const run = recorder.trace(() => kept);
    await Promise.all([run(), run(), run()]);
    expect(recorder.ends).toEqual(['succeed', 'succeed', 'succeed']);
  });

  it('brings what is followed further, in the form in which it is followed', async () => {
    const source = of(1, 2);
    const promise = recorder.trace(() => withExtras(Promise.resolve<Observable<number>>(source)))();
    const observable = await promise;
    expect(recorder.ends).toEqual(['open']);
    expect(await lastValueFrom(observable)).toBe(2);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('is left alone when frozen', async () => {
    const promise = Object.freeze(Object.assign(Promise.resolve(1), { extra: 1 }));
    expect(recorder.trace(() => promise)()).toBe(promise);
    expect(await promise).toBe(1);
    expect(recorder.ends).toEqual(['cancel']);
  });

  it('copied with all its own members to another promise does not take part in that one', async () => {
    const traced = recorder.trace(() => withExtras(Promise.reject(new Error('no'))))();
    traced.catch(() => {});
    const copy = Object.defineProperties(
      Promise.resolve(2),
      Object.getOwnPropertyDescriptors(traced),
    ) as Promise<number>;
    expect(await copy.then((value) => value)).toBe(2);
    expect(await copy).toBe(2);
  });
});

describe('a subclass of Promise', () => {
  it('is never constructed by us, and derives itself as before', async () => {
    let made = 0;
    class Task<T> extends Promise<T> {
      constructor(executor: ConstructorParameters<typeof Promise<T>>[0]) {
        super(executor);
        made++;
      }
    }
    const traced = recorder.trace(() => new Task<number>((resolve) => resolve(1)))();
    expect([made, traced.constructor]).toEqual([1, Task]);
    expect(traced.then((value) => value)).toBeInstanceOf(Task);
    expect(await traced).toBe(1);
    expect(recorder.ends).toEqual(['succeed']);
    expect(Object.hasOwn(traced, 'constructor')).toBe(false);
  });
});
