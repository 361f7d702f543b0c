/**
 * One file of the spool: the spans of one batch, appended as they end.
 *
 * `SPWSPOOL1 <protocol>\n`, then records of type (1 byte), length (4), CRC-32 (4) and content. Content starts with the
 * number of a group (4); type 1 describes the group, type 2 is a span. Each span is on its way to the disk before
 * `end()` returns, so that not even SIGKILL loses it.
 */
import { allocate, utf8 } from './byte-writer.js';
import { builtin } from './platform.js';
import type { Group, GroupHead } from './span-encoder.js';

const MAGIC = 'SPWSPOOL1 ';
const GROUP = 1;
const SPAN = 2;
const HEAD_BYTES = 13;

export class SpoolFile {
  readonly path: string;
  bytes = 0;
  /** Whether all spans of the batch are in it. */
  complete = true;
  /** Whether the file stays when its spans are settled, for the next process. */
  keep = false;
  #handle: number | undefined;
  readonly #groups = new Map<Group, number>();
  #scratch = allocate(4_096);
  readonly #headOf: (group: Group) => GroupHead;
  readonly #onGone: (bytes: number) => void;

  /**
   * Creates a file.
   *
   * @throws if that is not possible
   */
  constructor(
    path: string,
    protocol: string,
    headOf: (group: Group) => GroupHead,
    onGone: (bytes: number) => void,
  ) {
    this.path = path;
    this.#headOf = headOf;
    this.#onGone = onGone;
    this.#handle = fs().openSync(path, 'wx', 0o600);
    this.#write(utf8(`${MAGIC}${protocol}\n`));
  }

  /**
   * Adds a span.
   *
   * @throws if the disk does not take it; the file is not complete then
   */
  append(record: Uint8Array, group: Group): void {
    if (this.#handle === undefined) return;
    try {
      let number = this.#groups.get(group);
      if (number === undefined) {
        number = this.#groups.size;
        this.#record(GROUP, number, packHead(this.#headOf(group)));
        this.#groups.set(group, number);
      }
      this.#record(SPAN, number, record);
    } catch (error) {
      this.complete = false;
      this.close();
      throw error;
    }
  }

  /** Nothing is added any more. */
  close(): void {
    if (this.#handle === undefined) return;
    const handle = this.#handle;
    this.#handle = undefined;
    this.#groups.clear();
    try {
      fs().closeSync(handle);
    } catch {
      this.complete = false;
    }
  }

  /** The spans are settled. */
  remove(): void {
    this.close();
    if (this.keep) return;
    try {
      fs().unlinkSync(this.path);
    } catch {
      // Someone cleaned up.
    }
    this.#onGone(this.bytes);
  }

  #record(type: number, group: number, content: Uint8Array): void {
    const length = HEAD_BYTES + content.length;
    if (this.#scratch.length < length) this.#scratch = allocate(length * 2);
    const scratch = this.#scratch;
    const view = new DataView(scratch.buffer, scratch.byteOffset, HEAD_BYTES);
    scratch[0] = type;
    view.setUint32(1, content.length + 4);
    view.setUint32(9, group);
    scratch.set(content, HEAD_BYTES);
    view.setUint32(5, crc32(scratch.subarray(9, length)));
    this.#write(scratch.subarray(0, length));
  }

  #write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const written = fs().writeSync(this.#handle as number, bytes, at, bytes.length - at);
      at += written;
      this.bytes += written;
      if (written === 0) throw new Error('the disk takes nothing');
    }
  }
}

/** What was found in a file. */
export interface SpoolContent {
  readonly protocol: string;
  readonly spans: { readonly record: Uint8Array; readonly group: Group }[];
  /** Whether it ends where it should: false for a file that was torn or damaged. */
  readonly whole: boolean;
}

/**
 * Reads what can be read of a file.
 *
 * @param content all its bytes
 * @returns undefined if it is no spool file
 */
export function readSpool(content: Uint8Array): SpoolContent | undefined {
  const lineEnd = content.indexOf(0x0a);
  const head = new TextDecoder('latin1').decode(content.subarray(0, Math.max(0, Math.min(lineEnd, 64))));
  if (!head.startsWith(MAGIC)) return undefined;
  const spans: { record: Uint8Array; group: Group }[] = [];
  const groups = new Map<number, Group>();
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let at = lineEnd + 1;
  while (at + HEAD_BYTES <= content.length) {
    const length = view.getUint32(at + 1);
    const end = at + 9 + length;
    if (length < 4 || end > content.length) break;
    if (crc32(content.subarray(at + 9, end)) !== view.getUint32(at + 5)) break;
    const number = view.getUint32(at + 9);
    const body = content.subarray(at + HEAD_BYTES, end);
    if (content[at] === GROUP) {
      groups.set(number, { resource: undefined, scope: undefined, head: unpackHead(body) });
    } else {
      const group = groups.get(number);
      if (group === undefined) break;
      spans.push({ record: body, group });
    }
    at = end;
  }
  return { protocol: head.slice(MAGIC.length), spans, whole: at === content.length };
}

function packHead(head: GroupHead): Uint8Array {
  const parts = [head.resourceHead, head.resourceTail, head.scopeHead, head.scopeTail];
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    packed.set(part, at + 4);
    at += 4 + part.length;
  }
  return packed;
}

function unpackHead(packed: Uint8Array): GroupHead {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 0;
  const part = (): Uint8Array => {
    const length = view.getUint32(at);
    at += 4 + length;
    return packed.subarray(at - length, at);
  };
  return { resourceHead: part(), resourceTail: part(), scopeHead: part(), scopeTail: part() };
}

let table: Uint32Array | undefined;

function crc32(bytes: Uint8Array): number {
  const native = builtin('node:zlib')?.crc32;
  if (native !== undefined) return native(bytes);
  if (table === undefined) {
    table = new Uint32Array(256);
    for (let i = 0; i < 256; i++) {
      let value = i;
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
      table[i] = value;
    }
  }
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

function fs(): NonNullable<ReturnType<typeof builtin<'node:fs'>>> {
  const found = builtin('node:fs');
  if (found === undefined) throw new Error('this runtime has no file system');
  return found;
}
