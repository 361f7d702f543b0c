/** The page and the questions it asks. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { conversationOf } from './conversation.js';
import { HttpError, reply, replyJson, withBody, type InFlight } from './exchange.js';
import { LiveFeed } from './live-feed.js';
import { loadPageAssets } from './page-assets.js';
import { listSessions, matchingRows, rowDetails, sessionRows } from './page-data.js';
import { exportSession, exportSpan, importSession } from './session-file.js';
import type { Store } from './store.js';

const DOCUMENT = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Spanwise</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/app.css" />
    <script type="module" src="/app.js"></script>
  </head>
  <body>
    <div id="app"></div>
    <noscript>This page needs JavaScript. The sessions are also at /api/sessions.</noscript>
  </body>
</html>
`;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4f46e5"/><g fill="none" stroke-width="3.4" stroke-linecap="round"><path d="M7 9.5h13" stroke="#fff"/><path d="M11 16h12" stroke="#a5b4fc"/><path d="M15 22.5h10" stroke="#fbbf24"/></g></svg>
`;

export class Page {
  readonly #store: Store;
  readonly #feed: LiveFeed;
  readonly #inFlight: InFlight;
  /** Resolves when what was taken would survive the process. */
  readonly #kept: () => Promise<void>;
  /** Tells a page that this is another run than the one it knows. */
  readonly #epoch = randomUUID();

  constructor(store: Store, inFlight: InFlight, kept: () => Promise<void>) {
    this.#kept = kept;
    this.#store = store;
    this.#inFlight = inFlight;
    this.#feed = new LiveFeed(store);
  }

  /** Answers if the path is one of the page's. */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    const isApi = path.startsWith('/api/');
    if (!isApi && !Object.hasOwn(this.#assets, path)) return false;
    if (path === '/api/import') {
      if (request.method !== 'POST') throw new HttpError(405, 'use POST', { allow: 'POST' });
      const imported = await withBody(request, this.#inFlight, (body) => importSession(this.#store, body));
      await this.#kept();
      replyJson(request, response, 200, imported);
      return true;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new HttpError(405, 'use GET', { allow: 'GET, HEAD' });
    }
    if (!isApi) {
      const [type, content] = await this.#assets[path]!();
      reply(request, response, 200, content, { 'content-type': type });
    } else if (path === '/api/live') {
      this.#feed.add(response);
    } else {
      const found = this.#data(path, new URL(request.url!, 'http://viewer').searchParams);
      if (found === undefined) throw new HttpError(404, 'there is no such session or span');
      const isFile = path.endsWith('/export');
      const headers: Record<string, string> = isFile
        ? { 'content-disposition': 'attachment; filename="session.json"' }
        : {};
      replyJson(request, response, 200, found, headers);
    }
    return true;
  }

  close(): void {
    this.#feed.close();
  }

  readonly #assets: Readonly<Record<string, () => Promise<readonly [type: string, content: string]>>> = {
    '/': async () => ['text/html; charset=utf-8', DOCUMENT],
    '/favicon.svg': async () => ['image/svg+xml', ICON],
    '/app.js': async () => ['text/javascript; charset=utf-8', (await loadPageAssets()).script],
    '/app.css': async () => ['text/css; charset=utf-8', (await loadPageAssets()).style],
  };

  #data(path: string, query: URLSearchParams): unknown {
    const segments = path.slice('/api/'.length).split('/').map(decode);
    const [what, sessionId, rows, key, last] = segments;
    if (what !== 'sessions') return undefined;
    if (segments.length === 1) {
      return listSessions(
        this.#store,
        this.#epoch,
        query.get('search') ?? '',
        numberIn(query, 'offset') ?? 0,
      );
    }
    if (segments.length === 2) {
      const since = query.get('epoch') === this.#epoch ? numberIn(query, 'since') : 0;
      return sessionRows(this.#store, this.#epoch, sessionId!, since ?? 0, numberIn(query, 'resets'));
    }
    if (segments.length === 3) return this.#ofSession(sessionId!, rows!, query);
    if (rows !== 'rows') return undefined;
    if (segments.length === 4) return rowDetails(this.#store, sessionId!, key!);
    return segments.length === 5 && last === 'otlp' ? exportSpan(this.#store, sessionId!, key!) : undefined;
  }

  #ofSession(sessionId: string, what: string, query: URLSearchParams): unknown {
    if (what === 'matches') return matchingRows(this.#store, sessionId, query.get('search') ?? '');
    if (what === 'conversation') return conversationOf(this.#store, sessionId);
    return what === 'export' ? exportSession(this.#store, sessionId) : undefined;
  }
}

function numberIn(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, 'the path is not readable');
  }
}
