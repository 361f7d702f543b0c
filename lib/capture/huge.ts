/**
 * Whether an object has so many names that listing them would hold up the event loop.
 *
 * Engines collect and sort all names at once, also for `for…in`: 15 ms for 100,000. Asking for the symbols reads the
 * same table without collecting anything, for a tenth of that, so its duration tells the size.
 */
import { isArray, isBoxed } from './intrinsics.js';

const { getOwnPropertySymbols } = Object;

/** Not looked up before it is needed: Node loads `perf_hooks` at the first look, an eighth of what importing us took. */
let clock = (): number => {
  clock = typeof performance === 'object' ? performance.now.bind(performance) : () => 0;
  return clock();
};

/** How long the symbols of about 10,000 names take. */
const HUGE_MS = 0.1;
/** A measurement that would cost too much to be made again. */
const CERTAIN_MS = 20;

const known = new WeakSet<object>();
let any = false;

/**
 * Tells whether an object has more than about 10,000 names; an object that had them once is not asked again.
 *
 * @param value not a Proxy, whose trap it would run
 */
export function isHuge(value: object): boolean {
  if (any && known.has(value)) return true;
  const start = clock();
  getOwnPropertySymbols(value);
  const once = clock();
  if (once - start < HUGE_MS) return false;
  if (once - start <= CERTAIN_MS) {
    // Either measurement may have been interrupted, hardly both.
    getOwnPropertySymbols(value);
    if (clock() - once < HUGE_MS) return false;
  }
  any = true;
  known.add(value);
  return true;
}

/** Names that are listed at most, of all objects that belong to one value. */
const MAX_NAMES = 4_096;
/** What an object costs of them that is too large to be listed. */
const HUGE_NAMES = 2_048;
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
