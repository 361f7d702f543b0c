import { expect, it } from '@jest/globals';
import { plant } from '../../../lib/viewer/page/tree.js';
import { usageIn } from '../../../lib/viewer/page/usage.js';
import { row } from './rows.js';

it('sums what the rows say', () => {
  const rows = [row('a'), row('b', 'a', { tokens: 3, cost: 0.5 }), row('c', 'a', { tokens: 4 })];
  expect(usageIn(plant(rows))).toEqual({ tokens: 7, cost: 0.5 });
});

it('counts once what an agent reports of the calls below it', () => {
  const rows = [
    row('agent', null, { tokens: 7 }),
    row('step', 'agent'),
    row('b', 'step', { tokens: 3 }),
    row('c', 'agent', { tokens: 4 }),
  ];
  expect(usageIn(plant(rows)).tokens).toBe(7);
});

it('is nothing where no row says anything', () => {
  expect(usageIn(plant([row('a')]))).toEqual({ tokens: null, cost: null });
});
