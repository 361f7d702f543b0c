/** Everything that the backend has, in the order in which the verifier's rules ask for it. */
import type { HoneyHiveEvent } from '../honeyhive/event.js';
import { verifiedSpan, type VerifiedSpan } from './verify-span.js';

const NONE: readonly VerifiedSpan[] = [];

/** All spans, by what the rules ask for. */
export class Evidence {
  size = 0;
  readonly byEventId = new Map<string, VerifiedSpan>();
  readonly sessionsOfTrace = new Map<string, Set<string>>();
  /** By key and value the sessions that carry it. */
  readonly sessionsOfBaggage = new Map<string, Map<string, Set<string>>>();
  readonly #bySession = new Map<string, VerifiedSpan[]>();

  readonly #keys: readonly string[];

  /** @param keys the baggage that tells sessions apart */
  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  /**
   * Takes what the rules need of each event and lets go of the rest. Two queries may give the same event, which is
   * not the fault of a span that exists twice.
   */
  add(events: Iterable<HoneyHiveEvent>): this {
    for (const event of events) {
      const span = this.byEventId.has(event.event_id) ? undefined : verifiedSpan(event, this.#keys);
      if (span !== undefined) this.#add(span);
    }
    return this;
  }

  spansOf(sessionId: string): readonly VerifiedSpan[] {
    return this.#bySession.get(sessionId) ?? NONE;
  }

  #add(span: VerifiedSpan): void {
    this.size++;
    this.byEventId.set(span.eventId, span);
    const own = this.#bySession.get(span.sessionId);
    if (own === undefined) this.#bySession.set(span.sessionId, [span]);
    else own.push(span);
    if (span.traceId !== undefined) addTo(this.sessionsOfTrace, span.traceId, span.sessionId);
    for (const [key, value] of span.baggage) {
      let values = this.sessionsOfBaggage.get(key);
      if (values === undefined) this.sessionsOfBaggage.set(key, (values = new Map()));
      addTo(values, value, span.sessionId);
    }
  }
}

/** Milliseconds since the epoch. */
type Interval = readonly [start: number, end: number];

/** From the first start to the last end; turned around if there are no spans. */
export function spanOfTime(spans: readonly VerifiedSpan[]): Interval {
  let start = Infinity;
  let end = -Infinity;
  for (const span of spans) {
    if (span.start < start) start = span.start;
    if (span.end > end) end = span.end;
  }
  return [start, end];
}

/** With how many others each interval overlaps: all but those that ended before it began or began after its end. */
export function countOverlaps(intervals: readonly Interval[]): number[] {
  const real = intervals.filter(([start, end]) => start <= end);
  const starts = real.map(([start]) => start).sort((a, b) => a - b);
  const ends = real.map(([, end]) => end).sort((a, b) => a - b);
  return intervals.map(([start, end]) => {
    if (!(start <= end)) return 0;
    const before = countBelow(ends, start, true);
    const after = real.length - countBelow(starts, end, false);
    return Math.max(0, real.length - before - after - 1);
  });
}

/** How many numbers of a sorted list are below a limit, or at it as well. */
function countBelow(sorted: readonly number[], limit: number, orEqual: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const below = orEqual ? sorted[middle]! <= limit : sorted[middle]! < limit;
    if (below) low = middle + 1;
    else high = middle;
  }
  return low;
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}
