/**
 * W3C Trace Context, level 2: `traceparent` and `tracestate`.
 *
 * @see https://www.w3.org/TR/trace-context-2/
 */
import type { SpanContext } from '@opentelemetry/api';
import { HEADER_TRACEPARENT, HEADER_TRACESTATE } from '../conventions.js';
import { warn } from '../diagnostics.js';
import { MAX_READ as MAX_LIST, parseTraceState, writeTraceState } from './trace-state.js';

/** The caller recorded. */
export const FLAG_SAMPLED = 0x01;
/** At least the right-most seven bytes of the trace id are random. */
export const FLAG_RANDOM = 0x02;

const LENGTH = 55;
/** Longer than this no version of the header will be; what is longer is not looked at. */
const MAX_LENGTH = 512;
const DASH = 0x2d;

/** The value of a lower-case hex digit, by its code unit; -1 is none. */
const HEX = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) HEX[digit.toString(16).charCodeAt(0)] = digit;

/** The four fields of version 00; with the dashes at their places, each has its length. Linear: no field has a dash. */
const FIELDS = /^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$/;

function isZero(text: string, from: number, to: number): boolean {
  return text.charCodeAt(from) === 0x30 && joinDigits(text, from, to) === 0;
}

/** The digit that a code unit is, negative if it is none: beyond ASCII its upper bits make it so. */
function hexDigit(code: number): number {
  return (HEX[code & 0x7f] as number) | -(code >> 7);
}

/** What the hex digits of an id are joined to: negative if one is none, zero if all are zero. */
function joinDigits(text: string, from: number, to: number): number {
  let all = 0;
  // A digit that is none has its sign bit set, and so has whatever it is joined with.
  for (let i = from; i < to; i++) all |= hexDigit(text.charCodeAt(i));
  return all;
}

/** Tells whether a text is a trace id: 32 lower-case hex digits, not all zero. */
export function isTraceId(id: unknown): id is string {
  return typeof id === 'string' && id.length === 32 && joinDigits(id, 0, 32) > 0;
}

/** Tells whether a text is a span id: 16 lower-case hex digits, not all zero. */
export function isSpanId(id: unknown): id is string {
  return typeof id === 'string' && id.length === 16 && joinDigits(id, 0, 16) > 0;
}

/**
 * Reads a `traceparent` header.
 *
 * @param header the header's text
 * @returns the caller's span, or undefined if the header is not valid
 */
export function parseTraceparent(header: string): SpanContext | undefined {
  const text = header.length === LENGTH ? header : trimSpaces(header);
  if (text.length < LENGTH || text.length > MAX_LENGTH) return undefined;
  if (text.charCodeAt(2) !== DASH || text.charCodeAt(35) !== DASH || text.charCodeAt(52) !== DASH) {
    return undefined;
  }
  if (text.length > LENGTH) {
    // Version 00 has nothing behind its flags; a later one may, behind a dash.
    if (text.startsWith('00') || text.charCodeAt(LENGTH) !== DASH) return undefined;
    if (!FIELDS.test(text.slice(0, LENGTH))) return undefined;
  } else if (!FIELDS.test(text)) {
    return undefined;
  }
  if (
    (text.charCodeAt(0) === 0x66 && text.charCodeAt(1) === 0x66) ||
    isZero(text, 3, 35) ||
    isZero(text, 36, 52)
  )
    return undefined;
  const flags = hexDigit(text.charCodeAt(54));
  const traceId = text.slice(3, 35);
  const spanId = text.slice(36, 52);
  // Flags that are not defined are never passed on.
  return { traceId, spanId, traceFlags: flags & (FLAG_SAMPLED | FLAG_RANDOM), isRemote: true };
}

function trimSpaces(text: string): string {
  if (text.length > MAX_LENGTH) return '';
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * Reads both headers.
 *
 * @param read tells what a carrier has for a header: more than one `traceparent` is no valid header, several
 *   `tracestate` are one list
 * @returns the caller's span, or undefined
 */
export function readTraceContext(
  read: (key: string) => string | string[] | undefined,
): SpanContext | undefined {
  const traceparent = read(HEADER_TRACEPARENT);
  if (traceparent === undefined || traceparent.length === 0) return undefined;
  const single = typeof traceparent === 'string' ? traceparent : onlyOne(traceparent);
  const spanContext = single === undefined ? undefined : parseTraceparent(single);
  if (spanContext === undefined) {
    warn('SPW_TRACEPARENT', 'a traceparent header is malformed or was sent twice; a new trace is started');
    return undefined;
  }
  const state = read(HEADER_TRACESTATE);
  if (state === undefined || state.length === 0) return spanContext;
  const text = typeof state === 'string' ? state : listed(state);
  const traceState = parseTraceState(text);
  if (traceState !== undefined) return { ...spanContext, traceState };
  if (text.length > MAX_LENGTH || !/^[ \t,]*$/.test(text)) {
    warn(
      'SPW_TRACEPARENT',
      'a tracestate header is malformed or too long and is discarded',
      HEADER_TRACESTATE,
    );
  }
  return spanContext;
}

/** Several headers are one list; of what is too long for one, nothing is read. */
function listed(values: readonly string[]): string {
  return values.find((value) => value.length > MAX_LIST) ?? values.join(',');
}

function onlyOne(values: readonly string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined;
}

/**
 * Writes a `traceparent` header.
 *
 * @param spanContext the span that the receiver shall be a child of
 * @param flags its flags, if other than the span context's own
 */
export function writeTraceparent(spanContext: SpanContext, flags: number = spanContext.traceFlags): string {
  return `00-${spanContext.traceId}-${spanContext.spanId}-0${flags & (FLAG_SAMPLED | FLAG_RANDOM)}`;
}

/** Writes a `tracestate` header; an empty string if there is nothing to send. */
export function tracestateOf(spanContext: SpanContext): string {
  return spanContext.traceState === undefined ? '' : writeTraceState(spanContext.traceState);
}
