import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import {
  anchorAt,
  between,
  durationToHrTime,
  isTimeInput,
  millisToHrTime,
  parseTime,
  toHrTime,
} from '../../lib/engine/clock.js';
import { collectDiagnostics } from './support.js';

const anchor = { epoch: 1_700_000_000_999, at: 100.25 };
let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});

describe('anchor', () => {
  test('is shared by traces that begin within a millisecond, and by no others', () => {
    const first = anchorAt(5);
    expect(anchorAt(5.9)).toBe(first);
    const second = anchorAt(6);
    expect(second).not.toBe(first);
    expect(second.at).toBe(6);
    expect(anchorAt(5.9)).not.toBe(second);
  });

  test('follows a wall clock that is set by hand, also within a millisecond', () => {
    jest.useFakeTimers({ doNotFake: ['performance'], now: 1_000_000 });
    try {
      expect(anchorAt(5).epoch).toBe(1_000_000);
      jest.setSystemTime(2_000_000);
      expect(anchorAt(5.1).epoch).toBe(2_000_000);
    } finally {
      jest.useRealTimers();
    }
    expect(anchorAt(5.2).epoch).toBeGreaterThan(1_700_000_000_000);
  });
});

describe('clock', () => {
  test('puts a monotonic reading onto the wall clock, to the nanosecond and over a second’s edge', () => {
    expect(toHrTime(anchor, 100.25)).toEqual([1_700_000_000, 999_000_000]);
    expect(toHrTime(anchor, 101.500001)).toEqual([1_700_000_001, 250_001]);
    expect(toHrTime(anchor, 5_100.75)).toEqual([1_700_000_005, 999_500_000]);
    expect(toHrTime(anchor, 99.25)).toEqual([1_700_000_000, 998_000_000]);
    expect(toHrTime({ epoch: 999, at: 0 }, 0.9999999)).toEqual([1, 0]);
  });

  test('converts milliseconds, also just below a second and before 1970', () => {
    expect(millisToHrTime(1_500.5)).toEqual([1, 500_500_000]);
    expect(millisToHrTime(1_999.9999999)).toEqual([2, 0]);
    expect(millisToHrTime(-1)).toEqual([-1, 999_000_000]);
    expect(durationToHrTime(-5)).toEqual([0, 0]);
  });

  test('subtracts times with a borrow', () => {
    expect(between([1, 900_000_000], [3, 100_000_000])).toEqual([1, 200_000_000]);
    expect(between([3, 0], [2, 0])[0]).toBeLessThan(0);
  });

  test('knows the forms of a time, also a Date of another realm', () => {
    const foreign: unknown = runInNewContext('new Date(5)');
    for (const input of [0, new Date(), [1, 2], foreign]) expect(isTimeInput(input)).toBe(true);
    for (const input of [undefined, null, 'now', [1], [1, 'x'], { a: 1 }])
      expect(isTimeInput(input)).toBe(false);
    expect(parseTime(foreign, anchor)).toEqual([0, 5_000_000]);
  });

  test('tells a reading of performance.now from milliseconds since the epoch', () => {
    const reading = performance.now();
    expect(parseTime(reading, { epoch: 5_000, at: reading })).toEqual([5, 0]);
    expect(parseTime(1_700_000_000_000, anchor)).toEqual([1_700_000_000, 0]);
  });

  test.each([
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['an invalid Date', new Date(NaN)],
    ['a pair with NaN', [NaN, 0]],
    ['a string', 'yesterday'],
    ['a revoked proxy', revoked()],
  ])('reports %s and gives no time', (_name, input) => {
    expect(parseTime(input, anchor)).toBeUndefined();
    expect(messages).toEqual([expect.stringContaining('SPW_ATTRIBUTE')]);
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
