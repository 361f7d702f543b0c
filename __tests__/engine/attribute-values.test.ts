import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import {
  cleanAttributes,
  define,
  isAttributeValue,
  NESTED_VALUES,
  REFUSED,
  storedValue,
} from '../../lib/engine/attribute-values.js';
import { collectDiagnostics, LINE } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});

const hostile = (): object =>
  new Proxy([], {
    get() {
      throw new Error('trap');
    },
    getPrototypeOf() {
      throw new Error('trap');
    },
    ownKeys() {
      throw new Error('trap');
    },
  });

test('an attribute by a name that a frozen prototype has can be set', () => {
  const target = Object.create(Object.freeze({ name: 1 })) as Record<string, unknown>;
  define(target, 'name', 2);
  expect(Object.getOwnPropertyDescriptor(target, 'name')?.value).toBe(2);
});

describe('storedValue', () => {
  test('keeps strings, numbers and booleans, and cuts strings', () => {
    expect(storedValue('abc', 2)).toBe('ab');
    expect(storedValue('ab', 2)).toBe('ab');
    expect([storedValue(12345, 2), storedValue(true, 2), storedValue(-0.5, 2)]).toEqual([12345, true, -0.5]);
  });

  test('copies arrays of one type, with gaps, and cuts their strings', () => {
    const list = ['abc', null, undefined, 'x'];
    const copy = storedValue(list, 2, false);
    expect(copy).toEqual(['ab', null, undefined, 'x']);
    list[0] = 'changed';
    expect(copy).toEqual(['ab', null, undefined, 'x']);
    expect(storedValue(runInNewContext('[1, 2]'), 2, false)).toEqual([1, 2]);
  });

  test('refuses everything else', () => {
    const refused = [
      {},
      { a: 1 },
      [1, 'a'],
      [[1]],
      [{}],
      new Date(),
      () => 1,
      Symbol('s'),
      1n,
      hostile(),
      null,
    ];
    for (const value of refused) expect(storedValue(value, 10, false)).toBe(REFUSED);
  });

  test('where the API allows nested values, copies maps, lists, bytes and null', () => {
    const value = {
      s: 'abcdef',
      l: [1, 'abcdef', { n: null }],
      b: new Uint8Array([1, 2, 3, 4]),
      u: undefined,
    };
    expect(storedValue(value, 3, true)).toEqual({
      s: 'abc',
      l: [1, 'abc', { n: null }],
      b: new Uint8Array([1, 2, 3]),
    });
    expect(storedValue(null, 3, true)).toBeNull();
  });

  test('never runs a getter of a nested value, and refuses what has one, is a class, or contains itself', () => {
    let ran = false;
    const getter = {
      get x() {
        ran = true;
        return 1;
      },
    };
    const loop: { self?: unknown } = {};
    loop.self = loop;
    for (const value of [getter, new Map(), new (class Own {})(), loop, hostile(), { f: () => 1 }]) {
      expect(storedValue(value, 10, true)).toBe(REFUSED);
    }
    expect(ran).toBe(false);
  });

  test('takes values nested a few levels deep and refuses deeper ones', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 'leaf' : { in: nested(depth - 1) });
    expect(storedValue(nested(10), 10, true)).toEqual(nested(10));
    expect(storedValue(nested(20), 10, true)).toBe(REFUSED);
  });

  test('follows the API that is installed', () => {
    expect(NESTED_VALUES).toBe(LINE === 3);
  });
});

describe('isAttributeValue', () => {
  test('takes what every backend takes', () => {
    for (const value of ['', 0, false, ['a'], [1], []]) expect(isAttributeValue(value)).toBe(true);
    for (const value of [undefined, null, {}, [1, 'a'], 1n, () => 1])
      expect(isAttributeValue(value)).toBe(false);
  });
});

describe('cleanAttributes', () => {
  test('keeps the usable ones up to the limits and counts the rest', () => {
    const cleaned = cleanAttributes({ a: 'xxx', bad: () => 1, b: undefined, c: 1, d: 2 }, 2, 1);
    expect(cleaned).toEqual({ attributes: { a: 'x', c: 1 }, dropped: 1 });
    expect(messages).toEqual([expect.stringContaining('"bad"')]);
  });

  test('takes anything for attributes without throwing', () => {
    for (const source of [undefined, null, 5, 'text', hostile()]) {
      expect(cleanAttributes(source, 10, 10).attributes).toEqual({});
    }
  });
});

describe('define', () => {
  test('makes an own property of __proto__ and leaves the prototype alone', () => {
    const target: Record<string, unknown> = {};
    define(target, '__proto__', ['list']);
    define(target, 'plain', 1);
    expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
    expect(Object.keys(target)).toEqual(['__proto__', 'plain']);
  });
});
