/**
 * Sessions per request: `withSession` for the work of one, `enrichSession` for what is known of it later.
 */
import { context } from '@opentelemetry/api';
import { warn, warnError } from '../diagnostics.js';
import { identityOf, isUsableId, withChosenIdentity } from '../context/identity.js';
import { PAYLOAD_FIELDS } from '../span/options.js';
import { eventBody, reportUnknownFields } from '../span/payload.js';
import { withOwner, type SpanOwner } from '../tracer/owner.js';
import { resolveOwner, type TracerChoice } from '../tracer/registry.js';

/**
 * What a session is started with.
 *
 * @category Session
 */
export interface SessionOptions {
  /** 1 to 128 printable characters. @default a new UUID */
  sessionId?: string;
  /** Its name at the backend. @default `session-` and the first 8 characters of its id */
  sessionName?: string;
  /** The tracer it is for. @default the current one */
  tracer?: SpanOwner | string;
  /** What it was started with, at the backend. */
  inputs?: Record<string, unknown>;
  /** Facts about it, at the backend. */
  metadata?: Record<string, unknown>;
  /** Who it is for, at the backend. */
  userProperties?: Record<string, unknown>;
  /** The source its spans are stamped with. @default as it is in the context */
  source?: string;
  /** Do not start it at the backend. @default false */
  skipApiCall?: boolean;
}

/**
 * What is added to a session.
 *
 * @category Session
 */
export interface SessionPayload {
  /** The session. @default the current one */
  sessionId?: string;
  /** Kept below `metadata.inputs`, where HoneyHive accepts it. */
  inputs?: unknown;
  outputs?: unknown;
  metadata?: unknown;
  metrics?: unknown;
  feedback?: unknown;
  config?: unknown;
  userProperties?: unknown;
}

const WITH_SESSION_FIELDS: ReadonlySet<string> = new Set([
  'sessionId',
  'sessionName',
  'tracer',
  'inputs',
  'metadata',
  'userProperties',
  'source',
  'skipApiCall',
]);
const ENRICH_FIELDS: ReadonlySet<string> = new Set(['sessionId', ...PAYLOAD_FIELDS]);

/** The id to use for a session: the given one if it is usable, else a new one. */
export function sessionIdFor(given: string | undefined): string {
  if (given === undefined) return globalThis.crypto.randomUUID();
  if (isUsableId(given)) return given;
  warn('SPW_SESSION_ID', 'a sessionId must be 1-128 printable characters; a new one is used');
  return globalThis.crypto.randomUUID();
}

/** Starts a session at the backend in the background; `skipApiCall` leaves that out. */
export function announce(owner: SpanOwner, sessionId: string, options: SessionOptions): void {
  if (options.skipApiCall === true) return;
  const name = options.sessionName ?? `session-${sessionId.slice(0, 8)}`;
  owner.announceSession(sessionId, name, sessionDetails(options, owner));
}

/** What `POST /session/start` says of a session beside its names, bounded and redacted. */
export function sessionDetails(
  { inputs, metadata, userProperties }: Pick<SessionOptions, 'inputs' | 'metadata' | 'userProperties'>,
  owner: SpanOwner,
): Record<string, unknown> {
  const { event_id: _, ...details } = eventBody('', { metadata, userProperties }, owner);
  // Only a session's start takes inputs as they are; an update has to keep them below metadata.
  const { config: given } = eventBody('', { config: inputs }, owner);
  return given === undefined ? details : { ...details, inputs: given };
}

/**
 * Runs a function inside a session of its own: every span in it, here and downstream, carries that session.
 *
 * @param options the session's id, or its options
 * @param fn receives the session's id
 * @returns what `fn` returns; the context is restored on every path
 * @throws whatever `fn` throws; an id that cannot be one is reported as `SPW_SESSION_ID`, and a new one is made
 *
 * @example
 * ```ts
 * import { SessionTracer, withSession, withSpan } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * await withSession({ sessionId: 's-1', sessionName: 'checkout', metadata: { cart: 17 } }, async (sessionId) => {
 *   withSpan('pay', () => undefined);
 *   console.log(sessionId); // s-1
 * });
 * ```
 * Every span inside has `honeyhive.session_id` set to that id, also in the services it calls:
 * ```text
 * pay [tool] session=s-1
 * ```
 * @category Session
 */
export function withSession<T>(options: SessionOptions | string, fn: (sessionId: string) => T): T {
  const given: SessionOptions = typeof options === 'string' ? { sessionId: options } : (options ?? {});
  reportUnknownFields(given, WITH_SESSION_FIELDS, 'withSession');
  const active = context.active();
  const sessionId = sessionIdFor(given.sessionId);
  const owner = resolveOwner(given.tracer as TracerChoice, active);
  let inside = withChosenIdentity(active, {
    sessionId,
    ...(given.sessionName === undefined ? {} : { sessionName: given.sessionName }),
    ...(given.source === undefined ? {} : { source: given.source }),
  });
  if (owner !== undefined) {
    if (given.tracer !== undefined) inside = withOwner(inside, owner);
    announce(owner, sessionId, given);
  }
  return context.with(inside, fn, undefined, sessionId);
}

/**
 * Adds a payload to the current session at the backend, in the background.
 *
 * @param payload values by field; `sessionId` names another session
 * @param tracer the tracer whose backend is told; the current one by default
 * @returns whether there was a session to add to and something to add; a backend that refuses it is reported as
 *   `SPW_BACKEND`
 *
 * @example
 * ```ts
 * import { enrichSession, SessionTracer, withSession } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * withSession('s-1', () => {
 *   enrichSession({ feedback: { rating: 5 } });
 * });
 * ```
 * Sends `PUT /events` with `{ event_id: 's-1', feedback: { rating: 5 } }`.
 * @category Session
 */
export function enrichSession(payload: SessionPayload, tracer?: SpanOwner | string): boolean {
  try {
    if (typeof payload !== 'object' || payload === null) return false;
    reportUnknownFields(payload, ENRICH_FIELDS, 'enrichSession');
    const active = context.active();
    const owner = resolveOwner(tracer, active);
    if (owner === undefined) return false;
    const sessionId = payload.sessionId ?? identityOf(active, owner.identity).sessionId;
    if (sessionId === undefined) return false;
    const body = eventBody(sessionId, payload as Record<string, unknown>, owner);
    if (Object.keys(body).length < 2) return false;
    owner.updateEvent(body);
    return true;
  } catch (error) {
    warnError('SPW_INTERNAL', 'a payload of the session could not be sent', error);
    return false;
  }
}
