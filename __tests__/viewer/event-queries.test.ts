import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventQueries } from '../../lib/viewer/event-queries.js';
import { Store } from '../../lib/viewer/store.js';
import { EPOCH, receivedSpans } from './requests.js';

let store: Store;
let queries: EventQueries;
let looks: jest.SpiedFunction<Store['rows']>;
let made: jest.SpiedFunction<Store['present']>;
beforeEach(() => {
  store = new Store();
  queries = new EventQueries(store, false);
  const spans = Array.from({ length: 25 }, (_, index) => ({
    session: `s-${index % 5}`,
    id: index + 1,
    start: index,
  }));
  store.addSpans(receivedSpans(...spans));
  looks = jest.spyOn(store, 'rows');
  made = jest.spyOn(store, 'present');
});
afterEach(() => void jest.useRealTimers());

const namesOn = (page: number, more: object = {}) =>
  queries.page({ page, limit: 10, ...more }, 100).events.map((event) => event.event_name);

describe('the pages of a query', () => {
  it('are newest first, over all sessions, and make only the events that they show', () => {
    expect(namesOn(1)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16].map((id) => `span ${id}`));
    expect(made).toHaveBeenCalledTimes(10);
    expect(namesOn(3)).toEqual([5, 4, 3, 2, 1].map((id) => `span ${id}`));
    expect(made).toHaveBeenCalledTimes(15);
  });

  it('share one look through the store', () => {
    for (let page = 1; page <= 4; page++) namesOn(page);
    expect(looks).toHaveBeenCalledTimes(1);
    namesOn(1, { dateRange: { $gte: EPOCH + 20 } });
    expect(looks).toHaveBeenCalledTimes(2);
  });

  it('show what came or was changed between them', () => {
    expect(namesOn(1)[0]).toBe('span 25');
    store.addSpans(receivedSpans({ session: 'late', id: 99, start: 99 }));
    expect(namesOn(1)[0]).toBe('span 99');
    const { event_id } = queries.page({ page: 1, limit: 1, dateRange: { $lte: EPOCH } }, 100).events[0]!;
    store.updateEvent(event_id, { start_time: EPOCH + 500 });
    expect(namesOn(1).slice(0, 2)).toEqual(['span 1', 'span 99']);
  });

  it('do not keep for long what the store may forget', () => {
    jest.useFakeTimers();
    namesOn(1);
    jest.advanceTimersByTime(10_000);
    namesOn(2);
    expect(looks).toHaveBeenCalledTimes(2);
  });
});
