import { describe, expect, test } from '@jest/globals';
import { hex64, random32, randomIds, randomNonZero32 } from '../../lib/engine/ids.js';

describe('ids', () => {
  test('hex64 writes two 32-bit numbers, signed or not, as 16 digits', () => {
    expect(hex64(0, 1)).toBe('0000000000000001');
    expect(hex64(0x0af76519, 0x16cd43dd)).toBe('0af7651916cd43dd');
    expect(hex64(-1, 0x80000000 | 0)).toBe('ffffffff80000000');
    expect(hex64(0xffffffff, 0x80000000)).toBe('ffffffff80000000');
  });

  test('random numbers are 32-bit integers that use every bit', () => {
    let ones = 0;
    let zeroes = 0;
    for (let i = 0; i < 200; i++) {
      const value = random32();
      expect(value).toBe(value | 0);
      ones |= value;
      zeroes |= ~value;
      expect(randomNonZero32()).not.toBe(0);
    }
    expect([ones, zeroes]).toEqual([-1, -1]);
  });

  test('ids do not repeat', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 20_000; i++) ids.add(randomIds.generateSpanId());
    expect(ids.size).toBe(20_000);
    expect(randomIds.generateTraceId()).toMatch(/^[0-9a-f]{32}$/);
  });
});
