import { expect, it } from '@jest/globals';
import { compareForests } from '../../../lib/viewer/page/compare.js';
import { plant } from '../../../lib/viewer/page/tree.js';
import { row } from './rows.js';

const compare = (left: ReturnType<typeof row>[], right: ReturnType<typeof row>[]) =>
  compareForests(plant(left), plant(right));

it('puts the same calls next to each other, and sums what one session did more often', () => {
  const left = [row('1', null, { name: 'ask', end: 10 }), row('2', '1', { name: 'tool', end: 4 })];
  const right = [
    row('x', null, { name: 'ask', end: 30 }),
    row('y', 'x', { name: 'tool', end: 5 }),
    row('z', 'x', { name: 'tool', start: 5, end: 12, error: 'no' }),
  ];
  expect(compare(left, right).rows).toMatchObject([
    {
      depth: 0,
      name: 'ask',
      left: { calls: 1, errors: 0, time: 10 },
      right: { calls: 1, errors: 0, time: 30 },
    },
    {
      depth: 1,
      name: 'tool',
      left: { calls: 1, errors: 0, time: 4 },
      right: { calls: 2, errors: 1, time: 12 },
    },
  ]);
});

it('keeps apart what only one of them did, and the same name of another service', () => {
  const left = [row('1', null, { name: 'ask' }), row('2', '1', { name: 'left' })];
  const right = [
    row('1', null, { name: 'ask' }),
    row('2', null, { name: 'ask', service: 'b', start: 2, end: 3 }),
    row('3', '1', { name: 'right' }),
  ];
  expect(
    compare(left, right).rows.map(({ name, service, left, right }) => [
      name,
      service,
      left?.calls,
      right?.calls,
    ]),
  ).toEqual([
    ['ask', 'a', 1, 1],
    ['left', 'a', 1, undefined],
    ['right', 'a', undefined, 1],
    ['ask', 'b', undefined, 1],
  ]);
});

it('stops at 2,000 rows and says how many are left out', () => {
  const many = Array.from({ length: 2_500 }, (_, at) => row(`s${at}`));
  const { rows, leftOut } = compare(many, []);
  expect([rows.length, leftOut]).toEqual([2_000, 500]);
});
