/**
 * Settle: a span covers what its method returns, not only the call.
 *
 * Told by shape and internal slots, each kind of result is followed to its end without forcing, wrapping or
 * replacing more than it must be; what the caller gets behaves as it would without us. Cheap checks come first,
 * because nearly every result is a plain value or a plain promise.
 */
import { warnError } from '../diagnostics.js';
import { settleAsyncIterable, settleGeneratorObject, settleIterator } from './settle-iterator.js';
import {
  isAsyncIterable,
  isAsyncIterator,
  isIterator,
  isNodeReadable,
  isObservable,
  isSocket,
  isThenable,
  isThenableFunction,
  isWebReadable,
} from './settle-kinds.js';
import { settleObservable } from './settle-observable.js';
import {
  isEagerPromise,
  isForeignPlainPromise,
  isPlainPromise,
  settleEagerPromise,
  settlePlainPromise,
} from './settle-promise.js';
import { observedOf } from './settle-lazy.js';
import { OpenRun, type SpanRun } from './settle-run.js';
import { settleNodeStream, settleWebStream } from './settle-stream.js';
import { settleThenable } from './settle-thenable.js';

export { isAsyncFunction, isGeneratorFunction } from './settle-kinds.js';
export type { SpanRun } from './settle-run.js';

/** Whether a result is a value and nothing that could be consumed. */
export function isPlain(result: unknown): boolean {
  return result === null || (typeof result !== 'object' && typeof result !== 'function');
}

/**
 * Ends a run with its result, now or when the result is consumed.
 *
 * @param result what the body returned, having run inside the started span
 * @param run the open span and what to do with it
 * @param isNew true if the body is an `async function`: its promise is new and plain without looking
 * @returns what the caller must get: the result itself, a derived promise for a plain one, a proxy for an Observable
 */
export function settle<T>(result: T, run: SpanRun, isNew = false): T {
  if (result === null || (typeof result !== 'object' && typeof result !== 'function')) {
    run.succeed(result);
    return result;
  }
  try {
    if ((isNew && result instanceof Promise) || isPlainPromise(result)) {
      return settlePlainPromise(result, OpenRun.of(run), settle) as T;
    }
    return settleObject(result, run);
  } catch (error) {
    // Only a hostile object gets here: a proxy whose traps throw.
    warnError('SPW_INTERNAL', 'a result could not be followed', error);
    run.succeed(result);
    return result;
  }
}

function settleObject<T extends object>(result: T, run: SpanRun): T {
  if (typeof result === 'function') {
    if (!isThenableFunction(result)) {
      run.succeed(result);
      return result;
    }
  } else if (Array.isArray(result) || ArrayBuffer.isView(result)) {
    run.succeed(result);
    return result;
  }
  const follow = followerOf(result);
  if (follow === undefined) {
    run.succeed(result);
    return result;
  }
  const open = OpenRun.of(run);
  const known = observedOf(result);
  if (known !== undefined) {
    known.listen(open);
    return result;
  }
  const followed = follow(result, open);
  return followed === undefined ? result : (followed as T);
}

type Follower = (result: any, run: SpanRun) => unknown;

function followerOf(result: object): Follower | undefined {
  if (isThenable(result)) {
    if (isForeignPlainPromise(result)) return settleForeign;
    return isEagerPromise(result) ? settleEager : settleLazy;
  }
  if (isObservable(result)) return settleObservable;
  if (isAsyncIterable(result)) {
    if (isNodeReadable(result)) return isSocket(result) ? undefined : settleNodeStream;
    if (isWebReadable(result)) return settleWebStream;
    return isAsyncIterator(result) ? settleIterator : settleAsyncIterable;
  }
  if (isWebReadable(result)) return settleWebStream;
  return isIterator(result) ? settleIterator : undefined;
}

const settleForeign: Follower = (promise, run) => settlePlainPromise(promise, run, settle);
const settleEager: Follower = (promise, run) => settleEagerPromise(promise, run, settle);
const settleLazy: Follower = (thenable, run) => settleThenable(thenable, run, settle);

/**
 * Follows the object of a generator function from its first pull.
 *
 * @param generator what the user's function returned; its body has not run
 * @param start starts the span at the first pull; must not reach the generator, or it could never be collected
 * @returns the same object
 */
export function settleGenerator<T>(generator: T, start: () => SpanRun): T {
  try {
    if (typeof generator === 'object' && generator !== null) settleGeneratorObject(generator, start);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a generator could not be followed', error);
  }
  return generator;
}

/**
 * Ends every run that is still open, as abandoned.
 *
 * @param filter which runs; all unless given
 * @returns how many were ended
 */
export function endOpenRuns(filter?: (run: SpanRun) => boolean): number {
  return OpenRun.abandonListed(filter);
}
