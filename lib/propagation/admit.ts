/**
 * The inbound allow-list: which baggage of a caller is let in.
 */
import type { Baggage, BaggageEntry } from '@opentelemetry/api';
import { contentOf, overlayBaggage } from '../context/baggage.js';
import { IDENTITY_BAGGAGE_KEYS } from '../conventions.js';
import { warn } from '../diagnostics.js';

/**
 * Keys that are let in; an entry of its own raises how long its value may be.
 *
 * @category Propagation
 */
export type BaggageAllowList = readonly (string | { readonly key: string; readonly maxLength: number })[];

/** Longest value of an allowed key, in characters. */
const MAX_ALLOWED = 128;

const IDENTITY: ReadonlySet<string> = new Set<string>(IDENTITY_BAGGAGE_KEYS);

/**
 * The part of a caller's baggage that is let in.
 *
 * @param baggage what arrived, with identity under its canonical keys
 * @param allow the allow-list; undefined lets everything in
 * @param identity whether identity passes without being listed; if not, it does not pass at all
 * @returns what is let in, or undefined if nothing is
 */
export function admit(
  baggage: Baggage | undefined,
  allow: BaggageAllowList | undefined,
  identity = true,
): Baggage | undefined {
  if (baggage === undefined || allow === undefined) return baggage;
  const kept = new Map<string, BaggageEntry>();
  const limits = new Map<string, number>();
  for (const item of allow) {
    if (typeof item === 'string') limits.set(item, MAX_ALLOWED);
    else limits.set(item.key, item.maxLength);
  }
  for (const [key, entry] of contentOf(baggage)) {
    if (IDENTITY.has(key)) {
      if (identity) kept.set(key, entry);
      continue;
    }
    const limit = limits.get(key);
    if (limit === undefined) continue;
    if (isPrintable(entry.value, limit)) kept.set(key, entry);
    else {
      warn(
        'SPW_BAGGAGE',
        `inbound baggage ${key} is not at most ${limit} printable characters and is ignored`,
        `admit ${key}`,
      );
    }
  }
  if (kept.size === 0) return undefined;
  return kept.size === contentOf(baggage).size ? baggage : overlayBaggage(undefined, kept);
}

function isPrintable(value: string, limit: number): boolean {
  // A character is at most two code units.
  if (value.length > 2 * limit || (value.length > limit && [...value].length > limit)) return false;
  return /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u.test(value);
}
