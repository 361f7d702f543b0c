/** What has to have arrived once the smoke has run: trees, parents, identity and payloads. */
const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const PARALLEL = 20;
const KINDS = { 1: '', 2: ' SERVER', 3: ' CLIENT' };
const STATUS_ERROR = 2;

/** The spans of a session as one line: names with kind and error, children in brackets, siblings by start. */
export function drawSession(spans, session) {
  const mine = spans.filter(({ attributes }) => attributes['honeyhive.session_id'] === session);
  const ids = new Set(mine.map(({ spanId }) => spanId));
  const draw = (span) => {
    const children = mine
      .filter(({ parentSpanId }) => parentSpanId === span.spanId)
      .sort(byStart)
      .map(draw);
    const failed = span.status.code === STATUS_ERROR ? '!' : '';
    return `${span.name}${KINDS[span.kind] ?? `?${span.kind}`}${failed}${children.length > 0 ? `(${children.join(' ')})` : ''}`;
  };
  return mine
    .filter(({ parentSpanId }) => !ids.has(parentSpanId))
    .sort(byStart)
    .map(draw)
    .join(' ');
}

const byStart = (a, b) =>
  BigInt(a.start) < BigInt(b.start) ? -1 : BigInt(a.start) > BigInt(b.start) ? 1 : 0;

/** Names are the same in both protocols, and so are the trees. */
const methods = (classWithoutName) => [
  'Kitchen.add',
  'Kitchen.brew(Kitchen.pour)',
  'Kitchen.count(Kitchen.add Kitchen.add)',
  'Kitchen.fail!',
  'Kitchen.failNow!',
  'Kitchen.open',
  'Kitchen.serve(Kitchen.pour)',
  'Kitchen.size',
  'Kitchen.stream',
  classWithoutName ? 'take' : 'Shelf.take',
];

/**
 * @param options `classWithoutName`: Rollup takes its name from a class that tsc compiled with a standard class decorator
 * @returns checks as the smoke makes them
 */
export function checkWire(spans, { server, findsRequest, classWithoutName = false }) {
  const checks = [];
  const check = (name, body) => {
    try {
      body();
      checks.push({ name: `wire: ${name}`, ok: true });
    } catch (error) {
      checks.push({ name: `wire: ${name}`, ok: false, note: error.message });
    }
  };
  const ofSession = (session, name) =>
    spans.filter((span) => span.name === name && span.attributes['honeyhive.session_id'] === session);
  const named = (session, name) => ofSession(session, name)[0];

  for (const protocol of ['standard', 'legacy']) {
    check(`${protocol}: methods`, () => {
      const session = `${protocol}-methods`;
      // A clock in steps of a millisecond gives siblings one start, so their order says nothing.
      equal(
        splitTrees(drawSession(spans, session)).sort(),
        methods(classWithoutName && protocol === 'standard'),
      );
      const { attributes } = ofSession(session, 'Kitchen.add').find(
        (span) => span.attributes['honeyhive_inputs.arg1'] === 2,
      );
      equal(
        [
          attributes['honeyhive_inputs.arg0'],
          attributes['honeyhive_inputs.arg1'],
          attributes['honeyhive_outputs.result'],
        ],
        [1, 2, 3],
      );
      equal(named(session, 'Kitchen.stream').attributes['honeyhive_outputs.result'], 'soon');
      const failed = named(session, 'Kitchen.fail');
      equal(
        failed.events.map(({ name }) => name),
        ['exception'],
      );
      equal(failed.events[0].attributes['exception.message'], 'the kettle is empty');
    });
    check(`${protocol}: an entry below its caller`, () => {
      const session = `${protocol}-entry`;
      const tree = 'Agent.invoke SERVER(Kitchen.brew(Kitchen.pour))';
      equal(drawSession(spans, session), `${tree} ${tree} ${tree}`);
      const entered = named(session, 'Agent.invoke');
      equal([entered.traceId, entered.parentSpanId], [CALLER.traceId, CALLER.spanId]);
      const { attributes } = entered;
      equal(
        [attributes['honeyhive.project'], attributes['honeyhive.source'], attributes['session.id']],
        ['theirs', 'elsewhere', session],
      );
      equal(
        [
          attributes.honeyhive_event_type,
          attributes['honeyhive_metadata.tier'],
          attributes['honeyhive_metrics.cups'],
          attributes['honeyhive_outputs.length'],
        ],
        ['chain', 'gold', 1, 12],
      );
    });
    check(`${protocol}: hostile carriers`, () =>
      equal(drawSession(spans, `${protocol}-hostile`), 'Agent.whoAsks SERVER'),
    );
    check(`${protocol}: parallel sessions, ${PARALLEL} of ${PARALLEL}`, () => {
      for (let n = 0; n < PARALLEL; n++) {
        const trees = splitTrees(drawSession(spans, `${protocol}-parallel-${n}`)).sort();
        equal(trees, [
          'Kitchen.brew(Kitchen.pour)',
          'caller(Agent.invoke SERVER(Kitchen.brew(Kitchen.pour)))',
        ]);
      }
    });
    if (!server) continue;
    check(`${protocol}: over HTTP, ${PARALLEL} of ${PARALLEL}`, () => {
      const tree = 'client(Server.answer SERVER(Kitchen.brew(Kitchen.pour)))';
      for (let n = 0; n < PARALLEL; n++) equal(drawSession(spans, `${protocol}-http-${n}`), tree);
      equal(
        drawSession(spans, `${protocol}-outgoing`),
        'client(GET CLIENT(Server.answer SERVER(Kitchen.brew(Kitchen.pour))))',
      );
      if (findsRequest) {
        equal(
          drawSession(spans, `${protocol}-blind`),
          'client(Server.answerBlind SERVER(Kitchen.brew(Kitchen.pour)))',
        );
      }
    });
  }
  check('private members', () =>
    equal(drawSession(spans, 'private').split(' ').sort(), ['Safe.#open', 'Safe.dial']),
  );
  check('functions', () =>
    equal(drawSession(spans, 'functions').split(' ').sort(), ['logged', 'outer(inner)', 'plus']),
  );
  check('times are sound', () => {
    const now = Date.now();
    for (const { name, start, end } of spans) {
      const age = now - Number(BigInt(start) / 1_000_000n);
      if (BigInt(end) < BigInt(start) || Math.abs(age) > 120_000)
        throw new Error(`${name} from ${start} to ${end}`);
    }
  });
  check('each span is whole and there once', () => {
    equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
    for (const { traceId, spanId, scope } of spans) {
      if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId) || scope === '') {
        throw new Error(`${traceId} ${spanId} ${scope}`);
      }
    }
  });
  return checks;
}

/** The trees of a line that `drawSession` made. */
function splitTrees(line) {
  const trees = [];
  let depth = 0;
  let tree = '';
  for (const character of line) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ' ' && depth === 0) {
      trees.push(tree);
      tree = '';
    } else tree += character;
  }
  return tree === '' ? trees : [...trees, tree];
}

function equal(got, wanted) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}
