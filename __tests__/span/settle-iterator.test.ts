import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { EventEmitter, on } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { endOpenRuns } from '../../lib/span/settle.js';
import { active, inConsumer, Recorder, useContexts } from './settle-harness.js';

let recorder: Recorder;
beforeEach(() => {
  useContexts();
  recorder = new Recorder();
});
afterEach(() => {
  endOpenRuns();
  context.disable();
});

const numbers = function* (): Generator<number, string, any> {
  const got = yield 1;
  yield got ?? 2;
  return 'end';
};

describe('a generator function', () => {
  it('starts its span at the first pull and ends it with what it returns', () => {
    const generator = recorder.trace(numbers)();
    expect(recorder.runs).toHaveLength(0);
    expect(generator.next()).toEqual({ value: 1, done: false });
    expect(recorder.ends).toEqual(['open']);
    expect(generator.next(7)).toEqual({ value: 7, done: false });
    expect(generator.next()).toEqual({ value: 'end', done: true });
    expect(recorder.ends).toEqual(['succeed']);
    expect(recorder.value()).toBe('end');
    expect(generator.next()).toEqual({ value: undefined, done: true });
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('runs its body in the span and its consumer outside, at every step', () => {
    const seen: (string | undefined)[] = [];
    const generator = recorder.trace(function* () {
      try {
        for (let i = 0; i < 2; i++) {
          seen.push(active());
          yield i;
        }
      } finally {
        seen.push(`finally ${active()}`);
      }
    })();
    inConsumer(() => {
      for (const _ of generator) seen.push(active());
    });
    expect(seen).toEqual(['body', 'consumer', 'body', 'consumer', 'finally body']);
  });

  it('is cancelled by break and by return, fails by what it throws', () => {
    for (const n of recorder.trace(numbers)()) if (n === 1) break;
    const returned = recorder.trace(numbers)();
    returned.next();
    expect(returned.return('early')).toEqual({ value: 'early', done: true });
    const thrown = recorder.trace(numbers)();
    thrown.next();
    const error = new Error('thrown in');
    expect(() => thrown.throw(error)).toThrow(error);
    const failing = recorder.trace(function* (): Generator<number> {
      throw error;
    })();
    expect(() => failing.next()).toThrow(error);
    expect(recorder.ends).toEqual(['cancel', 'cancel', 'fail', 'fail']);
    expect(recorder.value(3)).toBe(error);
  });

  it('stays open when it yields while returning, and when it catches what is thrown in', () => {
    const generator = recorder.trace(function* () {
      try {
        yield 1;
      } finally {
        yield 'cleaning';
      }
    })();
    generator.next();
    expect(generator.return(0 as never)).toEqual({ value: 'cleaning', done: false });
    expect(recorder.ends).toEqual(['open']);
    expect(generator.next()).toEqual({ value: 0, done: true });
    const catching = recorder.trace(function* () {
      try {
        yield 1;
      } catch {
        yield 'caught';
      }
    })();
    catching.next();
    expect(catching.throw(new Error('x'))).toEqual({ value: 'caught', done: false });
    expect(recorder.ends).toEqual(['succeed', 'open']);
  });

  it('makes no span when it is closed before it ran', () => {
    const generator = recorder.trace(numbers)();
    expect(generator.return('never')).toEqual({ value: 'never', done: true });
    expect(generator.next()).toEqual({ value: undefined, done: true });
    expect(recorder.runs).toHaveLength(0);
  });

  it('remains the generator it is: instanceof, yield*, spread, destructuring, keys, errors', () => {
    const traced = recorder.trace(numbers);
    const generator = traced();
    expect(Object.keys(generator)).toEqual([]);
    expect(Object.prototype.toString.call(generator)).toBe('[object Generator]');
    expect(generator[Symbol.iterator]()).toBe(generator);
    expect(generator instanceof numbers).toBe(true);
    expect([...traced()]).toEqual([1, 2]);
    const [first] = traced();
    expect(first).toBe(1);
    const delegating = function* (): Generator<unknown> {
      yield yield* traced();
    };
    expect([...delegating()]).toEqual([1, 2, 'end']);
    const reentrant: Generator<unknown> = recorder.trace(function* (): Generator<unknown> {
      yield reentrant.next();
    })();
    expect(() => reentrant.next()).toThrow(TypeError);
    expect(recorder.ends).toEqual(['succeed', 'cancel', 'succeed', 'fail']);
  });

  it('collects chunks for aggregate, then succeeds without a value', () => {
    expect([...recorder.trace(numbers, 'body', true)()]).toEqual([1, 2]);
    expect(recorder.runs[0]?.chunks).toEqual([1, 2]);
    expect(recorder.runs[0]?.ends).toEqual([{ how: 'succeed', value: undefined }]);
  });

  it('returned by a traced function is listened to by that one as well', () => {
    const inner = recorder.trace(numbers, 'inner');
    const outer = recorder.trace(() => inner(), 'outer');
    expect([...outer()]).toEqual([1, 2]);
    expect(recorder.runs.map(({ name }) => name)).toEqual(['outer', 'inner']);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });
});

describe('an async generator function', () => {
  const chunks = async function* (): AsyncGenerator<string, string> {
    for (const text of ['a', 'b']) {
      await sleep(1);
      yield `${text} ${active()}`;
    }
    return 'end';
  };

  it('has its span in the body after every await, and the consumer has not', async () => {
    const seen: unknown[] = [];
    await inConsumer(async () => {
      for await (const chunk of recorder.trace(chunks)()) seen.push(chunk, active());
    });
    expect(seen).toEqual(['a body', 'consumer', 'b body', 'consumer']);
    expect(recorder.ends).toEqual(['succeed']);
    expect(recorder.value()).toBe('end');
  });

  it('answers concurrent pulls in order', async () => {
    const generator = recorder.trace(chunks)();
    const steps = await Promise.all([generator.next(), generator.next(), generator.next(), generator.next()]);
    expect(steps.map(({ value }) => value)).toEqual(['a body', 'b body', 'end', undefined]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('ends on break, return, throw and error', async () => {
    for await (const _ of recorder.trace(chunks)()) break;
    const returned = recorder.trace(chunks)();
    await returned.next();
    await returned.return('early');
    const error = new Error('no');
    const thrown = recorder.trace(chunks)();
    await thrown.next();
    await expect(thrown.throw(error)).rejects.toBe(error);
    const failing = recorder.trace(async function* () {
      yield 1;
      throw error;
    })();
    await failing.next();
    await expect(failing.next()).rejects.toBe(error);
    const unused = recorder.trace(chunks)();
    await unused.return('unused');
    expect(recorder.ends).toEqual(['cancel', 'cancel', 'fail', 'fail']);
  });

  it('gives promises, not values, from its methods', () => {
    const step = recorder.trace(chunks)().next();
    expect(step).toBeInstanceOf(Promise);
    return step;
  });
});

describe('an iterator that a plain function returned', () => {
  it('continues the span of the call', () => {
    const run = recorder.trace(() => numbers());
    const generator = run();
    expect(recorder.ends).toEqual(['open']);
    expect([...generator]).toEqual([1, 2]);
    expect(recorder.ends).toEqual(['succeed']);
    run().return('unused');
    expect(recorder.ends).toEqual(['succeed', 'cancel']);
  });

  it('ends on a break although it has no return of its own', () => {
    let n = 0;
    const iterator = {
      next: () => ({ value: n++, done: n > 5 }),
      [Symbol.iterator]() {
        return this;
      },
    };
    const traced = recorder.trace(() => iterator)();
    expect(traced).toBe(iterator);
    for (const value of traced) if (value === 2) break;
    expect(recorder.ends).toEqual(['cancel']);
    expect([...traced]).toEqual([3, 4]);
    expect(recorder.ends).toEqual(['cancel']);
  });

  it('is left alone when frozen', () => {
    const iterator = Object.freeze({
      next: () => ({ value: 1, done: true }),
      [Symbol.iterator]() {
        return this;
      },
    });
    expect([...recorder.trace(() => iterator)()]).toEqual([]);
    expect(recorder.ends).toEqual(['cancel']);
  });
});

describe('an async iterable', () => {
  /** As the clients of language models have it: a class over a function member, with tee and toReadableStream. */
  class Stream {
    constructor(private readonly iterator: () => AsyncIterator<string>) {}
    [Symbol.asyncIterator](): AsyncIterator<string> {
      return this.iterator();
    }
    tee(): [Stream, Stream] {
      const left: Promise<IteratorResult<string>>[] = [];
      const right: Promise<IteratorResult<string>>[] = [];
      const source = this.iterator();
      const half = (queue: typeof left): Stream =>
        new Stream(() => ({
          next: () => {
            if (queue.length === 0) {
              const step = source.next();
              left.push(step);
              right.push(step);
            }
            return queue.shift()!;
          },
        }));
      return [half(left), half(right)];
    }
  }
  const tokens = async function* (): AsyncGenerator<string> {
    for (const token of ['to', 'ken']) {
      await sleep(1);
      yield `${token} ${active()}`;
    }
  };
  const all = async (source: AsyncIterable<unknown>): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for await (const value of source) seen.push(value);
    return seen;
  };

  it('inside a promise keeps the span open to its end', async () => {
    const stream = await recorder.trace(async () => new Stream(tokens), 'body', true)();
    expect(stream).toBeInstanceOf(Stream);
    expect(recorder.ends).toEqual(['open']);
    expect(await all(stream)).toEqual(['to body', 'ken body']);
    expect(recorder.ends).toEqual(['succeed']);
    expect(recorder.runs[0]?.chunks).toEqual(['to body', 'ken body']);
  });

  it('is followed through tee', async () => {
    const [left, right] = recorder
      .trace(() => new Stream(tokens))()
      .tee();
    expect(await Promise.all([all(left), all(right)])).toEqual([
      ['to body', 'ken body'],
      ['to body', 'ken body'],
    ]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('has a run for each further iteration', async () => {
    const iterable = recorder.trace(() => ({ [Symbol.asyncIterator]: tokens }))();
    await all(iterable);
    for await (const _ of iterable) break;
    expect(recorder.runs.map(({ name }) => name)).toEqual(['body', 'body+']);
    expect(recorder.ends).toEqual(['succeed', 'cancel']);
  });

  it('fails with its iterator, wherever that throws', async () => {
    const error = new Error('no');
    const iterable = recorder.trace(() => ({
      [Symbol.asyncIterator](): AsyncIterator<string> {
        throw error;
      },
    }))();
    await expect(all(iterable)).rejects.toBe(error);
    const rejecting = recorder.trace(() => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
    }))();
    await expect(all(rejecting)).rejects.toBe(error);
    expect(recorder.ends).toEqual(['fail', 'fail']);
  });

  it('may be an iterator with other prototypes: events.on', async () => {
    const emitter = new EventEmitter();
    const events = recorder.trace(() => on(emitter, 'tick'))();
    setTimeout(() => emitter.emit('tick', 1), 1);
    for await (const [value] of events) {
      expect(value).toBe(1);
      break;
    }
    expect(recorder.ends).toEqual(['cancel']);
    expect(emitter.listenerCount('tick')).toBe(0);
  });

  it('may be a cursor whose next gives documents', async () => {
    class Cursor {
      private readonly rows = [{ n: 1 }, { n: 2 }];
      closed = 0;
      async next(): Promise<{ n: number } | null> {
        return this.rows.shift() ?? null;
      }
      async *[Symbol.asyncIterator](): AsyncGenerator<{ n: number }> {
        for (let row = await this.next(); row !== null; row = await this.next()) yield row;
      }
    }
    expect(await all(recorder.trace(() => new Cursor(), 'body', true)())).toEqual([{ n: 1 }, { n: 2 }]);
    const cursor = recorder.trace(() => new Cursor(), 'body', true)();
    expect([await cursor.next(), await cursor.next(), await cursor.next()]).toEqual([
      { n: 1 },
      { n: 2 },
      null,
    ]);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
    expect(recorder.runs.map(({ chunks }) => chunks)).toEqual([
      [{ n: 1 }, { n: 2 }],
      [{ n: 1 }, { n: 2 }],
    ]);
  });

  it('with private members keeps them', async () => {
    class Private {
      #values = [1];
      async *[Symbol.asyncIterator](): AsyncGenerator<number> {
        yield* this.#values;
      }
    }
    expect(await all(recorder.trace(() => new Private())())).toEqual([1]);
  });
});
