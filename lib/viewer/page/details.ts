/** Everything about one span, on the right. */
import { html } from 'htm/preact';
import type { Row, RowDetails } from '../page-model.js';
import { askText, pathOf } from './api.js';
import { serviceStyle } from './colors.js';
import { count, dateAndTime, duration } from './format.js';
import { asCurl, asFixture } from './span-as-text.js';
import { useCopy } from './use-copy.js';
import { Value, Values } from './value-view.js';
import { TypeMark } from './waterfall.js';

interface Props {
  row: Row;
  details: RowDetails | undefined;
  parent: Row | undefined;
  origin: number;
  onClose: () => void;
}

export function Details({ row, details, parent, origin, onClose }: Props) {
  return html`
    <aside class="details" aria-label="Span" style=${serviceStyle(row.service)}>
      <header>
        <div class="details-title">
          <${TypeMark} row=${row} />
          <h2>${row.name}</h2>
          <button class="icon" title="Close (Esc)" aria-label="Close" onClick=${onClose}>✕</button>
        </div>
        <div class="facts">
          <span class="service">${row.service}</span>
          <span><b>${duration(row.end - row.start)}</b></span>
          <span title=${dateAndTime(row.start)}>after ${duration(row.start - origin)}</span>
          ${row.kind !== 'internal' && row.kind !== 'unspecified' && html`<span class="tag">${row.kind}</span>`}
          <span class="tag">${row.type}</span>
          ${row.tokens !== null && html`<span>${count(row.tokens, 'token')}</span>`}
          ${!row.stamped && html`<span class="tag warn" title="This span names no session; it is shown here because its trace does">no session id</span>`}
        </div>
        ${details !== undefined && html`<${CopyAs} details=${details} parent=${parent} />`}
      </header>
      <div class="details-body">
        ${row.error !== null && html`<${Failure} row=${row} details=${details} />`}
        ${details !== undefined && html`<${Body} key=${row.key} details=${details} />`}
      </div>
    </aside>
  `;
}

function Failure({ row, details }: { row: Row; details: RowDetails | undefined }) {
  const error = details?.error ?? row.error;
  return html`
    <section class="failure" role="alert">
      ${details?.errorType && html`<b>${details.errorType}</b>`}
      <p>${error}</p>
      ${
        details?.stack &&
        html`<details>
          <summary>Stack</summary>
          <pre>${details.stack}</pre>
        </details>`
      }
    </section>
  `;
}

function Body({ details }: { details: RowDetails }) {
  const { row } = details;
  // The exception is told above, with its stack.
  const events = details.events.filter(({ name }) => details.stack === null || name !== 'exception');
  const ids: Record<string, unknown> = {
    'session id': details.sessionId,
    'event id': details.eventId,
    ...(row.trace === null ? {} : { 'trace id': row.trace, 'span id': row.id }),
    ...(details.project === null ? {} : { project: details.project }),
    ...(details.source === null ? {} : { source: details.source }),
    start: dateAndTime(row.start),
    ...(details.status === 'unset' ? {} : { status: details.status }),
    ...(details.traceState === null ? {} : { 'trace state': details.traceState }),
    ...(details.scope?.name ? { scope: `${details.scope.name} ${details.scope.version ?? ''}`.trim() } : {}),
    ...(details.dropped > 0 ? { 'dropped by the sender': details.dropped } : {}),
  };
  return html`
    <${Section} name="Inputs" values=${details.inputs} />
    <${Section} name="Outputs" values=${details.outputs} />
    <${Section} name="Metrics" values=${details.metrics} />
    <${Section} name="Feedback" values=${details.feedback} />
    <${Section} name="Metadata" values=${details.metadata} />
    <${Section} name="Config" values=${details.config} />
    <${Section} name="User properties" values=${details.userProperties} />
    <${Section} name="Baggage" values=${details.baggage} />
    ${
      events.length > 0 &&
      html`<${Fold} name="Events" count=${events.length}>
        ${events.map(
          (event) =>
            html`<div class="event">
              <b>${event.name}</b> <time>+${duration(event.time - row.start)}</time>
              <${Values} of=${event.attributes} />
            </div>`,
        )}
      <//>`
    }
    ${
      details.links.length > 0 &&
      html`<${Fold} name="Links" count=${details.links.length}>
        ${details.links.map(
          (link) =>
            html`<div class="event">
              <${Values} of=${{ 'trace id': link.traceId, 'span id': link.spanId, ...link.attributes }} />
            </div>`,
        )}
      <//>`
    }
    <${Fold} name="Identity" count=${0} isOpen=${true}>
      <dl class="values ids">
        ${Object.entries(ids).map(
          ([key, value]) =>
            html`<div key=${key}>
              <dt>${key}</dt>
              <dd><${Value} value=${value} depth=${0} /><${Copy} text=${String(value)} /></dd>
            </div>`,
        )}
      </dl>
    <//>
    <${Section} name="Attributes" values=${details.attributes} isOpen=${false} />
    <${Section} name="Resource" values=${details.resource} isOpen=${false} />
  `;
}

function Section({
  name,
  values,
  isOpen = true,
}: {
  name: string;
  values: Record<string, unknown>;
  isOpen?: boolean;
}) {
  const size = Object.keys(values).length;
  if (size === 0) return null;
  return html`<${Fold} name=${name} count=${size} isOpen=${isOpen}><${Values} of=${values} /><//>`;
}

interface FoldProps {
  name: string;
  count: number;
  isOpen?: boolean;
  children?: unknown;
}

function Fold({ name, count, isOpen = true, children }: FoldProps) {
  return html`
    <details class="section" open=${isOpen}>
      <summary>${name}${count > 0 && html`<small>${count}</small>`}</summary>
      ${children}
    </details>
  `;
}

/** The span as something to use elsewhere. */
function CopyAs({ details, parent }: { details: RowDetails; parent: Row | undefined }) {
  const { row, sessionId } = details;
  return html`
    <div class="copy-as">
      <span>Copy as</span>
      <${CopyButton} name="curl" text=${() => asCurl(details, location.origin)} />
      <${CopyButton} name="test" text=${() => asFixture(details, parent?.name ?? null)} />
      ${row.trace !== null && html`<${CopyButton} name="OTLP JSON" text=${() => askText(pathOf(sessionId, 'rows', row.key, 'otlp'))} />`}
    </div>
  `;
}

function CopyButton({ name, text }: { name: string; text: () => string | Promise<string> }) {
  const [state, copy] = useCopy();
  return html`<button class="plain" title=${`Copy as ${name}`} onClick=${() => copy(text)}>
    ${state === 'idle' ? name : state}
  </button>`;
}

function Copy({ text }: { text: string }) {
  const [state, copy] = useCopy();
  return html`<button class="plain copy" title="Copy" onClick=${() => copy(() => text)}>
    ${state === 'idle' ? 'copy' : state}
  </button>`;
}
