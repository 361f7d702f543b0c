/** Reading and writing headers, against OpenTelemetry's propagators. */
import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { SpanwisePropagator } from 'spanwise';
import { interleave, ratio } from '../measure.mjs';

const CARRIERS = 512;
const IDENTITY = ['session_id', 'project', 'source'];

/**
 * Carriers that no two calls share: a server never sees the same string object twice, and a cache of strings would
 * look good for no reason.
 */
function carriers(entries, write) {
  return Array.from({ length: CARRIERS }, (_, at) => {
    const parts = [
      `session_id=${write(`5e55-${at}`, 0)}`,
      `project=${write('shop', 1)}`,
      `source=${write('web', 2)}`,
    ];
    for (let key = 3; key < entries; key++) parts.push(`key-${key}=${write(`value-${key}-${at}`, key)}`);
    return {
      traceparent: `00-${(at + 1).toString(16).padStart(32, 'a')}-${(at + 1).toString(16).padStart(16, 'b')}-01`,
      // Joined at run time, so that it is as unshared as a header from a socket.
      baggage: Buffer.from(parts.join(',')).toString(),
    };
  });
}
const plain = (value) => value;
const encoded = (value, key) => `${encodeURIComponent(`${value} é/${key}`)};priority=${key};origin=bench`;

let sink = 0;
function reading(propagator, list) {
  return (i) => {
    const context = propagator.extract(ROOT_CONTEXT, list[i % CARRIERS], defaultTextMapGetter);
    const baggage = propagation.getBaggage(context);
    for (const key of IDENTITY) sink += baggage.getEntry(key).value.length;
    sink += trace.getSpanContext(context).traceFlags;
  };
}
function writing(propagator, list) {
  const contexts = list.map((carrier) => propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter));
  return (i) => {
    const carrier = {};
    propagator.inject(contexts[i % CARRIERS], carrier, defaultTextMapSetter);
    sink += carrier.baggage.length;
  };
}

export async function run(settings) {
  const theirs = new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
  const ours = new SpanwisePropagator();
  const lists = {
    'extract 3': carriers(3, plain),
    'extract 8': carriers(8, plain),
    'extract 8 encoded': carriers(8, encoded),
    'extract 64': carriers(64, plain),
  };
  const cases = {};
  for (const [name, list] of Object.entries(lists)) {
    cases[`raw ${name}`] = { fn: reading(theirs, list) };
    cases[`ours ${name}`] = { fn: reading(ours, list) };
  }
  cases['raw inject unchanged'] = { fn: writing(new W3CBaggagePropagator(), lists['extract 8']) };
  // Theirs writes baggage alone here, so ours is given nothing else to write either.
  const baggageOnly = lists['extract 8'].map(({ baggage }) => ({ baggage }));
  cases['ours inject unchanged'] = { fn: writing(ours, baggageOnly) };
  const arrived = { raw: theirs, ours };
  const set = {};
  for (const [who, propagator] of Object.entries(arrived)) {
    set[who] = propagation.getBaggage(
      propagator.extract(ROOT_CONTEXT, lists['extract 8'][0], defaultTextMapGetter),
    );
  }
  cases['raw set 3'] = {
    fn: () => {
      let baggage = set.raw;
      for (const key of IDENTITY) baggage = baggage.setEntry(key, { value: 'changed' });
      sink += baggage.getEntry('source').value.length;
    },
  };
  cases['ours set 3'] = {
    fn: () => {
      let baggage = set.ours;
      for (const key of IDENTITY) baggage = baggage.setEntry(key, { value: 'changed' });
      sink += baggage.getEntry('source').value.length;
    },
  };
  const samples = await interleave(cases, settings);
  const results = {};
  for (const name of [...Object.keys(lists), 'inject unchanged', 'set 3']) {
    results[name] = ratio(samples, `ours ${name}`, `raw ${name}`);
  }
  return { samples, results };
}
