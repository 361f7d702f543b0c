/** Two sessions side by side. */
import { html } from 'htm/preact';
import { useMemo } from 'preact/hooks';
import { useSession, type LoadedSession } from './api.js';
import { serviceStyle } from './colors.js';
import { compareForests, type Side } from './compare.js';
import { count, dateAndTime, duration } from './format.js';
import { linkTo } from './route.js';
import { plant } from './tree.js';

export function CompareView({ left, right }: { left: string; right: string }) {
  const first = useSession(left);
  const second = useSession(right);
  const compared = useMemo(
    () => first && second && compareForests(plant(first.rows.values()), plant(second.rows.values())),
    [first, second],
  );
  if (first === null || second === null) {
    return html`<div class="welcome">
      <h1>One of these sessions is not here (any more)</h1>
      <p><a href="#/">Choose others</a></p>
    </div>`;
  }
  if (!first || !second || !compared) return html`<p class="hint">…</p>`;
  return html`
    <section class="compare">
      <header class="session-head">
        <h1>Two sessions</h1>
        <div class="compare-heads"><${Head} session=${first} /><${Head} session=${second} /></div>
      </header>
      <div class="compare-scroll" tabindex="0">
        <table>
          <thead>
            <tr>
              <th scope="col">Span</th>
              <th scope="col">Calls</th>
              <th scope="col">Time</th>
              <th scope="col">Calls</th>
              <th scope="col">Time</th>
              <th scope="col">Difference</th>
            </tr>
          </thead>
          <tbody>
            ${compared.rows.map(
              ({ key, depth, name, service, left: a, right: b }) =>
                html` <tr
                  key=${key}
                  class=${a === undefined ? 'only-right' : b === undefined ? 'only-left' : ''}
                >
                  <th
                    scope="row"
                    style=${{ ...serviceStyle(service), paddingLeft: `${12 + Math.min(depth, 16) * 14}px` }}
                  >
                    <i class="service-dot" title=${service}></i>${name}
                  </th>
                  <${Cells} side=${a} /><${Cells} side=${b} />
                  <td>${difference(a, b)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
        ${compared.leftOut > 0 && html`<p class="hint">${count(compared.leftOut, 'further row')} not shown.</p>`}
      </div>
    </section>
  `;
}

function Head({ session: { id, line } }: { session: LoadedSession }) {
  return html`
    <div>
      <a href=${linkTo({ session: id })}><b>${line.name}</b></a>
      <div class="facts">
        <span title=${dateAndTime(line.start)}><b>${duration(line.end - line.start)}</b></span>
        <span>${count(line.spans, 'span')}</span>
        ${line.errors > 0 && html`<span class="error-text">${count(line.errors, 'error')}</span>`}
        <code>${id}</code>
      </div>
    </div>
  `;
}

function Cells({ side }: { side: Side | undefined }) {
  if (side === undefined)
    return html`<td class="none">–</td>
      <td class="none">–</td>`;
  return html`
    <td>
      ${side.calls}×
      ${side.errors > 0 && html`<span class="error-text"> ${count(side.errors, 'error')}</span>`}
    </td>
    <td>${duration(side.time)}</td>
  `;
}

function difference(left: Side | undefined, right: Side | undefined): string {
  if (left === undefined) return 'only in the second';
  if (right === undefined) return 'only in the first';
  const by = right.time - left.time;
  if (Math.abs(by) < 0.001) return '±0';
  const share =
    left.time > 0 ? ` (${by > 0 ? '+' : '−'}${Math.abs((by / left.time) * 100).toFixed(0)} %)` : '';
  return `${by > 0 ? '+' : '−'}${duration(Math.abs(by))}${share}`;
}
