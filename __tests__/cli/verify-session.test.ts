import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { FAULTS, type ExpectedSession, type Fault, type VerifyRules } from '../../lib/cli/verify-rules.js';
import { verifySessions } from '../../lib/cli/verify-session.js';
import { startViewer, type Viewer } from '../../lib/viewer/start-viewer.js';
import {
  newSpanId,
  newTraceId,
  plant,
  soundSessions,
  spansOf,
  type PlantedSession,
} from './planted-sessions.js';

jest.setTimeout(30_000);

const viewers: Viewer[] = [];
afterAll(async () => {
  for (const viewer of viewers) await viewer.close();
});

const asExpected = (sessions: readonly PlantedSession[]): ExpectedSession[] =>
  sessions.map(({ sessionId, identifier, userId }) => ({
    sessionId,
    baggage: { session_identifier: identifier, user_id: userId },
  }));

/** Plants sessions with one change in a real viewer, and verifies what that viewer then has. */
async function verifyAfter(
  change: (sessions: PlantedSession[], url: string) => unknown,
  { rules, expect: more }: { rules?: VerifyRules; expect?: Partial<ExpectedSession> } = {},
) {
  const viewer = await startViewer({ port: 0 });
  viewers.push(viewer);
  const sessions = soundSessions(3);
  const expected = asExpected(sessions).map((one) => ({ ...one, ...more }));
  await change(sessions, viewer.url);
  await plant(viewer.url, spansOf(sessions));
  return { sessions, report: verifySessions(viewer.store.events(), expected, rules) };
}

const without = (session: PlantedSession, name: keyof PlantedSession['spans']): void => {
  delete (session.spans as Partial<PlantedSession['spans']>)[name];
};

describe('sessions about which nothing is wrong', () => {
  it('hold, with the counts of what was seen', async () => {
    const { report } = await verifyAfter(() => undefined, {
      rules: { caller: 'call_agent_1' },
      expect: { spans: 5, traces: 1, remote: 1 },
    });
    expect(report).toMatchObject({ ok: true, spansSeen: 15, faults: {} });
    expect(report.sessions[0]).toMatchObject({
      spans: 5,
      traces: 1,
      services: { client: 3, server: 2 },
      remoteCalls: 1,
      localCalls: 1,
      overlaps: 2,
      findings: [],
    });
  });

  it('hold if their spans say themselves whom they work for', async () => {
    const { report } = await verifyAfter((sessions) => {
      for (const { spans, identifier } of sessions) {
        spans.search.attributes['honeyhive_metadata.session_identifier'] = identifier;
      }
    });
    expect(report.faults).toEqual({});
  });

  it('hold without being told what they carry', async () => {
    const viewer = await startViewer({ port: 0 });
    viewers.push(viewer);
    const sessions = soundSessions(2);
    await plant(viewer.url, spansOf(sessions));
    const expected = sessions.map(({ sessionId }) => ({ sessionId }));
    const report = verifySessions(viewer.store.events(), expected);
    expect(report.ok).toBe(true);
    expect(report.sessions[1]!.baggage).toEqual({ session_identifier: 'SESSION_B', user_id: 'user_2' });
  });
});

describe('a planted fault is caught by its name:', () => {
  const planted: [Fault, string, Parameters<typeof verifyAfter>[0], Parameters<typeof verifyAfter>[1]?][] = [
    [
      'mixed-session',
      'a span of the trace claims another session',
      ([a, b]) => (a!.spans.search.attributes['honeyhive.session_id'] = b!.sessionId),
    ],
    [
      'mixed-session',
      'a span of the trace claims no session at all',
      ([a]) => delete a!.spans.search.attributes['honeyhive.session_id'],
    ],
    [
      'mixed-session',
      'a span that is the session’s in all it carries says that it worked for another one',
      ([a, b]) => (a!.spans.search.attributes['honeyhive_metadata.session_identifier'] = b!.identifier),
    ],
    ['orphan', 'the parent was never delivered', ([a]) => without(a!, 'invoke')],
    [
      'orphan',
      'the server begins a trace of its own',
      ([a]) => {
        const traceId = newTraceId();
        Object.assign(a!.spans.invoke, { traceId, parentSpanId: undefined });
        a!.spans.search.traceId = traceId;
      },
    ],
    [
      'wrong-parent',
      'the remote span hangs below the local call',
      ([a]) => (a!.spans.invoke.parentSpanId = a!.spans.call_agent_2.spanId),
    ],
    [
      'wrong-parent',
      'the remote span hangs below the span above the call',
      ([a]) => (a!.spans.invoke.parentSpanId = a!.spans.user_call.spanId),
      { rules: { caller: 'call_agent_1' } },
    ],
    [
      'wrong-parent',
      'a span began before the one that is said to have called it',
      ([a]) => (a!.spans.search.start -= 30),
    ],
    [
      'wrong-parent',
      'two spans are each below the other',
      ([a]) => (a!.spans.invoke.parentSpanId = a!.spans.search.spanId),
    ],
    [
      'missing-remote',
      'nothing of the server arrived, though the client names its call remote',
      ([a]) => {
        without(a!, 'invoke');
        without(a!, 'search');
      },
    ],
    [
      'missing-remote',
      'the spans below the call are of the client itself',
      ([a]) => (a!.spans.invoke.service = a!.spans.search.service = 'client'),
    ],
    ['missing-remote', 'of two remote calls one never arrived', () => undefined, { expect: { remote: 2 } }],
    ['missing-local', 'no call stayed in the client', ([a]) => without(a!, 'call_agent_2')],
    [
      'foreign-baggage',
      'a span carries the identifier of another session',
      ([a, b]) => (a!.spans.search.attributes['baggage.session_identifier'] = b!.identifier),
    ],
    [
      'foreign-baggage',
      'a span carries the user of another session',
      ([a, b]) => (a!.spans.search.attributes['baggage.user_id'] = b!.userId),
    ],
    [
      'foreign-baggage',
      'a session that nobody asked about carries the identifier',
      async ([a], url) => {
        const [stranger] = soundSessions(4).slice(3);
        stranger!.spans.search.attributes['baggage.session_identifier'] = a!.identifier;
        await plant(url, spansOf([stranger!]));
      },
    ],
    [
      'missing-baggage',
      'a span carries no user',
      ([a]) => delete a!.spans.search.attributes['baggage.user_id'],
    ],
    [
      'duplicate',
      'a span was stored a second time',
      async ([a], url) => {
        const { search } = a!.spans;
        await fetch(`${url}/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            event: {
              event_name: 'search',
              event_type: 'tool',
              session_id: a!.sessionId,
              trace_id: search.traceId,
              span_id: search.spanId,
              service_name: 'server',
              start_time: search.start,
              end_time: search.end,
              metadata: { 'baggage.session_identifier': a!.identifier, 'baggage.user_id': a!.userId },
            },
          }),
        });
      },
    ],
    [
      'duplicate',
      'the remote call was made twice',
      ([a]) => {
        const twice = { ...a!.spans.invoke, spanId: newSpanId() };
        Object.assign(a!.spans, { again: twice });
      },
      { expect: { remote: 1 } },
    ],
    ['span-count', 'a leaf was never delivered', ([a]) => without(a!, 'search'), { expect: { spans: 5 } }],
    [
      'trace-count',
      'a second trace in the session',
      ([a]) => (a!.spans.call_agent_2.traceId = newTraceId()),
      { expect: { traces: 1 } },
    ],
    [
      'no-overlap',
      'one session ran when the others were over',
      ([a]) => {
        for (const span of Object.values(a!.spans)) {
          span.start += 1_000;
          span.end += 1_000;
        }
      },
    ],
    [
      'no-spans',
      'a session never arrived',
      ([a]) => {
        a!.spans = {} as PlantedSession['spans'];
      },
    ],
    [
      'unreadable',
      'the backend does not tell the trace of an event',
      async ([a], url) => {
        await fetch(`${url}/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            event: { event_name: 'told', event_type: 'tool', session_id: a!.sessionId },
          }),
        });
      },
    ],
  ];

  // A row without options would leave room for jest's `done`.
  it.each(planted.map(([fault, what, change, options = {}]) => [fault, what, change, options] as const))(
    '%s: %s',
    async (fault, _what, change, options) => {
      const { report, sessions } = await verifyAfter(change, options);
      const broken = report.sessions.find(({ sessionId }) => sessionId === sessions[0]!.sessionId)!;
      expect(report.ok).toBe(false);
      expect(broken.findings.map((finding) => finding.fault)).toContain(fault);
      expect(report.faults[fault]).toBeGreaterThan(0);
    },
  );

  it('each kind there is', () => {
    expect(new Set(planted.map(([fault]) => fault))).toEqual(new Set(Object.keys(FAULTS)));
  });
});

describe('a session whose service was killed', () => {
  const killed = { lost: ['server'], spans: 5, traces: 1, remote: 1, services: { client: 3, server: 2 } };

  it('may lack spans of that service, and those below them may lack their parent', async () => {
    const parent = await verifyAfter(([a]) => without(a!, 'invoke'), { expect: killed });
    expect(parent.report.faults).toEqual({});
    const all = await verifyAfter(
      ([a]) => {
        without(a!, 'invoke');
        without(a!, 'search');
      },
      { expect: killed },
    );
    expect(all.report.faults).toEqual({});
  });

  const planted: [Fault, string, (sessions: PlantedSession[]) => unknown][] = [
    [
      'foreign-baggage',
      'a span of it carries another user',
      ([a, b]) => (a!.spans.search.attributes['baggage.user_id'] = b!.userId),
    ],
    [
      'missing-baggage',
      'a span of it carries no user',
      ([a]) => delete a!.spans.search.attributes['baggage.user_id'],
    ],
    [
      'mixed-session',
      'a span of it names another session',
      ([a, b]) => (a!.spans.search.attributes['honeyhive.session_id'] = b!.sessionId),
    ],
    ['span-count', 'a span of another service lacks', ([a]) => without(a!, 'call_agent_2')],
    ['missing-local', 'no call stayed in the other service', ([a]) => without(a!, 'call_agent_2')],
    ['orphan', 'a span of another service lacks its parent', ([a]) => without(a!, 'user_call')],
    [
      'orphan',
      'a span of it begins a trace',
      ([a]) =>
        Object.assign(a!.spans.search, { traceId: a!.spans.user_call.traceId, parentSpanId: undefined }),
    ],
    [
      'orphan',
      'a span of it is in a trace that nobody else knows',
      ([a]) => (a!.spans.search.traceId = newTraceId()),
    ],
    ['trace-count', 'it has a second trace', ([a]) => (a!.spans.search.traceId = newTraceId())],
    [
      'wrong-parent',
      'a span of it hangs below a call that stayed local',
      ([a]) => (a!.spans.search.parentSpanId = a!.spans.call_agent_2.spanId),
    ],
    [
      'span-count',
      'it has more spans than it can have',
      ([a]) => {
        const { search } = a!.spans;
        const again = { ...search, spanId: newSpanId() };
        Object.assign(a!.spans, { again, more: { ...search, spanId: newSpanId() } });
      },
    ],
    [
      'duplicate',
      'it was called more often than it can have been',
      ([a]) =>
        Object.assign(a!.spans, {
          again: { ...a!.spans.search, spanId: newSpanId(), parentSpanId: a!.spans.call_agent_1.spanId },
        }),
    ],
  ];
  it.each(planted)('is held to all else: %s if %s', async (fault, _what, change) => {
    const { report } = await verifyAfter(
      (sessions) => {
        without(sessions[0]!, 'invoke');
        change(sessions);
      },
      { expect: { ...killed, ...(fault === 'duplicate' ? { remote: 0, services: {}, spans: 5 } : {}) } },
    );
    expect(Object.keys(report.faults)).toContain(fault);
  });
});
