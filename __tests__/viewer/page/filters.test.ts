import { expect, it } from '@jest/globals';
import { termOf, withTerm } from '../../../lib/viewer/page/filters.js';

it.each([
  ['', 'project', 'shop', 'project:shop'],
  ['free words', 'project', 'shop', 'free words project:shop'],
  ['project:a free', 'project', 'b', 'free project:b'],
  ['project:"two words" free', 'project', '', 'free'],
  ['free', 'project', 'two words', 'free project:"two words"'],
  ['subproject:x', 'project', 'y', 'subproject:x project:y'],
])('%j with %s set to %j is %j', (search, key, value, expected) => {
  expect(withTerm(search, key, value)).toBe(expected);
  expect(termOf(expected, key)).toBe(value);
});
