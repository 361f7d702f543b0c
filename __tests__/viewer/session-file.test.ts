import { describe, expect, it } from '@jest/globals';
import { exportSession, exportSpan, importSession } from '../../lib/viewer/session-file.js';
import { Store } from '../../lib/viewer/store.js';
import { receivedSpans, spanIdOf, traceIdOf } from './requests.js';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const eventsOf = (store: Store) => [...store.events('s')].map((event) => ({ ...event }));

function filled(): Store {
  const store = new Store();
  store.startSession({ session_id: 's', session_name: 'named', metadata: { a: 1 }, start_time: 5 });
  store.addSpans(
    receivedSpans({ session: 's', id: 1 }, { id: 2, parent: 1 }, { session: 'other', trace: 2, id: 3 }),
  );
  store.addEvent({
    event_id: 'e',
    session_id: 's',
    event_name: 'rating',
    metrics: { stars: 5 },
    start_time: 7,
  });
  store.updateEvent('e', { feedback: { good: true } });
  store.updateEvent('s', { outputs: { done: true } });
  return store;
}

describe('a session file', () => {
  it('holds spans, events, updates and the session itself, and makes the same session again', () => {
    const store = new Store();
    const reply = importSession(store, bytes(exportSession(filled(), 's')));
    expect(reply).toEqual({ spans: 2, events: 1, rejected: 0, session: 's' });
    expect(eventsOf(store)).toEqual(eventsOf(filled()));
    expect(store.session('other')).toBeUndefined();
  });

  it('can be taken twice', () => {
    const store = filled();
    importSession(store, bytes(exportSession(store, 's')));
    expect(eventsOf(store)).toEqual(eventsOf(filled()));
  });

  it('is any trace request, too', () => {
    const span = exportSpan(filled(), 's', traceIdOf(1) + spanIdOf(1));
    expect(importSession(new Store(), bytes(span))).toMatchObject({ spans: 1, session: 's' });
  });

  it('is there for sessions only', () => {
    expect(exportSession(new Store(), 'none')).toBeUndefined();
    expect(exportSpan(filled(), 's', 'none')).toBeUndefined();
    expect(exportSpan(new Store(), 's', 'none')).toBeUndefined();
  });
});

it.each([
  ['text', Buffer.from('hello'), /not JSON/],
  ['a list', bytes([]), /not a trace request/],
  ['nothing', bytes({}), /neither spans nor events/],
  ['a later version', bytes({ spanwise: { version: 2, events: [{}] } }), /of version 2; this viewer reads 1/],
  ['depth', Buffer.from(`{"spanwise":{"events":${'['.repeat(500)}${']'.repeat(500)}}}`), /deeper/],
])('%s is refused with the reason', (_what, body, reason) => {
  expect(() => importSession(new Store(), body)).toThrow(reason);
});

it('takes of a damaged file what is sound', () => {
  const file = exportSession(filled(), 's') as { spanwise: { events: unknown[]; updates: unknown[] } };
  file.spanwise.events.push(null, 7, 'x');
  file.spanwise.updates.push(null, ['e'], [1, {}], ['e', 'x']);
  const store = new Store();
  expect(importSession(store, bytes(file))).toMatchObject({ spans: 2, events: 1 });
});
