/** Which events a request asks for, newest first and page by page. */
import { BAGGAGE_SESSION_ID } from '../conventions.js';
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import { checkFilters, matches, QueryError, timeOf, type CheckedFilter } from './match-filter.js';
import type { EventRow, Store } from './store.js';

const DEFAULT_LIMIT = 1_000;
/** What was found keeps alive what the store may forget meanwhile, so it is not kept for long. */
const KEPT_MS = 10_000;

/** Answers queries; the pages of one query share the work of finding and sorting, as long as nothing changes. */
export class EventQueries {
  readonly #store: Store;
  readonly #strict: boolean;
  #last: { readonly query: string; readonly revision: number; readonly rows: EventRow[] } | undefined;
  #forget: NodeJS.Timeout | undefined;

  /** @param strict answer as HoneyHive does where the viewer is more patient: the filter type `"id"` is refused */
  constructor(store: Store, strict: boolean) {
    this.#store = store;
    this.#strict = strict;
  }

  /**
   * One page of what a request asks for.
   *
   * @param body `filters`, `dateRange`, `project`, `evaluation_id`, `limit` and `page`, as HoneyHive reads them
   * @param maxLimit how many events a page may have
   * @throws `QueryError` if the request is not understood
   */
  page(body: JsonObject, maxLimit: number): { events: HoneyHiveEvent[]; total: number } {
    const limit = integerIn(body, 'limit', Math.min(DEFAULT_LIMIT, maxLimit), maxLimit);
    const page = integerIn(body, 'page', 1, Number.MAX_SAFE_INTEGER);
    const rows = this.#found(body);
    const events = rows.slice((page - 1) * limit, page * limit).map((row) => row.event());
    return { events, total: rows.length };
  }

  #found(body: JsonObject): EventRow[] {
    const { filters, dateRange, project, evaluation_id } = body;
    const query = JSON.stringify([filters, dateRange, project, evaluation_id]);
    const { revision } = this.#store;
    if (this.#last?.query === query && this.#last.revision === revision) return this.#last.rows;
    const rows = this.#find(body);
    this.#last = { query, revision, rows };
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => (this.#last = undefined), KEPT_MS).unref();
    return rows;
  }

  /** The id decides between events of the same time, so that pages do not overlap. */
  #find(body: JsonObject): EventRow[] {
    const filters = checkFilters(body['filters'], this.#strict);
    const [from, to] = dateRange(body['dateRange']);
    const { project, evaluation_id: runId } = body;
    const found: EventRow[] = [];
    for (const row of this.#store.rows(sessionOf(filters))) {
      if (row.startTime < from || row.startTime > to) continue;
      if (isAskedFor(row, project, runId, filters)) found.push(row);
    }
    return found.sort((a, b) => b.startTime - a.startTime || (a.eventId < b.eventId ? -1 : 1));
  }
}

function isAskedFor(
  row: EventRow,
  project: unknown,
  runId: unknown,
  filters: readonly CheckedFilter[],
): boolean {
  if (typeof project !== 'string' && typeof runId !== 'string' && filters.length === 0) return true;
  const event = row.event();
  // Spans of other SDKs name no project; with HoneyHive the API key does.
  if (typeof project === 'string' && event.project !== undefined && event.project !== project) return false;
  if (typeof runId === 'string' && event.metadata['run_id'] !== runId) return false;
  return matches(event, filters);
}

/** The one session that filters ask for, which spares looking at all others. */
function sessionOf(filters: readonly CheckedFilter[]): string | undefined {
  const filter = filters.find(({ field, operator, type }) => {
    return field === BAGGAGE_SESSION_ID && operator === 'is' && type === 'string';
  });
  return typeof filter?.value === 'string' ? filter.value : undefined;
}

function dateRange(range: unknown): [from: number, to: number] {
  if (range === undefined || range === null) return [-Infinity, Infinity];
  if (typeof range !== 'object') throw new QueryError('dateRange must be an object');
  const { $gte, $lte, start_time, end_time } = range as JsonObject;
  return [bound($gte ?? start_time, -Infinity), bound($lte ?? end_time, Infinity)];
}

function bound(value: unknown, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  const time = timeOf(value);
  if (time === undefined) throw new QueryError('dateRange needs dates or milliseconds');
  return time;
}

function integerIn(body: JsonObject, key: string, otherwise: number, max: number): number {
  const value = body[key] ?? otherwise;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    throw new QueryError(`${key} must be a whole number from 1 to ${max}`);
  }
  return value;
}
