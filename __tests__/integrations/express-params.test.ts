import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { followParams, namesByValue } from '../../lib/integrations/express-params.js';
import { prepareOnce, sharedPrototype } from '../../lib/integrations/express-prototype.js';

type Followed = IncomingMessage & { params?: Record<string, string> };

/** As the middleware does. */
const follow = (request: object): void => prepareOnce(request, (shared) => followParams(request, shared));

/** Requests as an application of Express makes them: children of one object. */
function requests(): () => Followed {
  const prototype = Object.create(Object.create(IncomingMessage.prototype) as object) as object;
  return () => Object.setPrototypeOf(new IncomingMessage(new Socket()), prototype) as Followed;
}

describe('the params of an Express request', () => {
  it.each([0, 1, 2])('are followed in the first request and in those after it: %d', (earlier) => {
    const next = requests();
    let request = next();
    for (let at = 0; at <= earlier; at++) {
      request = next();
      request.params = {};
      follow(request);
    }
    request.params = { tenant: 'acme' };
    request.params = { order: '7' };
    expect(request.params).toEqual({ order: '7' });
    expect({ ...request }.params).toEqual({ order: '7' });
    expect([...namesByValue(request)]).toEqual([
      ['acme', 'tenant'],
      ['7', 'order'],
    ]);
    expect(Object.hasOwn(request, 'params')).toBe(true);
  });

  it('are absent where nobody has set them', () => {
    const next = requests();
    const first = next();
    first.params = {};
    follow(first);
    const second = next();
    expect(second.params).toBeUndefined();
    expect(Object.keys(second)).not.toContain('params');
    expect(namesByValue(second).size).toBe(0);
  });

  it('stay as they are on a request that cannot be changed', () => {
    const request = requests()();
    request.params = { id: '1' };
    Object.freeze(request);
    expect(() => follow(request)).not.toThrow();
    expect(request.params).toEqual({ id: '1' });
    expect(namesByValue(request).size).toBe(0);
  });
});

it('the prototype that a framework shares is the one next to the class', () => {
  const shared = Object.create(IncomingMessage.prototype) as object;
  expect(sharedPrototype(Object.create(Object.create(shared) as object) as object)).toBe(shared);
  expect(sharedPrototype(IncomingMessage.prototype)).toBeUndefined();
});
