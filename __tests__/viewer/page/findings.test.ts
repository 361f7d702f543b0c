import { describe, expect, it } from '@jest/globals';
import { findingsOf } from '../../../lib/viewer/page/findings.js';
import { plant } from '../../../lib/viewer/page/tree.js';
import { row } from './rows.js';

const kinds = (...rows: ReturnType<typeof row>[]) =>
  findingsOf(plant(rows), []).map(({ kind, keys }) => [kind, ...keys]);
const call = (key: string, more = {}) =>
  row(key, 'root', { kind: 'client', peer: 'host:80', end: 50, ...more });
const answer = (key: string, parent: string, more = {}) =>
  row(key, parent, { service: 'b', kind: 'server', start: 5, end: 20, ...more });
const root = row('root', null, { end: 100 });

describe('findings', () => {
  it('are none in a session that is whole', () => {
    expect(kinds(root, call('c'), answer('s', 'c'))).toEqual([]);
  });

  it('tell traces that other sessions have part in, with their rows', () => {
    const rows = [row('a'), row('b', null, { trace: 'u' })];
    expect(findingsOf(plant(rows), [{ trace: 'u', sessions: ['other'] }])).toMatchObject([
      { kind: 'mixed', text: '1 trace of this session is also in other', keys: ['b'] },
    ]);
  });

  it('tell spans whose parent is missing', () => {
    expect(kinds(row('a', 'gone'))).toEqual([['orphan', 'a']]);
  });

  it('tell a call without a remote child only where the place answers others', () => {
    expect(kinds(root, call('c'))).toEqual([]);
    expect(kinds(root, call('c'), answer('s', 'c'), call('d'))).toEqual([['missing-remote', 'd']]);
    expect(kinds(root, call('c'), answer('s', 'c'), call('d', { peer: 'elsewhere' }))).toEqual([]);
  });

  it('tell clocks that differ, once for two services', () => {
    const rows = [
      root,
      call('c', { start: 10 }),
      answer('s', 'c'),
      call('d', { start: 30 }),
      answer('t', 'd', { start: 24, end: 40 }),
    ];
    expect(kinds(...rows)).toEqual([['clock-skew', 's', 't']]);
    expect(findingsOf(plant(rows), [])[0]!.text).toBe('the clocks of a and b differ by 6 ms or more');
  });

  it('do not take work that goes on after an answer, or a message that waits, for a clock', () => {
    expect(kinds(root, call('c'), answer('s', 'c', { start: 5, end: 500 }))).toEqual([]);
    expect(
      kinds(
        root,
        row('p', 'root', { kind: 'producer', start: 20, end: 21 }),
        answer('s', 'p', { start: 60, end: 61 }),
      ),
    ).toEqual([]);
    expect(kinds(root, call('c', { start: 10 }), answer('s', 'c', { start: 9, end: 20 }))).toEqual([]);
  });

  it('tell spans that name no session, if others of the session do', () => {
    expect(kinds(root, row('a', 'root', { stamped: false }))).toEqual([['unnamed', 'a']]);
    expect(kinds(row('a', null, { stamped: false }))).toEqual([]);
  });

  it('tell what the sender dropped, and payloads that were cut', () => {
    const found = findingsOf(
      plant([row('a', null, { dropped: 3 }), row('b', null, { dropped: 1, truncated: true })]),
      [],
    );
    expect(found).toMatchObject([
      {
        kind: 'dropped',
        text: 'the sender dropped 4 attributes, events or links of 2 spans',
        keys: ['a', 'b'],
      },
      { kind: 'truncated', keys: ['b'] },
    ]);
  });
});
