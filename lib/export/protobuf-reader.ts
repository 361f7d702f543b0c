/** Reads protobuf as far as we need it: the answers of a backend, and names out of our own records. */

/** Reads a varint; returns the value and where it ended. */
export function readVarint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  let scale = 1;
  let at = start;
  while (at < bytes.length && at < start + 10) {
    const byte = bytes[at++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at];
    scale *= 128;
  }
  throw new Error('a varint has no end');
}

/** The fields of a message: number, wire type, and the bytes or value. Stops with an error at damage. */
export function* readFields(
  bytes: Uint8Array,
): Generator<{ field: number; value: number | undefined; bytes: Uint8Array | undefined }> {
  let at = 0;
  while (at < bytes.length) {
    const [tag, afterTag] = readVarint(bytes, at);
    const field = Math.floor(tag / 8);
    const wire = tag & 7;
    if (wire === 0) {
      const [value, end] = readVarint(bytes, afterTag);
      yield { field, value, bytes: undefined };
      at = end;
    } else if (wire === 2) {
      const [length, begin] = readVarint(bytes, afterTag);
      if (begin + length > bytes.length) throw new Error('a field is longer than its message');
      yield { field, value: undefined, bytes: bytes.subarray(begin, begin + length) };
      at = begin + length;
    } else if (wire === 1 || wire === 5) {
      at = afterTag + (wire === 1 ? 8 : 4);
    } else {
      throw new Error(`wire type ${wire} is unknown`);
    }
  }
}
