import { describe, expect, it } from '@jest/globals';
import { ago, bytes, count, duration, ticks } from '../../../lib/viewer/page/format.js';

it.each([
  [0, '0 ms'],
  [0.0421, '42.1 µs'],
  [1, '1 ms'],
  [12.345, '12.3 ms'],
  [999.4, '999 ms'],
  [1_840, '1.84 s'],
  [61_000, '1 min 1 s'],
  [3_720_000, '1 h 2 min'],
  [NaN, '–'],
  [-Infinity, '–'],
])('a duration of %d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it.each([
  [500, '500 B'],
  [2_048, '2 KB'],
  [3 * 1024 * 1024, '3.0 MB'],
  [256 * 1024 * 1024, '256 MB'],
])('%d bytes are %s', (size, text) => {
  expect(bytes(size)).toBe(text);
});

it.each([
  [0, 'now'],
  [32_000, '30 s ago'],
  [150_000, '2 min ago'],
])('%d ms back is %s', (back, text) => {
  expect(ago(1_000_000_000 - back, 1_000_000_000)).toBe(text);
});

it('counts in words', () => {
  expect([count(1, 'span'), count(10_016, 'span')]).toEqual(['1 span', '10,016 spans']);
});

describe('ticks', () => {
  it('are round and not more than asked for', () => {
    expect(ticks(1_840, 4)).toEqual([0, 500, 1_000, 1_500]);
    for (const length of [0.003, 1, 7, 99, 12_345, 1e9]) {
      for (const most of [2, 5, 9]) {
        const found = ticks(length, most);
        expect(found.length).toBeLessThanOrEqual(most + 1);
        expect(found.length).toBeGreaterThan(1);
      }
    }
  });

  it('of nothing are none but the start', () => {
    expect([ticks(0, 5), ticks(NaN, 5), ticks(5, 0)]).toEqual([[0], [0], [0]]);
  });
});
