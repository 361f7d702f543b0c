/**
 * The rows of the table: what is measured, by which suite, and the gate that `--check` holds it to.
 *
 * A ratio is the overhead of ours in units of the overhead of hand-written OpenTelemetry that does the same:
 * `startActiveSpan` with try/catch/end, an AlwaysOn sampler and a processor that does nothing.
 */
export const ROWS = [
  row('creation', 'sync', '`@Trace`, sampled, sync', 0.45),
  row('creation', 'async', '`@Trace`, sampled, async', 0.45),
  row('identity', 'sync', 'with 3 baggage keys, identity, 2 attributes, sync', 0.5),
  row('identity', 'async', 'with 3 baggage keys, identity, 2 attributes, async', 0.5),
  row('stock', 'sync', '`@Trace` on a user’s stock provider, sync', 1.05),
  row('stock', 'async', '`@Trace` on a user’s stock provider, async', 1.05),
  row('creation', 'unsampled', 'below an unsampled parent, in sampled raw calls', 0.05),
  row('uninitialised', 'call', 'not initialised, in sampled raw calls', 0.02),
  row('propagation', 'extract 3', 'extract, 3 plain entries', 0.25),
  row('propagation', 'extract 8', 'extract, 8 plain entries', 0.25),
  row('propagation', 'extract 8 encoded', 'extract, 8 encoded entries with properties', 0.45),
  row('propagation', 'extract 64', 'extract, 64 entries', 0.2),
  row('propagation', 'inject unchanged', 'inject with the inbound baggage unchanged', 0.05),
  row('propagation', 'set 3', 'set 3 baggage keys', 0.1),
  row('capture', 'megabyte', 'capture of a 1 MB argument, in `JSON.stringify` calls', 0.02),
  row('heap', 'per span', 'heap per queued span', 0.5),
  row('import', 'time', 'import time of the main entry, of `sdk-trace`’s', 0.5),
  row('import', 'memory', 'memory of the main entry, of `sdk-trace`’s', 0.5),
  row('growth', 'depth', 'a span at depth 100, of one at depth 1', 1.25),
  row('growth', 'sessions', '10,000 concurrent sessions against 1, of the same growth of raw', 1.15),
  row('growth', 'leak', 'heap after 1,000,000 spans, of that after 100,000', 1.1),
  // Not held to a gate: what the tables above are made of.
  row('engine', 'sync', 'engine alone (`startActiveSpan`), sync', undefined),
  row('engine', 'async', 'engine alone (`startActiveSpan`), async', undefined),
  row('sdk', 'sync', "`@Trace` with `engine: 'sdk'`, sync", undefined),
  row('sdk', 'async', "`@Trace` with `engine: 'sdk'`, async", undefined),
];

function row(suite, key, label, gate) {
  return { suite, key, label, gate };
}
