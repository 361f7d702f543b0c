/** How much went on at each moment of a session, and when nothing did. */
import type { Forest } from './tree.js';

/** From `at` on, until the next step, `running` spans worked. */
export interface Step {
  readonly at: number;
  readonly running: number;
}

export interface Concurrency {
  readonly steps: readonly Step[];
  readonly most: number;
  /** Stretches between the first and the last moment of the session in which no span ran. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
}

/**
 * Counts the spans that work at each moment: those that run and wait for no child of theirs that runs.
 *
 * Nodes are numbers here, and moments places in two flat arrays: of 10,000 spans in a third of the time that maps
 * of keys and objects took.
 */
export function concurrencyOf(forest: Forest): Concurrency {
  const nodes = [...forest.nodes.values()];
  const numbers = new Map(nodes.map((node, at) => [node, at]));
  const parents = nodes.map(({ parent }) => (parent === undefined ? -1 : numbers.get(parent)!));
  // The start of node n is moment 2n, its end is 2n + 1.
  const times = new Float64Array(nodes.length * 2);
  for (const [at, { row }] of nodes.entries()) {
    times[2 * at] = row.start;
    times[2 * at + 1] = row.end;
  }
  // At one moment what starts comes before what ends, or a span without a length would end before it began and two
  // that follow each other would leave a gap between them.
  const moments = Int32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]! || (a & 1) - (b & 1));
  const isOpen = new Uint8Array(nodes.length);
  const runningChildren = new Int32Array(nodes.length);
  const works = (node: number) => (isOpen[node] === 1 && runningChildren[node] === 0 ? 1 : 0);
  const steps: Step[] = [];
  const gaps: { start: number; end: number }[] = [];
  let open = 0;
  let running = 0;
  let most = 0;
  for (let index = 0; index < moments.length; index++) {
    const moment = moments[index]!;
    const at = times[moment]!;
    const node = moment >> 1;
    const by = (moment & 1) === 0 ? 1 : -1;
    if (open === 0 && index > 0 && at > times[moments[index - 1]!]!) {
      gaps.push({ start: times[moments[index - 1]!]!, end: at });
    }
    const parent = parents[node]!;
    running -= works(node) + (parent < 0 ? 0 : works(parent));
    isOpen[node] = by === 1 ? 1 : 0;
    if (parent >= 0) runningChildren[parent]! += by;
    running += works(node) + (parent < 0 ? 0 : works(parent));
    open += by;
    // Only what is left when a moment is over counts.
    if (index + 1 < moments.length && times[moments[index + 1]!] === at) continue;
    most = Math.max(most, running);
    if (steps.at(-1)?.running !== running) steps.push({ at, running });
  }
  return { steps, most, gaps };
}

/** The steps as at most `count` columns between two moments, each as high as what ran most within it. */
export function columnsOf({ steps }: Concurrency, start: number, end: number, count: number): number[] {
  const columns = new Array<number>(Math.max(0, count)).fill(0);
  const width = (end - start) / count;
  if (!(width > 0)) return columns;
  for (const [index, { at, running }] of steps.entries()) {
    const until = steps[index + 1]?.at ?? at;
    if (until < start || at > end) continue;
    const first = Math.max(0, Math.floor((at - start) / width));
    const last = Math.min(count - 1, Math.ceil((until - start) / width) - 1);
    for (let column = first; column <= last; column++) {
      columns[column] = Math.max(columns[column]!, running);
    }
  }
  return columns;
}
