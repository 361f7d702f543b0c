/**
 * The text of a `baggage` header, scanned once: where its members are, and which of them are grammatical.
 */
import {
  baggageEntryMetadataFromString,
  type BaggageEntry,
  type BaggageEntryMetadata,
} from '@opentelemetry/api';
import { ImmutableBaggage, type BaggageContent } from '../context/baggage.js';
import { BAGGAGE_FOREIGN_TRACER_ID } from '../conventions.js';
import {
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
    /** One bit per length of a key, so that most keys that are not there are told by their length alone. */
    private readonly lengths: number,
    private readonly plusIsSpace: ReadonlySet<string>,
  ) {
    super();
  }

  /** How many members it has. */
  get size(): number {
    return this.at.length / FIELDS;
  }

  override getEntry(key: string): BaggageEntry | undefined {
    const { header, at } = this;
    const length = key.length;
    if (length === 0 || (this.lengths & (1 << (length & 31))) === 0) return undefined;
    const first = key.charCodeAt(0);
    // The last one of a key counts.
    for (let i = at.length - FIELDS; i >= 0; i -= FIELDS) {
      const start = at[i] as number;
      if ((at[i + 1] as number) - start !== length || header.charCodeAt(start) !== first) continue;
      if (!header.startsWith(key, start)) continue;
      const valueEnd = at[i + 3] as number;
      if ((at[i + 4] as number) === valueEnd) {
        return { value: decodeValue(header.slice(at[i + 2], valueEnd), key, this.plusIsSpace) };
      }
      const { value, metadata } = this.entryAt(i, key);
      return metadata === undefined ? { value } : { value, metadata };
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
      end > valueEnd ? header.slice(header.indexOf(';', valueEnd) + 1, end).trim() : '',
      this.plusIsSpace,
    );
  }
}

function decodeValue(raw: string, key: string, plusIsSpace: ReadonlySet<string>): string {
  return decodePercent(raw.includes('+') && plusIsSpace.has(key) ? raw.replaceAll('+', ' ') : raw);
}

/** What a scan found. */
export interface Scan {
  readonly at: number[];
  lengths: number;
  /** Members that are not grammatical. */
  malformed: number;
  /** Whether the text may be sent on as it is. */
  verbatim: boolean;
}

/** One pass over the header; every character is looked at once. */
export function scan(header: string, plusIsSpace: ReadonlySet<string>): Scan {
  const at: number[] = [];
  const found: Scan = { at, lengths: 0, malformed: 0, verbatim: true };
  const end = header.length;
  let i = 0;
  while (i < end) {
    const keyStart = runEnd(header, i, SPACE);
    const keyEnd = runEnd(header, keyStart, TOKEN);
    i = keyEnd;
    if (i < end && header.charCodeAt(i) !== EQUALS) i = runEnd(header, i, SPACE);
    if (keyEnd === keyStart || i >= end || header.charCodeAt(i) !== EQUALS) {
      found.verbatim = false;
      const next = header.indexOf(',', i);
      // Nothing between two commas is no member, and no mistake worth a report.
      if (keyEnd > keyStart || (i < end && next !== i)) found.malformed++;
      i = next < 0 ? end : next + 1;
      continue;
    }
    const valueStart = runEnd(header, i + 1, SPACE);
    i = runEnd(header, valueStart, PLAIN);
    if (i < end && header.charCodeAt(i) !== COMMA)
      i = scanRare(header, i, keyStart, keyEnd, plusIsSpace, found);
    const valueEnd = i;
    let memberEnd = valueEnd;
    if (i < end && header.charCodeAt(i) !== COMMA) {
      i = runEnd(header, i, SPACE);
      if (header.charCodeAt(i) === SEMICOLON) {
        const propertiesEnd = scanProperties(header, i);
        if (propertiesEnd < 0) {
          // The value is good: it is kept, and what is said about it is not.
          found.verbatim = false;
          const next = header.indexOf(',', i);
          i = next < 0 ? end : next;
        } else {
          memberEnd = propertiesEnd;
          i = propertiesEnd;
          if (!percentsAreWhole(header, valueEnd, propertiesEnd)) found.verbatim = false;
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
    if (
      length === BAGGAGE_FOREIGN_TRACER_ID.length &&
      header.startsWith(BAGGAGE_FOREIGN_TRACER_ID, keyStart)
    ) {
      found.verbatim = false;
      continue;
    }
    at.push(keyStart, keyEnd, valueStart, valueEnd, memberEnd);
    found.lengths |= 1 << (length & 31);
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
      if (!isHexPair(header, i + 1)) found.verbatim = false;
    } else if (code === PLUS) {
      if (found.verbatim && plusIsSpace.has(header.slice(keyStart, keyEnd))) found.verbatim = false;
    } else {
      return i;
    }
    i = runEnd(header, i + 1, PLAIN);
  }
}

/** The end of the properties that begin at a semicolon, or -1 if they are not grammatical. */
export function scanProperties(header: string, from: number): number {
  let i = from;
  while (header.charCodeAt(i) === SEMICOLON) {
    const keyStart = runEnd(header, i + 1, SPACE);
    i = runEnd(header, keyStart, TOKEN);
    if (i === keyStart) return -1;
    i = runEnd(header, i, SPACE);
    if (header.charCodeAt(i) === EQUALS) {
      i = runEnd(header, runEnd(header, i + 1, SPACE), OCTET);
      i = runEnd(header, i, SPACE);
    }
  }
  return i === header.length || header.charCodeAt(i) === COMMA ? i : -1;
}

function percentsAreWhole(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (text.charCodeAt(i) === PERCENT && !isHexPair(text, i + 1)) return false;
  }
  return true;
}
