/**
 * Random ids as pairs of 32-bit numbers; hexadecimal text is made only for who reads it.
 */
import type { IdGenerator } from '../tracer/sdk-contract.js';

const DIGITS = /* @__PURE__ */ Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** A random 32-bit number; never used for secrets, only for ids that must rarely meet. */
export function random32(): number {
  return (Math.random() * 4294967296) >>> 0;
}

/** A random 32-bit number other than 0, so that an id made of it is never all zeroes. */
export function randomNonZero32(): number {
  return ((Math.random() * 4294967295) >>> 0) + 1;
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
