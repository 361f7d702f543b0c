/**
 * Runs that are still open: what a lazy result needs until it is consumed, dropped or the tracer shuts down.
 *
 * The runs are kept in a linked list and not in a set, because every promise of a traced method passes through it.
 */
import type { Context } from '@opentelemetry/api';
import { warnError } from '../diagnostics.js';

/** One run of a traced body: an open span and what to do with it. */
export interface SpanRun {
  /** The context in which the body runs; the span is active in it. */
  readonly context: Context;
  /** Ends the span with a result, from which outputs are captured. Idempotent, like the next three. */
  succeed(value: unknown): void;
  /** Ends the span with an error. */
  fail(error: unknown): void;
  /** Ends the span early, without failure and without a result: break, return, unsubscribe, abort of a stream. */
  cancel(): void;
  /** Ends the span because its result was dropped unconsumed. */
  abandon(): void;
  /** A further run of the same body (second subscription, second iteration): a new span under the same parent. */
  again(): SpanRun;
  /** Receives each chunk of a stream, if the user gave `aggregate`; `succeed` is then called with undefined. */
  readonly collect?: ((chunk: unknown) => void) | undefined;
}

/** How the kinds of results settle what they deliver, given to them so that no file needs the chooser. */
export type Settle = <T>(result: T, run: SpanRun) => T;

// A promise that never settles must not keep its span in memory for ever: the oldest are forgotten, not ended.
const MAX_LISTED = 10_000;

let oldest: OpenRun | undefined;
let newest: OpenRun | undefined;
let listed = 0;

/** A run that `endOpenRuns` knows from its first `list` to its end, and that ends once however it is told to. */
export abstract class OpenRun implements SpanRun {
  abstract readonly context: Context;
  abstract readonly collect: ((chunk: unknown) => void) | undefined;
  /** Whether it has ended. */
  protected over = false;
  private older: OpenRun | undefined = undefined;
  private newer: OpenRun | undefined = undefined;

  /** The open run of `run`, which may be one already. */
  static of(run: SpanRun): SpanRun {
    if (run instanceof OpenRun) return run.list();
    return run instanceof RunGroup ? run : new GuardedRun(run).list();
  }

  /** What a filter is asked about. */
  abstract get subject(): SpanRun;
  abstract succeed(value: unknown): void;
  abstract fail(reason: unknown): void;
  abstract cancel(): void;
  abstract abandon(): void;
  abstract again(): SpanRun;

  /** Puts the run into the list, once. */
  list(): this {
    if (!this.over && !this.isListed) OpenRun.append(this);
    return this;
  }

  private get isListed(): boolean {
    return this.older !== undefined || this.newer !== undefined || oldest === this;
  }

  private static append(open: OpenRun): void {
    open.older = newest;
    if (newest === undefined) oldest = open;
    else newest.newer = open;
    newest = open;
    if (++listed > MAX_LISTED) oldest?.unlist();
  }

  /** Whether the run may end now, which it may once. */
  protected close(): boolean {
    if (this.over) return false;
    this.over = true;
    this.unlist();
    return true;
  }

  private unlist(): void {
    if (!this.isListed) return;
    const { older, newer } = this;
    if (older === undefined) oldest = newer;
    else older.newer = newer;
    if (newer === undefined) newest = older;
    else newer.older = older;
    this.older = this.newer = undefined;
    listed--;
  }

  /** Abandons the listed runs whose original passes the filter; returns how many. */
  static abandonListed(filter?: (run: SpanRun) => boolean): number {
    const runs: OpenRun[] = [];
    for (let open = oldest; open !== undefined; open = open.newer) {
      if (filter === undefined || filter(open.subject)) runs.push(open);
    }
    for (const open of runs) open.abandon();
    return runs.length;
  }
}

/** The open run of one that is none by itself, safe to call however that behaves. */
class GuardedRun extends OpenRun {
  readonly context: Context;
  readonly collect: ((chunk: unknown) => void) | undefined;

  constructor(readonly subject: SpanRun) {
    super();
    this.context = subject.context;
    this.collect = subject.collect === undefined ? undefined : (chunk) => this.take(chunk);
  }

  succeed(value: unknown): void {
    if (!this.close()) return;
    try {
      this.subject.succeed(value);
    } catch (error) {
      notEnded(error);
    }
  }

  fail(reason: unknown): void {
    if (!this.close()) return;
    try {
      this.subject.fail(reason);
    } catch (error) {
      notEnded(error);
    }
  }

  cancel(): void {
    if (!this.close()) return;
    try {
      this.subject.cancel();
    } catch (error) {
      notEnded(error);
    }
  }

  abandon(): void {
    if (!this.close()) return;
    try {
      this.subject.abandon();
    } catch (error) {
      notEnded(error);
    }
  }

  again(): SpanRun {
    return OpenRun.of(this.subject.again());
  }

  private take(chunk: unknown): void {
    if (this.over) return;
    try {
      this.subject.collect?.(chunk);
    } catch (error) {
      warnError('SPW_INTERNAL', 'a chunk could not be collected', error);
    }
  }
}

function notEnded(error: unknown): void {
  warnError('SPW_INTERNAL', 'a span could not be ended', error);
}

/** Several runs that one consumption ends together: a traced method that returned what another traced one did. */
class RunGroup implements SpanRun {
  readonly context: Context;
  readonly collect: ((chunk: unknown) => void) | undefined;

  constructor(private readonly runs: readonly SpanRun[]) {
    // The first run is the innermost: its method returned first.
    this.context = runs[0]!.context;
    const collectors = runs.filter((run) => run.collect !== undefined);
    if (collectors.length > 0) {
      this.collect = (chunk) => {
        for (const run of collectors) run.collect?.(chunk);
      };
    }
  }

  succeed(value: unknown): void {
    for (const run of this.runs) run.succeed(value);
  }

  fail(error: unknown): void {
    for (const run of this.runs) run.fail(error);
  }

  cancel(): void {
    for (const run of this.runs) run.cancel();
  }

  abandon(): void {
    for (const run of this.runs) run.abandon();
  }

  again(): SpanRun {
    return new RunGroup(this.runs.map((run) => run.again()));
  }
}

/** The run that stands for all of them; the first one's context is the body's. */
export function together(runs: readonly SpanRun[]): SpanRun {
  return runs.length === 1 ? runs[0]! : new RunGroup(runs);
}

/** Ends the run of a stream that is over: with its chunks where they are aggregated, else with `value`. */
export function completeStream(run: SpanRun, value: unknown): void {
  run.succeed(run.collect === undefined ? value : undefined);
}
