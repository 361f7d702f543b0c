/** The list of sessions on the left. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionLine, SessionList as Sessions } from '../page-model.js';
import { serviceStyle } from './colors.js';
import { ago, count, dateAndTime, duration } from './format.js';
import { linkTo } from './route.js';
import { useWindow } from './use-window.js';

const LINE_HEIGHT = 66;

interface Props {
  list: Sessions | undefined;
  search: string;
  selected: string | undefined;
  onSearch: (search: string) => void;
}

export function SessionList({ list, search, selected, onSearch }: Props) {
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
  now,
}: {
  line: SessionLine;
  top: number;
  isSelected: boolean;
  now: number;
}) {
  const { id, name, services, spans, errors, start, end, isSession } = line;
  return html`
    <a
      class=${`session${isSelected ? ' selected' : ''}${spans === 0 ? ' empty' : ''}`}
      href=${linkTo({ session: id })}
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
