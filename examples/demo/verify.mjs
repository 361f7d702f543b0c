/**
 * The demo's check: it asks the receiver what arrived, and holds every session against what must be true of it.
 */
import { waitForEvents } from 'spanwise';

/** The spans of one session: 3 in the client, 4 on the server. */
const CLIENT_SPANS = ['user_call', 'call_agent_1', 'call_agent_2'];
const SERVER_SPANS = [
  'AgentController.invoke',
  'ResearchAgent.research',
  'ResearchAgent.search',
  'ResearchAgent.summarize',
];
/** Who called whom; the one across the wire is the point. */
const PARENTS = {
  call_agent_1: 'user_call',
  call_agent_2: 'user_call',
  'AgentController.invoke': 'call_agent_1',
  'ResearchAgent.research': 'AgentController.invoke',
  'ResearchAgent.search': 'ResearchAgent.research',
  'ResearchAgent.summarize': 'ResearchAgent.research',
};

/**
 * @param client asks the receiver
 * @param results what the client process says it did: identifier, userId and sessionId per session
 * @returns per session what was checked and seen, and whether all of it holds
 */
export async function verify(client, results) {
  const total = results.length * (CLIENT_SPANS.length + SERVER_SPANS.length);
  // Everything that arrived, whatever session it claims: a span in the wrong session must not hide from the check.
  const spans = await settled(client, total);
  const sessions = results.map((result) => verifySession(result, spans));
  const claimed = new Set(results.map((result) => result.sessionId));
  const strays = spans.filter((span) => !claimed.has(span.session_id)).map((span) => span.event_name);
  const facts = { spans: spans.length === total, 'no stray spans': strays.length === 0 };
  return {
    ok: sessions.every((session) => session.ok) && Object.values(facts).every(Boolean),
    expectedSpans: total,
    receivedSpans: spans.length,
    facts,
    strays,
    sessions,
  };
}

async function settled(client, total) {
  const query = { filters: [{ field: 'event_type', operator: 'is not', value: 'session', type: 'string' }] };
  const onlySpans = (events) => events.filter((event) => event.span_id !== undefined);
  try {
    return onlySpans(
      await waitForEvents(client, query, (events) => onlySpans(events).length >= total, {
        timeoutMs: 10_000,
      }),
    );
  } catch {
    return onlySpans(await client.exportAllEvents(query));
  }
}

function verifySession({ identifier, userId, sessionId }, spans) {
  const own = spans.filter((span) => span.session_id === sessionId);
  const named = (name) => own.filter((span) => span.event_name === name);
  const byId = new Map(own.map((span) => [span.event_id, span]));
  const services = [...new Set(own.map((span) => span.service_name))].sort();
  const traces = [...new Set(own.map((span) => span.trace_id))];
  const checks = {
    'one trace':
      traces.length === 1 && spans.every((s) => s.trace_id !== traces[0] || s.session_id === sessionId),
    'both services': services.join() === 'agent-server,client',
    'each span once': [...CLIENT_SPANS, ...SERVER_SPANS].every((name) => named(name).length === 1),
    'right parents': Object.entries(PARENTS).every(
      ([name, parent]) => byId.get(named(name)[0]?.parent_id)?.event_name === parent,
    ),
    'remote under the call': isRemoteChild(named('AgentController.invoke')[0], byId),
    'own identifier': own.every(
      (span) => read(span, 'session_identifier') === identifier && read(span, 'user_id') === userId,
    ),
    'identifier nowhere else': spans.every(
      (span) => span.session_id === sessionId || read(span, 'session_identifier') !== identifier,
    ),
    'no errors': own.every((span) => span.error === null),
  };
  return {
    identifier,
    sessionId,
    ok: Object.values(checks).every(Boolean),
    traces,
    services,
    checks,
    spans: own.map((span) => ({
      name: span.event_name,
      service: span.service_name,
      id: span.event_id,
      parent: span.parent_id,
      start: span.start_time,
      duration: span.duration,
    })),
  };
}

/** The server's span hangs below the client's, and was made by another service. */
function isRemoteChild(span, byId) {
  const parent = byId.get(span?.parent_id);
  return parent !== undefined && span.service_name === 'agent-server' && parent.service_name === 'client';
}

function read(span, key) {
  return span.metadata[`baggage.${key}`] ?? span.metadata.baggage?.[key];
}
