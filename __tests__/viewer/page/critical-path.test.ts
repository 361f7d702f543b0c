import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Row } from '../../../lib/viewer/page-model.js';
import { criticalPath, waitedFor } from '../../../lib/viewer/page/critical-path.js';
import { plant } from '../../../lib/viewer/page/tree.js';
import { row } from './rows.js';

const stretches = (rows: Row[]) =>
  [...criticalPath(plant(rows)).values()]
    .flat()
    .sort((a, b) => a.start - b.start)
    .map(({ key, start, end }) => `${key} ${start}-${end}`);

it('is the span itself where it has no children', () => {
  expect(stretches([row('a', null, { end: 10 })])).toEqual(['a 0-10']);
});

it('follows the children one after another, with the parent’s own time between them', () => {
  const rows = [
    row('a', null, { end: 10 }),
    row('b', 'a', { start: 1, end: 4 }),
    row('c', 'a', { start: 6, end: 9 }),
  ];
  expect(stretches(rows)).toEqual(['a 0-1', 'b 1-4', 'a 4-6', 'c 6-9', 'a 9-10']);
});

it('leaves out what ran beside something that took longer', () => {
  const rows = [
    row('a', null, { end: 10 }),
    row('short', 'a', { start: 1, end: 5 }),
    row('long', 'a', { start: 1, end: 9 }),
  ];
  expect(stretches(rows)).toEqual(['a 0-1', 'long 1-9', 'a 9-10']);
});

it('counts of two that overlap the first only until the second begins', () => {
  const rows = [
    row('a', null, { end: 10 }),
    row('b', 'a', { start: 0, end: 6 }),
    row('c', 'a', { start: 4, end: 10 }),
  ];
  expect(stretches(rows)).toEqual(['b 0-4', 'c 4-10']);
});

it('ends with the root, also if something below goes on', () => {
  const rows = [
    row('a', null, { end: 10 }),
    row('b', 'a', { start: 5, end: 30 }),
    row('c', 'b', { start: 8, end: 30 }),
  ];
  expect(stretches(rows)).toEqual(['a 0-5', 'b 5-8', 'c 8-10']);
});

it('is found in a chain of 20,000 spans', () => {
  const rows = Array.from({ length: 20_000 }, (_, at) =>
    row(`s${at}`, at === 0 ? null : `s${at - 1}`, { start: at, end: 40_000 - at }),
  );
  expect(criticalPath(plant(rows)).size).toBe(20_000);
});

it('covers each root from its start to its end, once', () => {
  const span = fc.tuple(fc.nat(8), fc.nat(100), fc.nat(100));
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 30 }), (spans) => {
      const rows = spans.map(([parent, start, length], at) =>
        row(`s${at}`, at === 0 ? null : `s${parent % at}`, { start, end: start + length }),
      );
      const { start, end } = rows[0]!;
      const all = [...criticalPath(plant(rows)).values()].flat().sort((a, b) => a.start - b.start);
      let cursor = start;
      for (const segment of all) {
        expect(segment.start).toBe(cursor);
        cursor = segment.end;
      }
      expect(cursor).toBe(end);
    }),
  );
});

it('tells what was waited for longest first', () => {
  const rows = [row('a', null, { end: 10 }), row('b', 'a', { start: 1, end: 9 })];
  expect(waitedFor(criticalPath(plant(rows)))).toEqual([
    { key: 'b', time: 8 },
    { key: 'a', time: 2 },
  ]);
});
