/**
 * Whether an object has so many names that listing them would hold up the event loop.
 *
 * Engines collect and sort all names at once, also for `for…in`: 15 ms for 100,000. Asking for the symbols reads the
 * same table without collecting anything, for a tenth of that, so its duration tells the size.
 */
import { isArray, isBoxed } from './intrinsics.js';

const { getOwnPropertySymbols, hasOwn } = Object;

/** Not looked up before it is needed: Node loads `perf_hooks` at the first look, an eighth of what importing us took. */
let clock = (): number => {
  clock = typeof performance === 'object' ? performance.now.bind(performance) : () => 0;
  return clock();
};

/** Names that are listed at most, of all objects that belong to one value. */
const MAX_NAMES = 4_096;
/** What an object costs of them that is too large to be listed. */
const HUGE_NAMES = 2_048;

/** How long the symbols of about 10,000 names take. */
const HUGE_MS = 0.1;
/** A measurement that would cost too much to be made again. */
const CERTAIN_MS = 20;

/** Indices that only an object with an index for (nearly) everything up to the last one has all of. */
const INDICES = [10_000, 8_765, 7_654, 6_543, 5_432, 4_321];

const known = new WeakSet<object>();
let any = false;

/** How long asking for the symbols takes, which also says how many names there are. */
function look(value: object): number {
  const start = clock();
  const { length } = getOwnPropertySymbols(value);
  // The answer is used, or a bundler that knows the question to have no effects would leave it out.
  return length > HUGE_NAMES ? Infinity : clock() - start;
}

/** Numeric names are kept elsewhere, and the symbols say nothing of them. */
function isDense(value: object): boolean {
  for (let i = 0; i < INDICES.length; i++) if (!hasOwn(value, INDICES[i]!)) return false;
  return true;
}

/**
 * Tells whether an object has more than about 10,000 names; an object that had them once is not asked again.
 *
 * @param value not a Proxy, whose trap it would run
 */
export function isHuge(value: object): boolean {
  if (any && known.has(value)) return true;
  if (!isDense(value)) {
    const first = look(value);
    // Either measurement may have been interrupted, hardly both.
    if (first < HUGE_MS || (first <= CERTAIN_MS && look(value) < HUGE_MS)) return false;
  }
  any = true;
  known.add(value);
  return true;
}

const NONE: readonly string[] = [];

/** Lists names of objects, up to a total. */
export class NameLister {
  #left = MAX_NAMES;

  /** The own enumerable names of an object; undefined if they are too many, or enough have been listed. */
  list(value: object): readonly string[] | undefined {
    if (this.#left <= 0) return undefined;
    // Lists and bytes have an index for each item, and no names.
    if (ArrayBuffer.isView(value) || isBoxed(value)) return undefined;
    if (isArray(value) && value.length > MAX_NAMES) return undefined;
    if (isHuge(value)) {
      this.#left -= HUGE_NAMES;
      return undefined;
    }
    const names = Object.keys(value);
    this.#left -= names.length;
    return names.length === 0 ? NONE : names;
  }
}
