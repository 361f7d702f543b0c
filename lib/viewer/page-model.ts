/** What the page is told: the contract between the viewer's process and its page. */
import type { AttributeMap } from './received-span.js';

export interface SessionLine {
  id: string;
  name: string;
  project: string | null;
  source: string | null;
  /** Names of services, in the order in which they had part in it. */
  services: string[];
  spans: number;
  errors: number;
  traces: number;
  /** Milliseconds since the epoch. */
  start: number;
  end: number;
  /** False for a trace that stands in for a session, because its spans name none. */
  isSession: boolean;
}

export interface SessionList {
  /** Differs between two runs of the viewer. */
  epoch: string;
  revision: number;
  /** How many sessions pass the search, of which `sessions` is a part. */
  total: number;
  sessions: SessionLine[];
  /** What there is to filter by, over all sessions. */
  choices: { projects: string[]; sources: string[]; services: string[] };
  kept: { spans: number; bytes: number; retentionBytes: number; forgotten: number };
}

/** One row of a session's waterfall. */
export interface Row {
  key: string;
  /** What stands in a link: the span id, or the event id. */
  id: string;
  parent: string | null;
  trace: string | null;
  name: string;
  service: string;
  kind: string;
  type: string;
  start: number;
  end: number;
  error: string | null;
  /** Whether the span itself names the session. */
  stamped: boolean;
  /** Where a call went to, if its span says so: a host with its port, a service, a queue, a database. */
  peer: string | null;
  /** Tokens that it used, input and output together, and what they cost. */
  tokens: number | null;
  cost: number | null;
  /** How many attributes, events and links the sender had to drop. */
  dropped: number;
  /** Whether what was captured was larger than the limits allow. */
  truncated: boolean;
}

export interface SessionRows {
  epoch: string;
  revision: number;
  /** Sent back with the next question, so that lost rows are noticed. */
  resets: number;
  /** Whether `rows` are all there are, instead of those that came since the last question. */
  complete: boolean;
  session: SessionLine;
  rows: Row[];
  /** Traces that other sessions have part in too, and which these are. */
  mixed: { trace: string; sessions: string[] }[];
}

/** A message to or from a model. */
export interface ConversationMessage {
  role: string;
  text: string;
  /** Whether the text is JSON of something that is no text. */
  isData: boolean;
}

/** The calls of models in a session, in the order of time. */
export interface Conversation {
  total: number;
  turns: {
    key: string;
    name: string;
    service: string;
    model: string | null;
    start: number;
    end: number;
    error: string | null;
    tokens: number | null;
    cost: number | null;
    input: ConversationMessage[];
    output: ConversationMessage[];
  }[];
}

export interface RowDetails {
  row: Row;
  eventId: string;
  sessionId: string;
  project: string | null;
  source: string | null;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  metadata: Record<string, unknown>;
  metrics: Record<string, unknown>;
  feedback: Record<string, unknown>;
  config: Record<string, unknown>;
  userProperties: Record<string, unknown>;
  error: string | null;
  errorType: string | null;
  stack: string | null;
  baggage: AttributeMap;
  attributes: AttributeMap;
  resource: AttributeMap;
  scope: { name: string; version?: string } | null;
  events: { name: string; time: number; attributes: AttributeMap }[];
  links: { traceId: string; spanId: string; attributes: AttributeMap }[];
  status: string;
  statusMessage: string | null;
  traceState: string | null;
  dropped: number;
}
