/** Which services called which, how often, how long and with how many errors. */
import type { Forest } from './tree.js';

export interface MapNode {
  readonly name: string;
  /** Seen only from the callers' side: it sent no spans of its own. */
  readonly isOutside: boolean;
  spans: number;
  errors: number;
  /** The column in which it is drawn: how many calls it is away from a service that nobody called. */
  layer: number;
}

export interface MapEdge {
  readonly from: string;
  readonly to: string;
  calls: number;
  errors: number;
  /** The durations of the calls as their callers saw them, in milliseconds. */
  readonly durations: number[];
}

export interface ServiceMap {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

/** A call is a span whose parent is of another service, or a client span that nobody answered with a span. */
export function serviceMap(forest: Forest): ServiceMap {
  const nodes = new Map<string, MapNode>();
  const edges = new Map<string, MapEdge>();
  const nodeOf = (name: string, isOutside: boolean) => {
    const id = isOutside ? `outside ${name}` : name;
    let node = nodes.get(id);
    if (node === undefined) nodes.set(id, (node = { name, isOutside, spans: 0, errors: 0, layer: 0 }));
    return node;
  };
  const addCall = (from: string, to: string, duration: number, isError: boolean) => {
    const id = JSON.stringify([from, to]);
    let edge = edges.get(id);
    if (edge === undefined) edges.set(id, (edge = { from, to, calls: 0, errors: 0, durations: [] }));
    edge.calls++;
    if (isError) edge.errors++;
    edge.durations.push(duration);
  };
  // A place that answered one call with a span is that service, also for the calls that it did not answer.
  const servedBy = new Map<string, string>();
  for (const { row, parent } of forest.nodes.values()) {
    if (parent?.row.peer && parent.row.service !== row.service) servedBy.set(parent.row.peer, row.service);
  }
  for (const { row, parent, children } of forest.nodes.values()) {
    const node = nodeOf(row.service, false);
    node.spans++;
    if (row.error !== null) node.errors++;
    if (parent !== undefined && parent.row.service !== row.service) {
      const caller = parent.row.kind === 'client' ? parent.row : row;
      addCall(parent.row.service, row.service, caller.end - caller.start, row.error !== null);
    }
    const isAnswered = children.some((child) => child.row.service !== row.service);
    if (row.peer === null || isAnswered) continue;
    const service = servedBy.get(row.peer);
    if (service !== undefined) addCall(row.service, service, row.end - row.start, row.error !== null);
    else {
      const outside = nodeOf(row.peer, true);
      outside.spans++;
      addCall(row.service, `outside ${row.peer}`, row.end - row.start, row.error !== null);
      if (row.error !== null) outside.errors++;
    }
  }
  placeInLayers(nodes, [...edges.values()]);
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/** How a node is named by the ends of edges. */
export function nodeId({ name, isOutside }: MapNode): string {
  return isOutside ? `outside ${name}` : name;
}

/** From the services that nobody calls outwards; services that call each other in a circle start at the first. */
function placeInLayers(nodes: ReadonlyMap<string, MapNode>, edges: readonly MapEdge[]): void {
  const called = new Set(edges.filter(({ from, to }) => from !== to).map(({ to }) => to));
  const placed = new Map<string, number>();
  const starts = [...nodes.keys()].filter((id) => !called.has(id));
  for (const start of [...starts, ...nodes.keys()]) {
    if (placed.has(start)) continue;
    placed.set(start, 0);
    const queue = [start];
    for (let at = 0; at < queue.length; at++) {
      for (const { from, to } of edges) {
        if (from !== queue[at] || placed.has(to)) continue;
        placed.set(to, placed.get(from)! + 1);
        queue.push(to);
      }
    }
  }
  for (const [id, layer] of placed) nodes.get(id)!.layer = layer;
}
