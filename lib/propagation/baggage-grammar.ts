/**
 * The characters of W3C Baggage and its percent-encoding.
 */

export const PERCENT = 0x25;

/** A character of a key. */
export const TOKEN = 1;
/** A character of a value. */
export const OCTET = 2;
/** A character of a value that means nothing but itself: neither `%` nor `+`. */
export const PLAIN = 4;
/** Optional white space. */
export const SPACE = 8;

/** What each code unit is; it has a place for all of them, so that looking one up needs no comparison. */
export const CLASS = new Uint8Array(65_536);
for (let c = 0x21; c <= 0x7e; c++) {
  const char = String.fromCharCode(c);
  let bits = 0;
  if (/[A-Za-z0-9!#$%&'*+\-.^_`|~]/.test(char)) bits |= TOKEN;
  if (!/[",;\\]/.test(char)) bits |= char === '%' || char === '+' ? OCTET : OCTET | PLAIN;
  CLASS[c] = bits;
}
CLASS[0x20] = SPACE;
CLASS[0x09] = SPACE;

/** Where the run of characters of a kind that begins at `from` ends. */
export function runEnd(text: string, from: number, bits: number): number {
  const end = text.length;
  let i = from;
  while (i < end && ((CLASS[text.charCodeAt(i)] as number) & bits) !== 0) i++;
  return i;
}

/** A whole key. */
export function isToken(key: string): boolean {
  return key.length > 0 && runEnd(key, 0, TOKEN) === key.length;
}

/** The value of a hex digit, by its code unit; -1 is none. */
const HEX = new Int8Array(65_536).fill(-1);
for (const [i, digit] of [...'0123456789abcdef'].entries()) {
  HEX[digit.charCodeAt(0)] = i;
  HEX[digit.toUpperCase().charCodeAt(0)] = i;
}

/** The byte that two hex digits write, or a negative number. */
function hexByte(text: string, at: number): number {
  if (at + 1 >= text.length) return -1;
  const high = HEX[text.charCodeAt(at)] as number;
  const low = HEX[text.charCodeAt(at + 1)] as number;
  return high < 0 ? high : low < 0 ? low : high * 16 + low;
}

/** Two hex digits, as they follow a percent sign. */
export function isHexPair(text: string, at: number): boolean {
  return hexByte(text, at) >= 0;
}

/** Encodes the percent signs that encode nothing. */
export function repairPercent(text: string): string {
  return text.includes('%') ? text.replace(/%(?![0-9A-Fa-f]{2})/g, '%25') : text;
}

/**
 * Decodes a value; what is not UTF-8 becomes U+FFFD, and a percent sign that encodes nothing stays.
 *
 * @param raw characters of a value only, which are all ASCII
 */
export function decodePercent(raw: string): string {
  let at = raw.indexOf('%');
  if (at < 0) return raw;
  let text = '';
  let from = 0;
  // Most of what is encoded is ASCII, and decoded here at a fraction of the built-in's cost.
  for (; at >= 0; at = raw.indexOf('%', from)) {
    const byte = hexByte(raw, at + 1);
    if (byte < 0 || byte >= 0x80) return decodeAny(raw);
    text += raw.slice(from, at) + String.fromCharCode(byte);
    from = at + 3;
  }
  return text + raw.slice(from);
}

function decodeAny(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    const bytes = new Uint8Array(raw.length);
    let length = 0;
    for (let i = 0; i < raw.length; i++) {
      const byte = raw.charCodeAt(i) === PERCENT ? hexByte(raw, i + 1) : -1;
      if (byte >= 0) i += 2;
      bytes[length++] = byte >= 0 ? byte : raw.charCodeAt(i);
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, length));
  }
}

/**
 * Encodes a value: what the grammar forbids, the percent sign, and the plus, which Python reads as a space.
 *
 * Half of a surrogate pair is no character and becomes U+FFFD.
 */
export function encodePercent(value: string): string {
  if (runEnd(value, 0, PLAIN) === value.length) return value;
  return wellFormed(value).replace(/[^!#$&-*\--:<-[\]-~]+/g, encodeURIComponent);
}

function wellFormed(value: string): string {
  const text = value as string & { toWellFormed?(): string };
  if (typeof text.toWellFormed === 'function') return text.toWellFormed();
  return value.replace(/\p{Surrogate}/gu, '\ufffd');
}
