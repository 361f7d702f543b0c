/** Where the page is, as its address tells: `#/session/ID/span/ID`, `#/session/ID/map`, `#/compare/ID/ID`. */
import { useEffect, useState } from 'preact/hooks';

/** The ways to look at a session; `timeline` is where a link without one leads. */
export const VIEWS = ['timeline', 'map', 'conversation'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly session?: string;
  /** A span id, an event id or a row's key. */
  readonly span?: string;
  readonly view?: Exclude<View, 'timeline'>;
  /** The session that this one is compared with. */
  readonly compareWith?: string;
}

export function parseRoute(hash: string): Route {
  const [, what, session, next, span] = hash.replace(/^#/, '').split('/');
  if (session === undefined || session === '') return {};
  const route = { session: decoded(session) };
  if (what === 'compare') return next ? { ...route, compareWith: decoded(next) } : route;
  if (what !== 'session') return {};
  if (next === 'map' || next === 'conversation') return { ...route, view: next };
  return next === 'span' && span ? { ...route, span: decoded(span) } : route;
}

export function linkTo({ session, span, view, compareWith }: Route): string {
  if (session === undefined) return '#/';
  const id = encodeURIComponent(session);
  if (compareWith !== undefined) return `#/compare/${id}/${encodeURIComponent(compareWith)}`;
  if (view !== undefined) return `#/session/${id}/${view}`;
  return span === undefined ? `#/session/${id}` : `#/session/${id}/span/${encodeURIComponent(span)}`;
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
