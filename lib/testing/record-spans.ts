/**
 * An in-memory recorder of spans, for tests.
 */
import { warn } from '../diagnostics.js';
import type { SpanProcessor } from '../tracer/sdk-contract.js';
import { isMeant, type RecordedSpan, type SpanQuery } from './span-pattern.js';
import { drawTree, type TreeOptions } from './span-tree.js';

/**
 * How spans are recorded.
 *
 * @category Testing
 */
export interface RecordOptions {
  /** Spans that are kept; later ones are counted and not kept. @default 10000 */
  maxSpans?: number;
}

/**
 * Records every span of the provider or tracer that it is given to.
 *
 * @category Testing
 */
export interface SpanRecorder extends SpanProcessor {
  /** The finished spans, in the order in which they ended. */
  readonly spans: readonly RecordedSpan[];
  /** The spans that have started and not ended, in the order in which they started. */
  readonly running: readonly RecordedSpan[];
  /** Spans that were not kept, because there were too many. */
  readonly dropped: number;
  /**
   * Finds the first finished span that is meant.
   *
   * @param query a name, an expression for it, or what the span must hold
   */
  find(query: SpanQuery): RecordedSpan | undefined;
  /** Finds all finished spans that are meant. */
  findAll(query: SpanQuery): RecordedSpan[];
  /** Forgets all spans; those that still run are not recorded when they end. */
  clear(): void;
  /** All spans as a tree of lines, without ids and times, so that it can be compared with a snapshot. */
  tree(options?: TreeOptions): string;
}

const recorderOf = new WeakMap<RecordedSpan, Recorder>();

// By id and not by object: a processor in between may hand on a copy when the span has ended.
function idOf(span: RecordedSpan): string {
  const { traceId, spanId } = span.spanContext();
  return `${traceId}-${spanId}`;
}

class Recorder implements SpanRecorder {
  /** Every span in the order of its start. */
  private readonly started = new Map<string, RecordedSpan>();
  private ended: RecordedSpan[] = [];
  private missed = 0;

  constructor(private readonly maxSpans: number) {}

  get spans(): readonly RecordedSpan[] {
    return this.ended;
  }

  get running(): readonly RecordedSpan[] {
    return [...this.started.values()].filter((span) => !span.ended);
  }

  get dropped(): number {
    return this.missed;
  }

  find(query: SpanQuery): RecordedSpan | undefined {
    return this.findAll(query)[0];
  }

  findAll(query: SpanQuery): RecordedSpan[] {
    const all = [...this.started.values()];
    return this.ended.filter((span) => isMeant(span, query, all));
  }

  clear(): void {
    this.started.clear();
    this.ended = [];
    this.missed = 0;
  }

  tree(options?: TreeOptions): string {
    return drawTree([...this.started.values()], options);
  }

  onStart(span: RecordedSpan): void {
    if (this.started.size >= this.maxSpans) {
      this.missed++;
      warn(
        'SPW_DROPPED',
        `recordSpans keeps ${this.maxSpans} spans; clear it between tests or raise maxSpans`,
      );
      return;
    }
    this.started.set(idOf(span), span);
    recorderOf.set(span, this);
  }

  onEnd(span: RecordedSpan): void {
    if (!this.started.has(idOf(span))) return;
    recorderOf.set(span, this);
    this.ended.push(span);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  /** Keeps what it has: a test looks at its spans after the tracer was shut down. */
  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** All spans of the recorder that saw this one; the span alone if none did. */
export function neighboursOf(span: RecordedSpan): readonly RecordedSpan[] {
  const recorder = recorderOf.get(span);
  return recorder === undefined ? [span] : [...recorder.spans, ...recorder.running];
}

/** The tree in which a span stands. */
export function treeAround(span: RecordedSpan): string {
  return recorderOf.get(span)?.tree() ?? drawTree([span]);
}

/**
 * Records spans in memory, for tests.
 *
 * Give the recorder to a tracer's or a provider's `spanProcessors`. It needs no network, and it is there at once: a
 * span can be looked at in the line after the call that made it. Under fake timers durations are what the test made
 * of them: our own engine (`engine: 'spanwise'`) looks at the clock that is installed; OpenTelemetry's SDK keeps the
 * one it found when it was loaded, and follows the test's only for spans with a `startTime`.
 *
 * @param options how many spans are kept
 * @returns the recorder; spans over the limit are reported as `SPW_DROPPED`
 * @example
 * ```ts
 * import { SessionTracer, Trace } from 'spanwise';
 * import { recordSpans } from 'spanwise/testing';
 *
 * const recorder = recordSpans();
 * const sessionId = '00000000-0000-4000-8000-000000000001';
 * SessionTracer.init({ testMode: true, sessionId, spanProcessors: [recorder] });
 *
 * class Agent {
 *   @Trace({ eventType: 'chain' })
 *   invoke(query: string): string {
 *     return query;
 *   }
 * }
 *
 * new Agent().invoke('hello');
 * console.log(recorder.find('Agent.invoke')?.attributes['honeyhive_event_type']); // chain
 * console.log(recorder.tree()); // Agent.invoke [chain] session=00000000-0000-4000-8000-000000000001
 * ```
 * @category Testing
 */
export function recordSpans(options: RecordOptions = {}): SpanRecorder {
  const { maxSpans = 10_000 } = options;
  return new Recorder(maxSpans);
}
