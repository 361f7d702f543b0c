/**
 * W3C `tracestate`: strict and bounded, and written again exactly as it came unless it was changed.
 */
import type { TraceState } from '@opentelemetry/api';

/** The most members a list may have. */
const MAX_MEMBERS = 32;
/** Longest key and longest value, in characters. */
const MAX_KEY = 256;
const MAX_VALUE = 256;
/** Longer headers are not read: this is what 32 members of the longest kind take, with some white space. */
export const MAX_READ = 17_000;
/** What is sent on; the specification asks for at least 512. Room is left for baggage in 16 KiB of headers. */
const MAX_SENT = 4_096;
/** Members longer than this go first when something has to go. */
const LONG_MEMBER = 128;

const KEY_START = 1;
const KEY = 2;
const VALUE = 4;
const CLASS = new Uint8Array(128);
for (let c = 0x20; c <= 0x7e; c++) {
  let bits = c === 0x2c || c === 0x3d ? 0 : VALUE;
  const text = String.fromCharCode(c);
  if (/[a-z0-9]/.test(text)) bits |= KEY_START | KEY;
  if (/[_\-*/@]/.test(text)) bits |= KEY;
  CLASS[c] = bits;
}

function has(code: number, bits: number): boolean {
  return code < 128 && ((CLASS[code] as number) & bits) !== 0;
}

function isKey(key: string): boolean {
  if (key.length === 0 || key.length > MAX_KEY || !has(key.charCodeAt(0), KEY_START)) return false;
  for (let i = 1; i < key.length; i++) if (!has(key.charCodeAt(i), KEY)) return false;
  return true;
}

function isValue(value: string): boolean {
  if (value.length === 0 || value.length > MAX_VALUE || value.endsWith(' ')) return false;
  for (let i = 0; i < value.length; i++) if (!has(value.charCodeAt(i), VALUE)) return false;
  return true;
}

/** The members of a list, left-most first. */
type Members = ReadonlyMap<string, string>;

class W3CTraceState implements TraceState {
  readonly #members: Members;
  #text: string | undefined;

  constructor(members: Members) {
    this.#members = members;
  }

  get(key: string): string | undefined {
    return this.#members.get(key);
  }

  /** Puts the member first, as the specification asks; a bad key or value changes nothing. */
  set(key: string, value: string): TraceState {
    if (!isKey(key) || !isValue(value)) return this;
    const members = new Map([[key, value]]);
    for (const [name, text] of this.#members) {
      if (members.size === MAX_MEMBERS) break;
      if (name !== key) members.set(name, text);
    }
    return new W3CTraceState(members);
  }

  unset(key: string): TraceState {
    if (!this.#members.has(key)) return this;
    const members = new Map(this.#members);
    members.delete(key);
    return new W3CTraceState(members);
  }

  serialize(): string {
    return (this.#text ??= joinWithin(this.#members));
  }
}

/** Whole members only: long ones are left out first, then those at the end. */
function joinWithin(members: Members): string {
  const list = [...members].map(([key, value]) => `${key}=${value}`);
  let size = list.reduce((sum, member) => sum + member.length + 1, -1);
  for (let i = list.length - 1; i >= 0 && size > MAX_SENT; i--) {
    const member = list[i] as string;
    if (member.length <= LONG_MEMBER) continue;
    size -= member.length + 1;
    list[i] = '';
  }
  // 32 members of at most 128 characters fit, so nothing is left to be cut from the end.
  return list.filter((member) => member !== '').join(',');
}

/**
 * Reads a `tracestate` header.
 *
 * @param header the header's text; several headers joined by commas in their order
 * @returns the list; undefined if it is empty or not grammatical, for then all of it is to be discarded
 */
export function parseTraceState(header: string): TraceState | undefined {
  if (header.length > MAX_READ) return undefined;
  const members = new Map<string, string>();
  let count = 0;
  let start = 0;
  while (start <= header.length) {
    const comma = header.indexOf(',', start);
    const end = comma < 0 ? header.length : comma;
    let from = start;
    let to = end;
    while (from < to && isSpace(header.charCodeAt(from))) from++;
    while (to > from && isSpace(header.charCodeAt(to - 1))) to--;
    if (from < to) {
      const member = header.slice(from, to);
      const equals = member.indexOf('=');
      if (++count > MAX_MEMBERS || equals < 0) return undefined;
      const key = member.slice(0, equals);
      const value = member.slice(equals + 1);
      if (!isKey(key) || !isValue(value)) return undefined;
      // The left-most entry of a key is the most recent one.
      if (!members.has(key)) members.set(key, value);
    }
    start = end + 1;
  }
  return members.size === 0 ? undefined : new W3CTraceState(members);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * What may be sent of a trace state that we did not necessarily make.
 *
 * @param traceState any implementation's
 * @returns grammatical text, or an empty string
 */
export function writeTraceState(traceState: TraceState): string {
  const text: unknown = traceState.serialize();
  if (typeof text !== 'string' || text === '') return '';
  return traceState instanceof W3CTraceState ? text : (parseTraceState(text)?.serialize() ?? '');
}
