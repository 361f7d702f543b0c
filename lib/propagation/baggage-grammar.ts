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

/** What each code unit is. Beyond ASCII it has no place, and `undefined` in a mask is nothing at all. */
export const CLASS = new Uint8Array(128);
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
const HEX = new Int8Array(128).fill(-1);
for (const [i, digit] of [...'0123456789abcdef'].entries()) {
  HEX[digit.charCodeAt(0)] = i;
  HEX[digit.toUpperCase().charCodeAt(0)] = i;
}

/** The digit that a code unit is, negative if it is none: beyond ASCII its upper bits make it so. */
function hexDigit(code: number): number {
  return (HEX[code & 0x7f] as number) | -(code >> 7);
}

/** The byte that two hex digits write, or a negative number. */
function hexByte(text: string, at: number): number {
  if (at + 1 >= text.length) return -1;
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
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
  // Well-formed text is decoded here, at a fraction of the built-in's cost.
  while (at >= 0) {
    text += raw.slice(from, at);
    const byte = hexByte(raw, at + 1);
    if (byte < 0) return decodeAny(raw);
    if (byte < 0x80) {
      text += String.fromCharCode(byte);
      from = at + 3;
    } else {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      const point = codePoint(raw, at, byte, length);
      if (point < 0) return decodeAny(raw);
      text += String.fromCodePoint(point);
      from = at + 3 * length;
    }
    at = raw.indexOf('%', from);
  }
  return text + raw.slice(from);
}

/** The least code point that is written with so many bytes. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000];

/** The code point of a sequence of encoded bytes, or -1 if it is not UTF-8. */
function codePoint(raw: string, at: number, lead: number, length: number): number {
  if (lead < 0xc2 || lead > 0xf4) return -1;
  let point = lead & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const place = at + 3 * i;
    const byte = raw.charCodeAt(place) === PERCENT ? hexByte(raw, place + 1) : -1;
    if (byte < 0 || (byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  return point < (LEAST[length] as number) || point > 0x10ffff || isSurrogate ? -1 : point;
}

/** What is not UTF-8 becomes U+FFFD, as the Encoding standard decodes it. */
function decodeAny(raw: string): string {
  const bytes = new Uint8Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const byte = raw.charCodeAt(i) === PERCENT ? hexByte(raw, i + 1) : -1;
    if (byte >= 0) i += 2;
    bytes[length++] = byte >= 0 ? byte : raw.charCodeAt(i);
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, length));
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
