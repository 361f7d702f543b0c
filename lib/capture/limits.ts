/**
 * How much of a value is recorded, and the budget that all payload namespaces of one span share.
 */

import { NameLister } from './huge.js';

/** Bounds of what is recorded of arguments, results and payloads. */
export interface CaptureLimits {
  /** Levels of nesting. @default 32 */
  maxDepth: number;
  /** Attributes of one span. @default 512 */
  maxKeys: number;
  /** Entries of an object, array, Map or Set that is recorded whole; of a larger one, a few are. @default 128 */
  maxItems: number;
  /** Bytes of one span's keys and values together; never more than 1 MB. @default 131072 */
  maxBytes: number;
  /** Characters of one string. @default 65536 */
  maxStringLength: number;
}

export const DEFAULT_CAPTURE_LIMITS: Readonly<CaptureLimits> = Object.freeze({
  maxDepth: 32,
  maxKeys: 512,
  maxItems: 128,
  maxBytes: 128 * 1024,
  maxStringLength: 64 * 1024,
});

/** No option raises the captured bytes of a span above this. */
export const MAX_BYTES = 1024 * 1024;
/** Longest attribute key; what lies deeper is cut. */
export const MAX_KEY_LENGTH = 1_024;
/** Longest piece that one property name gives to a key. */
export const MAX_SEGMENT_LENGTH = 256;

/**
 * Entries that are recorded of a container with more than `maxItems`, half of them from its end where it has one: a
 * list too long to be recorded whole is bulk, and bulk is told by examples at a hundredth of its cost.
 */
export const SAMPLE = 8;

// Cutting a string that was built by concatenation makes the engine copy all of it first (about 4 ms per million
// characters), so the characters that cuts may touch are budgeted too; beyond, only the length is recorded.
export const MAX_CUT_CHARACTERS = 256 * 1024;

/** Places checked for secrets in one span's texts; what lies behind the last one is withheld unchecked. */
export const MAX_PLACES = 256;

/** What is left of a span's capture limits; made by `createBudget`, spent by `flatten`. */
export interface CaptureBudget {
  readonly limits: Readonly<CaptureLimits>;
  keys: number;
  bytes: number;
  /** Values that may still be looked at, written or not: empty lists cost time too. */
  visits: number;
  /** Characters of oversized strings that may still be touched. */
  cuts: number;
  /** Lists names of objects: the engine lists all of an object's, however few are wanted. */
  readonly names: NameLister;
  /** Places in texts that may still be checked for secrets. */
  places: number;
}

function positive(value: number | undefined, fallback: number, max = Number.MAX_SAFE_INTEGER): number {
  return typeof value === 'number' && value >= 0 ? Math.min(Math.floor(value), max) : Math.min(fallback, max);
}

/**
 * Fills in what is missing or unusable.
 *
 * @param limits the bounds to change
 * @param base what holds for the others
 */
export function resolveLimits(
  limits: Partial<CaptureLimits> | undefined,
  base: Readonly<CaptureLimits> = DEFAULT_CAPTURE_LIMITS,
): Readonly<CaptureLimits> {
  if (limits === undefined) return base;
  return {
    maxDepth: positive(limits.maxDepth, base.maxDepth),
    maxKeys: positive(limits.maxKeys, base.maxKeys),
    maxItems: positive(limits.maxItems, base.maxItems),
    maxBytes: positive(limits.maxBytes, base.maxBytes, MAX_BYTES),
    maxStringLength: positive(limits.maxStringLength, base.maxStringLength),
  };
}

/**
 * The budget of one span, to be handed to every `flatten` of it.
 *
 * @param limits bounds that differ from `DEFAULT_CAPTURE_LIMITS`
 */
export function createBudget(limits?: Partial<CaptureLimits>): CaptureBudget {
  const resolved = resolveLimits(limits);
  return {
    limits: resolved,
    keys: resolved.maxKeys,
    bytes: resolved.maxBytes,
    visits: resolved.maxKeys * 2 + 64,
    cuts: MAX_CUT_CHARACTERS,
    names: new NameLister(),
    places: MAX_PLACES,
  };
}
