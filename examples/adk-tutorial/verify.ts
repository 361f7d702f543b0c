/** The tutorial's check: what the backend has of the session, as a tree, and whether it is what was promised. */
import { waitForEvents, whereIs, type HoneyHiveClient, type HoneyHiveEvent } from 'spanwise';

const CALLS = 2;
/** What hangs below what in each call of the user. How often an agent asks its model is its own affair. */
const PARENTS: Readonly<Record<string, string>> = {
  call_principal: 'user_call',
  call_agent_1: 'call_principal',
  run_agent: 'call_agent_1',
  call_agent_2: 'call_principal',
};
/** The agents' own spans: the span of ours that each agent is below. */
const AGENTS: Readonly<Record<string, string>> = {
  'invoke_agent research_agent': 'run_agent',
  'invoke_agent analysis_agent': 'call_agent_2',
};

export interface Report {
  readonly ok: boolean;
  readonly sessionId: string;
  readonly tree: string;
  readonly checks: Readonly<Record<string, boolean>>;
  /** Why the backend could not be asked, or how long it was waited for. */
  readonly error?: string;
}

/** Asks the backend until all of it holds, or for half a minute. */
export async function verify(client: HoneyHiveClient, sessionId: string): Promise<Report> {
  const query = { filters: [whereIs('session_id', sessionId)] };
  try {
    return inspect(sessionId, await waitForEvents(client, query, (events) => inspect(sessionId, events).ok));
  } catch (error) {
    const events = await client.exportAllEvents(query);
    return { ...inspect(sessionId, events), error: (error as Error).message };
  }
}

/** Holds what the backend has of the session against what the tutorial promises. */
function inspect(sessionId: string, events: readonly HoneyHiveEvent[]): Report {
  const spans = events
    .filter(({ event_type: type }) => type !== 'session')
    .sort((a, b) => a.start_time - b.start_time);
  const parentOf = (span: HoneyHiveEvent): HoneyHiveEvent | undefined =>
    spans.find(({ event_id: id }) => id === span.parent_id);
  const below = (parent: HoneyHiveEvent): HoneyHiveEvent[] =>
    spans.filter((span) => span.parent_id === parent.event_id);
  const named = (name: string): HoneyHiveEvent[] => spans.filter((span) => span.event_name === name);
  const roots = spans.filter((span) => parentOf(span) === undefined);

  const checks = {
    [`${CALLS} user calls in one session`]:
      roots.length === CALLS && roots.every((root) => root.event_name === 'user_call'),
    'our spans hang where the tutorial has them, the remote one below call_agent_1': Object.entries(
      PARENTS,
    ).every(
      ([name, parent]) =>
        named(name).length === CALLS && named(name).every((span) => parentOf(span)?.event_name === parent),
    ),
    "each agent's spans are below the call, and hold calls of the model": Object.entries(AGENTS).every(
      ([name, caller]) =>
        named(name).length === CALLS &&
        named(name).every((span) => {
          const invocation = parentOf(span);
          return (
            invocation?.event_name === 'invocation' &&
            parentOf(invocation)?.event_name === caller &&
            below(span).some((call) => call.event_name === 'call_llm')
          );
        }),
    ),
    'project and source of the caller on every span': spans.every(
      ({ project, source }) => project === roots[0]?.project && source === 'client-app',
    ),
    'mode remote, and mode local': ['remote', 'local'].every((mode, index) =>
      named(`call_agent_${index + 1}`).every(({ metadata }) => metadata['mode'] === mode),
    ),
    'no errors': spans.every(({ error }) => error === null),
  };
  return {
    ok: Object.values(checks).every(Boolean),
    sessionId,
    tree: roots.flatMap((root) => draw(root, below)).join('\n'),
    checks,
  };
}

/** The tree, with event types and, where the backend tells it, the service that made the span. */
function draw(
  span: HoneyHiveEvent,
  below: (span: HoneyHiveEvent) => HoneyHiveEvent[],
  arm = '',
  indent = '',
): string[] {
  const children = below(span);
  return [
    `${(arm + span.event_name).padEnd(50)}${span.event_type.padEnd(7)}${String(span['service_name'] ?? '')}`,
    ...children.flatMap((child, index) => {
      const last = index === children.length - 1;
      return draw(child, below, `${indent}${last ? '└─ ' : '├─ '}`, `${indent}${last ? '   ' : '│  '}`);
    }),
  ];
}
