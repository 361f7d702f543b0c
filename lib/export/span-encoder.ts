/**
 * The contract of an encoding: spans become bytes the moment they end, and a request is put together from those.
 *
 * Stock processors keep the span objects until a batch is sent: twice the heap, and a value that the user changes
 * afterwards is sent changed.
 */
import { ATTR_OTEL_SESSION_ID, IDENTITY_ATTRIBUTE_PREFIX } from '../conventions.js';
import type { ReadableSpan, Resource, InstrumentationScope } from '../tracer/sdk-contract.js';

/** Bytes around the spans of one resource and one scope. */
export interface GroupHead {
  readonly resourceHead: Uint8Array;
  readonly resourceTail: Uint8Array;
  readonly scopeHead: Uint8Array;
  readonly scopeTail: Uint8Array;
}

/** Spans of one resource and scope. */
export interface Group {
  readonly resource: Resource | undefined;
  readonly scope: InstrumentationScope | undefined;
  /** Set once the resource's attributes are all there, or when the group came from disk. */
  head: GroupHead | undefined;
}

/** Encoded spans of one request, by resource and scope, as views of batches' memory. */
export type RequestLayout = readonly {
  readonly head: GroupHead;
  readonly scopes: readonly { readonly head: GroupHead; readonly slices: Uint8Array[] }[];
}[];

/** What became of a span. */
export interface EncodedSpan {
  /** A view of memory that the next call overwrites. */
  readonly record: Uint8Array;
  /** Whether something had to be cut to fit. */
  readonly truncated: boolean;
}

export interface SpanEncoder {
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly contentType: string;
  /**
   * Encodes a span into a record; records can be concatenated.
   *
   * @param maxBytes what the record may take; texts are cut, then details dropped, until it fits
   * @throws if the span cannot be read, or cannot be made to fit
   */
  encode(span: ReadableSpan, maxBytes: number): EncodedSpan;
  encodeGroup(resource: Resource, scope: InstrumentationScope): GroupHead;
  /** The body of a request, in pieces. */
  assemble(layout: RequestLayout): Uint8Array[];
  /** Where the record that starts at `start` ends. */
  recordEnd(bytes: Uint8Array, start: number): number;
  /** The name of the span in a record, for messages. */
  nameOf(record: Uint8Array): string;
}

/** How far texts are cut and details dropped, from nothing to nearly everything. */
export interface Cut {
  /** Longest text in characters. */
  readonly text: number;
  /** Whether events, links and all but the first attributes go. */
  readonly details: boolean;
}

/** Identity is never longer than this, so no cut is deeper. */
const SHORTEST_TEXT = 128;

/** The cuts to try, one after the other, for a span that must fit into `maxBytes`. */
export function cutsFor(maxBytes: number): Cut[] {
  const cuts = [{ text: maxBytes, details: false }];
  for (const divisor of [4, 32, 256]) {
    const text = Math.floor(maxBytes / divisor);
    if (text > SHORTEST_TEXT) cuts.push({ text, details: false });
  }
  cuts.push({ text: SHORTEST_TEXT, details: false }, { text: SHORTEST_TEXT, details: true });
  return cuts;
}

/** Whether an attribute survives every cut. */
export function isIdentity(key: string): boolean {
  return key.startsWith(IDENTITY_ATTRIBUTE_PREFIX) || key === ATTR_OTEL_SESSION_ID;
}

/** How many attributes survive the deepest cut. */
export const KEPT_ATTRIBUTES = 32;

/** The text up to `length` characters, never ending in half a surrogate pair. */
export function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

/** OTLP's span flags: the trace flags, and whether the parent (or linked span) is known to be remote. */
export function otlpFlags(traceFlags: number, remote: boolean | undefined): number {
  return (traceFlags & 0xff) | 0x100 | (remote === true ? 0x200 : 0);
}

/** int64's range as doubles. */
export function fitsInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** Values nested deeper than this are left out; OpenTelemetry's own attributes are flat. */
export const MAX_VALUE_DEPTH = 32;
