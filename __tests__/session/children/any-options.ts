/** Gives `init` anything for any option, many times, and makes a call with each tracer. */
import assert from 'node:assert/strict';
import { context, propagation, trace as otelTrace } from '@opentelemetry/api';
import fc from 'fast-check';
import {
  injectContextIntoCarrier,
  SessionTracer,
  trace,
  withDistributedTraceContext,
} from '../../../lib/index.js';
import { anyValue, boom, OPTION_NAMES } from '../any-value.js';

const [, , engine, runs] = process.argv;
const work = trace((given: number) => given + 1, { name: 'work', inputs: true });
// Nothing may be sent to where random text points.
globalThis.fetch = boom;

const property = fc.property(
  fc.array(fc.tuple(fc.constantFrom(...OPTION_NAMES), anyValue), { maxLength: 8 }),
  (list) => {
    const given = Object.fromEntries(list.map(([name, make]) => [name, make()]));
    const tracer = SessionTracer.init({ engine, ...given, testMode: true } as never);
    assert(tracer instanceof SessionTracer);
    assert.equal(work(1), 2);
    const carrier = { baggage: 'session_id=s' };
    assert.equal(
      withDistributedTraceContext(carrier, () => work(2)),
      3,
    );
    injectContextIntoCarrier({});
    void tracer.shutdown();
    context.disable();
    propagation.disable();
    otelTrace.disable();
  },
);

async function main(): Promise<void> {
  // In pieces, between which the tracers come to their end.
  for (let left = Number(runs); left > 0; left -= 500) {
    fc.assert(property, { numRuns: Math.min(left, 500) });
    await new Promise(setImmediate);
  }
  process.stdout.write(`${runs} runs`, () => process.exit(0));
}

void main();
