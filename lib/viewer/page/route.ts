/** Where the page is, as its address tells: `#/session/ID/span/ID`. */
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  readonly session?: string;
  /** A span id, an event id or a row's key. */
  readonly span?: string;
}

export function parseRoute(hash: string): Route {
  const [, what, session, kind, span] = hash.replace(/^#/, '').split('/');
  if (what !== 'session' || session === undefined || session === '') return {};
  const route = { session: decoded(session) };
  return kind === 'span' && span ? { ...route, span: decoded(span) } : route;
}

export function linkTo({ session, span }: Route): string {
  if (session === undefined) return '#/';
  const base = `#/session/${encodeURIComponent(session)}`;
  return span === undefined ? base : `${base}/span/${encodeURIComponent(span)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The current route, and how to go elsewhere; `replace` leaves no step in the history. */
export function useRoute(): [Route, (route: Route, replace?: boolean) => void] {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const update = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  const go = (to: Route, replace = false) => {
    if (linkTo(to) === location.hash) return;
    if (replace) history.replaceState(null, '', linkTo(to));
    else history.pushState(null, '', linkTo(to));
    setRoute(to);
  };
  return [route, go];
}
