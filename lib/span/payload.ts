/**
 * Payloads: what a user adds to a span, resolved when its moment has come and turned into attributes.
 *
 * Inputs and everything known before the call are written at its start, while the arguments are what the caller
 * passed; outputs and metrics at its end. Nothing here runs unless the span is recording.
 */
import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { NameLister } from '../capture/huge.js';
import { createBudget, flatten, type CaptureBudget } from '../capture/flatten.js';
import { tokenUsage } from '../capture/usage.js';
import {
  ATTR_ERROR,
  ATTR_EVENT_ID,
  PAYLOAD_NAMESPACES,
  RESULT_KEY,
  type PayloadNamespace,
} from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import type { SpanOwner } from '../tracer/owner.js';
import { PAYLOAD_FIELDS, type AnyPayload } from './options.js';

/** A call as payload callbacks see it. */
export interface Call {
  readonly name: string;
  readonly self: unknown;
  readonly args: ArrayLike<unknown>;
}

const AT_START: readonly PayloadNamespace[] = ['metadata', 'feedback', 'config', 'userProperties'];
const AT_END: readonly PayloadNamespace[] = ['metrics'];

/** Calls a callback of the user; one that throws is reported and counts as absent. */
export function resolveOption(value: unknown, call: Call, what: string, ...first: unknown[]): unknown {
  if (typeof value !== 'function') return value;
  try {
    return Reflect.apply(value, call.self, [...first, ...Array.from(call.args)]);
  } catch (error) {
    warnError('SPW_CALLBACK', `${call.name}: the ${what} callback threw and was passed over`, error);
    return undefined;
  }
}

/** Fields of a payload that are looked at; there are not half as many of them. */
const MAX_REPORTED = 128;

/** Names unknown fields of a payload once, so that a typing slip does not vanish. */
export function reportUnknownFields(payload: object, known: ReadonlySet<string>, where: string): void {
  // A payload may be a stranger's object by mistake.
  const fields = Array.isArray(payload) ? ['0'] : (new NameLister().list(payload) ?? ['(thousands of them)']);
  for (const field of fields.length > MAX_REPORTED ? fields.slice(0, MAX_REPORTED) : fields) {
    if (!known.has(field)) {
      warn(
        'SPW_OPTION',
        `${where}: unknown option "${field}"; known are ${[...known].join(', ')}`,
        `${where}.${field}`,
      );
    }
  }
}

/** Writes payloads of one span; all of them share one budget, so that a span's size is bounded. */
export class PayloadWriter {
  #budget: CaptureBudget | undefined;

  constructor(
    private readonly owner: SpanOwner,
    private readonly call: Call,
    private readonly isModel: boolean = false,
  ) {}

  /** The attributes known before the call. */
  atStart(payloads: readonly AnyPayload[], out: Record<string, AttributeValue>): void {
    let inputs = false;
    for (const payload of payloads) {
      if (payload.eventId !== undefined) continue;
      if (payload.inputs !== undefined) {
        inputs = true;
        this.#inputs(payload.inputs, out);
      }
      for (const field of AT_START) {
        if (payload[field] !== undefined) this.#namespace(field, this.#resolve(payload[field], field), out);
      }
      if (payload.error !== undefined) this.#text(ATTR_ERROR, this.#resolve(payload.error, 'error'), out);
      if (payload.updateEventId !== undefined) {
        this.#text(ATTR_EVENT_ID, this.#resolve(payload.updateEventId, 'updateEventId'), out);
      }
    }
    if (!inputs && (this.owner.settings.capture.inputs || this.#content === true)) this.#inputs(true, out);
  }

  /** The attributes known when the result is there. */
  atEnd(payloads: readonly AnyPayload[], result: unknown, out: Attributes): void {
    const sink = out as Record<string, AttributeValue>;
    if (this.isModel) {
      const usage = tokenUsage(result);
      if (usage !== undefined) this.#namespace('metrics', usage, sink);
    }
    let outputs = false;
    for (const payload of payloads) {
      if (payload.eventId !== undefined) {
        this.#updateEvent(payload, result);
        continue;
      }
      if (payload.outputs !== undefined) {
        outputs = true;
        this.#outputs(payload.outputs, result, sink);
      }
      for (const field of AT_END) {
        if (payload[field] === undefined) continue;
        this.#namespace(field, this.#resolve(payload[field], field, result), sink);
      }
    }
    if (!outputs && (this.owner.settings.capture.outputs || this.#content === true)) {
      this.#outputs(true, result, sink);
    }
  }

  /** Whether prompts and answers may be recorded, where someone decided. */
  get #content(): boolean | undefined {
    return this.isModel ? this.owner.settings.messageContent : undefined;
  }

  /** A payload of an event at the backend: the span is left alone. */
  #updateEvent(payload: AnyPayload, result: unknown): void {
    const eventId = this.#resolve(payload.eventId, 'eventId');
    if (typeof eventId !== 'string' || eventId === '') return;
    const event: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(payload)) {
      if (!PAYLOAD_FIELDS.has(field) || field === 'eventId' || field === 'updateEventId') continue;
      if (this.#content === false && (field === 'inputs' || field === 'outputs')) continue;
      const resolved = this.#resolveField(field, value, result);
      if (resolved !== undefined && resolved !== null && resolved !== false) event[field] = resolved;
    }
    this.owner.updateEvent(eventBody(eventId, event, this.owner));
  }

  /** A field's value where it does not become an attribute. */
  #resolveField(field: string, value: unknown, result: unknown): unknown {
    if (value === true && field === 'outputs') return { [RESULT_KEY]: result };
    if (value === true && field === 'inputs') {
      return Object.fromEntries(Array.from(this.call.args, (arg, i) => [`arg${i}`, arg]));
    }
    const afterwards = field === 'outputs' || field === 'metrics';
    return afterwards ? this.#resolve(value, field, result) : this.#resolve(value, field);
  }

  #inputs(given: unknown, out: Record<string, AttributeValue>): void {
    if (given === false || this.#content === false) return;
    if (given === true) {
      for (let i = 0; i < this.call.args.length; i++) {
        this.#flatten(`${PAYLOAD_NAMESPACES.inputs}.arg${i}`, this.call.args[i], out);
      }
      return;
    }
    this.#namespace('inputs', this.#resolve(given, 'inputs'), out);
  }

  #outputs(given: unknown, result: unknown, out: Record<string, AttributeValue>): void {
    if (given === false || this.#content === false) return;
    this.#namespace(
      'outputs',
      given === true ? { [RESULT_KEY]: result } : this.#resolve(given, 'outputs', result),
      out,
    );
  }

  #namespace(field: PayloadNamespace, value: unknown, out: Record<string, AttributeValue>): void {
    if (value === undefined || value === null) return;
    const prefix = PAYLOAD_NAMESPACES[field];
    // A bare value has no name of its own: it is the namespace's `result`.
    this.#flatten(typeof value === 'object' ? prefix : `${prefix}.${RESULT_KEY}`, value, out);
  }

  #text(key: string, value: unknown, out: Record<string, AttributeValue>): void {
    if (value === undefined || value === null) return;
    this.#flatten(key, value instanceof Error ? value.message : value, out);
  }

  #flatten(prefix: string, value: unknown, out: Record<string, AttributeValue>): void {
    this.#budget ??= createBudget();
    flatten(prefix, value, out, { redact: this.owner.settings.redact, budget: this.#budget });
  }

  #resolve(value: unknown, what: string, ...first: unknown[]): unknown {
    return resolveOption(value, this.call, what, ...first);
  }
}

/** The REST field of each payload field. */
const EVENT_FIELDS: Readonly<Record<string, string>> = {
  inputs: 'inputs',
  outputs: 'outputs',
  metadata: 'metadata',
  metrics: 'metrics',
  feedback: 'feedback',
  config: 'config',
  userProperties: 'user_properties',
};

/**
 * The body of `PUT /events`: bounded and redacted like attributes, inputs below metadata as HoneyHive wants them.
 *
 * @param eventId the event to update; for a session its own id
 * @param payload resolved values by payload field
 * @param owner whose redactor applies
 */
export function eventBody(
  eventId: string,
  payload: Readonly<Record<string, unknown>>,
  owner: SpanOwner,
): Record<string, unknown> {
  const body: Record<string, unknown> = { event_id: eventId };
  const budget = createBudget();
  for (const [field, name] of Object.entries(EVENT_FIELDS)) {
    const value = payload[field];
    if (value === undefined || value === null) continue;
    const flat: Record<string, AttributeValue> = Object.create(null) as Record<string, AttributeValue>;
    flatten(name, typeof value === 'object' ? value : { [RESULT_KEY]: value }, flat, {
      redact: owner.settings.redact,
      budget,
    });
    const nested = nest(flat, name);
    if (nested === undefined) continue;
    if (field === 'inputs') body['metadata'] = { ...(body['metadata'] as object), inputs: nested };
    else
      body[name] = field === 'metadata' ? { ...(nested as object), ...(body['metadata'] as object) } : nested;
  }
  if (payload['error'] !== undefined && payload['error'] !== null) {
    body['metadata'] = { ...(body['metadata'] as object), error: String(payload['error']) };
  }
  return body;
}

/** Turns flattened keys below `prefix` back into a tree; objects whose keys are 0…n-1 become arrays. */
function nest(flat: Readonly<Record<string, AttributeValue>>, prefix: string): unknown {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  let any = false;
  for (const [key, value] of Object.entries(flat)) {
    if (!key.startsWith(`${prefix}.`)) continue;
    any = true;
    const path = key.slice(prefix.length + 1).split('.');
    let node = root;
    for (const part of path.slice(0, -1)) {
      const next = node[part];
      node = (
        typeof next === 'object' && next !== null ? next : (node[part] = Object.create(null) as unknown)
      ) as Record<string, unknown>;
    }
    node[path[path.length - 1] as string] = value;
  }
  return any ? toArrays(root) : undefined;
}

function toArrays(node: unknown): unknown {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return node;
  const entries = Object.entries(node).map(([key, value]) => [key, toArrays(value)] as const);
  const isList = entries.length > 0 && entries.every(([key], index) => key === String(index));
  return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}
