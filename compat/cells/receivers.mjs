/** What others make of our spans: an independent OTLP receiver, and the session query on ClickHouse itself. */
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import { smokeFiles } from '../smoke/compile.mjs';
import { checkWire, drawSession } from '../smoke/wire.mjs';
import { run, source } from '../stage.mjs';
import { OTEL, TOOLS } from '../versions.mjs';
import { withReceiver } from './runtimes.mjs';

/** Sends the smoke's spans somewhere. */
async function sendSmoke(stage, endpoint, protocol) {
  const folder = await stage.install('otel2', OTEL.otel2);
  stage.fill('otel2/smoke', smokeFiles());
  const settings = { endpoint, protocol, engine: 'spanwise', server: 'node', findsRequest: true };
  const env = { SMOKE: JSON.stringify(settings) };
  const { stdout } = await run(process.execPath, ['smoke/main.mjs'], { cwd: folder, env });
  return JSON.parse(stdout.trim().split('\n').at(-1)).checks;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const KINDS = { INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 };
const STATUS = { UNSET: 0, OK: 1, ERROR: 2 };

async function json(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  return response.json();
}

/** All spans that tracelet has, in the form of our own decoder. */
async function spansOfTracelet(ui) {
  const traces = await json(`${ui}/api/traces`);
  const details = await Promise.all(traces.map(({ traceId }) => json(`${ui}/api/traces/${traceId}`)));
  const nanos = (ms) => String(BigInt(Math.round(ms * 1e6)));
  return details.flatMap(({ spans }) =>
    spans.map((span) => ({
      ...span,
      parentSpanId: span.parentSpanId ?? '',
      kind: KINDS[span.otelKind],
      status: { code: STATUS[span.status] },
      start: nanos(span.start),
      end: nanos(span.end),
    })),
  );
}

const tracelet = {
  id: 'receiver tracelet',
  what: 'the smoke, in protobuf and JSON, as an independent OTLP receiver understood it',
  quick: true,
  async run(stage) {
    const name = '@jnmetacode/tracelet';
    const folder = await stage.install('tracelet', { [name]: TOOLS[name] }, { ours: false });
    const checks = [];
    for (const protocol of ['http/protobuf', 'http/json']) {
      const [port, uiPort] = [await freePort(), await freePort()];
      const cli = path.join(folder, 'node_modules', name, 'src/cli.js');
      const args = [cli, '--port', String(port), '--ui-port', String(uiPort), '--no-open'];
      const { stop } = await stage.start(process.execPath, args, { cwd: folder, ready: /Web UI/ });
      try {
        const smoke = await sendSmoke(stage, `http://127.0.0.1:${port}`, protocol);
        const spans = await spansOfTracelet(`http://127.0.0.1:${uiPort}`);
        const understood = checkWire(spans, { server: true, findsRequest: true });
        checks.push(
          ...[...smoke, ...understood].map((check) => ({ ...check, name: `${protocol}: ${check.name}` })),
        );
      } finally {
        await stop();
      }
    }
    return checks;
  },
};

/** The columns of the Collector's ClickHouse exporter that a query can ask for. */
const TABLE = `
  CREATE TABLE otel.otel_traces (
    Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String,
    SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String), ScopeName String, ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String), Duration UInt64,
    StatusCode LowCardinality(String), StatusMessage String,
    \`Events.Timestamp\` Array(DateTime64(9)), \`Events.Name\` Array(LowCardinality(String)),
    \`Events.Attributes\` Array(Map(LowCardinality(String), String))
  ) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))`;

/** As the exporter writes a span: every attribute as text, kind and status by name. */
function row(span) {
  const texts = (attributes) =>
    Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
  const time = (nanos) => `${nanos.slice(0, -9)}.${nanos.slice(-9)}`;
  return {
    Timestamp: time(span.start),
    TraceId: span.traceId,
    SpanId: span.spanId,
    ParentSpanId: span.parentSpanId,
    TraceState: span.traceState,
    SpanName: span.name,
    SpanKind: ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'][span.kind],
    ServiceName: span.resource['service.name'] ?? '',
    ResourceAttributes: texts(span.resource),
    ScopeName: span.scope,
    SpanAttributes: texts(span.attributes),
    Duration: String(BigInt(span.end) - BigInt(span.start)),
    StatusCode: ['Unset', 'Ok', 'Error'][span.status.code],
    StatusMessage: span.status.message,
    'Events.Timestamp': span.events.map((event) => time(event.time)),
    'Events.Name': span.events.map((event) => event.name),
    'Events.Attributes': span.events.map((event) => texts(event.attributes)),
  };
}

const clickhouse = {
  id: 'receiver clickhouse',
  what: "examples/scale-out/sessions.sql on ClickHouse (chdb), in the Collector's schema",
  quick: false,
  async run(stage) {
    const folder = await stage.install('chdb', { chdb: TOOLS.chdb }, { ours: false });
    return withReceiver(stage, async ({ url, spans }) => {
      const checks = await sendSmoke(stage, url, 'http/protobuf');
      const { Session } = createRequire(path.join(folder, 'noop.js'))('chdb');
      const session = new Session();
      try {
        session.query('CREATE DATABASE otel');
        session.query(TABLE);
        session.query(
          `INSERT INTO otel.otel_traces FORMAT JSONEachRow ${spans.map((span) => JSON.stringify(row(span))).join('\n')}`,
        );
        const sql = source('examples/scale-out/sessions.sql')
          .trim()
          .replace(/;$/, '')
          .replace(/LIMIT \d+$/, 'LIMIT 10000');
        const answered = session
          .query(sql, 'JSONEachRow')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
        checks.push(...sameSessions(answered, spans));
      } finally {
        session.cleanup();
      }
      return checks;
    });
  },
};

/** What the query says of each session, against what was received. */
function sameSessions(answered, spans) {
  const sessions = groupBy(spans, sessionOf);
  const wanted = [...sessions].map(([session, mine]) => ({
    session,
    spans: mine.length,
    traces: new Set(mine.map(({ traceId }) => traceId)).size,
    errors: mine.filter(({ status }) => status.code === 2).length,
  }));
  const got = answered.map(({ session, spans: count, traces, errors }) => ({
    session,
    spans: Number(count),
    traces: Number(traces),
    errors: Number(errors),
  }));
  const sorted = (list) => JSON.stringify([...list].sort((a, b) => (a.session < b.session ? -1 : 1)));
  const methods = got.find(({ session }) => session === 'standard-methods');
  return [
    {
      name: 'sessions.sql finds every session',
      ok: got.length === sessions.size && got.length > 50,
      note: `${got.length}`,
    },
    {
      name: 'with its spans, traces and errors',
      ok: sorted(got) === sorted(wanted),
      note: sorted(got).slice(0, 500),
    },
    {
      name: 'among them the one that fails twice',
      ok: methods?.errors === 2,
      note: `${JSON.stringify(methods)} ${drawSession(spans, 'standard-methods')}`,
    },
  ];
}

const sessionOf = ({ attributes }) => attributes['session.id'];

function groupBy(list, keyOf) {
  const groups = new Map();
  for (const item of list) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

export const cells = [tracelet, clickhouse];
