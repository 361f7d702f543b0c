/**
 * Lazy thenables (query builders, requests): nothing runs before somebody asks, and asking again may run it again.
 *
 * `then` is never called by us. Every way to ask that a library offers becomes an own method of the object, inside
 * which the span is active; the consumer's callbacks run in the consumer's context.
 */
import { context } from '@opentelemetry/api';
import { isPlainPromise, settlePlainPromise } from './settle-promise.js';
import { isChildProcess, isPromise } from './settle-kinds.js';
import { override } from './settle-override.js';
import { Lazy, markObserved, whenDropped, type Droppable } from './settle-lazy.js';
import { type Settle, type SpanRun } from './settle-run.js';

type Callback = (...args: any[]) => unknown;

/**
 * Methods that run the body: `exec` of mongoose, `execute` of drizzle, `requestTransaction` of prisma, `stream` of
 * knex, `cursor` of mongoose, `asResponse` of the clients of language models.
 */
const CONSUMERS: readonly PropertyKey[] = [
  'exec',
  'execute',
  'requestTransaction',
  'stream',
  'cursor',
  'asResponse',
  'withResponse',
  Symbol.asyncIterator,
];
// Names that mean something else in other libraries.
const DRIZZLE_CONSUMERS: readonly PropertyKey[] = ['all', 'get', 'run', 'values', 'sync', 'iterator'];
const DRIZZLE_KIND = Symbol.for('drizzle:entityKind');

/**
 * Follows a thenable from the call to its consumptions; it stays the object that the caller gets.
 *
 * @param target the object that was returned
 * @param run the open run of the call
 * @param settle what to do with the results that it delivers
 */
export function settleThenable(target: object, run: SpanRun, settle: Settle): void {
  const traced = new TracedThenable(run, settle, keepsItsResult(target));
  // Frozen: its end cannot be seen.
  if (!traced.adopt(target)) run.cancel();
}

function keepsItsResult(target: object): boolean {
  return (
    isPromise(target) ||
    target instanceof Promise ||
    isChildProcess(target) ||
    (target as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'PrismaPromise'
  );
}

class TracedThenable extends Lazy {
  /** The run that `catch` or `finally` began, while the library calls `then` for them. */
  private joining: SpanRun | undefined;
  private joined = false;
  private holders = 0;

  constructor(
    run: SpanRun,
    private readonly settle: Settle,
    once: boolean,
  ) {
    super(run, once);
  }

  /** Puts our methods on the object or on a clone of it; false if it takes none. */
  adopt(target: object): boolean {
    if (!override(target, 'then', (original, args) => this.then(target, original, args))) return false;
    override(target, 'catch', (original, args) => this.subscribe(target, original, args, true));
    override(target, 'finally', (original, args) => this.subscribe(target, original, args, false));
    for (const name of CONSUMERS) this.consume(target, name);
    const kind = (target.constructor as { [DRIZZLE_KIND]?: unknown } | undefined)?.[DRIZZLE_KIND];
    if (kind !== undefined) for (const name of DRIZZLE_CONSUMERS) this.consume(target, name);
    override(target, 'clone', (original, args) => this.clone(target, original, args));
    // A process runs whether or not it is awaited.
    if (isChildProcess(target)) target.once('close', () => this.overUnasked());
    markObserved(target, this);
    whenDropped(target, this.held());
    return true;
  }

  /** Made here and not in `adopt`, where it would share the closures' hold on the object. */
  private held(): Droppable {
    this.holders++;
    return { abandon: () => --this.holders === 0 && this.abandon() };
  }

  private then(target: object, original: Callback, args: unknown[]): unknown {
    const joining = this.joining;
    if (joining === undefined && this.inside) return Reflect.apply(original, target, args);
    const [onFulfilled, onRejected, ...rest] = args;
    const run = joining ?? this.begin();
    const consumer = context.active();
    // For `catch` and `finally` the callbacks are the library's; the user's are bound already.
    const call = (callback: Callback, value: unknown): unknown =>
      joining === undefined ? context.with(consumer, callback, undefined, value) : callback(value);
    const fulfilled = (value: unknown): unknown => {
      const settled = this.settle(value, run);
      return typeof onFulfilled === 'function' ? call(onFulfilled as Callback, settled) : settled;
    };
    const rejected = (error: unknown): unknown => {
      run.fail(error);
      if (typeof onRejected === 'function') return call(onRejected as Callback, error);
      throw error;
    };
    const follow = (): unknown => Reflect.apply(original, target, [fulfilled, rejected, ...rest]);
    if (joining === undefined) return this.step(run, follow);
    this.joined = true;
    return follow();
  }

  /** `catch` and `finally`: most libraries do them with `then`, which sees the result; the rest return a promise. */
  private subscribe(target: object, original: Callback, args: unknown[], rejects: boolean): unknown {
    if (this.inside) return Reflect.apply(original, target, args);
    const [callback, ...rest] = args;
    const run = this.begin();
    const consumer = context.active();
    const bound = (...values: unknown[]): unknown => {
      if (rejects) run.fail(values[0]);
      return context.with(consumer, callback as Callback, undefined, ...values);
    };
    const passed = typeof callback === 'function' ? bound : callback;
    this.joining = run;
    this.joined = false;
    try {
      const result = this.step(run, () => Reflect.apply(original, target, [passed, ...rest]));
      return this.joined ? result : this.settle(result, run);
    } finally {
      this.joining = undefined;
    }
  }

  private consume(target: object, name: PropertyKey): void {
    override(target, name, (original, args) => {
      if (this.inside) return Reflect.apply(original, target, args);
      const run = this.begin();
      const result = this.step(run, () => Reflect.apply(original, target, args));
      return name === 'withResponse' && isObject(result) && isPlainPromise(result)
        ? settlePlainPromise(result, run, this.settleData)
        : this.settle(result, run);
    });
  }

  /** The stream of a language model comes beside its HTTP response. */
  private readonly settleData: Settle = (value, run) => {
    if (isObject(value) && 'data' in value) this.settle(value.data, run);
    else run.succeed(value);
    return value;
  };

  /** A step of the body; a synchronous throw ends the run. */
  private step(run: SpanRun, body: () => unknown): unknown {
    try {
      return this.enter(run, body);
    } catch (error) {
      run.fail(error);
      throw error;
    }
  }

  /** A clone is the same work, not asked for yet. */
  private clone(target: object, original: Callback, args: unknown[]): unknown {
    const clone: unknown = Reflect.apply(original, target, args);
    if (isObject(clone) && clone !== target && 'then' in clone) this.adopt(clone);
    return clone;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
