/**
 * Lazy results: what is known about an object between the call that returned it and its consumptions.
 */
import { context, createContextKey, type Context } from '@opentelemetry/api';
import { OpenRun, together, type SpanRun } from './settle-run.js';

/** What takes the runs of further traced methods that return the same object. */
export interface Observed {
  listen(run: SpanRun): void;
}

// A brand beside the object and not on it: users see, compare and print what they would without us.
const observed = new WeakMap<object, Observed>();

/** The traced result that `value` already is, if it is one. */
export function observedOf(value: object): Observed | undefined {
  return observed.get(value);
}

/** Remembers that `value` is traced, by what. */
export function markObserved(value: object, by: Observed): void {
  observed.set(value, by);
}

/** What is told once an object is collected. */
export interface Droppable {
  abandon(): unknown;
}

const dropped =
  typeof FinalizationRegistry === 'function'
    ? new FinalizationRegistry<Droppable>((held) => void held.abandon())
    : undefined;

/** Abandons `held` once `value` is collected; `held` must not reach `value`. */
export function whenDropped(value: object, held: Droppable): void {
  dropped?.register(value, held);
}

/** The lazy result whose body runs in a context: what the body calls on it is no consumption of its own. */
const INSIDE_KEY = createContextKey('spanwise.v1.inside');

// A cached object may be returned again and again and never consumed: its waiting runs must not pile up.
const MAX_WAITING = 16;

/**
 * The runs of a lazy result, from the call that made it to each of its consumptions.
 *
 * The first consumption continues the runs that wait (of the call, and of every other traced call that returned the
 * same object); a further one is a further run of the body.
 */
export class Lazy implements Observed {
  private waiting: (SpanRun | (() => SpanRun))[];
  private latest: SpanRun | undefined;
  private entered = 0;

  /**
   * @param run the open run of the call, or what starts it at the first consumption
   * @param once true if the body runs only once, however often its result is asked for
   */
  constructor(
    run: SpanRun | (() => SpanRun),
    private readonly once = false,
  ) {
    this.waiting = [run];
  }

  listen(run: SpanRun): void {
    if (this.waiting.length >= MAX_WAITING) abandonWaiting(this.waiting.shift());
    this.waiting.push(run);
  }

  /** The run of the consumption that begins now. */
  begin(): SpanRun {
    const waiting = this.waiting;
    if (waiting.length === 0 && this.latest !== undefined) {
      return this.once ? this.latest : (this.latest = this.latest.again());
    }
    this.waiting = [];
    const runs = waiting.map((run) => (typeof run === 'function' ? OpenRun.of(run()) : run));
    return (this.latest = together(runs));
  }

  /** The context that the next consumption will most likely have. */
  get context(): Context | undefined {
    const first = this.waiting[0];
    return first === undefined
      ? this.latest?.context
      : typeof first === 'function'
        ? undefined
        : first.context;
  }

  /** True while a method of the object runs inside another one: it belongs to the same consumption. */
  get inside(): boolean {
    // Counted as well, because without a context manager no context is ever active.
    return this.entered > 0 || context.active().getValue(INSIDE_KEY) === this;
  }

  /** The context of a step of the body, from which `inside` is known also after an await. */
  inner(run: SpanRun): Context {
    return run.context.setValue(INSIDE_KEY, this);
  }

  /** Runs a step of the body in the run's context. */
  enter<T>(run: SpanRun, step: () => T): T {
    this.entered++;
    try {
      return context.with(this.inner(run), step);
    } finally {
      this.entered--;
    }
  }

  abandon(): void {
    for (const run of this.waiting.splice(0)) abandonWaiting(run);
  }

  /** Ends what nobody asked for: the body is over. Asking later finds the ended runs. */
  overUnasked(): void {
    for (const run of this.waiting) if (typeof run === 'object') run.cancel();
  }
}

function abandonWaiting(run: SpanRun | (() => SpanRun) | undefined): void {
  if (typeof run === 'object') run.abandon();
}
