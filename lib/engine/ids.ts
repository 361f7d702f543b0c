/**
 * Random ids as pairs of 32-bit numbers; hexadecimal text is made only for who reads it.
 */
import type { IdGenerator } from '../tracer/sdk-contract.js';

const DIGITS = /* @__PURE__ */ Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

// The state of sfc32 (Chris Doty-Humphrey's small fast chaotic generator). `Math.random` costs 14 ns a number and
// this 5 ns; a root span needs six of them, which is 55 of its 330 ns.
let a = 0;
let b = 0;
let c = 0;
let counter = 0;

/** Seeded at the first id and not at import, or every process started from one heap snapshot would repeat them. */
function seed(): void {
  const words = new Int32Array(3);
  try {
    globalThis.crypto.getRandomValues(words);
  } catch {
    for (let at = 0; at < words.length; at++) words[at] = Math.random() * 4294967296;
  }
  [a, b, c] = words as unknown as [number, number, number];
  counter = 1;
  for (let round = 0; round < 12; round++) random32();
}

/** Has the next id seed anew, so that a heap snapshot taken before the first span still holds no seed. */
export function unseed(): void {
  counter = 0;
}

/** A random 32-bit integer, signed; good for ids and for nothing secret. */
export function random32(): number {
  if (counter === 0) seed();
  const result = (((a + b) | 0) + counter) | 0;
  // Skips 0, which means "not seeded yet".
  counter = counter === -1 ? 1 : (counter + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (c << 21) | (c >>> 11);
  c = (c + result) | 0;
  return result;
}

/** A random 32-bit integer other than 0, so that an id made of it is never all zeroes. */
export function randomNonZero32(): number {
  return random32() || 1;
}

/** Two 32-bit numbers as 16 hexadecimal digits. */
export function hex64(high: number, low: number): string {
  // One call with 16 codes makes one flat string; a table of byte pairs makes ropes and was slower.
  return String.fromCharCode(
    DIGITS[high >>> 28]!,
    DIGITS[(high >>> 24) & 15]!,
    DIGITS[(high >>> 20) & 15]!,
    DIGITS[(high >>> 16) & 15]!,
    DIGITS[(high >>> 12) & 15]!,
    DIGITS[(high >>> 8) & 15]!,
    DIGITS[(high >>> 4) & 15]!,
    DIGITS[high & 15]!,
    DIGITS[low >>> 28]!,
    DIGITS[(low >>> 24) & 15]!,
    DIGITS[(low >>> 20) & 15]!,
    DIGITS[(low >>> 16) & 15]!,
    DIGITS[(low >>> 12) & 15]!,
    DIGITS[(low >>> 8) & 15]!,
    DIGITS[(low >>> 4) & 15]!,
    DIGITS[low & 15]!,
  );
}

/** Random ids as OpenTelemetry's interface wants them. */
export const randomIds: IdGenerator = {
  generateTraceId: () => hex64(random32(), random32()) + hex64(random32(), randomNonZero32()),
  generateSpanId: () => hex64(random32(), randomNonZero32()),
};
