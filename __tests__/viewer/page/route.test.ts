import { expect, it } from '@jest/globals';
import { linkTo, parseRoute, type Route } from '../../../lib/viewer/page/route.js';

it.each([
  ['', {}],
  ['#/', {}],
  ['#/nowhere/x', {}],
  ['#/session/', {}],
  ['#/session/s1', { session: 's1' }],
  ['#/session/s1/span/b7ad', { session: 's1', span: 'b7ad' }],
  ['#/session/s1/other/b7ad', { session: 's1' }],
  ['#/session/%2Fa%20b/span/c%2Fd', { session: '/a b', span: 'c/d' }],
  ['#/session/s1/map', { session: 's1', view: 'map' }],
  ['#/session/s1/conversation', { session: 's1', view: 'conversation' }],
  ['#/compare/a%2Fb/c', { session: 'a/b', compareWith: 'c' }],
  ['#/compare/a', { session: 'a' }],
  ['#/session/%zz', { session: '%zz' }],
])('%s leads to %j', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

it.each<Route>([
  {},
  { session: 's' },
  { session: 's', view: 'map' },
  { session: 'a/b', compareWith: 'ü#' },
  { session: 'a/b ü#?', span: 'x/y' },
])('%j is found again by its link', (route) => {
  expect(parseRoute(linkTo(route))).toEqual(route);
});
