/** The form that writes a search, for those who do not know its language by heart. */
import { html } from 'htm/preact';
import type { SessionList } from '../page-model.js';

interface Props {
  choices: SessionList['choices'] | undefined;
  search: string;
  onSearch: (search: string) => void;
}

const TYPES = ['model', 'tool', 'chain'];
const DURATIONS: readonly (readonly [value: string, name: string])[] = [
  ['>100ms', 'over 100 ms'],
  ['>1s', 'over 1 s'],
  ['>10s', 'over 10 s'],
  ['<100ms', 'under 100 ms'],
];

export function Filters({ choices, search, onSearch }: Props) {
  const set = (key: string, value: string) => onSearch(withTerm(search, key, value));
  const choice = (key: string, name: string, options: readonly (readonly [string, string])[]) => html`
    <label>
      <span>${name}</span>
      <select
        value=${termOf(search, key)}
        onChange=${(event: Event) => set(key, (event.target as HTMLSelectElement).value)}
      >
        <option value="">any</option>
        ${options.map(([value, label]) => html`<option value=${value}>${label}</option>`)}
      </select>
    </label>
  `;
  const named = (values: readonly string[] = []) =>
    values.map((value) => [value.toLowerCase(), value] as const);
  return html`
    <form class="filters" aria-label="Filters" onSubmit=${(event: Event) => event.preventDefault()}>
      ${choice('project', 'Project', named(choices?.projects))}
      ${choice('source', 'Source', named(choices?.sources))}
      ${choice('service', 'Service', named(choices?.services))} ${choice('type', 'Event type', named(TYPES))}
      ${choice('error', 'Error', [
        ['yes', 'with an error'],
        ['no', 'without'],
      ])}
      ${choice('duration', 'Duration', DURATIONS)}
      <label>
        <span>Attribute</span>
        <input
          placeholder="key:value"
          aria-label="Attribute, as key:value"
          spellcheck=${false}
          onKeyDown=${(event: KeyboardEvent) => {
            const input = event.target as HTMLInputElement;
            if (event.key !== 'Enter' || !/^[^:\s]+:\S/.test(input.value)) return;
            onSearch(`${search} ${input.value}`.trim());
            input.value = '';
          }}
        />
      </label>
      <button class="plain" type="button" onClick=${() => onSearch('')}>clear all</button>
    </form>
  `;
}

const termPattern = (key: string) => new RegExp(`(?:^|\\s)${key}:(?:"([^"]*)"|(\\S+))`, 'i');

/** What a search says of a key: '' if nothing. */
export function termOf(search: string, key: string): string {
  const match = termPattern(key).exec(search);
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}

/** The search with another value for a key; '' takes the term out. */
export function withTerm(search: string, key: string, value: string): string {
  const rest = search.replace(termPattern(key), ' ').replace(/\s+/g, ' ').trim();
  if (value === '') return rest;
  return `${rest} ${key}:${/\s/.test(value) ? `"${value}"` : value}`.trim();
}
