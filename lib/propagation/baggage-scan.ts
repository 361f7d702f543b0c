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
  isOctet,
  isPlainOctet,
  isSpace,
  isTokenChar,
  PERCENT,
  repairPercent,
} from './baggage-grammar.js';

const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const PLUS = 0x2b;

/** Numbers per member in the table of a scanned header: where its key, value and properties begin and end. */
export const FIELDS = 5;

/** One member as it arrived; its value is decoded when it is first read. */
export class WireEntry implements BaggageEntry {
  #value: string | undefined;
  #metadata: BaggageEntryMetadata | undefined;

  constructor(
    readonly key: string,
    readonly raw: string,
    readonly properties: string,
    readonly plusIsSpace: boolean,
  ) {}

  get value(): string {
    return (this.#value ??= decodePercent(this.plusIsSpace ? this.raw.replaceAll('+', ' ') : this.raw));
  }

  get metadata(): BaggageEntryMetadata | undefined {
    if (this.properties === '') return undefined;
    return (this.#metadata ??= baggageEntryMetadataFromString(this.properties));
  }

  /** The member as it is sent on: as it came, repaired where the grammar asks for it. */
  write(): string {
    const raw = this.plusIsSpace ? this.raw.replaceAll('+', '%20') : this.raw;
    const properties = this.properties === '' ? '' : `;${repairPercent(this.properties)}`;
    return `${this.key}=${repairPercent(raw)}${properties}`;
  }
}

/** The baggage of a header: offsets into its text. */
export class HeaderBaggage extends ImmutableBaggage {
  readonly #header: string;
  readonly #at: readonly number[];
  readonly #plusIsSpace: ReadonlySet<string>;
  /** One bit per length of a key, so that most keys that are not there are told by their length alone. */
  readonly #lengths: number;
  readonly #entries: (WireEntry | undefined)[] = [];

  constructor(header: string, at: readonly number[], lengths: number, plusIsSpace: ReadonlySet<string>) {
    super();
    this.#header = header;
    this.#at = at;
    this.#lengths = lengths;
    this.#plusIsSpace = plusIsSpace;
  }

  override getEntry(key: string): BaggageEntry | undefined {
    const length = key.length;
    if ((this.#lengths & (1 << (length & 31))) === 0) return undefined;
    const at = this.#at;
    // The last one of a key counts.
    for (let i = at.length - FIELDS; i >= 0; i -= FIELDS) {
      const start = at[i] as number;
      if ((at[i + 1] as number) - start !== length || !this.#header.startsWith(key, start)) continue;
      const entry = this.#entryAt(i, key);
      return entry.properties === ''
        ? { value: entry.value }
        : { value: entry.value, metadata: entry.metadata as BaggageEntryMetadata };
    }
    return undefined;
  }

  override collect(into: BaggageContent): void {
    for (let i = 0; i < this.#at.length; i += FIELDS) {
      const key = this.#header.slice(this.#at[i], this.#at[i + 1]);
      into.set(key, this.#entryAt(i, key));
    }
  }

  #entryAt(i: number, key: string): WireEntry {
    const known = this.#entries[i / FIELDS];
    if (known !== undefined) return known;
    const at = this.#at;
    const valueEnd = at[i + 3] as number;
    const end = at[i + 4] as number;
    const entry = new WireEntry(
      key,
      this.#header.slice(at[i + 2], valueEnd),
      end > valueEnd ? this.#header.slice(this.#header.indexOf(';', valueEnd) + 1, end).trim() : '',
      this.#plusIsSpace.has(key),
    );
    this.#entries[i / FIELDS] = entry;
    return entry;
  }
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
    while (isSpace(header.charCodeAt(i))) i++;
    const keyStart = i;
    while (isTokenChar(header.charCodeAt(i))) i++;
    const keyEnd = i;
    while (isSpace(header.charCodeAt(i))) i++;
    if (keyEnd === keyStart || header.charCodeAt(i) !== EQUALS) {
      found.verbatim = false;
      const next = header.indexOf(',', i);
      // Nothing between two commas is no member, and no mistake worth a report.
      if (keyEnd > keyStart || (i < end && next !== i)) found.malformed++;
      i = next < 0 ? end : next + 1;
      continue;
    }
    i++;
    while (isSpace(header.charCodeAt(i))) i++;
    const valueStart = i;
    for (;;) {
      const code = header.charCodeAt(i);
      if (isPlainOctet(code)) {
        i++;
      } else if (code === PERCENT) {
        if (!isHexPair(header, i + 1)) found.verbatim = false;
        i++;
      } else if (code === PLUS) {
        if (found.verbatim && plusIsSpace.has(header.slice(keyStart, keyEnd))) found.verbatim = false;
        i++;
      } else {
        break;
      }
    }
    const valueEnd = i;
    while (isSpace(header.charCodeAt(i))) i++;
    let memberEnd = valueEnd;
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

/** The end of the properties that begin at a semicolon, or -1 if they are not grammatical. */
export function scanProperties(header: string, from: number): number {
  let i = from;
  while (header.charCodeAt(i) === SEMICOLON) {
    i++;
    while (isSpace(header.charCodeAt(i))) i++;
    const keyStart = i;
    while (isTokenChar(header.charCodeAt(i))) i++;
    if (i === keyStart) return -1;
    while (isSpace(header.charCodeAt(i))) i++;
    if (header.charCodeAt(i) === EQUALS) {
      i++;
      while (isSpace(header.charCodeAt(i))) i++;
      while (isOctet(header.charCodeAt(i))) i++;
      while (isSpace(header.charCodeAt(i))) i++;
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
