/**
 * A span of our own: OpenTelemetry's `Span` for who writes it and `ReadableSpan` for who exports it.
 *
 * What a span rarely has (events, links, a given time) is made when first used, and what only an exporter reads
 * (times as pairs, ids as text) when first read.
 */
import {
  SpanStatusCode,
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  type TimeInput,
} from '@opentelemetry/api';
import { EVENT_EXCEPTION } from '../conventions.js';
import { warn } from '../diagnostics.js';
import {
  ADOPT_ATTRIBUTES,
  COMPACT,
  type AdoptingSpan,
  type ByteSink,
  type CompactSpan,
  type InstrumentationScope,
  type ReadableSpan,
  type Resource,
  type TimedEvent,
} from '../tracer/sdk-contract.js';
import {
  cleanAttributes,
  define,
  NESTED_VALUES,
  REFUSED,
  reportRefused,
  storedValue,
} from './attribute-values.js';
import {
  between,
  durationToHrTime,
  isTimeInput,
  millisToHrTime,
  monotonic,
  parseTime,
  toHrTime,
} from './clock.js';
import { describeException } from './exception.js';
import { SpanIdentity } from './identity.js';
import { ended, ending, type Maker } from './maker.js';

const hasOwn = Object.prototype.hasOwnProperty;
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What few spans have, in one place, so that the others do not pay for the fields. */
class Rare {
  startTime: HrTime | undefined = undefined;
  endTime: HrTime | undefined = undefined;
  duration: HrTime | undefined = undefined;
  /** The start was given, so the monotonic clock knows nothing of it. */
  givenStart = false;
  events: TimedEvent[] | undefined = undefined;
  links: Link[] | undefined = undefined;
  droppedEvents = 0;
  droppedLinks = 0;
}

/** A link with its attributes cleaned, or undefined if it has no span context. */
export function cleanLink(link: unknown, count: number, length: number): Link | undefined {
  try {
    const { context, attributes } = link as Link;
    if (typeof context === 'object' && context !== null) {
      const clean: Link = { context };
      if (attributes !== undefined && attributes !== null) {
        const cleaned = cleanAttributes(attributes, count, length);
        clean.attributes = cleaned.attributes;
        if (cleaned.dropped > 0) clean.droppedAttributesCount = cleaned.dropped;
      }
      return clean;
    }
  } catch {
    // Not a link, or one that cannot be read.
  }
  warn('SPW_ATTRIBUTE', 'a link has no span context and was dropped', 'link');
  return undefined;
}

/** A recording span; made by the tracer only. */
export class SpanwiseSpan implements Span, ReadableSpan, AdoptingSpan, CompactSpan {
  name: string;
  readonly kind: SpanKind;
  private readonly _maker: Maker;
  private readonly _identity: SpanIdentity;
  private readonly _parent: SpanIdentity | SpanContext | undefined;
  private _attributes: Record<string, unknown> | undefined = undefined;
  /** What the limit counts: attributes that were set, not those that a processor stamped. */
  private _count = 0;
  private _dropped = 0;
  private _ended = false;
  /** The monotonic clock at start and end, in milliseconds. */
  private readonly _start: number;
  private _end = 0;
  private _status: SpanStatus | undefined = undefined;
  private _rare: Rare | undefined = undefined;

  /**
   * @param maker the tracer's shared part
   * @param identity ids, flags and trace state
   * @param parent the parent's identity or remote context
   * @param name of the span
   * @param kind of the span
   * @param start the monotonic clock, in milliseconds
   */
  constructor(
    maker: Maker,
    identity: SpanIdentity,
    parent: SpanIdentity | SpanContext | undefined,
    name: string,
    kind: SpanKind,
    start: number,
  ) {
    this.name = name;
    this.kind = kind;
    this._maker = maker;
    this._identity = identity;
    this._parent = parent;
    this._start = start;
  }

  /** @internal What a child span takes over. */
  get identity(): SpanIdentity {
    return this._identity;
  }

  /** @internal Sets what `startSpan` was given, in the order in which the SDK does. */
  begin(
    startTime: TimeInput | undefined,
    links: readonly Link[] | undefined,
    attributes: unknown,
    handedOver: number = 0,
  ): void {
    if (links !== undefined && links !== null && links.length !== 0) this.addLinks(links as Link[]);
    if (startTime !== undefined && startTime !== null) {
      const given = parseTime(startTime, this._identity.trace.anchor);
      if (given !== undefined) {
        const rare = this.rare();
        rare.startTime = given;
        rare.givenStart = true;
      }
    }
    if (attributes === undefined) return;
    const { limits } = this._maker.state;
    if (
      handedOver > 0 &&
      handedOver <= limits.attributeCountLimit &&
      limits.attributeValueLengthLimit === Infinity
    ) {
      this._attributes = attributes as Record<string, unknown>;
      this._count = handedOver;
    } else {
      this.setAttributes(attributes as Attributes);
    }
  }

  /** @internal What a processor stamps a span with that has no attributes yet. */
  [ADOPT_ATTRIBUTES](attributes: Attributes | undefined): boolean {
    if (this._attributes !== undefined) return false;
    if (attributes !== undefined) this._attributes = attributes;
    return true;
  }

  private rare(): Rare {
    return (this._rare ??= new Rare());
  }

  // ---- CompactSpan

  /** @internal */
  get [COMPACT](): true {
    return true;
  }

  /** @internal */
  get localParent(): SpanIdentity | undefined {
    return this._parent instanceof SpanIdentity ? this._parent : undefined;
  }

  /** @internal */
  get hasEvents(): boolean {
    return this._rare?.events !== undefined;
  }

  /** @internal */
  get hasLinks(): boolean {
    return this._rare?.links !== undefined;
  }

  /** @internal */
  get hasStatus(): boolean {
    return this._status !== undefined;
  }

  /** @internal */
  writeStart(sink: ByteSink): void {
    sink.nanos(this._rare?.startTime ?? toHrTime(this._identity.trace.anchor, this._start));
  }

  /** @internal */
  writeEnd(sink: ByteSink): void {
    sink.nanos(this._rare?.endTime ?? toHrTime(this._identity.trace.anchor, this._end));
  }

  // ---- ReadableSpan

  spanContext(): SpanContext {
    return this._identity.read();
  }

  get parentSpanContext(): SpanContext | undefined {
    const parent = this._parent;
    return parent instanceof SpanIdentity ? parent.read() : parent;
  }

  /** The live attributes: what is written into this object directly is exported and passes every limit. */
  get attributes(): Attributes {
    return (this._attributes ??= {}) as Attributes;
  }

  get startTime(): HrTime {
    return (this.rare().startTime ??= toHrTime(this._identity.trace.anchor, this._start));
  }

  get endTime(): HrTime {
    if (!this._ended && this._rare?.endTime === undefined) return [0, 0];
    return (this.rare().endTime ??= toHrTime(this._identity.trace.anchor, this._end));
  }

  get duration(): HrTime {
    if (!this._ended && this._rare?.duration === undefined) return [-1, -1];
    return (this.rare().duration ??= durationToHrTime(this._end - this._start));
  }

  get status(): SpanStatus {
    return (this._status ??= { code: SpanStatusCode.UNSET });
  }

  get links(): Link[] {
    return (this.rare().links ??= []);
  }

  get events(): TimedEvent[] {
    return (this.rare().events ??= []);
  }

  get ended(): boolean {
    return this._ended;
  }

  get resource(): Resource {
    return this._maker.state.resource;
  }

  get instrumentationScope(): InstrumentationScope {
    return this._maker.instrumentationScope;
  }

  get droppedAttributesCount(): number {
    return this._dropped;
  }

  get droppedEventsCount(): number {
    return this._rare === undefined ? 0 : this._rare.droppedEvents;
  }

  get droppedLinksCount(): number {
    return this._rare === undefined ? 0 : this._rare.droppedLinks;
  }

  // ---- Span

  isRecording(): boolean {
    return !this._ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this._ended) {
      this.late('setAttribute');
      return this;
    }
    if (value === undefined || (value === null && !NESTED_VALUES)) return this;
    if (typeof key !== 'string' || key === '') {
      reportRefused(key);
      return this;
    }
    const { limits } = this._maker.state;
    const copy = storedValue(value, limits.attributeValueLengthLimit);
    if (copy === REFUSED) {
      reportRefused(key);
      return this;
    }
    const attributes = (this._attributes ??= {});
    if (!hasOwn.call(attributes, key)) {
      if (this._count >= limits.attributeCountLimit) {
        if (this._dropped++ === 0) this.reportLimit('attributes', limits.attributeCountLimit);
        return this;
      }
      this._count++;
    }
    define(attributes, key, copy);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    try {
      for (const key in attributes) {
        if (hasOwn.call(attributes, key)) this.setAttribute(key, attributes[key] as AttributeValue);
      }
    } catch {
      reportRefused('(unreadable)');
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this._ended) {
      this.late('addEvent');
      return this;
    }
    if (typeof name !== 'string') {
      warn('SPW_ATTRIBUTE', 'an event has no name and was dropped', 'event');
      return this;
    }
    const { limits } = this._maker.state;
    const rare = this.rare();
    if (limits.eventCountLimit === 0) {
      if (rare.droppedEvents++ === 0) this.reportLimit('events', 0);
      return this;
    }
    let given: TimeInput | undefined = time;
    let attributes: unknown = attributesOrTime;
    if (isTimeInput(attributesOrTime)) {
      if (!isTimeInput(time)) given = attributesOrTime;
      attributes = undefined;
    }
    const events = (rare.events ??= []);
    if (events.length >= limits.eventCountLimit) {
      // The newest events tell how the span ended: the oldest go, as in the SDK.
      events.shift();
      if (rare.droppedEvents++ === 0) this.reportLimit('events', limits.eventCountLimit);
    }
    const cleaned = cleanAttributes(
      attributes,
      limits.attributePerEventCountLimit,
      limits.attributeValueLengthLimit,
    );
    events.push({
      name,
      attributes: cleaned.attributes,
      time: this.timeOf(given),
      droppedAttributesCount: cleaned.dropped,
    });
    return this;
  }

  addLink(link: Link): this {
    if (this._ended) {
      this.late('addLink');
      return this;
    }
    const { limits } = this._maker.state;
    const rare = this.rare();
    if (limits.linkCountLimit === 0) {
      if (rare.droppedLinks++ === 0) this.reportLimit('links', 0);
      return this;
    }
    const clean = cleanLink(link, limits.attributePerLinkCountLimit, limits.attributeValueLengthLimit);
    if (clean === undefined) return this;
    const links = (rare.links ??= []);
    if (links.length >= limits.linkCountLimit) {
      links.shift();
      if (rare.droppedLinks++ === 0) this.reportLimit('links', limits.linkCountLimit);
    }
    links.push(clean);
    return this;
  }

  addLinks(links: Link[]): this {
    try {
      for (const link of links) this.addLink(link);
    } catch {
      warn('SPW_ATTRIBUTE', 'the links are no list and were dropped', 'links');
    }
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (this._ended) {
      this.late('setStatus');
      return this;
    }
    try {
      const { code, message } = status;
      if (code === SpanStatusCode.UNSET || this._status?.code === SpanStatusCode.OK) return this;
      if (code !== SpanStatusCode.OK && code !== SpanStatusCode.ERROR) {
        warn('SPW_ATTRIBUTE', 'a span status has an unknown code and was dropped', 'status');
        return this;
      }
      const next: SpanStatus = { code };
      if (code === SpanStatusCode.ERROR) {
        if (typeof message === 'string') next.message = message;
        else if (message !== undefined && message !== null) {
          warn('SPW_ATTRIBUTE', 'a span status has a message that is no string; it was dropped', 'message');
        }
      }
      this._status = next;
    } catch {
      warn('SPW_ATTRIBUTE', 'a span status cannot be read and was dropped', 'status');
    }
    return this;
  }

  updateName(name: string): this {
    if (this._ended) this.late('updateName');
    else if (typeof name === 'string') this.name = name;
    else warn('SPW_ATTRIBUTE', 'a span name is no string; the span keeps its name', 'name');
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const attributes = describeException(exception);
    if (attributes !== undefined) this.addEvent(EVENT_EXCEPTION, attributes, time);
    else
      warn(
        'SPW_ATTRIBUTE',
        'an exception has neither a type nor a message; it was not recorded',
        'exception',
      );
  }

  end(endTime?: TimeInput): void {
    if (this._ended) {
      this.late('end');
      return;
    }
    const { state } = this._maker;
    this._end = monotonic();
    if (endTime !== undefined || this._rare?.givenStart === true) this.endAt(endTime);
    if (state.endingProcessors.length > 0) {
      // Readable already, and writable still.
      this.rare().endTime ??= toHrTime(this._identity.trace.anchor, this._end);
      this.rare().duration ??= durationToHrTime(this._end - this._start);
      ending(state, this);
    }
    this._ended = true;
    ended(state, this);
  }

  /** Ends a span of which the start, the end or both were given. */
  private endAt(endTime: TimeInput | undefined): void {
    const rare = this.rare();
    const end = this.timeOf(endTime);
    const duration = between(this.startTime, end);
    if (duration[0] < 0) {
      warn('SPW_ATTRIBUTE', 'a span ends before it starts; its duration is set to 0', 'duration');
      rare.endTime = [...this.startTime];
      rare.duration = [0, 0];
    } else {
      rare.endTime = end;
      rare.duration = duration;
    }
  }

  private timeOf(input: TimeInput | undefined): HrTime {
    const { anchor } = this._identity.trace;
    if (input !== undefined && input !== null) {
      const given = parseTime(input, anchor);
      if (given !== undefined) return given;
    }
    // Against a start that was given, only the wall clock makes sense.
    return this._rare?.givenStart === true ? millisToHrTime(Date.now()) : toHrTime(anchor, monotonic());
  }

  private late(operation: string): void {
    warn(
      'SPW_SPAN_ENDED',
      `${operation} was called on span "${this.name}" after its end and did nothing`,
      operation,
    );
  }

  private reportLimit(what: string, limit: number): void {
    warn('SPW_SPAN_LIMIT', `span "${this.name}" may hold ${limit} ${what}; more are dropped`, what);
  }

  // ---- for people

  /** The span in a few fields, so that logging one neither fails nor floods. */
  toJSON(): object {
    return {
      name: this.name,
      kind: this.kind,
      spanContext: { ...this.spanContext() },
      parentSpanContext: this.parentSpanContext && { ...this.parentSpanContext },
      startTime: this.startTime,
      endTime: this.endTime,
      duration: this.duration,
      ended: this.ended,
      status: this.status,
      attributes: this.attributes,
      events: this.events,
      links: this.links,
      droppedAttributesCount: this.droppedAttributesCount,
      droppedEventsCount: this.droppedEventsCount,
      droppedLinksCount: this.droppedLinksCount,
      instrumentationScope: this.instrumentationScope,
    };
  }

  [INSPECT](_depth: number, options: object, inspect?: (value: unknown, options: object) => string): unknown {
    return inspect === undefined ? this.toJSON() : `SpanwiseSpan ${inspect(this.toJSON(), options)}`;
  }
}
