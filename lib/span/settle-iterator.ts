/**
 * Iterators: generators and everything that is pulled, synchronously or not.
 *
 * The methods go on the iterator itself, so that `yield*`, spread, iterator helpers and `instanceof` see what they
 * would without us. The body sees the span at every step, the consumer never does.
 */
import { context, type Context } from '@opentelemetry/api';
import { isAsyncIterable, isIterator, isPromise } from './settle-kinds.js';
import { define, override } from './settle-override.js';
import { Lazy, markObserved, observedOf, whenDropped, type Observed } from './settle-lazy.js';
import { completeStream, together, type SpanRun } from './settle-run.js';

type Method = 'next' | 'return' | 'throw';
type Step = IteratorResult<unknown>;

const promiseThen = Promise.prototype.then;

/** One iteration: from the first pull to the end, the break or the garbage collector. */
class Iteration implements Observed {
  private run: SpanRun | undefined;
  private context: Context | undefined;
  private over = false;

  /**
   * @param lazy where the run comes from
   * @param outer the iterable whose own methods its iterator calls
   */
  constructor(
    private readonly lazy: Lazy,
    private readonly outer?: Lazy,
  ) {}

  listen(run: SpanRun): void {
    if (this.over) run.succeed(undefined);
    else if (this.run === undefined) this.lazy.listen(run);
    else this.run = together([this.run, run]);
  }

  abandon(): void {
    this.lazy.abandon();
    this.run?.abandon();
  }

  /** Calls the original method as a step of the body and looks at what it gives. */
  step(
    iterator: object,
    original: (...args: unknown[]) => unknown,
    method: Method,
    args: unknown[],
  ): unknown {
    if (this.over || (this.outer !== undefined && this.outer.inside)) {
      return Reflect.apply(original, iterator, args);
    }
    if (this.run === undefined) {
      if (method !== 'next') {
        // The body never ran: nothing to start.
        this.over = true;
        this.lazy.overUnasked();
        return Reflect.apply(original, iterator, args);
      }
      this.run = this.lazy.begin();
      this.context = this.outer === undefined ? this.run.context : this.outer.inner(this.run);
    }
    let result: unknown;
    try {
      result = context.with(this.context!, () => Reflect.apply(original, iterator, args));
    } catch (error) {
      this.fail(error);
      throw error;
    }
    return this.seen(result, method);
  }

  private seen(result: unknown, method: Method): unknown {
    if (typeof result !== 'object' || result === null) {
      this.look(result, method);
      return result;
    }
    if (!isPromise(result) && typeof (result as { then?: unknown }).then !== 'function') {
      this.look(result as Step, method);
      return result;
    }
    const pulled = isPromise(result) ? result : Promise.resolve(result);
    return promiseThen.call(
      pulled,
      (step) => {
        this.look(step, method);
        return step;
      },
      (error: unknown) => {
        this.fail(error);
        throw error;
      },
    );
  }

  private look(step: unknown, method: Method): void {
    if (this.over || this.run === undefined) return;
    // A cursor of a database has a `next` that gives documents, and null when there are no more.
    const isStep = typeof step === 'object' && step !== null && 'done' in step;
    const ended = isStep ? Boolean((step as Step).done) : step === null || step === undefined;
    const value: unknown = isStep ? (step as Step).value : step;
    if (!ended) {
      if (method === 'next') this.run.collect?.(value);
      return;
    }
    this.over = true;
    if (method === 'return') this.run.cancel();
    else completeStream(this.run, value ?? undefined);
  }

  private fail(error: unknown): void {
    this.over = true;
    this.run?.fail(error);
  }

  /** What a `break` finds on an iterator that has no `return` of its own. */
  stopped(): void {
    if (this.over) return;
    this.over = true;
    if (this.run === undefined) this.lazy.overUnasked();
    else this.run.cancel();
  }
}

/**
 * Follows an iterator or a generator object.
 *
 * @param iterator the object, which gets own methods
 * @param lazy where the run comes from at the first pull
 * @param isAsync true if its methods return promises
 * @param outer the iterable that it belongs to, if that has methods which the iterator calls
 * @returns false if the object takes no methods
 */
export function traceIterator(iterator: object, lazy: Lazy, isAsync: boolean, outer?: Lazy): boolean {
  const iteration = new Iteration(lazy, outer);
  const follow = (method: Method): boolean =>
    override(iterator, method, (original, args) => iteration.step(iterator, original, method, args));
  if (!follow('next')) return false;
  if (!('return' in iterator)) {
    define(iterator, 'return', (value: unknown) => {
      iteration.stopped();
      const step = { done: true, value };
      return isAsync ? Promise.resolve(step) : step;
    });
  } else follow('return');
  follow('throw');
  markObserved(iterator, iteration);
  whenDropped(iterator, iteration);
  return true;
}

/** Follows a synchronous or asynchronous iterator that a traced function returned. */
export function settleIterator(iterator: object, run: SpanRun): void {
  if (!traceIterator(iterator, new Lazy(run), isAsyncIterable(iterator))) run.cancel();
}

/**
 * Follows an async iterable that makes its iterators: each iteration is a run.
 *
 * @param iterable the object, which gets an own `[Symbol.asyncIterator]`
 * @param run the open run of the call
 */
export function settleAsyncIterable(iterable: object, run: SpanRun): void {
  const lazy = new Lazy(run);
  const source = sourceOf(iterable);
  const isIteratorToo = typeof (iterable as { next?: unknown }).next === 'function';
  const taken = override(iterable, source, (original, args) => {
    if (lazy.inside) return Reflect.apply(original, iterable, args);
    if (isIteratorToo) {
      const iterator = context.with(lazy.context ?? context.active(), () =>
        Reflect.apply(original, iterable, args),
      );
      return iterator === iterable ? iterator : followed(iterator, lazy.begin(), lazy);
    }
    const iteration = lazy.begin();
    try {
      return followed(
        lazy.enter(iteration, () => Reflect.apply(original, iterable, args)),
        iteration,
        lazy,
      );
    } catch (error) {
      iteration.fail(error);
      throw error;
    }
  });
  if (!taken) {
    run.cancel();
    return;
  }
  if (isIteratorToo) {
    traceIterator(iterable, lazy, true, lazy);
    return;
  }
  markObserved(iterable, lazy);
  whenDropped(iterable, lazy);
}

/**
 * The method that all ways of reading go through. The streams of the language-model clients have `tee` and
 * `toReadableStream`, which take the iterator from a function member and not from the symbol.
 */
function sourceOf(iterable: object): PropertyKey {
  const { tee, iterator } = iterable as { tee?: unknown; iterator?: unknown };
  return typeof tee === 'function' && typeof iterator === 'function' && Object.hasOwn(iterable, 'iterator')
    ? 'iterator'
    : Symbol.asyncIterator;
}

function followed(iterator: unknown, run: SpanRun, outer: Lazy): unknown {
  if (typeof iterator !== 'object' || iterator === null) {
    run.succeed(undefined);
    return iterator;
  }
  const known = observedOf(iterator);
  if (known !== undefined) {
    known.listen(run);
    return iterator;
  }
  if (traceIterator(iterator, new Lazy(run), true, outer)) return iterator;
  run.cancel();
  return iterator;
}

/**
 * Follows the object of a generator function, whose body has not run.
 *
 * @param generator what the user's function returned
 * @param start starts the span, at the first pull
 */
export function settleGeneratorObject(generator: object, start: () => SpanRun): void {
  traceIterator(generator, new Lazy(start), !isIterator(generator));
}
