/**
 * What a session waited for: the stretches of spans that, had they been shorter, would have ended it sooner.
 *
 * Walked backwards from the end of each root: whichever child ended last was waited for, then whichever ended last
 * before that child began, and what lies between is the parent's own time.
 */
import type { Forest, ForestNode } from './tree.js';

/** A stretch during which one span was waited for. */
export interface Segment {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** The stretches of all roots, by the key of their row, each row's in the order of time. */
export function criticalPath(forest: Forest): Map<string, Segment[]> {
  const path = new Map<string, Segment[]>();
  const add = (key: string, start: number, end: number) => {
    if (end <= start) return;
    const known = path.get(key);
    if (known === undefined) path.set(key, [{ key, start, end }]);
    else known.push({ key, start, end });
  };
  // A list of what is still to be walked instead of recursion: chains may be thousands of spans deep.
  const pending: { node: ForestNode; from: number; until: number }[] = forest.roots.map((node) => ({
    node,
    from: node.row.start,
    until: node.row.end,
  }));
  while (pending.length > 0) {
    const { node, from, until } = pending.pop()!;
    const { key } = node.row;
    // A clock that is behind makes spans begin before their parents: only what is within the root was waited for.
    const start = Math.max(node.row.start, from);
    let cursor = Math.min(node.row.end, until);
    const latestFirst = [...node.children].sort((a, b) => b.row.end - a.row.end);
    for (const child of latestFirst) {
      if (cursor <= start) break;
      // What ran beside a later one was not waited for, and what goes on after its parent only until then.
      if (child.row.start >= cursor || child.row.end <= start) continue;
      const end = Math.min(child.row.end, cursor);
      add(key, end, cursor);
      pending.push({ node: child, from: start, until: end });
      cursor = Math.max(child.row.start, start);
    }
    add(key, start, cursor);
  }
  for (const segments of path.values()) segments.sort((a, b) => a.start - b.start);
  return path;
}

/** How long each row was waited for, longest first. */
export function waitedFor(path: ReadonlyMap<string, readonly Segment[]>): { key: string; time: number }[] {
  return Array.from(path, ([key, segments]) => ({
    key,
    time: segments.reduce((sum, { start, end }) => sum + end - start, 0),
  })).sort((a, b) => b.time - a.time);
}
