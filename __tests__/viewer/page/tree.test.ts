import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Row } from '../../../lib/viewer/page-model.js';
import { findRow, flatten, linkId, pathTo, plant } from '../../../lib/viewer/page/tree.js';
import { row } from './rows.js';

const shape = (rows: Row[], closed: string[] = []) =>
  flatten(plant(rows), new Set(closed)).map(({ row: { key }, depth }) => `${'.'.repeat(depth)}${key}`);

describe('a waterfall', () => {
  it('has children below their parents, in the order of their start', () => {
    const rows = [row('c', 'a', { start: 2 }), row('b', 'a', { start: 1 }), row('d', 'b'), row('a')];
    expect(shape(rows)).toEqual(['a', '.b', '..d', '.c']);
  });

  it('has what contains others first where starts are equal', () => {
    expect(shape([row('short', null, { end: 1 }), row('long', null, { end: 9 })])).toEqual(['long', 'short']);
  });

  it('leaves out what is below a closed row, and counts it', () => {
    const rows = [row('a'), row('b', 'a'), row('c', 'b', { error: 'no' }), row('d')];
    expect(shape(rows, ['a'])).toEqual(['a', 'd']);
    expect(flatten(plant(rows), new Set(['a']))[0]).toMatchObject({
      descendants: 2,
      errorsBelow: 1,
      isOpen: false,
    });
  });

  it('shows where a call went to another service, where a parent is missing, and where a trace starts', () => {
    const rows = [
      row('a', null, { start: 0 }),
      row('b', 'a', { service: 'b' }),
      row('c', 'b', { service: 'b' }),
      row('d', 'gone', { start: 5, trace: 'u' }),
      row('e', null, { start: 6, trace: 'u' }),
    ];
    const shown = flatten(plant(rows), new Set());
    expect(shown.map((one) => one.calledFrom)).toEqual([undefined, 'a', undefined, undefined, undefined]);
    expect(shown.map((one) => one.isOrphan)).toEqual([false, false, false, true, false]);
    expect(shown.map((one) => one.startsTrace)).toEqual([true, false, false, true, false]);
  });

  it('knows its times and its services in the order of their part', () => {
    const forest = plant([
      row('a', null, { service: 'late', start: 7, end: 9 }),
      row('b', null, { start: 3, end: 20 }),
    ]);
    expect([forest.start, forest.end]).toEqual([3, 20]);
    expect(forest.services.map(({ name }) => name)).toEqual(['a', 'late']);
    expect(plant([])).toMatchObject({ start: 0, end: 0, roots: [] });
  });

  it('opens the way to a row, and finds it by its key or its id', () => {
    const rows = [
      row('t1s1', null, { id: 's1' }),
      row('t1s2', 't1s1', { id: 's2' }),
      row('t2s1', 't1s2', { id: 's1' }),
    ];
    const forest = plant(rows);
    expect(pathTo(forest, 't2s1')).toEqual(['t1s2', 't1s1']);
    expect(findRow(forest, 's2')?.key).toBe('t1s2');
    expect(findRow(forest, 't2s1')?.key).toBe('t2s1');
    expect(findRow(forest, 'none')).toBeUndefined();
    expect(rows.map((one) => linkId(forest, one))).toEqual(['s1', 's2', 't2s1']);
  });

  it('shows every row once whatever the parents are, circles and chains too', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) =>
      row(`r${index}`, index === 0 ? null : `r${index - 1}`),
    );
    expect(flatten(plant(chain), new Set())).toHaveLength(20_000);
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, fc.option(key), fc.nat(9)), { selector: ([name]) => name }),
        (links) => {
          const rows = links.map(([name, parent, start]) => row(name, parent, { start }));
          const shown = flatten(plant(rows), new Set()).map((one) => one.row.key);
          expect([...shown].sort()).toEqual(rows.map((one) => one.key).sort());
        },
      ),
    );
  });
});
