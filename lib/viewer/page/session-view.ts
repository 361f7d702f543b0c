/** One session: its numbers, its services, its waterfall and the span that is looked at. */
import { html } from 'htm/preact';
import { useMemo } from 'preact/hooks';
import type { Row } from '../page-model.js';
import { useDetails, type LoadedSession } from './api.js';
import { serviceStyle } from './colors.js';
import { Details } from './details.js';
import { count, dateAndTime, duration } from './format.js';
import { findRow, linkId, plant } from './tree.js';
import { Waterfall } from './waterfall.js';

interface Props {
  session: LoadedSession;
  span: string | undefined;
  onSelect: (span: string | undefined) => void;
}

export function SessionView({ session, span, onSelect }: Props) {
  const { line, rows, revision } = session;
  const forest = useMemo(() => plant(rows.values()), [rows, revision]);
  const selected = span === undefined ? undefined : findRow(forest, span);
  const details = useDetails(session.id, selected, revision);
  return html`
    <section class="session-view">
      <header class="session-head">
        <h1>${line.name}</h1>
        <div class="facts">
          <span title=${dateAndTime(line.start)}><b>${duration(line.end - line.start)}</b></span>
          <span>${count(line.spans, 'span')}</span>
          <span>${count(line.traces, 'trace')}</span>
          ${line.errors > 0 && html`<span class="error-text">${count(line.errors, 'error')}</span>`}
          ${forest.services.map(({ name, rows }) => html`<span class="service" style=${serviceStyle(name)} title=${count(rows, 'span')}>${name}</span>`)}
          ${line.project !== null && html`<span class="tag">${line.project}</span>`}
          <code
            class="session-id"
            title=${line.isSession ? 'session id' : 'no span names a session: the trace stands in for one'}
            >${line.id}</code
          >
        </div>
      </header>
      <div class="panes">
        <${Waterfall}
          key=${session.id}
          forest=${forest}
          selected=${selected}
          onSelect=${(row: Row | undefined) => onSelect(row && linkId(forest, row))}
        />
        ${
          selected !== undefined &&
          html`<${Details}
            row=${selected}
            details=${details}
            origin=${forest.start}
            onClose=${() => onSelect(undefined)}
          />`
        }
      </div>
    </section>
  `;
}
