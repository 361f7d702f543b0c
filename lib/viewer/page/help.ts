/** The keys of the page. */
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['/', 'search sessions'],
  ['f', 'find spans within the session'],
  ['[ and ]', 'the session above, the session below'],
  ['↑ ↓ PgUp PgDn Home End', 'move through the spans'],
  ['← →', 'fold, unfold'],
  ['1 2 3', 'timeline, map, conversation'],
  ['c', 'critical path'],
  ['w', 'findings'],
  ['n and N', 'the next span that was found, the one before'],
  ['Esc', 'close what is open'],
  ['?', 'this list'],
];

const SEARCHES: readonly (readonly [search: string, what: string])[] = [
  ['project:shop source:dev', 'of a project, of a source'],
  ['type:model error:yes', 'with a span of that type that failed'],
  ['duration:>2s', 'sessions that took longer'],
  ['took:>500ms', 'with a span that took longer'],
  ['user_id:7', 'an attribute, or the end of its name'],
  ['-service:cron "two words"', 'not of a service; a text with spaces'],
];

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const list = (lines: typeof KEYS) =>
    lines.map(
      ([name, what]) =>
        html`<dt><kbd>${name}</kbd></dt>
          <dd>${what}</dd>`,
    );
  return html`
    <dialog
      class="help"
      ref=${dialog}
      aria-label="Keys and searches"
      onClose=${onClose}
      onClick=${(event: Event) => event.target === dialog.current && dialog.current?.close()}
    >
      <h2>Keys</h2>
      <dl>${list(KEYS)}</dl>
      <h2>Searches</h2>
      <dl>${list(SEARCHES)}</dl>
      <button class="button" onClick=${() => dialog.current?.close()}>Close</button>
    </dialog>
  `;
}
