import { expect, it } from '@jest/globals';
import { nodeId, serviceMap } from '../../../lib/viewer/page/service-map.js';
import { plant } from '../../../lib/viewer/page/tree.js';
import { row } from './rows.js';

const of = (...rows: ReturnType<typeof row>[]) => serviceMap(plant(rows));
const client = (key: string, parent: string, more = {}) => row(key, parent, { kind: 'client', ...more });

it('counts the calls between services with their errors, as long as their callers waited', () => {
  const { edges, nodes } = of(
    row('root', null, { end: 100 }),
    client('call 1', 'root', { end: 30 }),
    row('server 1', 'call 1', { service: 'b', start: 5, end: 20 }),
    client('call 2', 'root', { end: 50, error: 'no' }),
    row('server 2', 'call 2', { service: 'b', start: 5, end: 20, error: 'no' }),
  );
  expect(edges).toEqual([{ from: 'a', to: 'b', calls: 2, errors: 1, durations: [30, 50] }]);
  expect(nodes).toMatchObject([
    { name: 'a', spans: 3, errors: 1, layer: 0 },
    { name: 'b', spans: 2, errors: 1, layer: 1 },
  ]);
});

it('has a place outside for calls that nobody answered with a span', () => {
  const { edges, nodes } = of(row('root'), client('query', 'root', { peer: 'postgresql', end: 3 }));
  expect(edges).toEqual([{ from: 'a', to: 'outside postgresql', calls: 1, errors: 0, durations: [3] }]);
  expect(nodes.map(nodeId)).toEqual(['a', 'outside postgresql']);
});

it('knows a place by the service that answered from there', () => {
  const { edges } = of(
    row('root'),
    client('call 1', 'root', { peer: 'host:80' }),
    row('server', 'call 1', { service: 'b' }),
    client('call 2', 'root', { peer: 'host:80', error: 'refused' }),
  );
  expect(edges).toMatchObject([{ from: 'a', to: 'b', calls: 2, errors: 1 }]);
});

it('places services that call each other in a circle', () => {
  const { nodes } = of(
    row('1', null, { service: 'a' }),
    row('2', '1', { service: 'b' }),
    row('3', '2', { service: 'a' }),
  );
  expect(nodes.map(({ name, layer }) => [name, layer])).toEqual([
    ['a', 0],
    ['b', 1],
  ]);
});
