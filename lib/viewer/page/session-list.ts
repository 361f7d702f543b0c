/** The list of sessions on the left. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionLine, SessionList as Sessions } from '../page-model.js';
import { serviceStyle } from './colors.js';
import { Filters } from './filters.js';
import { ago, count, dateAndTime, duration } from './format.js';
import { linkTo } from './route.js';
import { useWindow } from './use-window.js';

const LINE_HEIGHT = 66;

interface Props {
  list: Sessions | undefined;
  search: string;
  selected: string | undefined;
  onSearch: (search: string) => void;
  onImport: (file: Blob) => void;
  /** The session that another is sought for, to compare it with. */
  comparing: string | undefined;
  onCancelCompare: () => void;
}

export function SessionList({
  list,
  search,
  selected,
  onSearch,
  onImport,
  comparing,
  onCancelCompare,
}: Props) {
  const [areFiltersShown, setFiltersShown] = useState(false);
  const sessions = list?.sessions ?? [];
  const view = useWindow(sessions.length, LINE_HEIGHT);
  const now = useNow();
  return html`
    <nav class="sessions" aria-label="Sessions">
      <div class="search">
        <input
          id="search"
          type="search"
          placeholder="Search sessions, spans, values…"
          aria-label="Search sessions"
          spellcheck=${false}
          value=${search}
          onInput=${(event: InputEvent) => onSearch((event.target as HTMLInputElement).value)}
        />
        <kbd>/</kbd>
      </div>
      <div class="list-tools">
        <button
          class="plain"
          aria-expanded=${areFiltersShown}
          onClick=${() => setFiltersShown(!areFiltersShown)}
        >
          filters ${areFiltersShown ? '▴' : '▾'}
        </button>
        <label class="plain import">
          import
          <input
            type="file"
            accept=".json,application/json"
            aria-label="Import a session file"
            onChange=${(event: Event) => {
              const input = event.target as HTMLInputElement;
              if (input.files?.[0] !== undefined) onImport(input.files[0]);
              input.value = '';
            }}
          />
        </label>
      </div>
      ${areFiltersShown && html`<${Filters} choices=${list?.choices} search=${search} onSearch=${onSearch} />`}
      ${
        comparing !== undefined &&
        html`<p class="comparing" role="status">
          Choose the session to compare with
          <button class="plain" onClick=${onCancelCompare}>cancel</button>
        </p>`
      }
      <div class="session-count">
        ${list === undefined ? '…' : count(list.total, 'session')}
        ${list !== undefined && list.total > sessions.length && html` · the newest ${sessions.length}`}
        ${
          list !== undefined &&
          list.kept.forgotten > 0 &&
          html`<span title="Retention is full: the oldest sessions make room">
            · ${count(list.kept.forgotten, 'span')} forgotten</span
          >`
        }
      </div>
      <div class="session-scroll" ref=${view.ref}>
        <div class="session-rows" style=${{ height: `${sessions.length * LINE_HEIGHT}px` }}>
          ${sessions
            .slice(view.first, view.last)
            .map(
              (line, index) =>
                html`<${Line}
                  key=${line.id}
                  line=${line}
                  top=${(view.first + index) * LINE_HEIGHT}
                  isSelected=${line.id === selected}
                  comparing=${comparing}
                  now=${now}
                />`,
            )}
        </div>
        ${
          list !== undefined &&
          sessions.length === 0 &&
          html`<p class="hint">${search === '' ? 'Waiting for the first span…' : 'Nothing matches.'}</p>`
        }
      </div>
    </nav>
  `;
}

function Line({
  line,
  top,
  isSelected,
  comparing,
  now,
}: {
  line: SessionLine;
  top: number;
  isSelected: boolean;
  comparing: string | undefined;
  now: number;
}) {
  const { id, name, services, spans, errors, start, end, isSession } = line;
  return html`
    <a
      class=${`session${isSelected ? ' selected' : ''}${spans === 0 ? ' empty' : ''}`}
      href=${linkTo(comparing === undefined || comparing === id ? { session: id } : { session: comparing, compareWith: id })}
      style=${{ top: `${top}px`, height: `${LINE_HEIGHT}px` }}
      aria-current=${isSelected ? 'true' : undefined}
      title=${`${isSession ? 'session' : 'a trace without a session'} ${id}\n${dateAndTime(start)}`}
    >
      <span class="session-name">
        ${errors > 0 && html`<i class="dot error" title=${count(errors, 'error')}></i>`}
        <b>${name}</b>
        <time>${ago(start, now)}</time>
      </span>
      <span class="session-services">
        ${services.slice(0, 3).map((service) => html`<span class="service" style=${serviceStyle(service)}>${service}</span>`)}
        ${services.length > 3 && html`<span class="more">+${services.length - 3}</span>`}
      </span>
      <span class="session-numbers">
        <span>${spans === 0 ? 'no spans yet' : count(spans, 'span')}</span>
        ${errors > 0 && html`<span class="error-text">${count(errors, 'error')}</span>`}
        ${!isSession && html`<span class="no-session">no session</span>`}
        ${spans > 0 && html`<span class="session-duration">${duration(end - start)}</span>`}
      </span>
    </a>
  `;
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
