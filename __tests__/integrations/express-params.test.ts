import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { followParams, namesByValue, noteMounts } from '../../lib/integrations/express-params.js';
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

describe('the params of mounted routers', () => {
  type Handler = ((request: Followed, next: () => void) => void) & { stack?: object[] };
  /** A router's layers as a version of Express has them. */
  const layers = (name: 'handleRequest' | 'handle_request') =>
    class Layer {
      constructor(
        readonly path: string,
        readonly handle: Handler,
        readonly route?: object,
      ) {
        if (name === 'handleRequest') Object.assign(this, { rawPath: path });
        else Object.assign(this, { keys: path.match(/:\w+/g) ?? [] });
        const { prototype } = Layer as unknown as { prototype: Record<string, unknown> };
        prototype[name] ??= function (this: Layer, request: Followed, next: () => void) {
          this.handle(request, next);
        };
      }
    };
  const hand = (layer: object, request: Followed): void => {
    const { handleRequest, handle_request: older } = layer as Record<string, (...args: unknown[]) => void>;
    (handleRequest ?? older)!.call(layer, request, () => undefined);
  };

  it.each([
    ['handleRequest', 'router'],
    ['handle_request', '_router'],
  ] as const)('are noted as they are handed on: %s', (name, place) => {
    const Layer = layers(name);
    const Inner = layers(name);
    const handled: unknown[] = [];
    const inner: object[] = [new Inner('/shelves/:shelf', (request) => handled.push(request.params))];
    const router = Object.assign(() => undefined, { stack: inner });
    const stack = [new Layer('/', () => undefined), new Layer('/shops/:shop', router)];
    const request = Object.assign(requests()(), { app: { [place]: { stack } } });
    expect(noteMounts(request)).toBe(true);
    expect(noteMounts(request)).toBe(true);
    request.params = { ignored: 'a' };
    hand(stack[0]!, request);
    request.params = { shop: '7' };
    hand(stack[1]!, request);
    request.params = { shelf: '9' };
    hand(inner[0]!, request);
    hand(new Layer('/routes/:id', () => undefined, {}), Object.assign(request, { params: { id: '1' } }));
    expect([...namesByValue(request)]).toEqual([
      ['7', 'shop'],
      ['9', 'shelf'],
    ]);
    expect(handled).toEqual([{ shelf: '9' }]);
    expect(Object.getOwnPropertyDescriptor(request, 'params')?.value).toEqual({ id: '1' });
  });

  it.each([
    ['no application', {}],
    ['an application of something else', { app: {} }],
    ['layers of something else', { app: { router: { stack: [{}] } } }],
    [
      'a router that throws',
      {
        app: {
          get router(): never {
            throw new Error('no');
          },
        },
      },
    ],
  ])('have to be followed where there is %s', (_, given) => {
    const request = requests()();
    Object.defineProperties(request, Object.getOwnPropertyDescriptors(given));
    expect(noteMounts(request)).toBe(false);
  });
});

it('the prototype that a framework shares is the one next to the class', () => {
  const shared = Object.create(IncomingMessage.prototype) as object;
  expect(sharedPrototype(Object.create(Object.create(shared) as object) as object)).toBe(shared);
  expect(sharedPrototype(IncomingMessage.prototype)).toBeUndefined();
});
