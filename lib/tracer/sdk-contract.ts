/**
 * OpenTelemetry's SDK contracts, as both of its lines (2.x and 3.x) have them.
 *
 * They are written out here as structural types, so that no SDK package has to be installed to use Spanwise, and
 * so that a processor, exporter or sampler of either line fits without a cast.
 */
import type {
  Attributes,
  Context,
  HrTime,
  Link,
  Span,
  SpanContext,
  SpanKind,
  SpanStatus,
  TraceState,
} from '@opentelemetry/api';

/** Who made a span: the library's name and version. */
export interface InstrumentationScope {
  readonly name: string;
  readonly version?: string;
  readonly schemaUrl?: string;
}

/** What a resource must offer. */
export interface Resource {
  readonly attributes: Attributes;
  readonly asyncAttributesPending?: boolean;
  waitForAsyncAttributes?(): Promise<void>;
}

/** Something that happened during a span. */
export interface TimedEvent {
  time: HrTime;
  name: string;
  attributes?: Attributes;
  droppedAttributesCount?: number;
}

/**
 * A finished span, as processors and exporters see it.
 *
 * @category Processor
 */
export interface ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanContext: () => SpanContext;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: Link[];
  readonly events: TimedEvent[];
  readonly duration: HrTime;
  readonly ended: boolean;
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  readonly droppedAttributesCount: number;
  readonly droppedEventsCount: number;
  readonly droppedLinksCount: number;
}

/**
 * A span that is still being written.
 *
 * @category Processor
 */
export type WritableSpan = Span & ReadableSpan;

/**
 * The method by which a span of our own engine takes its first attributes as they are, past every limit.
 *
 * It answers false, and takes nothing, if it has attributes already; given none, it only answers. A registered symbol, because a span and the
 * processor that stamps it may come from two copies of this package.
 */
export const ADOPT_ATTRIBUTES: unique symbol = Symbol.for('spanwise.v1.adopt-attributes');

/**
 * The option of `startSpan` by which attributes are handed over for good, instead of to be copied: how many they are,
 * all of types that attributes may have. Engines other than our own copy them.
 */
export const HANDED_OVER: unique symbol = Symbol.for('spanwise.v1.handed-over');

/** Options of `startSpan` that may hand attributes over. */
export interface HandingOver {
  readonly [HANDED_OVER]?: number;
}

/** A span that can be given its first attributes as one object, which it keeps. */
export interface AdoptingSpan {
  [ADOPT_ATTRIBUTES]?(attributes: Attributes | undefined): boolean;
}

/** What takes ids and times as bytes. */
export interface ByteSink {
  /** Hexadecimal digits. */
  hex(digits: string): void;
  /** An id of two or four 32-bit numbers. */
  id64(high: number, low: number): void;
  id128(w0: number, w1: number, w2: number, w3: number): void;
  /** A time as OpenTelemetry's pair. */
  nanos(time: HrTime): void;
}

/** The mark of a span that can be written without making the texts and lists that nobody else asks for. */
export const COMPACT: unique symbol = Symbol.for('spanwise.v1.compact');

/** The ids of a span of our own engine. */
export interface CompactIdentity {
  readonly traceFlags: number;
  readonly traceState: TraceState | undefined;
  readonly isRemote?: boolean;
  writeTraceId(sink: ByteSink): void;
  writeSpanId(sink: ByteSink): void;
}

/** A span of our own engine, as an encoder sees it. */
export interface CompactSpan {
  readonly [COMPACT]: true;
  readonly identity: CompactIdentity;
  /** A local parent's; undefined for others, which are in `parentSpanContext`. */
  readonly localParent: CompactIdentity | undefined;
  readonly hasEvents: boolean;
  readonly hasLinks: boolean;
  readonly hasStatus: boolean;
  writeStart(sink: ByteSink): void;
  writeEnd(sink: ByteSink): void;
}

/** The span in its compact form, if it has one. */
export function compactSpan(span: ReadableSpan): CompactSpan | undefined {
  return (span as Partial<CompactSpan>)[COMPACT] === true ? (span as unknown as CompactSpan) : undefined;
}

/**
 * Sees every span of a provider at its start and at its end.
 *
 * @category Processor
 */
export interface SpanProcessor {
  onStart(span: any, parentContext: Context): void;
  onEnding?(span: any): void;
  onEnd(span: any): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** What an exporter answers: `code` 0 is success, 1 is failure. */
export interface ExportResult {
  code: number;
  error?: Error;
}

/**
 * Sends finished spans somewhere.
 *
 * @category Processor
 */
export interface SpanExporter {
  export(spans: any[], done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

/** OpenTelemetry's sampling decisions. */
export const SamplingDecision = { NOT_RECORD: 0, RECORD: 1, RECORD_AND_SAMPLED: 2 } as const;

/** What a sampler decides about a span that is about to start. */
export interface SamplingResult {
  decision: 0 | 1 | 2;
  attributes?: Readonly<Attributes>;
  traceState?: SpanContext['traceState'];
}

/**
 * Decides which spans are recorded and sampled.
 *
 * @category Processor
 */
export interface Sampler {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): any;
  toString(): string;
}

/**
 * How much a span may hold.
 *
 * @category Processor
 */
export interface SpanLimits {
  attributeValueLengthLimit?: number;
  attributeCountLimit?: number;
  linkCountLimit?: number;
  eventCountLimit?: number;
  attributePerEventCountLimit?: number;
  attributePerLinkCountLimit?: number;
}

/** Makes trace ids (32 hex characters) and span ids (16). */
export interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}
