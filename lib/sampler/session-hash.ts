/**
 * One number per session, the same in every service and language.
 *
 * R = murmur3_32(utf8(id), seed 0) · 2²⁴ + ⌊murmur3_32(utf8(id), seed 1) / 2⁸⌋, 56 bits. MurmurHash3 (x86, 32 bits)
 * exists for every language; 56 bits is the randomness of OpenTelemetry's consistent probability sampling, so that R
 * can travel as `rv` in the trace state and other samplers decide alike.
 */

/** 56 bits, as two numbers that stay exact. */
export interface Randomness {
  /** The first 32 bits. */
  readonly high: number;
  /** The other 24. */
  readonly low: number;
}

const encoder = new TextEncoder();

/**
 * MurmurHash3, x86, 32 bits.
 *
 * @param bytes what to hash
 * @param seed 32 bits
 */
export function murmur3(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0;
  const { length } = bytes;
  const blocks = length & ~3;
  for (let index = 0; index < blocks; index += 4) {
    const block =
      bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24);
    hash ^= scrambled(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let index = length - 1; index >= blocks; index--) tail = (tail << 8) | bytes[index]!;
  hash ^= scrambled(tail) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

/** The randomness of a session. */
export function sessionRandomness(sessionId: string): Randomness {
  const bytes = encoder.encode(sessionId);
  return { high: murmur3(bytes, 0), low: murmur3(bytes, 1) >>> 8 };
}

/** The randomness of a trace without a session: the last 56 bits of its id, as W3C Trace Context level 2 has it. */
export function traceRandomness(traceId: string): Randomness {
  return {
    high: Number.parseInt(traceId.slice(18, 26), 16) >>> 0,
    low: Number.parseInt(traceId.slice(26), 16) >>> 0,
  };
}

/** What a ratio refuses: everything below `threshold`. */
export function thresholdOf(ratio: number): Randomness {
  const threshold = Math.round((1 - ratio) * 2 ** 56);
  return { high: Math.floor(threshold / 2 ** 24), low: threshold % 2 ** 24 };
}

/** Whether randomness reaches a threshold. */
export function reaches(randomness: Randomness, threshold: Randomness): boolean {
  return (
    randomness.high > threshold.high ||
    (randomness.high === threshold.high && randomness.low >= threshold.low)
  );
}

/** 14 hexadecimal digits. */
export function toHex({ high, low }: Randomness): string {
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(6, '0');
}
