/** What looks wrong with a session, as a list from which its spans are reached. */
import { html } from 'htm/preact';
import type { Finding } from './findings.js';

interface Props {
  findings: readonly Finding[];
  onSelect: (key: string) => void;
}

export function Findings({ findings, onSelect }: Props) {
  return html`
    <section class="findings" aria-label="Findings">
      <ul>
        ${findings.map(
          ({ kind, text, advice, keys }) =>
            html`<li key=${kind + text} class=${kind}>
              <b>${text}</b> <span>${advice}</span>
              ${
                keys[0] !== undefined &&
                html`<button class="plain" onClick=${() => onSelect(keys[0]!)}>show the first</button>`
              }
            </li>`,
        )}
      </ul>
    </section>
  `;
}
