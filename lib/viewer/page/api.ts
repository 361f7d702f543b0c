/** Talks to the viewer's process. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Conversation, Row, RowDetails, SessionLine, SessionList, SessionRows } from '../page-model.js';

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
  readonly mixed: SessionRows['mixed'];
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
      setSession({ id, line: found.session, rows, revision, mixed: found.mixed });
    },
    (sessionIds) => id !== undefined && sessionIds.includes(id),
    150,
    [id],
  );
  return session === null || session?.id === id ? session : undefined;
}

/** An answer that belongs to one session and one moment of it; asked again when either changes. */
function useAnswer<Answer>(path: string | undefined, revision: number): Answer | undefined {
  const [found, setFound] = useState<{ path: string; answer: Answer | undefined }>();
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    ask<Answer>(path, abort.signal).then(
      (answer) => setFound({ path, answer }),
      () => undefined,
    );
    return () => abort.abort();
  }, [path, revision]);
  return found?.path === path ? found?.answer : undefined;
}

/** Where the viewer answers about a session. */
export function pathOf(sessionId: string, ...more: string[]): string {
  return ['/api/sessions', ...[sessionId, ...more].map(encodeURIComponent)].join('/');
}

/** Everything about one row. */
export function useDetails(
  sessionId: string,
  row: Row | undefined,
  revision: number,
): RowDetails | undefined {
  const path = row === undefined ? undefined : pathOf(sessionId, 'rows', row.key);
  return useAnswer<RowDetails>(path, revision);
}

/** The calls of models in a session. */
export function useConversation(sessionId: string, revision: number): Conversation | undefined {
  return useAnswer<Conversation>(pathOf(sessionId, 'conversation'), revision);
}

/** The keys of the rows that a search finds; undefined without a search. */
export function useMatches(
  sessionId: string,
  search: string,
  revision: number,
): ReadonlySet<string> | undefined {
  const path =
    search.trim() === '' ? undefined : `${pathOf(sessionId, 'matches')}?search=${encodeURIComponent(search)}`;
  const keys = useAnswer<string[]>(path, revision);
  return useMemo(() => keys && new Set(keys), [keys]);
}

/** Hands a session file to the viewer; returns the session to look at, or what is wrong with the file. */
export async function importFile(file: Blob): Promise<{ session: string | null } | { error: string }> {
  const response = await fetch('/api/import', { method: 'POST', body: file });
  const reply = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return { session: typeof reply['session'] === 'string' ? reply['session'] : null };
  const reason = reply['message'] ?? reply['error'];
  return { error: typeof reason === 'string' ? reason : `HTTP ${response.status}` };
}

/** What the viewer answers to a path, as it came. */
export async function askText(path: string): Promise<string> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.text();
}
