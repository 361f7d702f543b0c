import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { looksLikeCarrier, openCarrier, readCarrier, writeCarrier } from '../../lib/propagation/carrier.js';
import { findCarrier } from '../../lib/propagation/find-carrier.js';
import { listen, TRACEPARENT } from './helpers.js';
import { CASES, MsgHdrs, renamed, SHAPES } from './shapes.js';

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => log.stop());

describe.each(SHAPES)('readCarrier on %s', (_shape, make) => {
  it.each(CASES)('reads headers in %s', (_case, rename) => {
    const carrier = make(renamed({ traceparent: TRACEPARENT, baggage: 'a=1' }, rename));
    expect(readCarrier(carrier, 'traceparent')).toBe(TRACEPARENT);
    expect(readCarrier(carrier, 'baggage')).toBe('a=1');
    expect(readCarrier(carrier, 'tracestate')).toBeUndefined();
    expect(looksLikeCarrier(carrier)).toBe(true);
  });

  it('has nothing to say when it holds something else', () => {
    const carrier = make({ accept: 'x', 'content-type': 'y' });
    expect(readCarrier(carrier, 'traceparent')).toBeUndefined();
    expect(looksLikeCarrier(carrier)).toBe(false);
  });

  it('knows no header by a name that every object has', () => {
    const carrier = make({ accept: 'x' });
    for (const key of ['__proto__', 'constructor', 'tostring', 'hasownproperty']) {
      expect(readCarrier(carrier, key)).toBeUndefined();
    }
  });
});

describe('readCarrier', () => {
  it('returns all values of a header that is there several times', () => {
    expect(readCarrier({ baggage: ['a=1', 'b=2'] }, 'baggage')).toEqual(['a=1', 'b=2']);
    expect(readCarrier(['Baggage', 'a=1', 'baggage', 'b=2'], 'baggage')).toEqual(['a=1', 'b=2']);
    expect(
      readCarrier(
        [
          ['baggage', 'a=1'],
          ['BAGGAGE', 'b=2'],
        ],
        'baggage',
      ),
    ).toEqual(['a=1', 'b=2']);
    const nats = new MsgHdrs();
    nats.append('Baggage', 'a=1');
    nats.append('Baggage', 'b=2');
    expect(readCarrier(nats, 'baggage')).toEqual(['a=1', 'b=2']);
  });

  it('reads a name in the raw list only where names are', () => {
    expect(readCarrier(['x', 'traceparent', 'y', 'z'], 'traceparent')).toBeUndefined();
  });

  it.each([
    null,
    undefined,
    1,
    'traceparent',
    true,
    Symbol('x'),
    10n,
    () => 1,
    [],
    {},
    [null],
    [[]],
    new Date(),
    new Set(['traceparent']),
  ])('finds nothing in %p', (carrier) => {
    expect(readCarrier(carrier, 'traceparent')).toBeUndefined();
    expect(looksLikeCarrier(carrier)).toBe(false);
  });

  it('does not throw on what throws', () => {
    const boom = (): never => {
      throw new Error('no');
    };
    const revocable = Proxy.revocable({}, {});
    revocable.revoke();
    for (const carrier of [
      {
        get traceparent() {
          return boom();
        },
      },
      new Proxy({}, { getOwnPropertyDescriptor: boom, get: boom, ownKeys: boom, getPrototypeOf: boom }),
      revocable.proxy,
      new Proxy(new Map(), {}),
      new Proxy(new Headers(), {}),
      Object.assign(new Map([['traceparent', 'x']]), { entries: boom }),
    ]) {
      expect(readCarrier(carrier, 'traceparent')).toBeUndefined();
      expect(looksLikeCarrier(carrier)).toBe(false);
    }
    expect(log.said.join()).toMatch(/SPW_CARRIER/);
  });

  it('calls no method of an object that only looks like a store', () => {
    let called = 0;
    class Redis {
      get(): string {
        called++;
        return 'x';
      }
      keys(): string[] {
        called++;
        return [];
      }
    }
    expect(readCarrier(new Redis(), 'traceparent')).toBeUndefined();
    expect(called).toBe(0);
  });

  it('ignores values that are no text', () => {
    for (const value of [1, true, null, {}, [1, {}], Symbol('x'), new Date(), { Value: 'untyped' }]) {
      expect(readCarrier({ traceparent: value }, 'traceparent')).toBeUndefined();
    }
  });

  it('reads a bounded part of bytes and of lists', () => {
    const long = readCarrier({ baggage: Buffer.alloc(20_000_000, 'a') }, 'baggage');
    expect((long as string).length).toBeLessThan(1_100_000);
    const many = readCarrier({ baggage: new Array(100_000).fill('a=1') }, 'baggage');
    expect(many!.length).toBeLessThan(2_000);
    const pairs = new Array(100_000).fill(['x', 'y']);
    expect(readCarrier([...pairs, ['traceparent', TRACEPARENT]], 'traceparent')).toBeUndefined();
  });

  it('follows _meta once', () => {
    const loop: Record<string, unknown> = {};
    loop['_meta'] = loop;
    expect(readCarrier(loop, 'traceparent')).toBeUndefined();
    expect(readCarrier({ _meta: { _meta: { traceparent: TRACEPARENT } } }, 'traceparent')).toBeUndefined();
  });
});

describe('a carrier in the case of nobody', () => {
  const odd = { tRaCePaReNt: TRACEPARENT, bAgGaGe: 'a=1', TrAcEsTaTe: 'b=1', 'X-b3-TRACEid': 'c' };
  it.each(SHAPES)('is read in %s', (_shape, make) => {
    const read = openCarrier(make(odd));
    expect(read('traceparent')).toBe(TRACEPARENT);
    expect(read('baggage')).toBe('a=1');
    expect(read('tracestate')).toBe('b=1');
    expect(read('x-b3-traceid')).toBe('c');
  });

  it('is read beside a header in lower case', () => {
    const read = openCarrier({ traceparent: TRACEPARENT, bAgGaGe: 'a=1', TrAcEsTaTe: 'b=1' });
    expect([read('traceparent'), read('tracestate'), read('baggage')]).toEqual([TRACEPARENT, 'b=1', 'a=1']);
  });
});

it('the global fetch, which a runtime loads when it is first named, is not named', () => {
  const named: string[] = [];
  const before = ['Headers', 'Request'].map((name) => [
    name,
    Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor,
  ]) as [string, PropertyDescriptor][];
  for (const [name] of before) {
    Object.defineProperty(globalThis, name, { configurable: true, get: () => void named.push(name) });
  }
  try {
    for (const value of [{ traceparent: TRACEPARENT }, new Map(), new (class Carrier {})(), ['a', 'b']]) {
      findCarrier([value]);
      looksLikeCarrier(value);
      writeCarrier(value, 'baggage', 'a=1');
    }
  } finally {
    for (const [name, descriptor] of before) Object.defineProperty(globalThis, name, descriptor);
  }
  expect(named).toEqual([]);
});

describe.each(SHAPES.filter(([name]) => !name.includes('_meta')))('writeCarrier on %s', (shape, make) => {
  it.each(CASES)('replaces a header in %s and keeps the others', (_case, rename) => {
    const carrier = make(renamed({ traceparent: 'old', accept: 'x' }, rename));
    expect(writeCarrier(carrier, 'traceparent', TRACEPARENT)).toBe(true);
    expect(readCarrier(carrier, 'traceparent')).toBe(TRACEPARENT);
    expect(readCarrier(carrier, 'accept')).toBe('x');
  });

  it('adds one that is not there', () => {
    const carrier = make({ accept: 'x' });
    expect(writeCarrier(carrier, 'baggage', 'a=1')).toBe(true);
    expect(readCarrier(carrier, 'baggage')).toBe('a=1');
  });
});

describe('writeCarrier', () => {
  it('writes message attributes where there are message attributes', () => {
    const sqs = { kind: { DataType: 'String', StringValue: 'x' } };
    writeCarrier(sqs, 'baggage', 'a=1');
    expect(sqs).toHaveProperty('baggage', { DataType: 'String', StringValue: 'a=1' });
  });

  it('writes to outgoing requests', () => {
    const request = http.request({ host: '127.0.0.1', port: 1 }).on('error', () => undefined);
    expect(writeCarrier(request, 'traceparent', TRACEPARENT)).toBe(true);
    expect(request.getHeader('traceparent')).toBe(TRACEPARENT);
    request.destroy();
    const fetched = new Request('http://localhost');
    expect(writeCarrier(fetched, 'traceparent', TRACEPARENT)).toBe(true);
    expect(fetched.headers.get('traceparent')).toBe(TRACEPARENT);
  });

  it('looks for what it replaces in the part of a list that is read', () => {
    const pairs: unknown[] = new Array(5_000_000).fill(['x', 'y']);
    pairs[0] = ['Baggage', 'old'];
    expect(writeCarrier(pairs, 'baggage', 'a=1')).toBe(true);
    expect([pairs.length, pairs[0], pairs.at(-1)]).toEqual([5_000_000, ['x', 'y'], ['baggage', 'a=1']]);
  });

  it('fills an empty list with pairs', () => {
    const list: unknown[] = [];
    writeCarrier(list, 'baggage', 'a=1');
    expect(list).toEqual([['baggage', 'a=1']]);
  });

  it('reports what it cannot write to, and throws on nothing', () => {
    for (const carrier of [null, undefined, 1, 'x', Object.freeze({}), [1, 2, 3], new Array(5_000_000)]) {
      log.stop();
      log = listen();
      expect(writeCarrier(carrier, 'baggage', 'a=1')).toBe(false);
      expect(log.said.join()).toMatch(/SPW_CARRIER/);
    }
  });
});
