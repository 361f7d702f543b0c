/** What happens to `Object.prototype`, at once where the second argument says so. */

const thrower = (): never => {
  throw new Error('polluted');
};

/** Each adds to the prototype of all objects what descriptors, options, carriers or payloads are read for. */
const POLLUTIONS: Record<string, () => void> = {
  none: () => undefined,
  frozen: () => void Object.freeze(Object.prototype),
  'all frozen': () => {
    for (const { prototype } of [Object, Array, Function, Error, Promise, Map, Set, RegExp, String, Date]) {
      Object.freeze(prototype);
    }
  },
  'get and set': () => add({ get: thrower, set: thrower }),
  value: () => add({ value: 'polluted', writable: false, enumerable: false, configurable: false }),
  'get that is no function': () => add({ get: 'polluted' }),
  options: () =>
    add({ trust: 'restart', project: 'polluted', endpoint: 'http://127.0.0.1:1', sampler: thrower }),
  carrier: () =>
    add({
      traceparent: '00-11111111111111111111111111111111-1111111111111111-01',
      baggage: 'session_id=polluted',
    }),
  'a setter': () =>
    Reflect.defineProperty(
      Object.prototype,
      'toString',
      alone({ get: () => () => 'polluted', set: thrower }),
    ),
};

function alone(descriptor: PropertyDescriptor): PropertyDescriptor {
  return Object.assign(Object.create(null) as object, descriptor);
}

function add(properties: Record<string, unknown>): void {
  for (const name of Object.keys(properties)) {
    const value = properties[name];
    Object.defineProperty(
      Object.prototype,
      name,
      alone({ value, writable: true, enumerable: false, configurable: true }),
    );
  }
}

export function pollute(how: string): void {
  POLLUTIONS[how]!();
}

if (process.argv[3] === 'before') pollute(process.argv[2]!);
