/** The page as a whole. */
import { html } from 'htm/preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { importFile, useLive, useSession, useSessions, type LiveState } from './api.js';
import { CompareView } from './compare-view.js';
import { bytes, count } from './format.js';
import { Help } from './help.js';
import { useRoute } from './route.js';
import { SessionList } from './session-list.js';
import { SessionView } from './session-view.js';

const LIVE: Readonly<Record<LiveState, string>> = {
  connecting: 'connecting…',
  live: 'live',
  lost: 'viewer not reachable, trying again…',
};

export function App() {
  const [route, go] = useRoute();
  const [search, setSearch] = useState('');
  const live = useLive();
  const list = useSessions(useSettled(search));
  const session = useSession(route.session);
  const [theme, setTheme] = useTheme();
  const hasOpened = useRef(false);
  const [comparing, setComparing] = useState<string>();
  const [isHelpShown, setHelpShown] = useState(false);
  const [notice, setNotice] = useState<string>();

  // Who opens the page on a wide screen sees the newest session at once.
  const newest = list?.sessions.find((line) => line.spans > 0)?.id;
  useEffect(() => {
    if (newest === undefined || hasOpened.current) return;
    hasOpened.current = true;
    if (route.session === undefined && innerWidth > 800) go({ session: newest }, true);
  }, [newest]);
  useEffect(() => {
    document.title = session ? `${session.line.name} · Spanwise` : 'Spanwise';
  }, [session?.line.name]);
  // Who has chosen the second session is done choosing.
  useEffect(() => setComparing(undefined), [route.compareWith]);
  const takeFile = (file: Blob) => {
    void importFile(file).then(
      (reply) => {
        setNotice('error' in reply ? `This file was not imported: ${reply.error}` : undefined);
        if ('session' in reply && reply.session !== null) go({ session: reply.session });
      },
      () => setNotice('This file was not imported: the viewer is not reachable'),
    );
  };
  // Not after the next paint: until then keys would meet what was there before.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target, key } = event;
      const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
      if (key === 'Escape') {
        if (isTyping) target.blur();
        else if (comparing !== undefined) setComparing(undefined);
        else if (route.span !== undefined) go({ session: route.session });
        return;
      }
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === '/') {
        event.preventDefault();
        document.getElementById('search')?.focus();
      } else if (key === '?') setHelpShown(true);
      else if (key === '[' || key === ']') {
        const lines = list?.sessions ?? [];
        const at = lines.findIndex((line) => line.id === route.session);
        const next = lines[Math.max(0, at + (key === ']' ? 1 : -1))];
        if (next !== undefined) go({ ...(route.view && { view: route.view }), session: next.id });
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
  const onDrop = (event: DragEvent) => {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    takeFile(file);
  };

  return html`
    <div
      class=${`app${route.session === undefined || comparing !== undefined ? '' : ' has-session'}`}
      onDragOver=${(event: DragEvent) => event.preventDefault()}
      onDrop=${onDrop}
    >
      <header class="top">
        <a class="brand" href="#/"><i></i>Spanwise</a>
        <span class=${`live ${live}`} role="status">${LIVE[live]}</span>
        ${
          list !== undefined &&
          html`<span
            class="kept"
            title=${`${bytes(list.kept.bytes)} of ${bytes(list.kept.retentionBytes)} in use`}
          >
            ${count(list.kept.spans, 'span')} · ${bytes(list.kept.bytes)}
          </span>`
        }
        <button
          class="icon help-button"
          title="Keys and searches (?)"
          aria-label="Help"
          onClick=${() => setHelpShown(true)}
        >
          ?
        </button>
        <button
          class="icon theme"
          title="Light or dark"
          aria-label="Light or dark"
          onClick=${() => setTheme(theme === 'dark' ? 'light' : 'dark')}
        >
          ${theme === 'dark' ? '☀' : '☾'}
        </button>
      </header>
      <${SessionList}
        list=${list}
        search=${search}
        selected=${route.session}
        onSearch=${setSearch}
        onImport=${takeFile}
        comparing=${comparing}
        onCancelCompare=${() => setComparing(undefined)}
      />
      <main>
        ${
          notice !== undefined &&
          html`<p class="notice" role="alert">
            ${notice} <button class="plain" onClick=${() => setNotice(undefined)}>dismiss</button>
          </p>`
        }
        ${
          route.compareWith !== undefined && route.session !== undefined
            ? html`<${CompareView} left=${route.session} right=${route.compareWith} />`
            : session
              ? html`<${SessionView}
                  key=${session.id}
                  session=${session}
                  route=${route}
                  go=${go}
                  onCompare=${() => setComparing(session.id)}
                />`
              : html`<${Welcome}
                  isMissing=${session === null && route.session !== undefined}
                  isEmpty=${list !== undefined && list.kept.spans === 0}
                />`
        }
      </main>
      ${isHelpShown && html`<${Help} onClose=${() => setHelpShown(false)} />`}
    </div>
  `;
}

function Welcome({ isMissing, isEmpty }: { isMissing: boolean; isEmpty: boolean }) {
  if (isMissing) {
    return html`<div class="welcome">
      <h1>This session is not here (yet)</h1>
      <p>
        It appears as soon as its first span arrives. If it was here before, it has made room for newer ones.
      </p>
    </div>`;
  }
  if (!isEmpty)
    return html`<div class="welcome">
      <h1>Choose a session</h1>
      <p>Every request, agent run or job that shares a session is one line on the left.</p>
    </div>`;
  return html`
    <div class="welcome">
      <h1>Waiting for spans</h1>
      <p>
        This viewer listens at <code>${location.origin}</code>. A service with Spanwise needs nothing else:
      </p>
      <pre>${PROGRAM}</pre>
      <p>Any other OpenTelemetry SDK sends here with</p>
      <pre>${`OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}`}</pre>
    </div>
  `;
}

const PROGRAM = `import { SessionTracer, Trace } from 'spanwise';

SessionTracer.init({ project: 'shop' });

class Agent {
  @Trace({ eventType: 'chain' })
  async answer(question: string) { … }
}`;

/** A value once it has not changed for a moment, so that typing does not ask at every key. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), 150);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

type Theme = 'light' | 'dark';

/** What the system prefers, until the button says otherwise. */
function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => {
    const stored = localStorage.getItem('theme');
    if (stored === 'light' || stored === 'dark') return stored;
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  });
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return [
    theme,
    (next) => {
      localStorage.setItem('theme', next);
      setTheme(next);
    },
  ];
}
