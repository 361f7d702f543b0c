import { expect, it } from '@jest/globals';
import { linkTo, parseRoute } from '../../../lib/viewer/page/route.js';

it.each([
  ['', {}],
  ['#/', {}],
  ['#/nowhere/x', {}],
  ['#/session/', {}],
  ['#/session/s1', { session: 's1' }],
  ['#/session/s1/span/b7ad', { session: 's1', span: 'b7ad' }],
  ['#/session/s1/other/b7ad', { session: 's1' }],
  ['#/session/%2Fa%20b/span/c%2Fd', { session: '/a b', span: 'c/d' }],
  ['#/session/%zz', { session: '%zz' }],
])('%s leads to %j', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

it.each([{}, { session: 's' }, { session: 'a/b ü#?', span: 'x/y' }])(
  '%j is found again by its link',
  (route) => {
    expect(parseRoute(linkTo(route))).toEqual(route);
  },
);
