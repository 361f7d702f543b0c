import { EventEmitter } from 'node:events';
import { createServer, request } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { diag, type AttributeValue } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { createBudget, DEFAULT_CAPTURE_LIMITS, flatten } from '../../lib/capture/flatten.js';
import { createRedactor } from '../../lib/capture/redact.js';
import { ATTR_TRUNCATED, REDACTED } from '../../lib/conventions.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { holds, is } from '../support/quick.js';

type Out = Record<string, AttributeValue>;
type Options = Parameters<typeof flatten>[3];

const flat = (value: unknown, options?: Options, prefix = 'p'): Out => {
  const out: Out = {};
  flatten(prefix, value, out, options);
  return out;
};
const bytes = (out: Out): number =>
  Object.entries(out).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );

let said: string[] = [];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(() => diag.disable());

describe('the shape of attributes', () => {
  test('objects give dotted keys, lists give indices', () => {
    expect(flat({ a: { b: 1 }, n: ['x', { y: true }] }, undefined, 'honeyhive_inputs')).toEqual({
      'honeyhive_inputs.a.b': 1,
      'honeyhive_inputs.n.0': 'x',
      'honeyhive_inputs.n.1.y': true,
    });
  });

  test('null and undefined are skipped and indices stay', () => {
    expect(flat({ n: [1, null, { p: 2 }, undefined, 3], m: null, u: undefined })).toEqual({
      'p.n.0': 1,
      'p.n.2.p': 2,
      'p.n.4': 3,
    });
  });

  test('empty containers, null and undefined give nothing', () => {
    for (const value of [{}, [], new Map(), new Set(), null, undefined]) expect(flat(value)).toEqual({});
  });

  test('a plain value stands under the prefix itself', () => {
    expect(flat('x')).toEqual({ p: 'x' });
    expect(flat(0)).toEqual({ p: 0 });
    expect(flat(false)).toEqual({ p: false });
    expect(flat('')).toEqual({ p: '' });
  });

  test('numbers that are none are the words Python senders write', () => {
    expect(flat([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toEqual({
      'p.0': 'nan',
      'p.1': 'inf',
      'p.2': '-inf',
    });
  });

  test('bigints are decimal strings, up to a size that can be written quickly', () => {
    expect(flat([2n ** 60n, -5n, 2n ** 2_000_000n])).toEqual({
      'p.0': '1152921504606846976',
      'p.1': '-5',
      'p.2': '[BigInt]',
    });
  });

  test('functions and symbols give nothing', () => {
    expect(flat({ f: () => 1, s: Symbol('x'), c: class {}, v: 1 })).toEqual({ 'p.v': 1 });
    expect(flat(() => 1)).toEqual({});
    expect(flat(Symbol('x'))).toEqual({});
  });

  test('dates are ISO strings, invalid ones too', () => {
    expect(flat([new Date(0), new Date(Number.NaN)])).toEqual({
      'p.0': '1970-01-01T00:00:00.000Z',
      'p.1': 'Invalid Date',
    });
  });

  test('errors are their name and message, without cause, stack or anything else', () => {
    class Refused extends Error {
      readonly account = 'secret';
    }
    expect(flat({ e: new Refused('no', { cause: { password: 'x' } }), t: new TypeError('bad') })).toEqual({
      'p.e.name': 'Refused',
      'p.e.message': 'no',
      'p.t.name': 'TypeError',
      'p.t.message': 'bad',
    });
  });

  test('maps give their keys, sets their indices', () => {
    const map = new Map<unknown, unknown>([
      ['a', 1],
      [7, 2],
      [{}, 3],
    ]);
    expect(flat({ map, set: new Set(['x', 'y']) })).toEqual({
      'p.map.a': 1,
      'p.map.7': 2,
      'p.map.2': 3,
      'p.set.0': 'x',
      'p.set.1': 'y',
    });
  });

  test('binary data is a marker with its length', () => {
    expect(
      flat([
        Buffer.alloc(3),
        new Float64Array(2),
        new ArrayBuffer(5),
        new DataView(new ArrayBuffer(6)),
        new Uint8Array(4),
      ]),
    ).toEqual({
      'p.0': '[Buffer 3 bytes]',
      'p.1': '[Float64Array 16 bytes]',
      'p.2': '[ArrayBuffer 5 bytes]',
      'p.3': '[DataView 6 bytes]',
      'p.4': '[Uint8Array 4 bytes]',
    });
  });

  test('promises, expressions, URLs and boxes', () => {
    expect(
      flat([Promise.resolve(1), /a+/g, new URL('https://a.example/b?c=1'), Object(5), Object('t')]),
    ).toEqual({
      'p.0': '[Promise]',
      'p.1': '/a+/',
      'p.2': 'https://a.example/b?c=1',
      'p.3': 5,
      'p.4': 't',
    });
  });

  test('values of another realm are told apart as well', () => {
    const foreign = runInNewContext(
      `({ o: { a: 1 }, l: [1], d: new Date(0), m: new Map([['k', 1]]), e: new RangeError('far') })`,
    );
    expect(flat(foreign)).toEqual({
      'p.o.a': 1,
      'p.l.0': 1,
      'p.d': '1970-01-01T00:00:00.000Z',
      'p.m.k': 1,
      'p.e.name': 'RangeError',
      'p.e.message': 'far',
    });
  });

  test('of an instance, own enumerable data properties are read', () => {
    class Base {
      inherited = 1;
    }
    class Order extends Base {
      id = 7;
      #hidden = 'x';
      get total(): number {
        return this.#hidden.length;
      }
      method(): void {}
    }
    const order = Object.defineProperty(new Order(), 'quiet', { value: 1, enumerable: false });
    expect(flat(order)).toEqual({ 'p.inherited': 1, 'p.id': 7 });
  });

  test('streams, sockets, requests and emitters are named, not opened', () => {
    const outgoing = request({ port: 1, host: '127.0.0.1', headers: { cookie: 'sid=1' } });
    outgoing.on('error', () => undefined);
    outgoing.destroy();
    class Bus extends EventEmitter {
      secret = 1;
    }
    expect(flat([new Readable(), new Socket(), outgoing, new Bus(), createServer()])).toEqual({
      'p.0': '[Readable]',
      'p.1': '[Socket]',
      'p.2': '[ClientRequest]',
      'p.3': '[Bus]',
      'p.4': '[Server]',
    });
  });

  test('a circle is marked where it closes, and a shared object is written twice', () => {
    const shared = { v: 1 };
    const circle: Record<string, unknown> = { a: shared, b: shared };
    circle['self'] = { back: circle };
    expect(flat(circle)).toEqual({ 'p.a.v': 1, 'p.b.v': 1, 'p.self.back': '[Circular]' });
  });
});

describe('runs no code of the value', () => {
  const trap = (): never => {
    throw new Error('ran');
  };

  test('getters, toJSON, toString, valueOf, iterators and species stay untouched', () => {
    const calls = jest.fn();
    class Nosy {
      data = 1;
      get own(): number {
        calls('get');
        return 1;
      }
      toJSON = calls;
      toString = calls as never;
      valueOf = calls as never;
      [Symbol.iterator] = calls;
      [Symbol.toPrimitive] = calls;
      static [Symbol.hasInstance](): boolean {
        calls('instance');
        return true;
      }
      get [Symbol.toStringTag](): string {
        calls('tag');
        return 'x';
      }
    }
    const value = new Nosy();
    Object.defineProperty(value, 'late', { enumerable: true, get: calls });
    const list = [1, 2];
    Object.defineProperty(list, '1', { enumerable: true, get: calls });
    class LoudMap extends Map<string, number> {
      override entries = calls as never;
      override forEach = calls as never;
      override [Symbol.iterator] = calls as never;
      override get size(): number {
        calls('size');
        return 1;
      }
    }
    const error = Object.defineProperty(new Error('x'), 'message', { get: calls });
    const date = Object.assign(new Date(0), { toISOString: calls, getTime: calls });
    const out = flat({ value, list, map: new LoudMap([['k', 1]]), error, date });
    expect(out).toEqual({
      'p.value.data': 1,
      'p.list.0': 1,
      'p.map.k': 1,
      'p.error.name': 'Error',
      'p.date': '1970-01-01T00:00:00.000Z',
    });
    expect(calls).not.toHaveBeenCalled();
  });

  test('no trap of a Proxy runs, wherever it stands', () => {
    const traps = jest.fn(trap);
    const handler = new Proxy({}, { get: () => traps });
    const proxy = new Proxy({}, handler);
    const child = Object.create(proxy, { own: { value: 1, enumerable: true } }) as object;
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const revokedList = Proxy.revocable([], {});
    revokedList.revoke();
    class Strange {
      _events = {};
    }
    Object.defineProperty(Strange.prototype, 'constructor', { value: proxy });
    expect(
      flat({ proxy, child, gone: revoked.proxy, list: revokedList.proxy, strange: new Strange() }),
    ).toEqual({
      'p.proxy': '[Proxy]',
      'p.child.own': 1,
      'p.gone': '[Proxy]',
      'p.list': '[Proxy]',
      'p.strange': '[Object]',
    });
    expect(traps).not.toHaveBeenCalled();
  });
});

describe('hostile names', () => {
  test('__proto__, constructor and toString are data like any other', () => {
    const out: Out = {};
    flatten('', JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3}'), out);
    expect(Object.getPrototypeOf(out)).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.keys(out).sort()).toEqual(['__proto__.polluted', 'constructor', 'toString']);
    const bare: Out = {};
    flatten('', JSON.parse('{"__proto__":"x"}'), bare);
    expect(Object.getOwnPropertyDescriptor(bare, '__proto__')?.value).toBe('x');
  });

  test('they can be written where Object.prototype is frozen', () => {
    const frozen = Object.freeze({ constructor: 1 });
    const out = Object.create(frozen) as Out;
    flatten('', { constructor: 2 }, out);
    expect(Object.getOwnPropertyDescriptor(out, 'constructor')?.value).toBe(2);
  });

  test('control characters are escaped, long names cut, dots and empty names kept', () => {
    const out = flat({ 'a.b': 1, '': 2, 'x\ny\u202e': 3, ['k'.repeat(5_000)]: 4 });
    expect(out['p.a.b']).toBe(1);
    expect(out['p.']).toBe(2);
    expect(out['p.x\\u000ay\\u202e']).toBe(3);
    expect(out[`p.${'k'.repeat(256)}`]).toBe(4);
    expect(out[ATTR_TRUNCATED]).toBe(true);
  });
});

describe('limits', () => {
  test('the defaults cannot be changed by anyone', () => {
    expect(Object.isFrozen(DEFAULT_CAPTURE_LIMITS)).toBe(true);
  });

  test('what fits exactly is not called truncated', () => {
    const limits = { maxKeys: 3, maxItems: 3, maxDepth: 2, maxStringLength: 3 };
    for (const value of [
      [1, 2, 3],
      { a: { b: 'abc' } },
      new Map([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
      new Set([1, 2, 3]),
    ]) {
      expect(flat(value, { limits })).not.toHaveProperty([ATTR_TRUNCATED]);
    }
    expect(said).toEqual([]);
  });

  test.each([
    ['maxKeys', { maxKeys: 2 }, [1, 2, 3], { 'p.0': 1, 'p.1': 2 }],
    ['maxItems of a list', { maxItems: 2 }, [1, 2, 3], { 'p.0': 1, 'p.2': 3 }],
    ['maxItems of an object', { maxItems: 1 }, { a: 1, b: 2 }, { 'p.a': 1 }],
    [
      'maxItems of a map',
      { maxItems: 1 },
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      { 'p.a': 1 },
    ],
    ['maxDepth', { maxDepth: 1 }, { a: 1, b: { c: 2 } }, { 'p.a': 1 }],
    ['maxStringLength', { maxStringLength: 3 }, 'abcdef', { p: 'abc' }],
    ['maxStringLength beside a surrogate pair', { maxStringLength: 3 }, 'ab😀', { p: 'ab' }],
    ['maxBytes', { maxBytes: 8 }, 'abcdefghij', { p: 'abcdefg' }],
    ['nothing at all', { maxKeys: 0 }, { a: 1 }, {}],
  ])('%s cuts, marks and reports', (_name, limits, value, expected) => {
    expect(flat(value, { limits })).toEqual({ ...expected, [ATTR_TRUNCATED]: true });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^spanwise \[SPW_CAPTURE\] p was cut/);
  });

  test.each<[string, unknown, string[]]>([
    ['a list', Array.from({ length: 1_000 }, (_, i) => i), ['0', '1', '2', '3', '996', '997', '998', '999']],
    [
      'an object',
      Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i])),
      ['k0', 'k1', 'k2', 'k3', 'k996', 'k997', 'k998', 'k999'],
    ],
    [
      'a Map',
      new Map(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i])),
      [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `k${i}`),
    ],
    ['a Set', new Set(Array.from({ length: 1_000 }, (_, i) => i)), [0, 1, 2, 3, 4, 5, 6, 7].map(String)],
  ])('of %s that is too long a few entries stand for the others', (_kind, value, names) => {
    expect(Object.keys(flat(value))).toEqual([...names.map((name) => `p.${name}`), ATTR_TRUNCATED]);
  });

  test('of the longest list that is recorded whole, every item is', () => {
    expect(Object.keys(flat(new Array(DEFAULT_CAPTURE_LIMITS.maxItems).fill(1)))).toHaveLength(
      DEFAULT_CAPTURE_LIMITS.maxItems,
    );
  });

  test('a budget holds for all namespaces of a span and leaves something to the later ones', () => {
    const budget = createBudget({ maxKeys: 100, maxItems: 1_000 });
    const out: Out = {};
    flatten('inputs', Array(500).fill(1), out, { budget });
    flatten('outputs', Array(500).fill(1), out, { budget });
    flatten('metrics', { tokens: 7 }, out, { budget });
    const under = (prefix: string) => Object.keys(out).filter((key) => key.startsWith(prefix)).length;
    expect([under('inputs'), under('outputs'), under('metrics')]).toEqual([50, 25, 1]);
  });

  test('no option raises a span above one megabyte', () => {
    const limits = { maxBytes: 1e9, maxStringLength: 1e9, maxItems: 1e9 };
    const out = flat(Array(30).fill('é'.repeat(100_000)), { limits });
    expect(bytes(out)).toBeLessThanOrEqual(1024 * 1024 + 64);
    expect(out[ATTR_TRUNCATED]).toBe(true);
  });

  test('limits that are no numbers count as not given', () => {
    const limits = { maxKeys: Number.NaN, maxDepth: -1, maxItems: 'x' as never };
    expect(flat({ a: { b: 1 } }, { limits })).toEqual({ 'p.a.b': 1 });
  });

  test('a piece of a long string does not keep the string in memory', () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const kept: Out[] = [];
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 100; index++) {
      // Flat, because it comes from a buffer.
      kept.push(flat(Buffer.alloc(400_000, 97 + (index % 26)).toString('latin1')));
    }
    gc();
    // 100 pieces of 64 KB; the originals are 40 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
    expect(kept).toHaveLength(100);
  });
});

describe('sizes that would stop the event loop', () => {
  // Work is counted by what is read of the value, because timings on a shared machine decide nothing.
  const captured = (value: unknown): number => {
    const out = flat(value, { redact: createRedactor() });
    expect(out[ATTR_TRUNCATED]).toBe(true);
    expect(Object.keys(out).length).toBeLessThanOrEqual(DEFAULT_CAPTURE_LIMITS.maxKeys + 1);
    return bytes(out);
  };

  test('a string of 100 MB is not even read: its length is recorded', () => {
    expect(flat('x'.repeat(100 * 1024 * 1024))).toEqual({
      p: '[String 104857600 characters]',
      [ATTR_TRUNCATED]: true,
    });
  });

  test('many long strings are not all read', () => {
    const out = flat(Array.from({ length: 20 }, () => 'x'.repeat(200_000)));
    expect(Object.values(out).filter((text) => text === '[String 200000 characters]').length).toBeGreaterThan(
      10,
    );
  });

  test('a list of 5 million items, with values or holes', () => {
    expect(captured(Array.from({ length: 5_000_000 }, () => 1))).toBeLessThan(10_000);
    expect(captured(new Array(5_000_000))).toBeLessThan(100);
  });

  test('the names of an object with 100,000 are not listed', () => {
    const value: Record<string, number> = {};
    for (let index = 0; index < 100_000; index++) value[`key${index}`] = index;
    const list = jest.spyOn(Object, 'keys');
    expect(flat({ value })).toEqual({ 'p.value': '[Object with too many entries]', [ATTR_TRUNCATED]: true });
    list.mockRestore();
  });

  test('100 objects of 10,000 names each: a few are listed at most, and what is no object is still recorded', () => {
    const value: Record<string, unknown> = {};
    for (let at = 0; at < 100; at++) {
      value[`o${at}`] = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}_${at}`, i]));
    }
    value['query'] = 'tea';
    const out = flat(value);
    const marked = Object.values(out).filter((text) => text === '[Object with too many entries]');
    expect(marked.length).toBeGreaterThanOrEqual(95);
    expect(out['p.query']).toBe('tea');
  });

  test('the names that are listed are counted, in however many objects they are', () => {
    const value = Array.from({ length: 100 }, (_, at) =>
      Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}_${at}`, i])),
    );
    const marked = Object.values(flat(value)).filter((text) => text === '[Object with too many entries]');
    expect(marked.length).toBeGreaterThanOrEqual(95);
  });

  test('keys that grow with the depth cost more of the visits', () => {
    const name = 'n'.repeat(60);
    const deep = (levels: number): unknown =>
      levels === 0 ? 1 : { [`${name}a`]: deep(levels - 1), [`${name}b`]: deep(levels - 1) };
    const out = flat(deep(8));
    expect(out[ATTR_TRUNCATED]).toBe(true);
    expect(Object.keys(out).length).toBeLessThan(150);
  });

  test('a Map of 100,000 is stepped through no further than is recorded', () => {
    const map = new Map(Array.from({ length: 100_000 }, (_, index) => [`key${index}`, index]));
    expect(captured(map)).toBeLessThan(10_000);
  });

  test('nesting of 100,000 levels', () => {
    let value: unknown = 1;
    for (let level = 0; level < 100_000; level++) value = level % 2 === 0 ? { v: value } : [value];
    expect(captured(value)).toBeLessThan(100);
  });

  test('a graph of shared references that unfolds to four million, with leaves and without', () => {
    let full: unknown = { v: 1 };
    let empty: unknown = [];
    for (let level = 0; level < 22; level++) {
      full = [full, full];
      empty = [empty, empty];
    }
    expect(captured(full)).toBeLessThan(1024 * 1024);
    expect(captured(empty)).toBeLessThan(100);
  });
});

describe('redaction while walking', () => {
  const redact = createRedactor();

  test('hides everything below a secret name, in objects and maps', () => {
    expect(
      flat({ password: { a: 1, b: [2] }, user: new Map([['apiKey', 'x']]), token: null, ok: 1 }, { redact }),
    ).toEqual({ 'p.password': REDACTED, 'p.user.apiKey': REDACTED, 'p.ok': 1 });
  });

  test('hides the value of header pairs in every form', () => {
    const value = {
      raw: ['Authorization', 'Basic eA==', 'Accept', 'x'],
      pairs: [['cookie', 'sid=1']],
      named: [{ name: 'X-Api-Key', value: 'k' }],
      keyed: { key: 'set-cookie', value: 'c' },
    };
    expect(flat(value, { redact })).toEqual({
      'p.raw.0': 'Authorization',
      'p.raw.1': REDACTED,
      'p.raw.2': 'Accept',
      'p.raw.3': 'x',
      'p.pairs.0.0': 'cookie',
      'p.pairs.0.1': REDACTED,
      'p.named.0.name': 'X-Api-Key',
      'p.named.0.value': REDACTED,
      'p.keyed.key': 'set-cookie',
      'p.keyed.value': REDACTED,
    });
  });

  test('withholds secrets that are names', () => {
    expect(flat({ ghp_abcdefghij0123456789: 1 }, { redact })).toEqual({ [`p.${REDACTED}`]: 1 });
  });

  test('withholds secrets of texts, errors, numbers and URLs', () => {
    const out = flat(
      [new Error('token=abc'), 4111111111111111, 4111111111111111n, new URL('https://u:p@h.example/')],
      { redact },
    );
    expect(out).toEqual({
      'p.0.name': 'Error',
      'p.0.message': `token=${REDACTED}`,
      'p.1': REDACTED,
      'p.2': REDACTED,
      'p.3': `https://${REDACTED}@h.example/`,
    });
  });

  test('a secret on the cut is not recorded by half', () => {
    const limits = { maxStringLength: 100 };
    for (let before = 60; before < 100; before++) {
      const text = `${' '.repeat(before)}AKIAIOSFODNN7EXAMPLE ${'y'.repeat(900)}`;
      expect(flat(text, { redact, limits })['p']).not.toContain('AKIA');
    }
  });

  test('what is withheld does not pull the beginning of another secret into what is recorded', () => {
    const text = `password="${'x'.repeat(560)}" ${'-'.repeat(40)} AKIAIOSFODNN7EXAMPLE`;
    for (let max = 80; max < 130; max++) {
      expect(flat(text, { redact, limits: { maxStringLength: max } })['p']).not.toContain('AKIA');
    }
  });

  test('a namespace that is secret by its own name is hidden whole', () => {
    expect(flat({ a: 1 }, { redact }, 'honeyhive_inputs.password')).toEqual({
      'honeyhive_inputs.password': REDACTED,
    });
  });

  test('a redactor of foreign make is asked about every leaf by its full key, and fails closed', () => {
    const asked: string[] = [];
    const foreign = (key: string, value: unknown): unknown => {
      asked.push(key);
      if (key.endsWith('.b')) return { still: value };
      if (key.endsWith('.c')) throw new Error('x');
      if (key.endsWith('.d')) return undefined;
      return value;
    };
    expect(flat({ a: 1, b: 2, c: 3, d: 4, e: { f: 'g' } }, { redact: foreign })).toEqual({
      'p.a': 1,
      'p.b': REDACTED,
      'p.c': REDACTED,
      'p.e.f': 'g',
    });
    expect(asked).toEqual(['p.a', 'p.b', 'p.c', 'p.d', 'p.e.f']);
    expect(said.filter((line) => line.includes('SPW_REDACT'))).toHaveLength(2);
  });
});

describe('for any value', () => {
  const runs = Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 300);
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    maxDepth: 5,
  });

  test('nothing throws, everything is plain and within the limits, and the value stays as it was', () => {
    const limits = { maxDepth: 4, maxKeys: 20, maxItems: 8, maxBytes: 500, maxStringLength: 20 };
    fc.assert(
      fc.property(anything, fc.boolean(), (value, withRedactor) => {
        const out: Out = Object.create(null) as Out;
        flatten('p', value, out, { limits, redact: withRedactor ? createRedactor() : undefined });
        const entries = Object.entries(out).filter(([key]) => key !== ATTR_TRUNCATED);
        holds(entries.length <= 20, entries);
        for (const [key, leaf] of entries) {
          holds(key === 'p' || key.startsWith('p.'), key);
          holds(['string', 'number', 'boolean'].includes(typeof leaf), leaf);
          if (typeof leaf === 'number') holds(Number.isFinite(leaf), leaf);
        }
        holds(bytes(Object.fromEntries(entries) as Out) <= 500, entries);
      }),
      { numRuns: runs },
    );
  }, 600_000);

  test('JSON within the limits is recorded whole', () => {
    const leaves = (value: unknown): number =>
      value === null
        ? 0
        : typeof value === 'object'
          ? Object.values(value).reduce((n, v) => n + leaves(v), 0)
          : 1;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: fc.constantFrom('a', 'b', 'c') }), (value) => {
        const out = flat(value);
        holds(!(ATTR_TRUNCATED in out), out);
        is(Object.keys(out).length, leaves(value));
      }),
      { numRuns: runs },
    );
  }, 600_000);
});
