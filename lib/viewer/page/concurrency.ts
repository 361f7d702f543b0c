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

/** Counts the spans that work at each moment: those that run and wait for no child of theirs that runs. */
export function concurrencyOf(forest: Forest): Concurrency {
  const moments: { at: number; node: string; parent: string | undefined; isStart: boolean }[] = [];
  for (const { row, parent } of forest.nodes.values()) {
    const about = { node: row.key, parent: parent?.row.key };
    moments.push({ at: row.start, ...about, isStart: true }, { at: row.end, ...about, isStart: false });
  }
  // At one moment what starts comes before what ends, or a span without a length would end before it began and two
  // that follow each other would leave a gap between them.
  moments.sort((a, b) => a.at - b.at || Number(b.isStart) - Number(a.isStart));
  const runningChildren = new Map<string, number>();
  const open = new Set<string>();
  const steps: Step[] = [];
  const gaps: { start: number; end: number }[] = [];
  let running = 0;
  let most = 0;
  const works = (key: string) => open.has(key) && (runningChildren.get(key) ?? 0) === 0;
  const change = (key: string | undefined, by: () => void) => {
    const before = key !== undefined && works(key);
    by();
    running += Number(key !== undefined && works(key)) - Number(before);
  };
  for (const [index, { at, node, parent, isStart }] of moments.entries()) {
    if (isStart && open.size === 0 && index > 0) {
      const start = moments[index - 1]!.at;
      if (at > start) gaps.push({ start, end: at });
    }
    change(node, () => void (isStart ? open.add(node) : open.delete(node)));
    change(parent, () => {
      if (parent !== undefined)
        runningChildren.set(parent, (runningChildren.get(parent) ?? 0) + (isStart ? 1 : -1));
    });
    const last = steps.at(-1);
    if (last?.at === at) steps[steps.length - 1] = { at, running };
    else if (last?.running !== running) steps.push({ at, running });
    if (moments[index + 1]?.at !== at) most = Math.max(most, running);
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
