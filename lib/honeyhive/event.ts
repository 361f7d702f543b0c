/**
 * Events as HoneyHive stores them, and the bodies that make and change them.
 *
 * The names are the wire's own (snake case): what a verifier reads here is what the backend's documentation says.
 */
import type { EventType } from '../conventions.js';

/**
 * A JSON object of unknown content.
 *
 * @category Backend
 */
export type JsonObject = Record<string, unknown>;

/**
 * One event: a span, or the session itself (`event_type: "session"`, `event_id` equal to `session_id`).
 *
 * @category Backend
 */
export interface HoneyHiveEvent {
  event_id: string;
  session_id: string;
  parent_id?: string | null;
  children_ids?: string[];
  project?: string;
  project_id?: string;
  source?: string;
  event_name: string;
  event_type: EventType;
  config: JsonObject;
  inputs: JsonObject;
  outputs: JsonObject;
  metadata: JsonObject;
  metrics: JsonObject;
  feedback: JsonObject;
  user_properties: JsonObject;
  error: string | null;
  /** Milliseconds since the epoch. */
  start_time: number;
  /** Milliseconds since the epoch. */
  end_time: number;
  /** Milliseconds. */
  duration: number;
  [more: string]: unknown;
}

/** The session of `POST /session/start`; fields that are null or undefined are not sent. */
export interface SessionStart {
  session_id?: string | null;
  session_name?: string | null;
  source?: string | null;
  project?: string | null;
  inputs?: JsonObject | null;
  metadata?: JsonObject | null;
  user_properties?: JsonObject | null;
  config?: JsonObject | null;
  [more: string]: unknown;
}

/** The reply of `POST /session/start`: at least the id, usually the whole session event. */
export interface SessionStarted extends Partial<HoneyHiveEvent> {
  session_id: string;
}

/** The body of `PUT /events`: what to merge into an event, which may be a session. */
export interface EventUpdate {
  event_id: string;
  metadata?: JsonObject | null;
  feedback?: JsonObject | null;
  metrics?: JsonObject | null;
  outputs?: JsonObject | null;
  config?: JsonObject | null;
  user_properties?: JsonObject | null;
  /** Milliseconds. */
  duration?: number | null;
  [more: string]: unknown;
}

/** The event of `POST /events`. */
export interface NewEvent extends Partial<HoneyHiveEvent> {
  event_name: string;
  event_type: EventType;
}

/** A session with everything below it, as `GET /v1/sessions/{id}` gives it. */
export interface EventNode {
  event_id: string;
  event_type: string;
  event_name: string;
  parent_id?: string | null;
  children: EventNode[];
  start_time: number;
  end_time: number;
  duration: number;
  metadata: JsonObject;
  [more: string]: unknown;
}
