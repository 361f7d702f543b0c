/** Puts a session's rows in the order of a waterfall. */
import type { Row } from '../page-model.js';

export interface TreeRow {
  readonly row: Row;
  readonly depth: number;
  readonly children: number;
  /** All rows below this one. */
  readonly descendants: number;
  /** Errors below this one. */
  readonly errorsBelow: number;
  readonly isOpen: boolean;
  /** The service of the parent, where it is another one: this row was reached by a remote call. */
  readonly calledFrom: string | undefined;
  /** The parent was named but never came. */
  readonly isOrphan: boolean;
  /** The first row of a trace. */
  readonly startsTrace: boolean;
}

export interface ForestNode {
  readonly row: Row;
  readonly children: ForestNode[];
  parent: ForestNode | undefined;
  descendants: number;
  errorsBelow: number;
}

/** A session's rows as a forest, built once per change. */
export interface Forest {
  readonly roots: readonly ForestNode[];
  readonly nodes: ReadonlyMap<string, ForestNode>;
  readonly start: number;
  readonly end: number;
  /** In the order in which they had part in it. */
  readonly services: readonly { readonly name: string; readonly rows: number }[];
}

export function plant(rows: Iterable<Row>): Forest {
  const nodes = new Map<string, ForestNode>();
  const services = new Map<string, { name: string; rows: number; start: number }>();
  let start = Infinity;
  let end = -Infinity;
  for (const row of rows) {
    nodes.set(row.key, { row, children: [], parent: undefined, descendants: 0, errorsBelow: 0 });
    const service = services.get(row.service) ?? { name: row.service, rows: 0, start: Infinity };
    service.rows++;
    service.start = Math.min(service.start, row.start);
    services.set(row.service, service);
    start = Math.min(start, row.start);
    end = Math.max(end, row.end);
  }
  const roots: ForestNode[] = [];
  for (const node of nodes.values()) {
    node.parent = node.row.parent === null ? undefined : nodes.get(node.row.parent);
    if (node.parent === undefined) roots.push(node);
    else node.parent.children.push(node);
  }
  const inOrder = (a: ForestNode, b: ForestNode) => a.row.start - b.row.start || b.row.end - a.row.end;
  for (const node of nodes.values()) node.children.sort(inOrder);
  const walk = walkDown(roots);
  if (walk.length < nodes.size) {
    // Parents that form a circle are reached from no root: each circle is opened at one of its nodes.
    const reached = new Set(walk);
    for (const node of nodes.values()) {
      if (reached.has(node)) continue;
      const { children } = node.parent!;
      children.splice(children.indexOf(node), 1);
      node.parent = undefined;
      roots.push(node);
      for (const below of walkDown([node])) {
        reached.add(below);
        walk.push(below);
      }
    }
  }
  roots.sort(inOrder);
  // Children come after their parents in the walk, so backwards every node is complete when it is counted.
  for (const { row, parent, descendants, errorsBelow } of walk.reverse()) {
    if (parent === undefined) continue;
    parent.descendants += descendants + 1;
    parent.errorsBelow += errorsBelow + (row.error === null ? 0 : 1);
  }
  return {
    roots,
    nodes,
    start: Number.isFinite(start) ? start : 0,
    end: Number.isFinite(end) ? end : 0,
    services: [...services.values()].sort((a, b) => a.start - b.start),
  };
}

function walkDown(from: readonly ForestNode[]): ForestNode[] {
  const walk = [...from];
  for (let at = 0; at < walk.length; at++) for (const child of walk[at]!.children) walk.push(child);
  return walk;
}

/** The rows to show: everything but what is below a closed row. */
export function flatten(forest: Forest, closed: ReadonlySet<string>): TreeRow[] {
  const shown: TreeRow[] = [];
  const stack = forest.roots.map((node) => ({ node, depth: 0 })).reverse();
  let trace: string | null | undefined;
  while (stack.length > 0) {
    const { node, depth } = stack.pop()!;
    const { row, parent, children } = node;
    const isOpen = !closed.has(row.key);
    shown.push({
      row,
      depth,
      children: children.length,
      descendants: node.descendants,
      errorsBelow: node.errorsBelow,
      isOpen,
      calledFrom: parent !== undefined && parent.row.service !== row.service ? parent.row.service : undefined,
      isOrphan: parent === undefined && row.parent !== null,
      startsTrace: depth === 0 && row.trace !== trace,
    });
    if (depth === 0) trace = row.trace;
    if (!isOpen) continue;
    for (let at = children.length - 1; at >= 0; at--) stack.push({ node: children[at]!, depth: depth + 1 });
  }
  return shown;
}

/** The rows above a row, which must be open for it to be seen. */
export function pathTo(forest: Forest, key: string): string[] {
  const path: string[] = [];
  for (let node = forest.nodes.get(key)?.parent; node !== undefined; node = node.parent)
    path.push(node.row.key);
  return path;
}

/** The row that a link names: by its key, or by its span or event id. */
export function findRow(forest: Forest, id: string): Row | undefined {
  const node = forest.nodes.get(id);
  if (node !== undefined) return node.row;
  for (const { row } of forest.nodes.values()) if (row.id === id) return row;
  return undefined;
}

/** What a link to a row says: its span id, unless another row of the session has the same. */
export function linkId(forest: Forest, row: Row): string {
  return findRow(forest, row.id) === row ? row.id : row.key;
}
