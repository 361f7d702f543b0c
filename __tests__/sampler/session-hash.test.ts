import { expect, test } from '@jest/globals';
import {
  murmur3,
  reaches,
  sessionRandomness,
  thresholdOf,
  toHex,
  traceRandomness,
} from '../../lib/sampler/session-hash.js';

const utf8 = (text: string) => new TextEncoder().encode(text);

test.each([
  // Published vectors of MurmurHash3_x86_32.
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['test', 0, 0xba6bd213],
  ['test', 0x9747b28c, 0x704b81dc],
  ['Hello, world!', 0, 0xc0363e43],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ['aaaa', 0x9747b28c, 0x5a97808a],
  ['aaa', 0x9747b28c, 0x283e0130],
  ['aa', 0x9747b28c, 0x5d211726],
  ['a', 0x9747b28c, 0x7fa09ea6],
  ['ππππππππ', 0x9747b28c, 0xd58063c1],
])('murmur3 of %j with seed %d', (text, seed, expected) => {
  expect(murmur3(utf8(text), seed)).toBe(expected);
});

test('a session’s randomness is the two hashes together', () => {
  const id = '2b1f6c1e-7d0a-4c53-9f0e-0f3d0c1b2a39';
  const high = murmur3(utf8(id), 0).toString(16).padStart(8, '0');
  const low = murmur3(utf8(id), 1).toString(16).padStart(8, '0').slice(0, 6);
  expect(toHex(sessionRandomness(id))).toBe(high + low);
});

test('a trace’s randomness is the end of its id', () => {
  expect(toHex(traceRandomness('0af7651916cd43dd8448eb211c80319c'))).toBe('48eb211c80319c');
});

test('thresholds are those of the specification', () => {
  expect(toHex(thresholdOf(1))).toBe('00000000000000');
  expect(toHex(thresholdOf(0.5))).toBe('80000000000000');
  expect(toHex(thresholdOf(0.25))).toBe('c0000000000000');
  expect(reaches({ high: 0x80000000, low: 0 }, thresholdOf(0.5))).toBe(true);
  expect(reaches({ high: 0x7fffffff, low: 0xffffff }, thresholdOf(0.5))).toBe(false);
  expect(reaches({ high: 0xffffffff, low: 0xffffff }, thresholdOf(0))).toBe(false);
});

test('ids that differ little are spread evenly', () => {
  for (const name of ['session-', 'a', '00000000-0000-4000-8000-0000000']) {
    let kept = 0;
    for (let index = 0; index < 20_000; index++) {
      if (reaches(sessionRandomness(name + index), thresholdOf(0.1))) kept++;
    }
    // Ten standard deviations of a fair draw: these are fixed ids, so the count is the same in every run.
    expect(Math.abs(kept - 2_000)).toBeLessThan(424);
  }
});
