import { describe, expect, it } from '@jest/globals';
import { columnsOf, concurrencyOf } from '../../../lib/viewer/page/concurrency.js';
import { plant } from '../../../lib/viewer/page/tree.js';
import { row } from './rows.js';

const of = (...rows: ReturnType<typeof row>[]) => concurrencyOf(plant(rows));

describe('what runs at once', () => {
  it('counts a parent only while none of its children runs', () => {
    const { steps, most } = of(
      row('a', null, { end: 10 }),
      row('b', 'a', { start: 2, end: 6 }),
      row('c', 'a', { start: 4, end: 8 }),
    );
    expect(steps).toEqual([
      { at: 0, running: 1 },
      { at: 4, running: 2 },
      { at: 6, running: 1 },
      { at: 10, running: 0 },
    ]);
    expect(most).toBe(2);
  });

  it('is one where one span follows the other at the same moment', () => {
    const { most, gaps } = of(row('a', null, { end: 5 }), row('b', null, { start: 5, end: 9 }));
    expect(gaps).toEqual([]);
    expect(most).toBeLessThanOrEqual(2);
  });

  it('is nothing in a gap, which is told with its bounds', () => {
    const { gaps, steps } = of(row('a', null, { end: 5 }), row('b', null, { start: 8, end: 9 }));
    expect(gaps).toEqual([{ start: 5, end: 8 }]);
    expect(steps).toEqual([
      { at: 0, running: 1 },
      { at: 5, running: 0 },
      { at: 8, running: 1 },
      { at: 9, running: 0 },
    ]);
  });

  it('does not go below nothing for spans without a length or without an order', () => {
    const { steps } = of(
      row('a', null, { start: 5, end: 5 }),
      row('b', 'a', { start: 1, end: 3 }),
      row('c', 'b', { start: 0, end: 9 }),
    );
    expect(Math.min(...steps.map(({ running }) => running))).toBe(0);
    expect(steps.at(-1)!.running).toBe(0);
  });

  it('is nothing in an empty session', () => {
    expect(of()).toEqual({ steps: [], most: 0, gaps: [] });
  });
});

describe('columns', () => {
  it('are as high as what ran most within them', () => {
    const concurrency = of(
      row('a', null, { end: 10 }),
      row('b', 'a', { start: 0, end: 5 }),
      row('c', 'a', { start: 2, end: 3 }),
    );
    expect(columnsOf(concurrency, 0, 10, 2)).toEqual([2, 1]);
    expect(columnsOf(concurrency, 0, 10, 5)).toEqual([1, 2, 1, 1, 1]);
  });

  it('show a part of the session alone', () => {
    expect(
      columnsOf(of(row('a', null, { end: 5 }), row('b', null, { start: 20, end: 30 })), 10, 20, 2),
    ).toEqual([0, 0]);
  });

  it('are none where there is no time', () => {
    expect(columnsOf(of(row('a')), 5, 5, 3)).toEqual([0, 0, 0]);
  });
});
