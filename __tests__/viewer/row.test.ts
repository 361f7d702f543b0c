import { describe, expect, it } from '@jest/globals';
import { rowOf } from '../../lib/viewer/row.js';
import { Store } from '../../lib/viewer/store.js';
import { receivedSpans, type SpanOptions } from './requests.js';

const rowFrom = (span: SpanOptions) => {
  const store = new Store();
  store.addSpans(receivedSpans({ session: 's', ...span }));
  return rowOf(store, [...store.session('s')!.items.values()][0]!);
};

describe('where a call went to', () => {
  it.each([
    [{ 'peer.service': 'billing', 'server.address': 'h' }, 'billing'],
    [{ 'server.address': 'h', 'server.port': 80 }, 'h:80'],
    [{ 'net.peer.name': 'old' }, 'old'],
    [{ 'messaging.destination.name': 'orders' }, 'orders'],
    [{ 'db.system.name': 'postgresql', 'server.address': 'h' }, 'postgresql'],
    [{ 'url.full': 'https://host:8443/x?y' }, 'host:8443'],
    [{ 'http.url': 'http://host/x' }, 'host'],
    [{ 'url.full': 'no url' }, null],
    [{}, null],
  ])('%j is %j', (attributes, peer) => {
    expect(rowFrom({ kind: 3, attributes: attributes as never }).peer).toBe(peer);
  });

  it('is told of callers only', () => {
    expect(rowFrom({ kind: 2, attributes: { 'server.address': 'h' } }).peer).toBeNull();
    expect(rowFrom({ kind: 4, attributes: { 'messaging.destination.name': 'q' } }).peer).toBe('q');
  });
});

it('says what was cut', () => {
  expect(rowFrom({ attributes: { 'spanwise.truncated': true } }).truncated).toBe(true);
  expect(rowFrom({})).toMatchObject({ truncated: false, dropped: 0 });
});
