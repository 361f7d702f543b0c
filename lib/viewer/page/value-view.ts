/** Shows a JSON value, however large: what is long or deep is folded until asked for. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

const LONG_TEXT = 600;
const MANY = 50;

/** A table of named values. */
export function Values({ of: values }: { of: Record<string, unknown> }) {
  const [isAll, setAll] = useState(false);
  const entries = Object.entries(values);
  const shown = isAll ? entries : entries.slice(0, MANY);
  return html`
    <dl class="values">
      ${shown.map(
        ([key, value]) =>
          html`<div key=${key}>
            <dt title=${key}>${key}</dt>
            <dd><${Value} value=${value} depth=${0} /></dd>
          </div>`,
      )}
    </dl>
    ${
      entries.length > shown.length &&
      html`<button class="plain" onClick=${() => setAll(true)}>${entries.length - shown.length} more</button>`
    }
  `;
}

export function Value({ value, depth }: { value: unknown; depth: number }) {
  if (typeof value === 'string') {
    const parsed = embedded(value);
    return parsed === undefined
      ? html`<${Text} text=${value} />`
      : html`<${Value} value=${parsed} depth=${depth} />`;
  }
  if (typeof value !== 'object' || value === null) {
    return html`<span class=${`scalar ${value === null ? 'null' : typeof value}`}>${String(value)}</span>`;
  }
  return html`<${Branch} value=${value} depth=${depth} />`;
}

function Branch({ value, depth }: { value: object; depth: number }) {
  const [isOpen, setOpen] = useState(depth < 2);
  const [isAll, setAll] = useState(false);
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return html`<span class="scalar null">${isList ? '[ ]' : '{ }'}</span>`;
  const shown = isAll ? entries : entries.slice(0, MANY);
  const summary = isList
    ? `[ ${entries.length} ]`
    : `{ ${entries
        .map(([key]) => key)
        .join(', ')
        .slice(0, 60)} }`;
  return html`
    <div class="branch">
      <button
        class=${`fold${isOpen ? ' open' : ''}`}
        aria-label=${isOpen ? 'collapse' : 'expand'}
        onClick=${() => setOpen(!isOpen)}
      ></button>
      ${!isOpen && html`<span class="summary" onClick=${() => setOpen(true)}>${summary}</span>`}
      ${
        isOpen &&
        html`<div class="entries">
          ${shown.map(
            ([key, child]) =>
              html`<div class="entry" key=${key}>
                <span class="key">${key}</span><${Value} value=${child} depth=${depth + 1} />
              </div>`,
          )}
          ${entries.length > shown.length && html`<button class="plain" onClick=${() => setAll(true)}>${entries.length - shown.length} more</button>`}
        </div>`
      }
    </div>
  `;
}

function Text({ text }: { text: string }) {
  const [isAll, setAll] = useState(false);
  if (text.length <= LONG_TEXT || isAll) return html`<span class="scalar string">${text}</span>`;
  return html`<span class="scalar string">${text.slice(0, LONG_TEXT)}…</span>
    <button class="plain" onClick=${() => setAll(true)}>
      ${(text.length - LONG_TEXT).toLocaleString('en')} more characters
    </button>`;
}

/** Objects and lists that were sent as JSON text, as HoneyHive's Python SDK does with arguments. */
function embedded(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text) || !/[\]}]\s*$/.test(text)) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
