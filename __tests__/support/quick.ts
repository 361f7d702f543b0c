/**
 * Expectations for properties that run a hundred thousand times. Jest makes all its matchers anew at each `expect`, half
 * of the time of such a run, so it is asked only where something is wrong.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';

/** The same value. */
export function is(actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) expect(actual).toBe(expected);
}

/** Equal through and through. */
export function same(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/**
 * True.
 *
 * @param of what is shown if it is not
 */
export function holds(condition: boolean, of?: unknown): void {
  if (!condition) expect({ holds: false, of }).toEqual({ holds: true, of });
}
