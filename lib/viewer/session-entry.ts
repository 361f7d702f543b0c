/** One session of the store: its rows, and the numbers that its line in the list shows. */
import { ATTR_SESSION_NAME } from '../conventions.js';
import type { HoneyHiveEvent } from '../honeyhive/event.js';
import { errorOfItem, serviceOfItem, timesOfItem, type Item } from './item.js';
import { textAttribute } from './span-to-event.js';

export interface SessionStats {
  name: string | undefined;
  spans: number;
  errors: number;
  /** Milliseconds since the epoch; Infinity and -Infinity while there are no rows. */
  start: number;
  end: number;
  /** When each service first had part in it. */
  services: Map<string, number>;
}

export class SessionEntry {
  /** In the order in which they came. */
  readonly items = new Map<string, Item>();
  /** How many rows each trace has in this session. */
  readonly traces = new Map<string, number>();
  /** Whether someone named this session, as opposed to a trace that stands in for one. */
  stamped = false;
  /** The event of `POST /session/start`. */
  started: HoneyHiveEvent | undefined;
  startedBytes = 0;
  /** A span asked for the session to be made. */
  autoCreated = false;
  revision = 0;
  #stats: SessionStats | undefined;

  /**
   * @param id the session's id
   * @param resets grows whenever rows are lost, also over a session that was forgotten and came again, so that a
   *   page knows that it must start over
   */
  constructor(
    readonly id: string,
    public resets: number,
  ) {}

  get isEmpty(): boolean {
    return this.items.size === 0 && this.started === undefined;
  }

  add(item: Item): void {
    this.items.set(item.key, item);
    if (item.stamped) this.stamped = true;
    if (item.span !== undefined) {
      this.traces.set(item.span.traceId, (this.traces.get(item.span.traceId) ?? 0) + 1);
    }
    this.#stats = undefined;
  }

  remove(item: Item): void {
    this.items.delete(item.key);
    if (item.span !== undefined) {
      const left = this.traces.get(item.span.traceId)! - 1;
      if (left > 0) this.traces.set(item.span.traceId, left);
      else this.traces.delete(item.span.traceId);
    }
    this.#stats = undefined;
  }

  get stats(): SessionStats {
    return (this.#stats ??= statsOf(this.items.values()));
  }
}

function statsOf(items: Iterable<Item>): SessionStats {
  const stats: SessionStats = {
    name: undefined,
    spans: 0,
    errors: 0,
    start: Infinity,
    end: -Infinity,
    services: new Map(),
  };
  let root: Item | undefined;
  let first: Item | undefined;
  let told: string | undefined;
  for (const item of items) {
    const [start, end] = timesOfItem(item);
    const service = serviceOfItem(item);
    stats.spans++;
    if (errorOfItem(item) !== null) stats.errors++;
    if (start < stats.start) first = item;
    stats.start = Math.min(stats.start, start);
    stats.end = Math.max(stats.end, end);
    stats.services.set(service, Math.min(stats.services.get(service) ?? Infinity, start));
    if (item.span === undefined) continue;
    told ??= textAttribute(item.span.attributes, ATTR_SESSION_NAME);
    const isRoot = item.span.parentSpanId === undefined;
    if (isRoot && (root === undefined || start < timesOfItem(root)[0])) root = item;
  }
  const named = root ?? first;
  stats.name = told ?? named?.span?.name ?? named?.event?.event_name;
  return stats;
}
