/** A span as it was received, whatever encoding it came in. */

/** An attribute's value; integers beyond 2^53 and numbers that JSON cannot write are kept as text. */
export type AttributeValue =
  string | number | boolean | null | AttributeValue[] | { [key: string]: AttributeValue };

/** Attributes by key, without a prototype: senders choose the keys. */
export type AttributeMap = Record<string, AttributeValue>;

export type SpanKindName = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
export const SPAN_KINDS: readonly SpanKindName[] = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
];

export type StatusName = 'unset' | 'ok' | 'error';
export const STATUSES: readonly StatusName[] = ['unset', 'ok', 'error'];

export interface ReceivedSpanEvent {
  name: string;
  /** Milliseconds since the epoch. */
  time: number;
  attributes: AttributeMap;
}

export interface ReceivedLink {
  traceId: string;
  spanId: string;
  attributes: AttributeMap;
}

export interface ReceivedSpan {
  /** 32 lower-case hexadecimal digits. */
  traceId: string;
  /** 16 lower-case hexadecimal digits. */
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: SpanKindName;
  /** Milliseconds since the epoch, with microseconds as fractions. */
  startTime: number;
  endTime: number;
  attributes: AttributeMap;
  events: ReceivedSpanEvent[];
  links: ReceivedLink[];
  status: StatusName;
  statusMessage?: string;
  /** What the sender had to drop: attributes, events and links together. */
  dropped?: number;
  resource: AttributeMap;
  scope: { name: string; version?: string };
}

/** What a request held: the spans that are sound, and how many were not. */
export interface DecodedTraces {
  spans: ReceivedSpan[];
  rejected: number;
  reason: string | undefined;
}

/** The body cannot be understood at all (400) or holds more than may be kept in hand (413). */
export class DecodeError extends Error {
  constructor(
    message: string,
    readonly status: 400 | 413 = 400,
  ) {
    super(message);
  }
}

/** No body may make more objects than this, however small it is. */
export const MAX_ITEMS = 1_000_000;
/** Values nested deeper than this are refused. */
export const MAX_VALUE_DEPTH = 32;

/** Collects the spans of one request, and turns away those that no trace could hold. */
export class SpanCollector {
  readonly result: DecodedTraces = { spans: [], rejected: 0, reason: undefined };
  #items = 0;

  /** Counts an object that is about to be made. */
  count(): void {
    if (++this.#items > MAX_ITEMS)
      throw new DecodeError(`more than ${MAX_ITEMS} elements in one request`, 413);
  }

  add(span: ReceivedSpan): void {
    const fault = faultOf(span);
    if (fault !== undefined) return this.reject(fault);
    if (span.parentSpanId !== undefined && !isId(span.parentSpanId, 16)) delete span.parentSpanId;
    if (span.endTime < span.startTime) span.endTime = span.startTime;
    this.result.spans.push(span);
  }

  reject(reason: string): void {
    this.result.rejected++;
    this.result.reason ??= reason;
  }
}

function faultOf(span: ReceivedSpan): string | undefined {
  if (!isId(span.traceId, 32)) return 'a span has no valid trace id';
  if (!isId(span.spanId, 16)) return 'a span has no valid span id';
  if (!(span.startTime > 0 && span.startTime < 8.64e15)) return 'a span has no start time';
  return undefined;
}

function isId(id: string, length: number): boolean {
  return id.length === length && /^[0-9a-f]+$/.test(id) && !/^0+$/.test(id);
}

/** A number as JSON can carry it. */
export function finiteOrText(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** An integer of 64 bits: a number where that is exact, else its digits. */
export function integerOrText(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
