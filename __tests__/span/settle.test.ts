import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { PassThrough, Readable } from 'node:stream';
import { BehaviorSubject, of } from 'rxjs';
import {
  endOpenRuns,
  isAsyncFunction,
  isGeneratorFunction,
  settle,
  type SpanRun,
} from '../../lib/span/settle.js';
import { RecordedRun, Recorder, useContexts } from './settle-harness.js';

let recorder: Recorder;
beforeEach(() => {
  useContexts();
  recorder = new Recorder();
});
afterEach(() => {
  endOpenRuns();
  context.disable();
});

describe('values that are there', () => {
  const thing = new (class Thing {
    value = 1;
  })();
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['a string', 'text'],
    ['a bigint', 1n],
    ['a symbol', Symbol.for('s')],
    ['a plain object', { ok: true }],
    ['an instance', thing],
    ['a function', () => 1],
    ['an array', [1]],
    ['a Map', new Map([[1, 2]])],
    ['a Set', new Set([1])],
    ['a boxed string', new String('text')],
    ['a typed array', new Uint8Array(2)],
    ['a Buffer', Buffer.from('a')],
    ['an iterator over a collection', new Map([[1, 2]]).values()],
    ['a fetch Response', new Response('text')],
    ['a Date', new Date(0)],
    ['an object without prototype', Object.create(null)],
    ['an object with a `then` that is no function', { then: 1 }],
    ['an object with `next` only', { next: () => 1 }],
    ['an emitter with subscribe', { subscribe: () => 1 }],
  ])('end the span at once and come back untouched: %s', (_name, value) => {
    const keys = typeof value === 'object' && value !== null ? Reflect.ownKeys(value) : [];
    expect(recorder.trace(() => value)()).toBe(value);
    expect(recorder.ends).toEqual(['succeed']);
    expect(recorder.value()).toBe(value);
    if (typeof value === 'object' && value !== null) expect(Reflect.ownKeys(value)).toEqual(keys);
  });

  it('stay what they are when looking at them throws', () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('hands off');
        },
        getPrototypeOf() {
          throw new Error('hands off');
        },
      },
    );
    expect(recorder.trace(() => hostile)() === hostile).toBe(true);
    expect(recorder.ends).toEqual(['succeed']);
  });
});

describe('isGeneratorFunction', () => {
  it('knows what was declared with a star, whatever it is called or looks like', () => {
    expect(isGeneratorFunction(function* () {})).toBe(true);
    expect(isGeneratorFunction(async function* () {})).toBe(true);
    expect(isGeneratorFunction({ *method() {} }.method)).toBe(true);
    expect(isGeneratorFunction(async () => {})).toBe(false);
    expect(isGeneratorFunction(function GeneratorFunction() {})).toBe(false);
    expect(isGeneratorFunction(class {})).toBe(false);
    expect(isGeneratorFunction(function* () {}.bind(null))).toBe(false);
  });
});

describe('isAsyncFunction', () => {
  it('knows what was declared async and is no generator', () => {
    expect(isAsyncFunction(async () => {})).toBe(true);
    expect(isAsyncFunction({ async method() {} }.method)).toBe(true);
    expect(isAsyncFunction(async function* () {})).toBe(false);
    expect(isAsyncFunction(() => Promise.resolve())).toBe(false);
    expect(isAsyncFunction(function AsyncFunction() {})).toBe(false);
  });

  it('spares its promises the look for extras', async () => {
    const look = jest.spyOn(Object, 'getOwnPropertyNames');
    try {
      const silent = new RecordedRun(recorder, 'body', context.active(), false);
      expect(await settle(Promise.resolve(1), silent, true)).toBe(1);
      expect(look).not.toHaveBeenCalled();
    } finally {
      look.mockRestore();
    }
    expect(recorder.ends).toEqual(['succeed']);
  });
});

describe('endOpenRuns', () => {
  it('abandons what is open, of every kind, once', async () => {
    const never = new Promise<void>(() => {});
    const stream = new PassThrough();
    recorder.trace(() => never)();
    recorder.trace(() => stream)();
    recorder
      .trace(() => new BehaviorSubject(1))()
      .subscribe();
    recorder.trace(() => of(1))();
    const generator = recorder.trace(function* () {
      yield 1;
    })();
    generator.next();
    expect(recorder.ends).toEqual(['open', 'open', 'open', 'open', 'open']);
    expect(endOpenRuns()).toBe(5);
    expect(recorder.ends).toEqual(Array(5).fill('abandon'));
    expect(endOpenRuns()).toBe(0);
    stream.destroy();
  });

  it('gives the filter the runs that were given, and leaves the others open', async () => {
    const open: ((value: number) => void)[] = [];
    const run = recorder.trace(() => new Promise<number>((resolve) => void open.push(resolve)));
    const first = run();
    const second = run();
    expect(endOpenRuns((candidate: SpanRun) => candidate === recorder.runs[0])).toBe(1);
    expect(recorder.ends).toEqual(['abandon', 'open']);
    open.forEach((resolve) => resolve(1));
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(recorder.ends).toEqual(['abandon', 'succeed']);
    expect(endOpenRuns()).toBe(0);
  });

  it('keeps a bounded number of promises that never settle', () => {
    const never = new Promise<void>(() => {});
    const silent: SpanRun = {
      context: context.active(),
      succeed() {},
      fail() {},
      cancel() {},
      abandon() {},
      again: () => silent,
    };
    for (let i = 0; i < 12_000; i++) settle(never, silent);
    expect(endOpenRuns()).toBe(10_000);
  });
});

describe('a value inside another', () => {
  it('keeps the span of a promise open until the stream that it brings is consumed', async () => {
    const readable = await recorder.trace(async () => Readable.from([1, 2]))();
    expect(recorder.ends).toEqual(['open']);
    const seen: number[] = [];
    for await (const chunk of readable) seen.push(chunk);
    expect(seen).toEqual([1, 2]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('survives a run that throws', () => {
    const broken: SpanRun = {
      context: context.active(),
      succeed() {
        throw new Error('broken');
      },
      fail() {},
      cancel() {},
      abandon() {},
      again: () => broken,
    };
    const generator = settle(
      (function* () {
        yield 1;
      })(),
      broken,
    );
    expect([...generator]).toEqual([1]);
  });
});
