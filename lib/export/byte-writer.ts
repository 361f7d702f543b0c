/**
 * A growing byte buffer with protobuf's primitives, written in one pass: lengths are filled in afterwards, because
 * measuring a span first costs as much as writing it.
 */

import type { ByteSink } from '../tracer/sdk-contract.js';

/** Thrown (one object, without a stack) when a span grows over the limit it was given. */
export const OVER_LIMIT = { name: 'OverLimit' } as const;

/** What the first byte that is written reserves. */
const INITIAL_BYTES = 16_384;
/** A buffer that one huge span has grown is given back afterwards. */
const KEEP_BYTES = 1_048_576;
/** Up to this length a string of ASCII is copied faster by a loop than by a native call. */
const LOOP_LENGTH = 42;

type Utf8Buffer = Uint8Array & {
  write?(text: string, offset: number, length: number, encoding: 'utf8'): number;
};

const nodeBuffer = (globalThis as { Buffer?: typeof Buffer }).Buffer;
const textEncoder = new TextEncoder();

/** Memory outside the heap where the runtime offers it, without zeroing it first. */
export function allocate(length: number): Uint8Array {
  return nodeBuffer !== undefined ? nodeBuffer.allocUnsafeSlow(length) : new Uint8Array(length);
}

/** The bytes of a text in UTF-8; lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text);
}

/** The value of each hexadecimal digit, by its character code. */
const NIBBLES = /* @__PURE__ */ Uint8Array.from({ length: 128 }, (_, code) =>
  code <= 57 ? code - 48 : (code | 32) - 87,
);

/** How many bytes `varint` takes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

export class ByteWriter implements ByteSink {
  bytes: Utf8Buffer = allocate(0);
  pos = 0;
  /** How far `pos` may go; beyond it `OVER_LIMIT` is thrown. */
  limit = Infinity;
  #doubles: DataView = new DataView(new ArrayBuffer(8));
  #lastSecond = -1;
  #lastLow = 0;
  #lastHigh = 0;

  reset(limit: number = Infinity): void {
    if (this.bytes.length > KEEP_BYTES) this.bytes = allocate(0);
    this.pos = 0;
    this.limit = limit;
  }

  /** What was written, as a view: valid until the next `reset`. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.pos);
  }

  ensure(count: number): void {
    const needed = this.pos + count;
    if (this.pos > this.limit) throw OVER_LIMIT;
    if (needed <= this.bytes.length) return;
    const grown = allocate(Math.max(needed, this.bytes.length * 2, INITIAL_BYTES));
    grown.set(this.bytes.subarray(0, this.pos));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.ensure(1);
    this.bytes[this.pos++] = value;
  }

  /** An unsigned integer below 2^32. */
  varint(value: number): void {
    this.ensure(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.bytes[this.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.pos++] = rest;
  }

  /** An integer in the range of int64, in two's complement as protobuf wants it. */
  int64(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value <= 0xffff_ffff) {
      this.varint(value);
      return;
    }
    this.ensure(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      this.bytes[this.pos++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.pos++] = Number(rest);
  }

  fixed32(value: number): void {
    this.ensure(4);
    const bytes = this.bytes;
    bytes[this.pos++] = value & 0xff;
    bytes[this.pos++] = (value >>> 8) & 0xff;
    bytes[this.pos++] = (value >>> 16) & 0xff;
    bytes[this.pos++] = value >>> 24;
  }

  double(value: number): void {
    this.ensure(8);
    this.#doubles.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.bytes[this.pos++] = this.#doubles.getUint8(i);
  }

  /** A time as nanoseconds since 1970, fixed64. Spans of one second share the expensive multiplication. */
  nanos(time: readonly [number, number]): void {
    const seconds = Math.trunc(time[0]);
    const nanos = Math.trunc(time[1]);
    if (seconds !== this.#lastSecond) {
      const product = BigInt.asUintN(64, BigInt(seconds) * 1_000_000_000n);
      this.#lastLow = Number(product & 0xffff_ffffn);
      this.#lastHigh = Number(product >> 32n);
      this.#lastSecond = seconds;
    }
    const low = this.#lastLow + nanos;
    // `nanos` may be negative or over a second in times that someone computed: floor carries both ways.
    this.fixed32(low >>> 0);
    this.fixed32((this.#lastHigh + Math.floor(low / 0x1_0000_0000)) >>> 0);
  }

  /** Hexadecimal digits as bytes, with their length in front. */
  hex(digits: string): void {
    const count = digits.length >> 1;
    this.ensure(count + 1);
    const bytes = this.bytes;
    bytes[this.pos++] = count;
    let at = this.pos;
    for (let i = 0; i < count * 2; i += 2) {
      // By table: which digits are letters is random, and a branch on that is guessed wrong every third time.
      bytes[at++] = (NIBBLES[digits.charCodeAt(i) & 0x7f]! << 4) | NIBBLES[digits.charCodeAt(i + 1) & 0x7f]!;
    }
    this.pos = at;
  }

  /** An id of 8 bytes, with its length in front. */
  id64(high: number, low: number): void {
    this.ensure(9);
    this.bytes[this.pos++] = 8;
    this.#big32(high);
    this.#big32(low);
  }

  /** An id of 16 bytes, with its length in front. */
  id128(w0: number, w1: number, w2: number, w3: number): void {
    this.ensure(17);
    this.bytes[this.pos++] = 16;
    this.#big32(w0);
    this.#big32(w1);
    this.#big32(w2);
    this.#big32(w3);
  }

  #big32(value: number): void {
    const bytes = this.bytes;
    const at = this.pos;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.pos = at + 4;
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.pos);
    this.pos += source.length;
  }

  /** A text with its length in front. */
  string(text: string): void {
    const length = text.length;
    if (length <= LOOP_LENGTH) {
      this.ensure(length * 3 + 1);
      const bytes = this.bytes;
      const start = this.pos + 1;
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) {
          const written = this.#write(text, start, length * 3);
          bytes[this.pos] = written;
          this.pos = start + written;
          return;
        }
        bytes[start + i] = code;
      }
      bytes[this.pos] = length;
      this.pos = start + length;
      return;
    }
    if (this.pos + length > this.limit) throw OVER_LIMIT;
    // Three bytes for each character are always enough, but reserved only where that is little.
    const most = length < 0x4000 || nodeBuffer === undefined ? length * 3 : nodeBuffer.byteLength(text);
    this.ensure(most + 5);
    const guess = varintSize(length);
    const written = this.#write(text, this.pos + guess, most);
    this.#closeAt(this.pos, guess, written);
  }

  /** Bytes that are short: a native call costs more than the loop. */
  copy(source: Uint8Array): void {
    const length = source.length;
    this.ensure(length);
    const bytes = this.bytes;
    let at = this.pos;
    for (let i = 0; i < length; i++) bytes[at++] = source[i]!;
    this.pos = at;
  }

  /**
   * A whole KeyValue of a short text: the way of nearly every attribute, so it knows all lengths beforehand, and keeps
   * what it works with out of the object's fields (half of what the same takes piece by piece).
   *
   * @param tag of the field
   * @param key the encoded key
   * @param text at most `MOST_TEXT` characters
   * @returns false, with nothing written, if it is not ASCII
   */
  textPair(tag: number, key: Uint8Array, text: string): boolean {
    const keyLength = key.length;
    const length = text.length;
    this.ensure(keyLength + length + 6);
    const bytes = this.bytes;
    let at = this.pos;
    bytes[at++] = tag;
    bytes[at++] = keyLength + length + 4;
    for (let i = 0; i < keyLength; i++) bytes[at++] = key[i]!;
    bytes[at++] = 0x12;
    bytes[at++] = length + 2;
    bytes[at++] = 0x0a;
    bytes[at++] = length;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      all |= code;
      bytes[at++] = code;
    }
    if (all > 0x7f) return false;
    this.pos = at;
    return true;
  }

  /**
   * A KeyValue up to its value, where its length is known.
   *
   * @param size of the AnyValue, at most 11 bytes
   */
  pairHead(tag: number, key: Uint8Array, size: number): void {
    const keyLength = key.length;
    this.ensure(keyLength + 4);
    const bytes = this.bytes;
    let at = this.pos;
    bytes[at++] = tag;
    bytes[at++] = keyLength + size + 2;
    for (let i = 0; i < keyLength; i++) bytes[at++] = key[i]!;
    bytes[at++] = 0x12;
    bytes[at++] = size;
    this.pos = at;
  }

  /** Opens a length-delimited field whose length takes `size` bytes if the guess is right. */
  open(size: 1 | 2): number {
    this.ensure(size);
    const start = this.pos;
    this.pos += size;
    return start;
  }

  /** Fills in the length of what `open` began; moves the content if the guess was wrong. */
  close(start: number, size: 1 | 2): void {
    const length = this.pos - start - size;
    if (length > 0x7f) this.ensure(5);
    this.#closeAt(start, size, length);
  }

  #closeAt(start: number, guess: number, length: number): void {
    const size = varintSize(length);
    const bytes = this.bytes;
    if (size !== guess) bytes.copyWithin(start + size, start + guess, start + guess + length);
    let rest = length;
    let at = start;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at] = rest;
    this.pos = start + size + length;
  }

  #write(text: string, at: number, most: number): number {
    const bytes = this.bytes;
    if (bytes.write !== undefined) return bytes.write(text, at, most, 'utf8');
    return textEncoder.encodeInto(text, bytes.subarray(at, at + most)).written;
  }
}
