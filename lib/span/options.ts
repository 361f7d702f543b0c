/**
 * What a span may be given, untyped: `decorators/options.ts` refines these shapes with the decorated method's type.
 */
import type { Attributes, Link, SpanKind } from '@opentelemetry/api';
import type { EventType } from '../conventions.js';
import type { SpanOwner } from '../tracer/owner.js';

/** Event payload: each field a value, or a callback with the call's arguments. */
export interface AnyPayload {
  /** `true`: the arguments as `honeyhive_inputs.arg0…`. */
  inputs?: any;
  /** `true`: the result as `honeyhive_outputs.result`. A callback receives `(result, …args)`. */
  outputs?: any;
  metadata?: any;
  /** A callback receives `(result, …args)`. */
  metrics?: any;
  feedback?: any;
  config?: any;
  userProperties?: any;
  error?: any;
  /** Sends the payload to that event of the backend (`PUT /events`) and leaves the span alone. */
  eventId?: any;
  /** Names the span's event at the backend. */
  updateEventId?: any;
}

/** A tracer, its name, or a callback with the call's arguments that returns one. */
export type AnyTracerOption = SpanOwner | string | ((...args: any[]) => SpanOwner | string | undefined);

/** Everything a traced call may be given. */
export interface AnyTraceOptions extends AnyPayload {
  name?: string;
  eventName?: string;
  eventType?: EventType;
  kind?: SpanKind;
  attributes?: Attributes | ((...args: any[]) => Attributes | undefined);
  tracer?: AnyTracerOption;
  links?: Link[] | ((...args: any[]) => Link[] | undefined);
  root?: boolean;
  aggregate?: (chunks: any[]) => unknown;
}

/** The names of the payload fields, for checks of unknown options. */
export const PAYLOAD_FIELDS: ReadonlySet<string> = new Set([
  'inputs',
  'outputs',
  'metadata',
  'metrics',
  'feedback',
  'config',
  'userProperties',
  'error',
  'eventId',
  'updateEventId',
]);

/** The names of all options of a traced call. */
export const TRACE_FIELDS: ReadonlySet<string> = new Set([
  ...PAYLOAD_FIELDS,
  'name',
  'eventName',
  'eventType',
  'kind',
  'attributes',
  'tracer',
  'links',
  'root',
  'aggregate',
]);
