/** Sessions at once through one framework, and the proof that none of its spans are another session's. */
import { diag } from '@opentelemetry/api';
import { SessionTracer, withSession, withSpan } from '../../dist/index.js';

/** What every session's question holds, and no other's. */
const IDENTIFIER = /ticket-\d{4}/g;
const identifierOf = (index) => `ticket-${String(index).padStart(4, '0')}`;

/** A tracer that keeps its spans, and what Spanwise says meanwhile. */
export function startTracing(options = {}) {
  const spans = [];
  const warned = [];
  const quiet = () => undefined;
  const warn = (line) => void warned.push(line);
  diag.setLogger(
    { error: warn, warn, info: quiet, debug: quiet, verbose: quiet },
    { suppressOverrideMessage: true },
  );
  const settled = () => Promise.resolve();
  const keep = { onStart: () => undefined, onEnd: (span) => spans.push(span) };
  const tracer = SessionTracer.init({
    project: 'agents',
    testMode: true,
    spanProcessors: [{ ...keep, forceFlush: settled, shutdown: settled }],
    ...options,
  });
  return { tracer, spans, warned };
}

/**
 * Asks `ask(question)` in so many sessions at once.
 *
 * @returns what was seen: `mixed` counts spans that are in another session or trace than what they are about, `orphans`
 *   spans whose parent is not in their session, `uneven` sessions with other spans than the first one
 */
export async function runSessions({ ask, spans, sessions, expected, settle }) {
  const before = spans.length;
  const ids = Array.from({ length: sessions }, (_, index) => `session-${identifierOf(index)}`);
  const turn = (id, index) =>
    withSession({ sessionId: id, skipApiCall: true }, () =>
      withSpan({ name: 'turn', root: true }, async () => {
        const answer = await ask(`What is in ${identifierOf(index)}?`);
        return answer.includes(identifierOf(index));
      }),
    );
  const answered = await Promise.all(ids.map(turn));
  await settle?.();
  return {
    ...judge(spans.slice(before), ids, expected),
    answeredWithAnothers: answered.filter((own) => !own).length,
  };
}

function judge(spans, ids, expected) {
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  const sessionOf = (span) => span.attributes['honeyhive.session_id'];
  const traces = new Map();
  const shapes = new Map(ids.map((id) => [id, []]));
  let mixed = 0;
  let orphans = 0;
  for (const span of spans) {
    const session = sessionOf(span);
    const { traceId } = span.spanContext();
    if (!traces.has(traceId)) traces.set(traceId, session);
    // What a span is about is seen from its contents, which come from the framework and not from any context.
    const about = [...new Set(JSON.stringify(span.attributes).match(IDENTIFIER) ?? [])];
    const own = about.filter((identifier) => session === `session-${identifier}`);
    if (!shapes.has(session) || traces.get(traceId) !== session || own.length !== about.length) mixed++;
    shapes.get(session)?.push(span.name);
    const parentId = span.parentSpanContext?.spanId;
    if (parentId === undefined ? span.name !== 'turn' : sessionOf(byId.get(parentId) ?? span) !== session)
      orphans++;
    if (parentId !== undefined && !byId.has(parentId)) orphans++;
  }
  const [first] = shapes.values();
  const shape = (names) => [...names].sort().join();
  const uneven = [...shapes.values()].filter((names) => shape(names) !== shape(first)).length;
  const missing = expected.filter((name) => !first.some((one) => one.includes(name)));
  return { sessions: ids.length, spans: spans.length, traces: traces.size, mixed, orphans, uneven, missing };
}
