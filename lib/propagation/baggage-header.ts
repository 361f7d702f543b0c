/**
 * W3C Baggage: the `baggage` header, read strictly, decoded only where someone looks, written back as it came.
 *
 * @see https://www.w3.org/TR/baggage/
 */
import type { Baggage, BaggageEntry } from '@opentelemetry/api';
import { ImmutableBaggage, contentOf } from '../context/baggage.js';
import {
  BAGGAGE_FOREIGN_TRACER_ID,
  BAGGAGE_SESSION_NAME,
  IDENTITY_BAGGAGE_KEYS,
  IDENTITY_KEY_VARIANTS,
} from '../conventions.js';
import { warn } from '../diagnostics.js';
import { encodePercent, isToken, repairPercent } from './baggage-grammar.js';
import {
  type BaggageReading,
  FIELDS,
  HeaderBaggage,
  scan,
  scanOrdinary,
  scanProperties,
  WireEntry,
} from './baggage-scan.js';

/** What a header may hold: more is cut, identity last. */
export const MAX_BAGGAGE_MEMBERS = 64;
export const MAX_BAGGAGE_BYTES = 8192;
/** Longer headers are not touched: to look at a text that was put together of pieces means to copy all of it first. */
const MAX_TOUCHED = 32 * 1024 * 1024;
/** What is looked at of a longer header, in characters, to find the identity in it. */
const MAX_READ = 262_144;
/** So much of it is scanned; behind that, identity is looked for in one match. */
const MAX_SCANNED = 2 * MAX_BAGGAGE_BYTES;
/** The longest member of identity that is taken from there, in characters. */
const MAX_LATE_IDENTITY = 2_048;
/** How many members and how much identity are counted there. */
const MAX_COUNTED = 12_000;
const MAX_LATE = 256;

/** The spellings of identity that are kept first when something has to go. */
export const IDENTITY_SPELLINGS: ReadonlySet<string> = new Set<string>([
  ...IDENTITY_BAGGAGE_KEYS,
  ...IDENTITY_KEY_VARIANTS.session,
  ...IDENTITY_KEY_VARIANTS.project,
  ...IDENTITY_KEY_VARIANTS.source,
]);

/** Where `+` is a space, because Python senders write it so; elsewhere it is a plus. */
export const PLUS_IS_SPACE: ReadonlySet<string> = new Set<string>([
  BAGGAGE_SESSION_NAME,
  ...IDENTITY_KEY_VARIANTS.project,
  ...IDENTITY_KEY_VARIANTS.source,
]);

export type { BaggageReading };

const DEFAULT_READING: BaggageReading = { identity: IDENTITY_SPELLINGS, plusIsSpace: PLUS_IS_SPACE };

/** What is over the limits goes: identity is kept first, then the order in which it came. */
function withinLimits(header: string, at: readonly number[], identity: ReadonlySet<string>): string[] {
  const chosen = new Set<number>();
  let bytes = 0;
  const take = (i: number): void => {
    const size = memberSize(at, i) + (chosen.size > 0 ? 1 : 0);
    if (chosen.size < MAX_BAGGAGE_MEMBERS && bytes + size <= MAX_BAGGAGE_BYTES) {
      chosen.add(i);
      bytes += size;
    }
  };
  const lastOf = new Map<string, number>();
  let lengths = 0;
  for (const key of identity) lengths |= 1 << (key.length & 31);
  for (let i = 0; i < at.length; i += FIELDS) {
    const start = at[i] as number;
    const end = at[i + 1] as number;
    if ((lengths & (1 << ((end - start) & 31))) === 0) continue;
    const key = header.slice(start, end);
    if (identity.has(key)) lastOf.set(key, i);
  }
  for (const key of identity) {
    const i = lastOf.get(key);
    if (i !== undefined) take(i);
  }
  for (let i = 0; i < at.length && chosen.size < MAX_BAGGAGE_MEMBERS; i += FIELDS) {
    if (!chosen.has(i) && !(lastOf.size > 0 && lastOf.has(header.slice(at[i], at[i + 1])))) take(i);
  }
  return [...chosen]
    .sort((a, b) => a - b)
    .map((i) => `${header.slice(at[i], at[i + 1])}=${header.slice(at[i + 2], at[i + 4])}`);
}

function memberSize(at: readonly number[], i: number): number {
  return (at[i + 1] as number) - (at[i] as number) + 1 + (at[i + 4] as number) - (at[i + 2] as number);
}

/** Several headers are one list; no more is joined than is read. */
function joined(values: readonly string[]): string {
  let text = '';
  for (const value of values) {
    if (text.length > MAX_READ || value.length > MAX_TOUCHED) break;
    text += text === '' ? value : `,${value}`;
  }
  return text;
}

/** A long header without what is over the limits at first sight. */
interface Shortened {
  readonly header: string;
  /** How many members were left out, as far as they were counted. */
  readonly left: number;
  /** Whether there were more of them. */
  readonly more: boolean;
  /** Characters that were not looked at. */
  readonly unread: number;
}

function shorten(whole: string, identity: ReadonlySet<string>): Shortened {
  // A member that is cut in two is no member.
  const end = whole.length > MAX_READ ? Math.max(whole.lastIndexOf(',', MAX_READ), 0) : whole.length;
  const header = end < whole.length ? whole.slice(0, end) : whole;
  let from = 0;
  let cut = header.length;
  while (cut - from > MAX_SCANNED) {
    const comma = header.lastIndexOf(',', from + MAX_SCANNED);
    if (comma > from) {
      cut = comma;
      break;
    }
    // A member that is over the limit by itself: those behind it may do.
    const next = header.indexOf(',', from + MAX_SCANNED);
    from = next < 0 ? cut : next + 1;
  }
  const late = new Map<string, string>();
  const member = lateIdentity(identity);
  member.lastIndex = cut;
  for (let found = 0; found < MAX_LATE; found++) {
    const match = member.exec(header);
    if (match === null) break;
    late.set(match[1] as string, match[0]);
  }
  let left = from > 0 ? 1 : 0;
  let at = header.indexOf(',', cut);
  while (at >= 0 && left < MAX_COUNTED) {
    left++;
    at = header.indexOf(',', at + 1);
  }
  return {
    header: header.slice(from, cut) + [...late.values()].join(''),
    left: left - late.size,
    more: at >= 0,
    unread: whole.length - end,
  };
}

/** Members of identity behind the beginning of a header. */
function lateIdentity(identity: ReadonlySet<string>): RegExp {
  const names = [...identity].map((name) => name.replace(/[^A-Za-z0-9_]/g, '\\$&')).join('|');
  return new RegExp(`,[ \\t]{0,8}(${names})[ \\t]{0,8}=[^,]{0,${MAX_LATE_IDENTITY}}(?=,|$)`, 'g');
}

/**
 * Reads a `baggage` header.
 *
 * @param value the header's text, or the texts of several headers
 * @param reading which keys are identity, and in which a plus is a space
 * @returns the baggage, or undefined if there is no valid member in it
 */
export function parseBaggage(
  value: string | readonly string[],
  reading: BaggageReading = DEFAULT_READING,
): Baggage | undefined {
  let header = typeof value === 'string' ? value : joined(value);
  if (header.length > MAX_TOUCHED) {
    warn('SPW_BAGGAGE', `a baggage header of ${header.length} characters was dropped unread`, 'arrival');
    return undefined;
  }
  let left = 0;
  let more = false;
  let unread = 0;
  if (header.length > MAX_SCANNED) ({ header, left, more, unread } = shorten(header, reading.identity));
  let found = scanOrdinary(header, MAX_BAGGAGE_MEMBERS) ?? scan(header, reading, MAX_BAGGAGE_MEMBERS);
  const { members } = found;
  if (found.malformed > 0) {
    warn('SPW_BAGGAGE', `${found.malformed} malformed baggage entries were ignored`, 'malformed');
  }
  if (members > MAX_BAGGAGE_MEMBERS || header.length > MAX_BAGGAGE_BYTES) {
    // Written out anew, so that a huge header is not kept alive by a small part of it.
    header = withinLimits(header, found.at, reading.identity).join(',');
    found = scan(header, reading, MAX_BAGGAGE_MEMBERS);
  }
  const arrived = members + left;
  const dropped = arrived - found.at.length / FIELDS;
  if (dropped > 0 || unread > 0) {
    const also = unread > 0 ? ` and ${unread} characters that were not read` : '';
    warn(
      'SPW_BAGGAGE',
      `${dropped} of ${more ? 'more than ' : ''}${arrived} baggage entries${also} were dropped on arrival: at most ${MAX_BAGGAGE_MEMBERS} entries and ${MAX_BAGGAGE_BYTES} bytes are kept`,
      'arrival',
    );
  }
  if (found.at.length === 0) return undefined;
  const verbatim = found.verbatim ? header : undefined;
  return new HeaderBaggage(header, found.at, found.bits, found.encoded, reading.plusIsSpace, verbatim);
}

/** A header that a baggage was written as, kept with it: baggage never changes. */
interface Written {
  readonly text: string;
  readonly members: number;
}

const writtenForeign = new WeakMap<Baggage, Written>();

/**
 * Writes a `baggage` header.
 *
 * @param baggage any implementation's baggage
 * @returns the header's text, always grammatical and within the limits; empty if there is nothing to send
 */
export function writeBaggage(baggage: Baggage): string {
  return written(baggage).text;
}

function written(baggage: Baggage): Written {
  if (baggage instanceof ImmutableBaggage) {
    return ((baggage.written as Written | undefined) ??=
      arrivedAs(baggage) ?? appended(baggage) ?? build(baggage)) as Written;
  }
  let known = writtenForeign.get(baggage);
  if (known === undefined) writtenForeign.set(baggage, (known = build(baggage)));
  return known;
}

/** What arrived and is grammatical is sent on as it came. */
function arrivedAs(baggage: ImmutableBaggage): Written | undefined {
  return baggage instanceof HeaderBaggage && baggage.verbatim !== undefined
    ? { text: baggage.verbatim, members: baggage.size }
    : undefined;
}

/** Entries that are only added to a baggage are added to its header. */
function appended(baggage: ImmutableBaggage): Written | undefined {
  const { below, keys, entries } = baggage.layer ?? NO_LAYER;
  if (below === undefined || entries.length > MAX_BAGGAGE_MEMBERS) return undefined;
  let text = '';
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const entry = entries[i];
    if (entry === undefined || below.getEntry(key) !== undefined || keys.indexOf(key) !== i) return undefined;
    if (key === BAGGAGE_FOREIGN_TRACER_ID) return undefined;
    const member = writeMember(key, entry);
    if (member === undefined) return undefined;
    text += `,${member}`;
  }
  const before = written(below);
  if (
    before.members + keys.length > MAX_BAGGAGE_MEMBERS ||
    before.text.length + text.length > MAX_BAGGAGE_BYTES
  ) {
    return undefined;
  }
  return {
    text: before.text === '' ? text.slice(1) : before.text + text,
    members: before.members + keys.length,
  };
}

const NO_LAYER = { below: undefined, keys: [], entries: [] };

function build(baggage: Baggage): Written {
  const members = new Map<string, string>();
  let bytes = -1;
  let unwritable = 0;
  for (const [key, entry] of contentOf(baggage)) {
    if (key === BAGGAGE_FOREIGN_TRACER_ID) continue;
    const member = writeMember(key, entry);
    if (member === undefined) {
      unwritable++;
    } else {
      members.set(key, member);
      bytes += member.length + 1;
    }
  }
  if (unwritable > 0) {
    warn(
      'SPW_BAGGAGE',
      `${unwritable} baggage entries have keys that cannot travel and were not sent; use letters, digits and - _ .`,
      'key',
    );
  }
  if (members.size <= MAX_BAGGAGE_MEMBERS && bytes <= MAX_BAGGAGE_BYTES) {
    return { text: [...members.values()].join(','), members: members.size };
  }
  return cut(members);
}

function cut(members: ReadonlyMap<string, string>): Written {
  const kept = new Set<string>();
  let bytes = -1;
  const take = (key: string): void => {
    const member = members.get(key);
    if (member === undefined || kept.has(key) || kept.size >= MAX_BAGGAGE_MEMBERS) return;
    if (bytes + member.length + 1 > MAX_BAGGAGE_BYTES) return;
    kept.add(key);
    bytes += member.length + 1;
  };
  for (const key of IDENTITY_SPELLINGS) take(key);
  for (const key of members.keys()) take(key);
  warn(
    'SPW_BAGGAGE',
    `${members.size - kept.size} of ${members.size} baggage entries were not sent: at most ${MAX_BAGGAGE_MEMBERS} entries and ${MAX_BAGGAGE_BYTES} bytes travel`,
    'departure',
  );
  const text = [...members]
    .filter(([key]) => kept.has(key))
    .map(([, member]) => member)
    .join(',');
  return { text, members: kept.size };
}

function writeMember(key: string, entry: BaggageEntry): string | undefined {
  if (entry instanceof WireEntry) return entry.write();
  const value: unknown = entry.value;
  if (!isToken(key) || typeof value !== 'string') return undefined;
  const properties = entry.metadata === undefined ? '' : writeProperties(String(entry.metadata.toString()));
  return `${key}=${encodePercent(value)}${properties}`;
}

/** The properties if they are grammatical, else nothing: they are someone's free text. */
function writeProperties(text: string): string {
  if (text === '' || text.length > MAX_BAGGAGE_BYTES) return '';
  const properties = `;${text.replace(/^[ \t]*;/, '').trim()}`;
  return !properties.includes(',') && scanProperties(properties, 0) === properties.length
    ? repairPercent(properties)
    : '';
}
