import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  baggageEntryMetadataFromString,
  context,
  propagation,
  ROOT_CONTEXT,
  type Baggage,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CBaggagePropagator } from '@opentelemetry/core';
import fc from 'fast-check';
import {
  changeBaggage,
  contentOf,
  createBaggage,
  getBaggage,
  overlayBaggage,
  withBaggage,
} from '../../lib/context/baggage.js';
import { identityOf, withIdentity, DEFAULT_IDENTITY_KEYS } from '../../lib/context/identity.js';
import { same } from '../support/quick.js';

const RUNS = Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 2_000);

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

const plain = (baggage: Baggage): [string, string][] =>
  baggage.getAllEntries().map(([key, entry]) => [key, entry.value]);

describe('createBaggage', () => {
  it('holds the entries in order and leaves absent ones out', () => {
    expect(plain(createBaggage({ a: '1', gone: undefined, b: '' }))).toEqual([
      ['a', '1'],
      ['b', ''],
    ]);
    expect(plain(createBaggage())).toEqual([]);
  });

  it('makes text of numbers and booleans and leaves out what has no text', () => {
    const odd = { n: 1, t: true, s: Symbol('x'), o: {}, nil: null } as unknown as Record<string, string>;
    expect(plain(createBaggage(odd))).toEqual([
      ['n', '1'],
      ['t', 'true'],
    ]);
  });

  it('is sent by OpenTelemetry’s own propagator', () => {
    const carrier: Record<string, string> = {};
    const ctx = propagation.setBaggage(
      ROOT_CONTEXT,
      createBaggage({ a: 'x y' }).setEntry('b', { value: '2' }),
    );
    new W3CBaggagePropagator().inject(ctx, carrier, { set: (c, k, v) => void (c[k] = v) });
    expect(carrier).toEqual({ baggage: 'a=x%20y,b=2' });
  });
});

describe('the Baggage interface', () => {
  const metadata = baggageEntryMetadataFromString('p=1');

  it('never changes: every change is another baggage', () => {
    const first = createBaggage({ a: '1', b: '2' });
    const second = first.setEntry('c', { value: '3', metadata }).removeEntry('a');
    expect(plain(first)).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
    expect(plain(second)).toEqual([
      ['b', '2'],
      ['c', '3'],
    ]);
    expect(second.getEntry('a')).toBeUndefined();
    expect(second.getEntry('c')).toEqual({ value: '3', metadata });
    expect(plain(second.clear())).toEqual([]);
    expect(plain(second.removeEntries('b', 'nothing'))).toEqual([['c', '3']]);
  });

  it('is not changed through an entry that was given or taken', () => {
    const entry = { value: '1' };
    const baggage = createBaggage({ z: '0' }).setEntry('a', entry);
    entry.value = 'changed';
    (baggage.getEntry('a') as { value: string }).value = 'changed';
    (baggage.getAllEntries()[1]?.[1] as { value: string }).value = 'changed';
    expect(baggage.getEntry('a')).toEqual({ value: '1' });
  });

  it('lies over a baggage of OpenTelemetry’s making', () => {
    const theirs = propagation.createBaggage({ a: { value: '1' }, b: { value: '2' } });
    expect(plain(changeBaggage(theirs, ['a', 'b', 'c'], ['9', undefined, '3']))).toEqual([
      ['a', '9'],
      ['c', '3'],
    ]);
    expect(plain(overlayBaggage(theirs, new Map([['a', { value: '8' }]])))).toEqual([
      ['a', '8'],
      ['b', '2'],
    ]);
    expect(plain(theirs)).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
  });

  it('behaves as OpenTelemetry’s own under any sequence of changes', () => {
    const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString');
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, value: fc.string() }),
      fc.record({ do: fc.constant('remove' as const), key }),
      fc.record({ do: fc.constant('removeAll' as const), keys: fc.array(key, { maxLength: 3 }) }),
      fc.constant({ do: 'clear' as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let ours = createBaggage();
        let theirs = propagation.createBaggage();
        const apply = (to: Baggage, s: (typeof steps)[number]): Baggage =>
          s.do === 'set'
            ? to.setEntry(s.key, { value: s.value })
            : s.do === 'remove'
              ? to.removeEntry(s.key)
              : s.do === 'removeAll'
                ? to.removeEntries(...s.keys)
                : to.clear();
        for (const s of steps) {
          ours = apply(ours, s);
          theirs = apply(theirs, s);
        }
        same(ours.getAllEntries(), theirs.getAllEntries());
        for (const k of ['a', 'b', 'c', '__proto__', 'constructor', 'toString', 'none']) {
          same(ours.getEntry(k), theirs.getEntry(k));
        }
      }),
      { numRuns: RUNS },
    );
  }, 600_000);

  it('stays cheap to read under thousands of changes', () => {
    let baggage = createBaggage();
    for (let i = 0; i < 5_000; i++) baggage = baggage.setEntry(`k${i % 10}`, { value: String(i) });
    expect(baggage.getEntry('k9')).toEqual({ value: '4999' });
    expect(contentOf(baggage).size).toBe(10);
  });
});

describe('withBaggage and getBaggage', () => {
  it('sets entries for what runs inside, and restores what was', () => {
    const result = withBaggage({ a: '1', b: '2' }, () =>
      withBaggage({ b: undefined, c: '3' }, () => [getBaggage(), getBaggage('a'), getBaggage('b')]),
    );
    expect(result).toEqual([{ a: '1', c: '3' }, '1', undefined]);
    expect(getBaggage()).toEqual({});
    expect(getBaggage('a')).toBeUndefined();
  });

  it('keeps the entries across awaits and returns the promise of the function', async () => {
    const inner = Promise.resolve(7);
    expect(withBaggage({ a: '1' }, () => inner)).toBe(inner);
    await expect(
      withBaggage({ a: '1' }, async () => {
        await Promise.resolve();
        return getBaggage('a');
      }),
    ).resolves.toBe('1');
  });

  it('lets errors through and runs the function once', () => {
    let runs = 0;
    const error = new Error('x');
    expect(() =>
      withBaggage({ a: '1' }, () => {
        runs++;
        throw error;
      }),
    ).toThrow(error);
    expect(runs).toBe(1);
  });

  it('runs the function also with entries that cannot be read', () => {
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    for (const entries of [hostile, null, undefined, 5]) {
      expect(withBaggage(entries as Record<string, string>, () => 'ran')).toBe('ran');
    }
  });

  it('treats __proto__, constructor and toString as keys like any other', () => {
    const entries = Object.fromEntries(['__proto__', 'constructor', 'toString'].map((key) => [key, 'x']));
    const seen = withBaggage(entries, () => getBaggage());
    expect(Object.entries(seen)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'x'],
      ['toString', 'x'],
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(createBaggage({ a: '1' }).getEntry('constructor')).toBeUndefined();
  });

  it('what is set by hand is nobody’s default any more', () => {
    const a = { sessionId: 's', keys: DEFAULT_IDENTITY_KEYS };
    const b = { sessionId: 'other', keys: DEFAULT_IDENTITY_KEYS };
    const inA = withIdentity(ROOT_CONTEXT, a);
    expect(identityOf(inA, b).sessionId).toBe('other');
    context.with(inA, () =>
      withBaggage({ session_id: 's' }, () => {
        expect(identityOf(context.active(), b).sessionId).toBe('s');
      }),
    );
  });
});
