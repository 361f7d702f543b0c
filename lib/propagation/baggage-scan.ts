/**
 * The text of a `baggage` header, scanned once: where its members are, and which of them are grammatical.
 */
import {
  baggageEntryMetadataFromString,
  type BaggageEntry,
  type BaggageEntryMetadata,
} from '@opentelemetry/api';
import {
  ImmutableBaggage,
  KEY_BIT_PLACE,
  keyBit,
  keyBitOf,
  type BaggageContent,
} from '../context/baggage.js';
import { BAGGAGE_FOREIGN_TRACER_ID } from '../conventions.js';
import {
  CLASS,
  decodePercent,
  isHexPair,
  OCTET,
  PERCENT,
  PLAIN,
  repairPercent,
  runEnd,
  SPACE,
  TOKEN,
} from './baggage-grammar.js';

const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const PLUS = 0x2b;
const FOREIGN_LENGTH = BAGGAGE_FOREIGN_TRACER_ID.length;

/** Which keys a reader treats specially. */
export interface BaggageReading {
  /** The spellings of identity. */
  readonly identity: ReadonlySet<string>;
  /** Where a plus is a space. */
  readonly plusIsSpace: ReadonlySet<string>;
}

/** Numbers per member in the table of a scanned header: where its key, value and properties begin and end. */
export const FIELDS = 5;

/** One member as it arrived; its value is decoded when it is first read. */
export class WireEntry implements BaggageEntry {
  private decoded: string | undefined = undefined;
  private described: BaggageEntryMetadata | undefined = undefined;

  constructor(
    readonly key: string,
    readonly raw: string,
    readonly properties: string,
    private readonly plusIsSpace: ReadonlySet<string>,
  ) {}

  get value(): string {
    return (this.decoded ??= decodeValue(this.raw, this.key, this.plusIsSpace));
  }

  get metadata(): BaggageEntryMetadata | undefined {
    if (this.properties === '') return undefined;
    return (this.described ??= baggageEntryMetadataFromString(this.properties));
  }

  /** The member as it is sent on: as it came, repaired where the grammar asks for it. */
  write(): string {
    const { key, properties } = this;
    const raw =
      this.raw.includes('+') && this.plusIsSpace.has(key) ? this.raw.replaceAll('+', '%20') : this.raw;
    return properties === ''
      ? `${key}=${repairPercent(raw)}`
      : `${key}=${repairPercent(raw)};${repairPercent(properties)}`;
  }
}

/** The baggage of a header: offsets into its text. */
export class HeaderBaggage extends ImmutableBaggage {
  constructor(
    private readonly header: string,
    private readonly at: readonly number[],
    private readonly bits: number,
    /** Whether some value has to be decoded. */
    private readonly encoded: boolean,
    private readonly plusIsSpace: ReadonlySet<string>,
    /** The header as it may be sent on, or undefined if it has to be written anew. */
    readonly verbatim: string | undefined,
  ) {
    super();
  }

  override get keyBits(): number {
    return this.bits;
  }

  /** How many members it has. */
  get size(): number {
    return this.at.length / FIELDS;
  }

  override getEntry(key: string): BaggageEntry | undefined {
    const { header, at } = this;
    const length = key.length;
    if (length === 0 || (this.bits & keyBitOf(key)) === 0) return undefined;
    const first = key.charCodeAt(0);
    // The last one of a key counts.
    for (let i = at.length - FIELDS; i >= 0; i -= FIELDS) {
      const start = at[i] as number;
      if ((at[i + 1] as number) - start !== length || header.charCodeAt(start) !== first) continue;
      // A short slice is a copy, and compared faster than the built-in compares in place.
      if (length < 13 ? header.slice(start, start + length) !== key : !header.startsWith(key, start))
        continue;
      const valueEnd = at[i + 3] as number;
      const end = at[i + 4] as number;
      const raw = header.slice(at[i + 2], valueEnd);
      const value = this.encoded ? decodeValue(raw, key, this.plusIsSpace) : raw;
      if (end === valueEnd) return { value };
      return { value, metadata: baggageEntryMetadataFromString(propertiesOf(header, valueEnd, end)) };
    }
    return undefined;
  }

  override collect(into: BaggageContent): void {
    for (let i = 0; i < this.at.length; i += FIELDS) {
      const key = this.header.slice(this.at[i], this.at[i + 1]);
      into.set(key, this.entryAt(i, key));
    }
  }

  private entryAt(i: number, key: string): WireEntry {
    const { header, at } = this;
    const valueEnd = at[i + 3] as number;
    const end = at[i + 4] as number;
    return new WireEntry(
      key,
      header.slice(at[i + 2], valueEnd),
      end > valueEnd ? propertiesOf(header, valueEnd, end) : '',
      this.plusIsSpace,
    );
  }
}

function propertiesOf(header: string, valueEnd: number, end: number): string {
  return header.slice(header.indexOf(';', valueEnd) + 1, end).trim();
}

function decodeValue(raw: string, key: string, plusIsSpace: ReadonlySet<string>): string {
  return decodePercent(raw.includes('+') && plusIsSpace.has(key) ? raw.replaceAll('+', ' ') : raw);
}

/** What a scan found. */
export interface Scan {
  /** Offsets of the members that were recorded. */
  readonly at: number[];
  /** The bits of all keys. */
  bits: number;
  /** Members that are grammatical, recorded or not. */
  members: number;
  /** Members that are not grammatical. */
  malformed: number;
  /** Whether the text may be sent on as it is. */
  verbatim: boolean;
  /** Whether some value has to be decoded. */
  encoded: boolean;
}

// A header as nearly all of them are: no white space, no plus, every percent sign with its two digits. Each
// character has one place in it to stand at, so that matching is linear also where it fails.
const KEY = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const VALUE = '[!#$&-*\\--:<-[\\]-~]*(?:%[0-9A-Fa-f]{2}[!#$&-*\\--:<-[\\]-~]*)*';
const MEMBER = `${KEY}=${VALUE}(?:;${KEY}(?:=${VALUE})?)*`;
const ORDINARY = new RegExp(`^${MEMBER}(?:,${MEMBER})*$`);
/** Longer headers are over the limits, and are scanned one character at a time. */
const MAX_ORDINARY = 8_192;

/**
 * Scans an ordinary header: checked in one match and then split, which the built-ins do faster than any loop.
 *
 * @returns undefined if the header is not ordinary or over a limit
 */
export function scanOrdinary(header: string, limit: number): Scan | undefined {
  const end = header.length;
  if (end > MAX_ORDINARY || !ORDINARY.test(header)) return undefined;
  const at: number[] = [];
  let bits = 0;
  let members = 0;
  let semicolon = header.indexOf(';');
  for (let i = 0; i < end;) {
    const keyEnd = header.indexOf('=', i);
    let memberEnd = header.indexOf(',', keyEnd);
    if (memberEnd < 0) memberEnd = end;
    let valueEnd = memberEnd;
    if (semicolon >= 0) {
      if (semicolon < keyEnd) semicolon = header.indexOf(';', keyEnd);
      if (semicolon >= 0 && semicolon < memberEnd) valueEnd = semicolon;
    }
    const length = keyEnd - i;
    if (length === FOREIGN_LENGTH || ++members > limit) return undefined;
    at.push(i, keyEnd, keyEnd + 1, valueEnd, memberEnd);
    bits |= keyBit(length, header.charCodeAt(keyEnd - KEY_BIT_PLACE));
    i = memberEnd + 1;
  }
  return { at, bits, members, malformed: 0, verbatim: true, encoded: header.includes('%') };
}

/**
 * One pass over the header; every character is looked at once.
 *
 * @param header the text
 * @param reading which keys are special
 * @param limit so many members are recorded; of further ones, identity only
 */
export function scan(header: string, reading: BaggageReading, limit: number): Scan {
  const { plusIsSpace, identity } = reading;
  const at: number[] = [];
  let late: Map<string, number> | undefined;
  const found: Scan = { at, bits: 0, members: 0, malformed: 0, verbatim: true, encoded: false };
  const end = header.length;
  let i = 0;
  while (i < end) {
    // The two loops over keys and values are written out: nearly all of the time is spent in them.
    let keyStart = i;
    while (i < end && ((CLASS[header.charCodeAt(i)] as number) & TOKEN) !== 0) i++;
    if (i === keyStart) {
      if (header.charCodeAt(i) === COMMA) {
        // Nothing between two commas is no member, and no mistake worth a report.
        found.verbatim = false;
        i++;
        continue;
      }
      keyStart = runEnd(header, i, SPACE);
      i = runEnd(header, keyStart, TOKEN);
    }
    const keyEnd = i;
    if (i < end && header.charCodeAt(i) !== EQUALS) i = runEnd(header, i, SPACE);
    if (keyEnd === keyStart || i >= end || header.charCodeAt(i) !== EQUALS) {
      found.verbatim = false;
      const next = header.indexOf(',', i);
      if (keyEnd > keyStart || (i < end && next !== i)) found.malformed++;
      i = next < 0 ? end : next + 1;
      continue;
    }
    i++;
    if (i < end && header.charCodeAt(i) <= 0x20) i = runEnd(header, i, SPACE);
    const valueStart = i;
    while (i < end && ((CLASS[header.charCodeAt(i)] as number) & PLAIN) !== 0) i++;
    if (i < end && header.charCodeAt(i) !== COMMA)
      i = scanRare(header, i, keyStart, keyEnd, plusIsSpace, found);
    const valueEnd = i;
    let memberEnd = valueEnd;
    if (i < end && header.charCodeAt(i) !== COMMA) {
      i = runEnd(header, i, SPACE);
      if (header.charCodeAt(i) === SEMICOLON) {
        const propertiesEnd = scanProperties(header, i, found);
        if (propertiesEnd < 0) {
          // The value is good: it is kept, and what is said about it is not.
          found.verbatim = false;
          const next = header.indexOf(',', i);
          i = next < 0 ? end : next;
        } else {
          memberEnd = propertiesEnd;
          i = propertiesEnd;
        }
      }
      if (i < end && header.charCodeAt(i) !== COMMA) {
        found.verbatim = false;
        found.malformed++;
        const next = header.indexOf(',', i);
        i = next < 0 ? end : next + 1;
        continue;
      }
    }
    // A list neither ends in a comma nor has two in a row.
    if (i === end - 1) found.verbatim = false;
    i++;
    const length = keyEnd - keyStart;
    if (length === FOREIGN_LENGTH && header.startsWith(BAGGAGE_FOREIGN_TRACER_ID, keyStart)) {
      found.verbatim = false;
      continue;
    }
    if (++found.members > limit) {
      const key = header.slice(keyStart, keyEnd);
      if (!identity.has(key)) continue;
      // Thousands of the same one are one: the last counts.
      const known = (late ??= new Map<string, number>()).get(key);
      if (known !== undefined) {
        at.splice(known, FIELDS, keyStart, keyEnd, valueStart, valueEnd, memberEnd);
        continue;
      }
      late.set(key, at.length);
    }
    at.push(keyStart, keyEnd, valueStart, valueEnd, memberEnd);
    found.bits |= keyBit(length, header.charCodeAt(keyEnd - KEY_BIT_PLACE));
  }
  return found;
}

/** The rest of a value that has percent signs or pluses in it. */
function scanRare(
  header: string,
  from: number,
  keyStart: number,
  keyEnd: number,
  plusIsSpace: ReadonlySet<string>,
  found: Scan,
): number {
  let i = from;
  for (;;) {
    const code = header.charCodeAt(i);
    if (code === PERCENT) {
      found.encoded = true;
      if (!isHexPair(header, i + 1)) found.verbatim = false;
    } else if (code === PLUS) {
      found.encoded = true;
      if (found.verbatim && plusIsSpace.has(header.slice(keyStart, keyEnd))) found.verbatim = false;
    } else {
      return i;
    }
    i = runEnd(header, i + 1, PLAIN);
  }
}

/**
 * The end of the properties that begin at a semicolon, or -1 if they are not grammatical.
 *
 * @param found is told if they cannot be sent on as they are
 */
export function scanProperties(header: string, from: number, found?: Scan): number {
  const end = header.length;
  let i = from;
  while (i < end && header.charCodeAt(i) === SEMICOLON) {
    i++;
    if (i < end && header.charCodeAt(i) <= 0x20) i = runEnd(header, i, SPACE);
    const keyStart = i;
    while (i < end && ((CLASS[header.charCodeAt(i)] as number) & TOKEN) !== 0) i++;
    if (i === keyStart) return -1;
    if (i < end && header.charCodeAt(i) <= 0x20) i = runEnd(header, i, SPACE);
    if (i >= end || header.charCodeAt(i) !== EQUALS) continue;
    i++;
    if (i < end && header.charCodeAt(i) <= 0x20) i = runEnd(header, i, SPACE);
    while (i < end && ((CLASS[header.charCodeAt(i)] as number) & OCTET) !== 0) {
      if (header.charCodeAt(i) === PERCENT && found !== undefined && !isHexPair(header, i + 1)) {
        found.verbatim = false;
      }
      i++;
    }
    if (i < end && header.charCodeAt(i) <= 0x20) i = runEnd(header, i, SPACE);
  }
  return i === end || header.charCodeAt(i) === COMMA ? i : -1;
}
