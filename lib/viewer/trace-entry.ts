import type { Item } from './item.js';

/** The spans of one trace, over all its sessions. */
export interface TraceEntry {
  /** By span id. */
  readonly spans: Map<string, Item>;
  /** By the span id of the parent, which itself may not be here. */
  readonly children: Map<string, Set<Item>>;
  /** How many of the spans are in each session. */
  readonly sessions: Map<string, number>;
}
