/** Talks to the viewer's process. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Row, RowDetails, SessionLine, SessionList, SessionRows } from '../page-model.js';

export type LiveState = 'connecting' | 'live' | 'lost';
type Listener = (sessionIds: readonly string[]) => void;

async function ask<Reply>(path: string, signal: AbortSignal): Promise<Reply | undefined> {
  const response = await fetch(path, { signal });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()) as Reply;
}

/** The one connection over which the viewer tells what changed. */
const listeners = new Set<Listener>();

export function useLive(): LiveState {
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => {
    const source = new EventSource('/api/live');
    source.onopen = () => {
      setState('live');
      // What came while the connection was down was not told.
      for (const listener of listeners) listener([]);
    };
    source.onerror = () => setState('lost');
    source.onmessage = ({ data }) => {
      const { sessions } = JSON.parse(String(data)) as { sessions: string[] };
      for (const listener of listeners) listener(sessions);
    };
    return () => source.close();
  }, []);
  return state;
}

/**
 * Calls `refresh` at first, and after changes that concern it; never two at a time, and not more often than
 * `pauseMs`.
 */
function useRefresh(
  refresh: (signal: AbortSignal) => Promise<void>,
  concerns: Listener extends (ids: infer Ids) => void ? (ids: Ids) => boolean : never,
  pauseMs: number,
  dependencies: unknown[],
): void {
  useEffect(() => {
    const abort = new AbortController();
    let isBusy = false;
    let isStale = false;
    const run = async () => {
      if (isBusy) {
        isStale = true;
        return;
      }
      isBusy = true;
      do {
        isStale = false;
        await refresh(abort.signal).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      } while (isStale && !abort.signal.aborted);
      isBusy = false;
    };
    const listener: Listener = (sessionIds) => {
      if (sessionIds.length === 0 || concerns(sessionIds)) void run();
    };
    listeners.add(listener);
    void run();
    return () => {
      listeners.delete(listener);
      abort.abort();
    };
  }, dependencies);
}

/** The list of sessions that a search finds, kept up to date. */
export function useSessions(search: string): SessionList | undefined {
  const [list, setList] = useState<SessionList>();
  useRefresh(
    async (signal) => {
      const found = await ask<SessionList>(`/api/sessions?search=${encodeURIComponent(search)}`, signal);
      if (found !== undefined) setList(found);
    },
    () => true,
    300,
    [search],
  );
  return list;
}

export interface LoadedSession {
  readonly id: string;
  readonly line: SessionLine;
  readonly rows: ReadonlyMap<string, Row>;
  readonly revision: number;
}

/** One session with all its rows, kept up to date by what is new only; null if there is none of that id. */
export function useSession(id: string | undefined): LoadedSession | null | undefined {
  const [session, setSession] = useState<LoadedSession | null>();
  const known = useRef<{
    id: string;
    epoch: string;
    revision: number;
    resets: number;
    rows: Map<string, Row>;
  }>(undefined);
  useRefresh(
    async (signal) => {
      if (id === undefined) return;
      const before = known.current?.id === id ? known.current : undefined;
      const query =
        before === undefined ? '' : `?since=${before.revision}&epoch=${before.epoch}&resets=${before.resets}`;
      const found = await ask<SessionRows>(`/api/sessions/${encodeURIComponent(id)}${query}`, signal);
      if (signal.aborted) return;
      if (found === undefined) {
        known.current = undefined;
        return setSession(null);
      }
      const rows = found.complete ? new Map<string, Row>() : (before?.rows ?? new Map<string, Row>());
      for (const row of found.rows) rows.set(row.key, row);
      const { epoch, revision, resets } = found;
      known.current = { id, epoch, revision, resets, rows };
      setSession({ id, line: found.session, rows, revision });
    },
    (sessionIds) => id !== undefined && sessionIds.includes(id),
    150,
    [id],
  );
  return session === null || session?.id === id ? session : undefined;
}

/** Everything about one row; asked again when the session changes. */
export function useDetails(
  sessionId: string,
  row: Row | undefined,
  revision: number,
): RowDetails | undefined {
  const [details, setDetails] = useState<RowDetails>();
  const key = row?.key;
  useEffect(() => {
    if (key === undefined) return;
    const abort = new AbortController();
    const path = `/api/sessions/${encodeURIComponent(sessionId)}/rows/${encodeURIComponent(key)}`;
    ask<RowDetails>(path, abort.signal).then(setDetails, () => undefined);
    return () => abort.abort();
  }, [sessionId, key, revision]);
  return details?.row.key === key ? details : undefined;
}
