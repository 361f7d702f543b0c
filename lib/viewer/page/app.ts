/** The page as a whole. */
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLive, useSession, useSessions, type LiveState } from './api.js';
import { bytes, count } from './format.js';
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
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLInputElement;
      if (event.key === '/' && !isTyping) {
        event.preventDefault();
        document.getElementById('search')?.focus();
      } else if (event.key === 'Escape') {
        if (isTyping) (event.target as HTMLInputElement).blur();
        else if (route.span !== undefined) go({ session: route.session });
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [route.session, route.span]);

  return html`
    <div class=${`app${route.session === undefined ? '' : ' has-session'}`}>
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
          class="icon theme"
          title="Light or dark"
          aria-label="Light or dark"
          onClick=${() => setTheme(theme === 'dark' ? 'light' : 'dark')}
        >
          ${theme === 'dark' ? '☀' : '☾'}
        </button>
      </header>
      <${SessionList} list=${list} search=${search} selected=${route.session} onSearch=${setSearch} />
      <main>
        ${
          session
            ? html`<${SessionView}
                session=${session}
                span=${route.span}
                onSelect=${(span: string | undefined) => go({ session: session.id, span }, route.span !== undefined && span !== undefined)}
              />`
            : html`<${Welcome}
                isMissing=${session === null && route.session !== undefined}
                isEmpty=${list !== undefined && list.kept.spans === 0}
              />`
        }
      </main>
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
