/** Two sessions side by side: the same calls of the same services next to each other. */
import type { Forest, ForestNode } from './tree.js';

/** What one session did at one place of its tree. */
export interface Side {
  calls: number;
  errors: number;
  /** All calls together, in milliseconds. */
  time: number;
}

export interface ComparedRow {
  readonly key: string;
  readonly depth: number;
  readonly name: string;
  readonly service: string;
  readonly left: Side | undefined;
  readonly right: Side | undefined;
}

/** Rows beyond this are left out, and counted. */
const MAX_ROWS = 2_000;

/**
 * Both trees as one, in which spans of one name and service below the same place are one row.
 *
 * The order is that of the first session, with what only the second has after it.
 */
export function compareForests(left: Forest, right: Forest): { rows: ComparedRow[]; leftOut: number } {
  const rows: ComparedRow[] = [];
  let leftOut = 0;
  const pending = [...groups(left.roots, right.roots)]
    .reverse()
    .map((group) => ({ group, depth: 0, path: '' }));
  while (pending.length > 0) {
    const { group, depth, path } = pending.pop()!;
    const key = `${path}/${group.id}`;
    if (rows.length < MAX_ROWS) {
      const { name, service } = group;
      rows.push({ key, depth, name, service, left: sideOf(group.left), right: sideOf(group.right) });
    } else leftOut++;
    const below = groups(
      group.left.flatMap(({ children }) => children),
      group.right.flatMap(({ children }) => children),
    );
    for (const child of [...below].reverse()) pending.push({ group: child, depth: depth + 1, path: key });
  }
  return { rows, leftOut };
}

interface Group {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly left: ForestNode[];
  readonly right: ForestNode[];
}

function groups(left: readonly ForestNode[], right: readonly ForestNode[]): Iterable<Group> {
  const found = new Map<string, Group>();
  const add = (node: ForestNode, side: 'left' | 'right') => {
    const { name, service } = node.row;
    const id = JSON.stringify([service, name]);
    let group = found.get(id);
    if (group === undefined) found.set(id, (group = { id, name, service, left: [], right: [] }));
    group[side].push(node);
  };
  for (const node of left) add(node, 'left');
  for (const node of right) add(node, 'right');
  return found.values();
}

function sideOf(nodes: readonly ForestNode[]): Side | undefined {
  if (nodes.length === 0) return undefined;
  const side: Side = { calls: nodes.length, errors: 0, time: 0 };
  for (const { row } of nodes) {
    side.time += row.end - row.start;
    if (row.error !== null) side.errors++;
  }
  return side;
}
