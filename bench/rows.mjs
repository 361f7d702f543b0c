/**
 * The rows of the table: what is measured, by which suite, and the gate that `--check` holds it to.
 *
 * A ratio is the overhead of ours in units of the overhead of hand-written OpenTelemetry that does the same:
 * `startActiveSpan` with try/catch/end, an AlwaysOn sampler and a processor that does nothing.
 *
 * The ceiling is what CI holds a row to on machines of unknown temper: well above what was measured when it was set,
 * in the best of some attempts, so that only something that has become wrong can reach it.
 */
export const ROWS = [
  row('creation', 'sync', '`@Trace`, sampled, sync', 0.45, 0.6),
  row('creation', 'async', '`@Trace`, sampled, async', 0.45, 0.75),
  row('identity', 'sync', 'with 3 baggage keys, identity, 2 attributes, sync', 0.5, 0.6),
  row('identity', 'async', 'with 3 baggage keys, identity, 2 attributes, async', 0.5, 0.65),
  row('stock', 'sync', '`@Trace` on a user’s stock provider, sync', 1.05, 1.6),
  row('stock', 'async', '`@Trace` on a user’s stock provider, async', 1.05, 1.6),
  row('creation', 'unsampled', 'below an unsampled parent, in sampled raw calls', 0.05, 0.08),
  row('uninitialised', 'call', 'not initialised, in sampled raw calls', 0.02, 0.035),
  row('propagation', 'extract 3', 'extract, 3 plain entries', 0.25, 0.45),
  row('propagation', 'extract 8', 'extract, 8 plain entries', 0.25, 0.35),
  row('propagation', 'extract 8 encoded', 'extract, 8 encoded entries with properties', 0.45, 0.6),
  row('propagation', 'extract 64', 'extract, 64 entries', 0.2, 0.27),
  row('propagation', 'inject unchanged', 'inject with the inbound baggage unchanged', 0.05, 0.08),
  row('propagation', 'set 3', 'set 3 baggage keys', 0.1, 0.17),
  row('export', 'main thread 5000', 'main-thread export at 5,000 spans/s, of the protobuf exporter’s', 0.55),
  row(
    'export',
    'main thread 20000',
    'main-thread export at 20,000 spans/s, of the protobuf exporter’s',
    0.55,
    0.85,
  ),
  { ...row('export', 'delay', 'p99 event-loop delay at 50,000 spans/s over a no-op', 1), unit: 'ms' },
  row('heap', 'per span', 'heap per queued span', 0.5, 0.6),
  row('http:express', 'added', 'added CPU per request, Express, of raw manual', 0.4),
  row('http:fastify', 'added', 'added CPU per request, Fastify, of raw manual', 0.4),
  row('http:nest', 'added', 'added CPU per request, Nest, of raw manual', 0.4),
  row('capture', 'megabyte', 'capture of a 1 MB argument, in `JSON.stringify` calls', 0.02, 0.04),
  row('import', 'time', 'import time of the main entry, of `sdk-trace`’s', 0.5),
  row('import', 'memory', 'memory of the main entry, of `sdk-trace`’s', 0.5),
  row('growth', 'depth', 'a span at depth 100, of one at depth 1', 1.25),
  row(
    'growth',
    'sessions',
    '10,000 concurrent sessions against 1, of the same growth of raw that stamps them',
    1.15,
  ),
  row('growth', 'leak', 'heap after 1,000,000 spans, of that after 100,000', 1.1),
  // Not held to a gate: what the tables above are made of.
  row('entry', 'added', 'a request entering, without sockets, of raw manual', undefined, 1.5),
  row('engine', 'sync', 'engine alone (`startActiveSpan`), sync'),
  row('engine', 'async', 'engine alone (`startActiveSpan`), async'),
  row('sdk', 'sync', "`@Trace` with `engine: 'sdk'`, sync"),
  row('sdk', 'async', "`@Trace` with `engine: 'sdk'`, async"),
];

function row(suite, key, label, gate, ceiling) {
  return { suite, key, label, gate, ceiling };
}
