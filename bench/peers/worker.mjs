/** Measures one peer in this fresh process, against raw in turns, and prints what it found as one line of JSON. */
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { interleave, ratio } from '../measure.mjs';
import { handWritten, noop, stockProvider, work } from '../raw.mjs';
import { OWN_PROVIDER, PEERS } from './all.mjs';

const [name, json, capture] = process.argv.slice(2);
let ended = 0;
const provider = await stockProvider([{ ...noop, onEnd: () => void ended++ }]);
if (!OWN_PROVIDER.has(name)) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
}
const peer = await PEERS[name](capture === 'on');
// A peer without OpenTelemetry leaves the place free; raw needs a context manager as everyone has one.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const raw = handWritten(provider.getTracer('bench'));
const cases = {};
for (const kind of ['sync', 'async']) {
  if (peer[kind] === undefined) continue;
  const isAsync = kind === 'async';
  cases[`bare ${kind}`] = { fn: work[kind], async: isAsync };
  cases[`raw ${kind}`] = { fn: (i) => raw[kind](work[kind], i), async: isAsync };
  cases[`peer ${kind}`] = { fn: peer[kind], async: isAsync };
}
// A peer that makes no span would look cheap.
if (!OWN_PROVIDER.has(name)) {
  await (peer.async ?? peer.sync)(1);
  if (ended === 0) throw new Error('its spans do not reach the provider: not comparable');
}
const samples = await interleave(cases, JSON.parse(json));
const results = {};
for (const kind of ['sync', 'async']) {
  if (peer[kind] !== undefined) {
    results[kind] = ratio(samples, `peer ${kind}`, `raw ${kind}`, `bare ${kind}`);
  }
}
process.stdout.write(`\n@@${JSON.stringify(results)}\n`, () => process.exit(0));
