/** Whole sessions of two services as a viewer receives them, for tests to break in one place each. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface PlantedSpan {
  name: string;
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  /** Milliseconds since the epoch. */
  start: number;
  end: number;
  attributes: Record<string, string>;
}

export interface PlantedSession {
  sessionId: string;
  identifier: string;
  userId: string;
  /** By name: user_call, call_agent_1, call_agent_2 of the client; invoke, search of the server. */
  spans: Record<'user_call' | 'call_agent_1' | 'call_agent_2' | 'invoke' | 'search', PlantedSpan>;
}

export const newSpanId = (): string => randomBytes(8).toString('hex');
export const newTraceId = (): string => randomBytes(16).toString('hex');

/** Sessions that ran at the same time and about which nothing is wrong. */
export function soundSessions(count: number, base = Date.now()): PlantedSession[] {
  return Array.from({ length: count }, (_, index) => {
    const sessionId = randomUUID();
    const identifier = `SESSION_${String.fromCharCode(65 + index)}`;
    const userId = `user_${index + 1}`;
    const traceId = newTraceId();
    const span = (
      name: string,
      service: string,
      parent: PlantedSpan | undefined,
      [from, to]: [number, number],
      more: Record<string, string> = {},
    ): PlantedSpan => ({
      name,
      service,
      traceId,
      spanId: newSpanId(),
      parentSpanId: parent?.spanId,
      start: base + from,
      end: base + to,
      attributes: {
        'honeyhive.session_id': sessionId,
        'honeyhive.project': 'lab',
        'honeyhive.source': 'client',
        'baggage.session_identifier': identifier,
        'baggage.user_id': userId,
        ...more,
      },
    });
    const user_call = span('user_call', 'client', undefined, [0, 100]);
    const call_agent_1 = span('call_agent_1', 'client', user_call, [1, 60], {
      'honeyhive_metadata.mode': 'remote',
    });
    const invoke = span('invoke', 'server', call_agent_1, [10, 50]);
    const search = span('search', 'server', invoke, [20, 40]);
    const call_agent_2 = span('call_agent_2', 'client', user_call, [61, 90], {
      'honeyhive_metadata.mode': 'local',
    });
    return {
      sessionId,
      identifier,
      userId,
      spans: { user_call, call_agent_1, call_agent_2, invoke, search },
    };
  });
}

export const spansOf = (sessions: readonly PlantedSession[]): PlantedSpan[] =>
  sessions.flatMap(({ spans }) => Object.values(spans));

/** Sends spans to a receiver the way OpenTelemetry does. */
export async function plant(url: string, spans: readonly PlantedSpan[]): Promise<void> {
  const attributesOf = (attributes: Record<string, string>) =>
    Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const resourceSpans = spans.map((span) => ({
    resource: { attributes: attributesOf({ 'service.name': span.service }) },
    scopeSpans: [
      {
        scope: { name: 'planted' },
        spans: [
          {
            traceId: span.traceId,
            spanId: span.spanId,
            ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
            name: span.name,
            kind: 1,
            startTimeUnixNano: `${span.start}000000`,
            endTimeUnixNano: `${span.end}000000`,
            attributes: attributesOf(span.attributes),
          },
        ],
      },
    ],
  }));
  const response = await fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans }),
  });
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
}
