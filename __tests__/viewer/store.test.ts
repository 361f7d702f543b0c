import { describe, expect, it } from '@jest/globals';
import { sessionIdOfTrace } from '../../lib/viewer/span-to-event.js';
import { Store, type StoreRecord } from '../../lib/viewer/store.js';
import { receivedSpans, traceIdOf, type SpanOptions } from './requests.js';

const storeWith = (...spans: SpanOptions[]) => {
  const store = new Store();
  store.addSpans(receivedSpans(...spans));
  return store;
};
const idsOf = (store: Store) => [...store.sessions()].map((entry) => entry.id);
const text = 'x'.repeat(1_000);

describe('retention', () => {
  it('forgets whole sessions, the ones that were quiet longest first', () => {
    const store = new Store({ retentionBytes: 60_000 });
    for (let session = 0; session < 10; session++) {
      for (let id = 1; id <= 5; id++) {
        store.addSpans(
          receivedSpans({ session: `s${session}`, trace: session + 1, id, attributes: { text } }),
        );
        // Kept warm: it is used all the time, though it is the oldest.
        store.addSpans(receivedSpans({ session: 's0', trace: 1, id: 1, attributes: { text } }));
      }
    }
    expect(store.bytes).toBeLessThanOrEqual(60_000);
    expect(store.evicted).toBeGreaterThan(0);
    const ids = idsOf(store);
    expect(ids).toContain('s0');
    expect(ids).toContain('s9');
    expect(ids).not.toContain('s1');
    for (const entry of store.sessions()) expect(entry.items.size).toBe(5);
  });

  it('shortens a session that alone is too large, and says so', () => {
    const store = new Store({ retentionBytes: 30_000 });
    for (let id = 1; id <= 50; id++)
      store.addSpans(receivedSpans({ session: 's', id, attributes: { text } }));
    const entry = store.session('s')!;
    expect(store.bytes).toBeLessThanOrEqual(30_000);
    expect(entry.resets).toBeGreaterThan(0);
    expect([...entry.items.values()].at(-1)!.span!.name).toBe('span 50');
    expect(entry.items.size).toBe(store.size);
  });

  it('is back at nothing when everything is forgotten', () => {
    const store = new Store({ retentionBytes: 20_000 });
    store.startSession({ session_id: 'a', metadata: { text } });
    store.updateEvent('a', { metadata: { b: text } });
    store.addSpans(receivedSpans({ session: 'a', id: 1, parent: 9, attributes: { text } }));
    // One span that is larger than everything allowed pushes out all, and itself.
    store.addSpans(receivedSpans({ session: 'b', trace: 2, attributes: { text: 'x'.repeat(50_000) } }));
    expect([store.bytes, store.size, idsOf(store)]).toEqual([0, 0, []]);
    expect(store.trace(traceIdOf(1))).toBeUndefined();
    expect(store.trace(traceIdOf(2))).toBeUndefined();
  });

  it('lets a page know that a session was forgotten and came again', () => {
    const store = new Store({ retentionBytes: 5_000 });
    const come = (session: string, trace: number) =>
      store.addSpans(receivedSpans({ session, trace, attributes: { text } }));
    come('s', 1);
    const before = store.session('s')!.resets;
    come('t', 2);
    expect(store.session('s')).toBeUndefined();
    come('s', 3);
    expect(store.session('s')!.resets).toBeGreaterThan(before);
  });

  it('bounds updates of events that never come', () => {
    const store = new Store({ retentionBytes: 40_000 });
    store.addSpans(receivedSpans({ session: 's' }));
    for (let id = 0; id < 200; id++) store.updateEvent(`never-${id}`, { metadata: { text } });
    expect(store.bytes).toBeLessThan(10_000);
    expect(idsOf(store)).toEqual(['s']);
  });

  it('refuses instead where that is wanted', () => {
    const store = new Store({ retentionBytes: 5_000, refuseWhenFull: true });
    expect(store.full).toBe(false);
    for (let id = 1; id <= 5; id++)
      store.addSpans(receivedSpans({ session: `s${id}`, id, attributes: { text } }));
    expect([store.full, store.evicted, store.size]).toEqual([true, 0, 5]);
  });
});

describe('a span that is sent again', () => {
  it('takes the place of the first', () => {
    const store = storeWith({ session: 's', id: 1, parent: 5, name: 'old' }, { session: 's', id: 2 });
    const before = store.bytes;
    store.addSpans(receivedSpans({ session: 's', id: 1, parent: 5, name: 'new' }));
    expect(store.size).toBe(2);
    expect(store.bytes).toBe(before);
    expect([...store.events('s')].map((event) => event.event_name).sort()).toEqual(['new', 'span 2']);
    expect(store.trace(traceIdOf(1))!.sessions.get('s')).toBe(2);
    expect(store.session('s')!.stats.spans).toBe(2);
  });

  it('moves if it comes under another session', () => {
    const store = storeWith({ session: 'a', id: 1 });
    store.addSpans(receivedSpans({ session: 'b', id: 1 }));
    expect([...store.events()].map((event) => event.session_id)).toEqual(['b']);
    expect(idsOf(store)).toEqual(['b']);
  });
});

it('an event does not push out a span of the same event id', () => {
  const store = storeWith({ session: 's', attributes: { honeyhive_event_id: 'e' } });
  store.addEvent({ session_id: 's', event_id: 'e', event_name: 'extra' });
  store.addEvent({ session_id: 's', event_id: 'e', event_name: 'extra, again' });
  expect([...store.events('s')].map((event) => event.event_name).sort()).toEqual(['extra, again', 'span 1']);
  expect(store.size).toBe(2);
});

describe('spans that name no session', () => {
  it('make a line of their own, by trace', () => {
    const store = storeWith({ trace: 1, id: 1 }, { trace: 1, id: 2 }, { trace: 2, id: 3 });
    expect(idsOf(store).sort()).toEqual(
      [sessionIdOfTrace(traceIdOf(1)), sessionIdOfTrace(traceIdOf(2))].sort(),
    );
    expect([...store.sessions()].every((entry) => !entry.stamped)).toBe(true);
  });

  it('are shown with the session that has part in their trace, whichever comes first', () => {
    for (const order of [0, 1]) {
      const spans: SpanOptions[] = [{ id: 1 }, { session: 's', id: 2, parent: 1 }];
      const store = new Store();
      for (const span of order === 0 ? spans : spans.reverse()) store.addSpans(receivedSpans(span));
      expect(idsOf(store)).toEqual(['s']);
      const rows = store.entriesOf(store.session('s')!).flatMap((entry) => [...entry.items.values()]);
      expect(rows.map((item) => [item.span!.name, item.stamped]).sort()).toEqual([
        ['span 1', false],
        ['span 2', true],
      ]);
    }
  });

  it('are never said to be of that session to those who ask for its events', () => {
    const store = storeWith({ id: 1 }, { session: 's', id: 2, parent: 1 });
    expect([...store.events('s')].map((event) => event.event_name)).toEqual(['span 2']);
  });

  it('tell the pages of the session that they came', () => {
    const store = storeWith({ session: 's', id: 1 });
    const told: string[][] = [];
    store.subscribe((ids) => told.push([...ids]));
    store.addSpans(receivedSpans({ id: 2, parent: 1 }));
    expect(told[0]).toContain('s');
  });
});

describe('events and their tree', () => {
  it('have the ids of parents and children, also where an id was chosen', () => {
    const store = storeWith(
      { session: 's', id: 2, parent: 1 },
      { session: 's', id: 1, attributes: { honeyhive_event_id: 'chosen' } },
      { session: 's', id: 3, parent: 77 },
    );
    const events = new Map([...store.events('s')].map((event) => [event.event_name, event]));
    expect(events.get('span 1')).toMatchObject({ event_id: 'chosen', parent_id: 's' });
    expect(events.get('span 1')!.children_ids).toEqual([events.get('span 2')!.event_id]);
    expect(events.get('span 2')!.parent_id).toBe('chosen');
    expect(events.get('span 3')!.parent_id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('records', () => {
  it('make the same store again', () => {
    const written: StoreRecord[] = [];
    const store = new Store();
    store.recordTo((record) => written.push(JSON.parse(JSON.stringify(record)) as StoreRecord));
    store.startSession({ session_id: 's', session_name: 'named' });
    store.addSpans(receivedSpans({ session: 's', id: 1 }, { id: 2, trace: 2 }));
    store.addEvent({ session_id: 's', event_name: 'extra' });
    store.updateEvent('s', { metadata: { a: 1 } });
    store.updateEvent('s', { metadata: { b: 2 } });
    const contents = (one: Store) => JSON.parse(JSON.stringify([...one.events()]));
    for (const records of [written, JSON.parse(JSON.stringify([...store.records()])) as StoreRecord[]]) {
      const again = new Store();
      for (const record of records) again.replay(record);
      expect(contents(again)).toEqual(contents(store));
      expect(again.bytes).toBe(store.bytes);
    }
  });
});

it('one resource object serves every request', () => {
  const store = storeWith({ id: 1, service: 'a' });
  store.addSpans(receivedSpans({ id: 2, service: 'a' }, { id: 3, service: 'b' }));
  const [one, two, three] = [...store.trace(traceIdOf(1))!.spans.values()].map((item) => item.span!.resource);
  expect(one).toBe(two);
  expect(one).not.toBe(three);
});
