/** A session as a tree of events, for `GET /v1/sessions/{id}`. */
import type { EventNode, HoneyHiveEvent } from '../honeyhive/event.js';
import { presentSession } from './event-view.js';
import type { Store } from './store.js';

/** What is nested deeper is shown at this depth, because writing JSON recurses. */
const MAX_DEPTH = 500;

/** How deep a node is, and which node takes its children. */
interface Place {
  depth: number;
  under: EventNode;
}

/** The tree of a session; events whose parent is not here hang from the session itself. */
export function sessionTree(store: Store, sessionId: string): EventNode | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  const session = store.sessionEvent(sessionId) ?? presentSession(entry, undefined);
  const root = nodeOf(session);
  const nodes = new Map<string, EventNode>();
  const events: HoneyHiveEvent[] = [];
  for (const item of entry.items.values()) {
    const event = store.present(item);
    events.push(event);
    nodes.set(event.event_id, nodeOf(event));
  }
  const parentOf = (node: EventNode) => nodes.get(node.parent_id ?? '');
  const placed = new Map<EventNode, Place>([[root, { depth: 0, under: root }]]);
  events.sort((a, b) => a.start_time - b.start_time);
  for (const event of events) {
    // Up to the first node that is placed already, then down again.
    const path: EventNode[] = [];
    const onPath = new Set<EventNode>();
    let node: EventNode | undefined = nodes.get(event.event_id);
    while (node !== undefined && !placed.has(node) && !onPath.has(node)) {
      path.push(node);
      onPath.add(node);
      node = parentOf(node);
    }
    // A parent on the path itself is a circle, which starts at the session like everything without a parent.
    let { depth, under } = placed.get(node === undefined || onPath.has(node) ? root : node)!;
    for (const below of path.reverse()) {
      under.children.push(below);
      depth++;
      if (depth < MAX_DEPTH) under = below;
      placed.set(below, { depth, under });
    }
  }
  return root;
}

function nodeOf(event: HoneyHiveEvent): EventNode {
  return { ...event, children: [] };
}
