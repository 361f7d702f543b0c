/**
 * The conformance smoke: the same program on every runtime. It says what it saw as `{ name, ok, note }`, and what it
 * sent is checked by who received it.
 */
import { context, propagation, trace as api } from '@opentelemetry/api';
import {
  SessionTracer,
  enrichSession,
  getBaggage,
  injectContextIntoCarrier,
  trace,
  withBaggage,
  withDistributedTraceContext,
  withSession,
  withSpan,
} from 'spanwise';
import { instrumentClients, logContext } from 'spanwise/http';
import { recordSpans } from 'spanwise/testing';
import * as legacy from './classes.legacy.mjs';
import * as standard from './classes.standard.mjs';
import { Safe } from './private.standard.mjs';

const PARALLEL = 20;
export const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

/**
 * @param host `endpoint`, `engine`, `protocol`; `serve(handler)` → `{ url, close }` where there is an HTTP server
 */
export async function conformance(host) {
  const checks = [];
  const check = async (name, body) => {
    try {
      const note = await body();
      checks.push({ name, ok: true, ...(typeof note === 'string' ? { note } : {}) });
    } catch (error) {
      checks.push({ name, ok: false, note: String(error?.stack ?? error).slice(0, 600) });
    }
  };
  const recorder = recordSpans();
  const tracer = SessionTracer.init({
    project: 'compat',
    source: 'smoke',
    endpoint: host.endpoint,
    protocol: host.protocol,
    engine: host.engine,
    spanProcessors: [recorder],
  });

  await check('the context survives an await', async () => {
    const seen = await withBaggage({ probe: 'yes' }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return getBaggage('probe');
    });
    equal(seen, 'yes');
  });
  for (const [protocol, classes] of Object.entries({ standard, legacy })) {
    await check(`${protocol}: methods of every kind`, () => methods(protocol, classes));
    await check(`${protocol}: an entry continues its caller`, () => entry(protocol, classes));
    await check(`${protocol}: hostile carriers`, () => hostile(protocol, classes, tracer));
    await check(`${protocol}: ${PARALLEL} sessions at once`, () => parallel(protocol, classes));
    if (host.serve !== undefined)
      await check(`${protocol}: an HTTP server`, () => server(protocol, classes, host));
  }
  await check('private members', () => withSession('private', () => equal(new Safe().both(3), 7)));
  await check('functions without decorators', () => functions());
  await check('baggage', () => baggage());
  await check('no span is left running', () => equal(recorder.running.length, 0));
  await check('everything is delivered', async () => {
    const result = await tracer.flush({ timeoutMs: 8_000 });
    equal(result.ok, true);
    equal([result.failed, result.dropped], [0, 0]);
    atLeast(recorder.spans.length, 50);
  });
  await check('a shutdown ends it', async () => {
    await tracer.shutdown();
    equal(tracer.live, false);
    equal(new standard.Kitchen().add(1, 1), 2);
  });
  return checks;
}

async function methods(protocol, { Kitchen, Shelf, FAILURE }) {
  await withSession(`${protocol}-methods`, async () => {
    const kitchen = new Kitchen();
    equal(kitchen.add(1, 2), 3);
    equal(await kitchen.brew('tea'), 'a cup of tea');
    const counting = kitchen.count(2);
    equal([counting.next().value, counting.next().value, counting.next().value], [1, 2, 'counted']);
    const words = [];
    for await (const word of kitchen.stream(['so', 'on'])) words.push(word);
    equal(words, ['so', 'on']);
    equal(await kitchen.fail().catch((error) => error === FAILURE), true);
    throws(() => kitchen.failNow(), FAILURE);
    equal(Kitchen.open() === Kitchen, true);
    equal(kitchen.size, 3);
    equal(kitchen.serve('milk'), 'a cup of milk');
    equal(new Shelf().take(), 'a tin');
    equal([kitchen.brew.name, kitchen.brew.length], ['brew', 1]);
  });
}

async function entry(protocol, { Agent }) {
  const carrier = {
    traceparent: TRACEPARENT,
    baggage: `session_id=${protocol}-entry,project=theirs,source=elsewhere`,
  };
  equal(await new Agent().invoke(carrier, 'tea'), 'a cup of tea');
  equal(await new Agent().invoke(new Headers(carrier), 'tea'), 'a cup of tea');
  equal(await new Agent().invoke(new Map(Object.entries(carrier)), 'tea'), 'a cup of tea');
  const on = withSession(`${protocol}-on`, () => new Agent().passOn());
  matches(on.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]$/);
  matches(on.baggage, new RegExp(`(^|,)session_id=${protocol}-on(,|$)`));
}

async function hostile(protocol, { Agent }, tracer) {
  const agent = new Agent();
  const throwing = new Proxy(
    {},
    {
      get: () => {
        throw new Error('get');
      },
      has: () => {
        throw new Error('has');
      },
      ownKeys: () => {
        throw new Error('ownKeys');
      },
      getPrototypeOf: () => {
        throw new Error('getPrototypeOf');
      },
    },
  );
  const members = [',,=;;', 'broken', '__proto__=x', 'constructor=y', '%00=1', `long=${'v'.repeat(9_000)}`];
  equal(
    agent.whoAsks({ TraceParent: [TRACEPARENT], BAGGAGE: [`session_id=${protocol}-hostile`, ...members] }),
    `${protocol}-hostile`,
  );
  equal({}.x, undefined);
  const bad = [
    { traceparent: `ff${TRACEPARENT.slice(2)}`, baggage: 'session_id=%0d%0aset-cookie:x' },
    { traceparent: '0'.repeat(1_000_000), baggage: `session_id=${'s'.repeat(1_000)}` },
    {
      get traceparent() {
        throw new Error('getter');
      },
    },
    throwing,
    null,
    undefined,
    42,
    'text',
    Symbol('s'),
    () => 1,
    [],
    new Date(NaN),
  ];
  for (const carrier of bad) equal(agent.whoAsks(carrier), tracer.sessionId);
}

async function parallel(protocol, { Agent, Kitchen }) {
  const one = async (n) => {
    const session = `${protocol}-parallel-${n}`;
    const carrier = withSession(session, () => withSpan('caller', () => injectContextIntoCarrier({})));
    const [answer, inside] = await Promise.all([
      new Agent().invoke(carrier, String(n)),
      withSession(session, async () => {
        await new Kitchen().brew(String(n));
        return getBaggage('session_id');
      }),
    ]);
    equal([answer, inside], [`a cup of ${n}`, session]);
  };
  await Promise.all(Array.from({ length: PARALLEL }, (_, n) => one(n)));
}

async function server(protocol, { Server }, host) {
  const { url, close } = await host.serve((request) => {
    const answers = new Server();
    return String(request.url).includes('blind') ? answers.answerBlind() : answers.answer(request);
  });
  try {
    const ask = async (path, session) => {
      const carrier = withSession(session, () => withSpan('client', () => injectContextIntoCarrier({})));
      const response = await fetch(`${url}${path}`, { headers: carrier });
      equal(await response.text(), 'a cup of tea');
    };
    const asked = Array.from({ length: PARALLEL }, (_, n) => ask('/', `${protocol}-http-${n}`));
    await Promise.all(asked);
    const stop = instrumentClients();
    try {
      const outgoing = () => withSpan('client', async () => (await fetch(`${url}/`)).text());
      equal(await withSession(`${protocol}-outgoing`, outgoing), 'a cup of tea');
    } finally {
      stop();
    }
    if (host.findsRequest) await ask('/blind', `${protocol}-blind`);
  } finally {
    await close();
  }
}

async function functions() {
  await withSession('functions', async () => {
    equal(trace((n) => n + 1, { name: 'plus' })(1), 2);
    equal(await withSpan('outer', async () => withSpan('inner', () => 5)), 5);
    equal(
      withDistributedTraceContext(
        { traceparent: TRACEPARENT },
        () => api.getActiveSpan()?.spanContext().spanId,
      ),
      CALLER.spanId,
    );
    enrichSession({ metadata: { seen: true } });
    const ids = withSpan('logged', () => logContext());
    equal(ids.session_id, 'functions');
    matches(ids.trace_id, /^[0-9a-f]{32}$/);
  });
}

function baggage() {
  withBaggage({ tenant: 'blue' }, () => {
    equal(getBaggage('tenant'), 'blue');
    const carrier = {};
    propagation.inject(context.active(), carrier);
    matches(String(carrier.baggage), /tenant=blue/);
  });
  equal(getBaggage('tenant'), undefined);
}

function equal(got, wanted) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

function atLeast(got, wanted) {
  if (!(got >= wanted)) throw new Error(`${got} is less than ${wanted}`);
}

function matches(text, pattern) {
  if (typeof text !== 'string' || !pattern.test(text)) throw new Error(`${text} is not ${pattern}`);
}

function throws(body, wanted) {
  try {
    body();
  } catch (error) {
    if (error === wanted) return;
    throw error;
  }
  throw new Error('nothing was thrown');
}
