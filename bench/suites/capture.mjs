/** Recording an argument of about 1 MB, against the `JSON.stringify` that one writes by hand. */
import { SessionTracer, Trace } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';
import { noop } from '../raw.mjs';

export async function run(settings) {
  SessionTracer.init({ testMode: true, global: false, spanProcessors: [noop] });
  const argument = {
    rows: Array.from({ length: 8_000 }, (_, at) => ({
      id: at,
      name: `customer number ${at}`,
      tags: ['a', 'b', 'c'],
      address: { street: `street ${at}`, city: 'somewhere', zip: 10_000 + at },
    })),
  };
  let sink = 0;
  // Without a result to add up: the argument is an object.
  const call = (options) => {
    class Service {
      sync(given) {
        return given === undefined ? 0 : 1;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, 'sync');
    Object.defineProperty(
      Service.prototype,
      'sync',
      Trace(options)(Service.prototype, 'sync', descriptor) ?? descriptor,
    );
    const service = new Service();
    return () => void (sink += service.sync(argument));
  };
  const samples = await interleave(
    {
      stringify: { fn: () => void (sink += JSON.stringify(argument).length) },
      plain: { fn: call({ name: 'op' }) },
      captured: { fn: call({ name: 'op', inputs: true }) },
    },
    settings,
  );
  return {
    samples,
    bytes: JSON.stringify(argument).length,
    results: {
      megabyte: ratio(samples, 'captured', 'stringify', undefined, 'plain'),
    },
  };
}
