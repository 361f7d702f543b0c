/** One session: its numbers, what looks wrong with it, and the ways to look at it. */
import { html } from 'htm/preact';
import { useLayoutEffect, useMemo, useState } from 'preact/hooks';
import type { Row } from '../page-model.js';
import { pathOf, useDetails, useMatches, type LoadedSession } from './api.js';
import { serviceStyle } from './colors.js';
import { ConversationView } from './conversation-view.js';
import { criticalPath } from './critical-path.js';
import { Details } from './details.js';
import { findingsOf } from './findings.js';
import { Findings } from './findings-view.js';
import { amount, count, dateAndTime, duration } from './format.js';
import { MapView } from './map-view.js';
import { linkTo, VIEWS, type Route, type View } from './route.js';
import { findRow, flatten, linkId, plant } from './tree.js';
import { usageIn } from './usage.js';
import { useAfterPaint } from './use-after-paint.js';
import { Waterfall } from './waterfall.js';

interface Props {
  session: LoadedSession;
  route: Route;
  go: (route: Route, replace?: boolean) => void;
  onCompare: () => void;
}

const VIEW_NAMES: Readonly<Record<View, string>> = {
  timeline: 'Timeline',
  map: 'Map',
  conversation: 'Conversation',
};

export function SessionView({ session, route, go, onCompare }: Props) {
  const { line, rows, revision, id } = session;
  const forest = useMemo(() => plant(rows.values()), [rows, revision]);
  const findings = useAfterPaint(() => findingsOf(forest, session.mixed), [forest, session.mixed]) ?? [];
  const usage = useMemo(() => usageIn(forest), [forest]);
  const [find, setFind] = useState('');
  const [isPathShown, setPathShown] = useState(false);
  const [areFindingsShown, setFindingsShown] = useState(false);
  const path = useMemo(() => (isPathShown ? criticalPath(forest) : undefined), [isPathShown, forest]);
  const matches = useMatches(id, find, revision);
  const view: View = route.view ?? 'timeline';
  const selected = route.span === undefined ? undefined : findRow(forest, route.span);
  const details = useDetails(id, selected, revision);
  const select = (row: Row | undefined) =>
    go({ session: id, span: row && linkId(forest, row) }, route.span !== undefined && row !== undefined);
  const selectKey = (key: string) => select(forest.nodes.get(key)?.row);

  // From the row that is selected to the next that was found, in the order in which they are seen.
  const step = (by: 1 | -1) => {
    if (matches === undefined) return;
    const found = flatten(forest, new Set()).filter(({ row }) => matches.has(row.key));
    const at = found.findIndex(({ row }) => row.key === selected?.key);
    const next =
      found[at === -1 ? (by === 1 ? 0 : found.length - 1) : (at + by + found.length) % found.length];
    if (next !== undefined) select(next.row);
  };
  // Not after the next paint: until then keys would meet what was there before.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const chosen = VIEWS[Number(event.key) - 1];
      if (chosen !== undefined) go(routeOf(id, chosen));
      else if (event.key === 'f') document.getElementById('find')?.focus();
      else if (event.key === 'c') setPathShown(!isPathShown);
      else if (event.key === 'w') setFindingsShown(!areFindingsShown);
      else if (event.key === 'n') step(1);
      else if (event.key === 'N') step(-1);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });

  return html`
    <section class="session-view">
      <header class="session-head">
        <h1>${line.name}</h1>
        <div class="facts">
          <span title=${dateAndTime(line.start)}><b>${duration(line.end - line.start)}</b></span>
          <span>${count(line.spans, 'span')}</span>
          <span>${count(line.traces, 'trace')}</span>
          ${line.errors > 0 && html`<span class="error-text">${count(line.errors, 'error')}</span>`}
          ${usage.tokens !== null && html`<span title="the sum of what its metrics say">${count(usage.tokens, 'token')}</span>`}
          ${usage.cost !== null && html`<span title="the sum of what its metrics say">cost ${amount(usage.cost)}</span>`}
          ${forest.services.map(({ name, rows }) => html`<span class="service" style=${serviceStyle(name)} title=${count(rows, 'span')}>${name}</span>`)}
          ${line.project !== null && html`<span class="tag">${line.project}</span>`}
          ${line.source !== null && html`<span class="tag">${line.source}</span>`}
          <code
            class="session-id"
            title=${line.isSession ? 'session id' : 'no span names a session: the trace stands in for one'}
            >${line.id}</code
          >
        </div>
        <div class="tools">
          <div class="tabs" role="tablist" aria-label="Views">
            ${VIEWS.map(
              (one) =>
                html`<a
                  role="tab"
                  class=${one === view ? 'active' : ''}
                  aria-selected=${one === view}
                  href=${linkTo(routeOf(id, one))}
                  >${VIEW_NAMES[one]}</a
                >`,
            )}
          </div>
          ${
            findings.length > 0 &&
            html`<button
              class="button warn"
              aria-expanded=${areFindingsShown}
              onClick=${() => setFindingsShown(!areFindingsShown)}
            >
              ⚠ ${count(findings.length, 'finding')}
            </button>`
          }
          ${
            view === 'timeline' &&
            html`<button
                class="button"
                aria-pressed=${isPathShown}
                onClick=${() => setPathShown(!isPathShown)}
              >
                Critical path
              </button>
              <input
                id="find"
                type="search"
                placeholder="Find spans…  (f)"
                aria-label="Find spans"
                spellcheck=${false}
                value=${find}
                onInput=${(event: InputEvent) => setFind((event.target as HTMLInputElement).value)}
                onKeyDown=${(event: KeyboardEvent) => event.key === 'Enter' && step(event.shiftKey ? -1 : 1)}
              />
              ${matches !== undefined && html`<span class="found" role="status">${matches.size} of ${forest.nodes.size}</span>`}`
          }
          <span class="tools-end">
            <button class="button" onClick=${onCompare}>Compare…</button>
            <a class="button" href=${pathOf(id, 'export')} download=${`session-${id}.json`}>Export</a>
          </span>
        </div>
      </header>
      ${areFindingsShown && findings.length > 0 && html`<${Findings} findings=${findings} onSelect=${selectKey} />`}
      ${view === 'map' && html`<${MapView} forest=${forest} />`}
      ${view === 'conversation' && html`<${ConversationView} sessionId=${id} revision=${revision} origin=${forest.start} onSelect=${selectKey} />`}
      ${
        view === 'timeline' &&
        html`<div class="panes">
          <${Waterfall}
            key=${id}
            forest=${forest}
            selected=${selected}
            onSelect=${select}
            path=${path}
            matches=${matches}
          />
          ${
            selected !== undefined &&
            html`<${Details}
              row=${selected}
              details=${details}
              parent=${forest.nodes.get(selected.key)?.parent?.row}
              origin=${forest.start}
              onClose=${() => select(undefined)}
            />`
          }
        </div>`
      }
    </section>
  `;
}

function routeOf(session: string, view: View): Route {
  return view === 'timeline' ? { session } : { session, view };
}
