/**
 * Time: one anchor to the wall clock per local trace, and the monotonic clock from there on.
 *
 * A span thus costs one clock reading at its start and one at its end, its duration cannot be negative, and the
 * spans of one trace line up even if the wall clock is set back in between.
 */
import type { HrTime, TimeInput } from '@opentelemetry/api';
import { warn } from '../diagnostics.js';

/** The monotonic clock, in milliseconds. Looked up per call, so that fake timers are seen. */
export function monotonic(): number {
  return performance.now();
}

/** Where the wall clock stood when the monotonic clock stood at `at`. */
export interface Anchor {
  /** Wall clock, in milliseconds since the epoch. */
  readonly epoch: number;
  /** Monotonic clock at that moment, in milliseconds. */
  readonly at: number;
}

/** Traces that begin within so many milliseconds of each other share an anchor. */
const SHARED_FOR_MS = 1;
let latest: Anchor = { epoch: 0, at: Infinity };

let native: unknown;

/** Whether the wall clock is the engine's own; a test that sets the time by hand may do so at any moment. */
function isNativeClock(): boolean {
  const { now } = Date;
  if (now === native) return true;
  if (!Function.prototype.toString.call(now).includes('[native code]')) return false;
  native = now;
  return true;
}

/**
 * The wall clock's anchor for a trace that begins now. A server that begins thousands of traces a second reads the
 * wall clock once for several (40 of a root span's 550 ns); a step of the clock is seen a millisecond later at most.
 *
 * @param now the monotonic clock, in milliseconds
 */
export function anchorAt(now: number): Anchor {
  if (!isNativeClock()) return { epoch: Date.now(), at: now };
  const since = now - latest.at;
  if (!(since >= 0 && since < SHARED_FOR_MS)) latest = { epoch: Date.now(), at: now };
  return latest;
}

/** A monotonic reading as wall-clock time. Whole and fractional milliseconds are kept apart, for the nanoseconds. */
export function toHrTime(anchor: Anchor, reading: number): HrTime {
  const since = reading - anchor.at;
  const whole = Math.floor(since);
  const millis = anchor.epoch + whole;
  const seconds = Math.floor(millis / 1000);
  const nanos = Math.round((millis - seconds * 1000 + (since - whole)) * 1e6);
  return nanos >= 1e9 ? [seconds + 1, nanos - 1e9] : [seconds, nanos];
}

/** Milliseconds since the epoch as OpenTelemetry's pair of seconds and nanoseconds. */
export function millisToHrTime(millis: number): HrTime {
  const seconds = Math.floor(millis / 1000);
  const nanos = Math.round((millis - seconds * 1000) * 1e6);
  return nanos >= 1e9 ? [seconds + 1, nanos - 1e9] : [seconds, nanos];
}

/** Milliseconds as a duration. */
export function durationToHrTime(millis: number): HrTime {
  return millisToHrTime(Math.max(millis, 0));
}

/** The time from `start` to `end`; negative if `end` is earlier. */
export function between(start: HrTime, end: HrTime): HrTime {
  let seconds = end[0] - start[0];
  let nanos = end[1] - start[1];
  if (nanos < 0) {
    seconds -= 1;
    nanos += 1e9;
  }
  return [seconds, nanos];
}

/** Tells whether a value is a time in any of the forms that OpenTelemetry takes. */
export function isTimeInput(value: unknown): value is TimeInput {
  if (typeof value === 'number') return true;
  if (typeof value !== 'object' || value === null) return false;
  try {
    return isHrTime(value) || isDate(value);
  } catch {
    // A proxy whose traps throw.
    return false;
  }
}

function isHrTime(value: unknown): value is HrTime {
  return (
    Array.isArray(value) && value.length === 2 && typeof value[0] === 'number' && typeof value[1] === 'number'
  );
}

function isDate(value: unknown): value is Date {
  // By its tag, because a Date of another realm (a test runner's sandbox) is no `instanceof Date` here.
  return (
    value instanceof Date ||
    (typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Date]')
  );
}

/**
 * A time that someone gave: a Date, milliseconds since the epoch, a reading of `performance.now()`, or
 * `[seconds, nanoseconds]`.
 *
 * @param input the time
 * @param anchor of the span's trace, for readings of `performance.now()`
 * @returns undefined if it is none of these or not finite, which is reported
 */
export function parseTime(input: unknown, anchor: Anchor): HrTime | undefined {
  try {
    if (typeof input === 'number' && Number.isFinite(input)) {
      // As in the SDK: a number that the monotonic clock has passed already is a reading of that clock.
      return input <= monotonic() ? toHrTime(anchor, input) : millisToHrTime(input);
    }
    if (isHrTime(input)) {
      if (Number.isFinite(input[0]) && Number.isFinite(input[1])) return [input[0], input[1]];
    } else if (isDate(input)) {
      const millis = Date.prototype.getTime.call(input);
      if (Number.isFinite(millis)) return millisToHrTime(millis);
    }
  } catch {
    // A proxy whose traps throw.
  }
  warn(
    'SPW_ATTRIBUTE',
    'a time is no Date, number or [seconds, nanoseconds]; the current time is used',
    'time',
  );
  return undefined;
}
