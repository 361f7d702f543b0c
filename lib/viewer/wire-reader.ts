/**
 * Reads protobuf's wire format, bounded by the bytes it is given.
 *
 * Every read checks its end, every loop consumes input, and nothing recurses, so that no input can make it hang,
 * read beyond its bytes, or exhaust the stack.
 */
import { DecodeError } from './received-span.js';

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
const GROUP_START = 3;
const GROUP_END = 4;
export const FIXED32 = 5;

/** The tag of a field as it stands on the wire; switching on it also checks the wire type. */
export const tagOf = (field: number, wireType: number): number => field * 8 + wireType;

export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The next field's tag, or 0 at the end. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.#varint();
    if (tag > 0xffff_ffff || tag < 8) throw new DecodeError('not protobuf: a bad field tag');
    return tag;
  }

  /** A varint of up to 32 bits; larger ones are cut to their low 32 bits. */
  uint32(): number {
    return Number(BigInt.asUintN(32, this.uint64()));
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint64(): bigint {
    let low = 0;
    let high = 0n;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      if (index < 4) low += (byte & 0x7f) * 2 ** (7 * index);
      else high |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return BigInt(low) | BigInt.asUintN(64, high);
    }
    throw new DecodeError('not protobuf: a number that does not end');
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** A time in nanoseconds since the epoch, as milliseconds. */
  nanosAsMs(): number {
    const at = this.#take(8);
    const micros = this.#bytes.readBigUInt64LE(at) / 1_000n;
    return Number(micros) / 1_000;
  }

  string(): string {
    const length = this.#varint();
    const at = this.#take(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  hex(): string {
    const length = this.#varint();
    const at = this.#take(length);
    // Ids have 8 or 16 bytes; a longer one is wrong in any case and must not be doubled in size.
    return this.#bytes.toString('hex', at, at + Math.min(length, 17));
  }

  base64(): string {
    const length = this.#varint();
    const at = this.#take(length);
    return this.#bytes.toString('base64', at, at + length);
  }

  /** A reader of the message that follows. */
  message(): WireReader {
    const length = this.#varint();
    const at = this.#take(length);
    return new WireReader(this.#bytes, at, at + length);
  }

  /** Passes over a field of a kind that is not known here. */
  skip(tag: number): void {
    let depth = 0;
    let current = tag;
    do {
      switch (current % 8) {
        case VARINT:
          this.uint64();
          break;
        case FIXED64:
          this.#take(8);
          break;
        case BYTES:
          this.#take(this.#varint());
          break;
        case GROUP_START:
          depth++;
          break;
        case GROUP_END:
          if (--depth < 0) throw new DecodeError('not protobuf: a group that did not start');
          break;
        case FIXED32:
          this.#take(4);
          break;
        default:
          throw new DecodeError('not protobuf: an unknown wire type');
      }
      if (depth > 0) {
        current = this.next();
        if (current === 0) throw new DecodeError('not protobuf: a group that does not end');
      }
    } while (depth > 0);
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** Tags, lengths and enums: small nearly always, so big integers are avoided. */
  #varint(): number {
    const from = this.#at;
    let value = 0;
    for (let shift = 1; shift < 2 ** 28; shift *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
    this.#at = from;
    return Number(this.uint64());
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new DecodeError('not protobuf: the message ends within a field');
    this.#at = at + length;
    return at;
  }
}
