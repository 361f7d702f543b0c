/** The verifier's vocabulary: what can be asked of sessions, and what can be wrong with them. */

/** What can be wrong, with what it means. */
export const FAULTS = {
  'no-spans': 'the session has no spans',
  unreadable: 'the backend does not tell what is needed to check',
  'mixed-session': 'a trace has spans of more than one session, or a session work for another one',
  'trace-count': 'the session has another number of traces than expected',
  orphan: 'a span lacks the parent it names, or begins a trace away from where the session began',
  'wrong-parent': 'a span hangs below one that cannot have called it',
  'missing-remote': 'a remote call has no span of another service below it',
  'missing-local': 'no call stayed in the service',
  'missing-baggage': 'a span does not carry what its session carries',
  'foreign-baggage': 'a span carries what belongs to another session',
  duplicate: 'a span exists twice',
  'span-count': 'the session has another number of spans than expected',
  'no-overlap': 'the session ran alone, which proves nothing of sessions at once',
} as const;
export type Fault = keyof typeof FAULTS;

export interface Finding {
  readonly fault: Fault;
  /** What was seen, with the names and ids concerned. */
  readonly message: string;
}

/** A session and what is known of it from elsewhere. */
export interface ExpectedSession {
  readonly sessionId: string;
  /** What each of its spans must carry, by baggage key; what is not told must at least be one and the same. */
  readonly baggage?: Readonly<Record<string, string>>;
  readonly traces?: number;
  /** How many spans it has; at most so many where services lost some. */
  readonly spans?: number;
  /** How many of them are of a service, by service. */
  readonly services?: Readonly<Record<string, number>>;
  /** How many calls reached another service. @default at least one */
  readonly remote?: number;
  /** Whether some call must have stayed in the service. @default true */
  readonly local?: boolean;
  /**
   * Services that were killed under it, or `"any"`. Spans of theirs may lack, so that a span may name a parent that is
   * not there; all other services' spans, and everything about the spans that are there, are held as ever.
   */
  readonly lost?: readonly string[] | 'any';
}

export interface VerifyRules {
  /** Baggage keys that identify a session. @default session_identifier, user_id */
  readonly baggageKeys?: readonly string[];
  /** Whether each session must overlap with another one in time. @default true if there are several */
  readonly overlap?: boolean;
  /** The name of the span that a remote span must be directly below. */
  readonly caller?: string;
  /** How far the clocks of two services may be apart, in milliseconds. @default 1000 */
  readonly skewMs?: number;
}

export interface SessionReport {
  readonly sessionId: string;
  readonly baggage: Readonly<Record<string, string>>;
  readonly ok: boolean;
  readonly spans: number;
  readonly traces: number;
  /** Spans by service. */
  readonly services: Readonly<Record<string, number>>;
  readonly remoteCalls: number;
  readonly localCalls: number;
  /** With how many of the other verified sessions it overlapped in time. */
  readonly overlaps: number;
  /** Milliseconds from its first span to the end of its last. */
  readonly durationMs: number;
  readonly findings: readonly Finding[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly sessions: readonly SessionReport[];
  /** Spans of all sessions, also of those that were not asked about. */
  readonly spansSeen: number;
  /** How often each fault was found. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
}

export const DEFAULT_BAGGAGE_KEYS: readonly string[] = ['session_identifier', 'user_id'];
