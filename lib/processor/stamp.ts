/**
 * Stamping: identity written onto a span so that nothing can refuse, cut or lose it.
 */
import { propagation, trace, type Attributes, type Context, type Span } from '@opentelemetry/api';
import {
  ATTR_OTEL_SESSION_ID,
  ATTR_PARENT_ID,
  ATTR_PROJECT,
  ATTR_SESSION_AUTO_CREATE,
  ATTR_SESSION_ID,
  ATTR_SESSION_NAME,
  ATTR_SOURCE,
  BAGGAGE_ATTRIBUTE_PREFIX,
  ATTR_EVENT_TYPE,
  BAGGAGE_FOREIGN_TRACER_ID,
  BAGGAGE_PARENT_ID,
  BAGGAGE_PROJECT,
  BAGGAGE_SESSION_ID,
  BAGGAGE_SOURCE,
  EXPERIMENT_BAGGAGE_ATTRIBUTES,
  IDENTITY_BAGGAGE_KEYS,
  TRACELOOP_PREFIX,
} from '../conventions.js';
import { completeMark, identityOf, type Identity } from '../context/identity.js';
import type { SpanOwner } from '../tracer/owner.js';
import { detectEventType } from './event-type.js';

interface Stamp {
  readonly identity: Identity;
  readonly owner: SpanOwner | undefined;
  readonly attributes: Attributes;
}

// Keyed by the Baggage object, like the identity itself: the attributes of a request are put together once.
const stamps = new WeakMap<object, Stamp>();
const NO_BAGGAGE = {};
const OWN_BAGGAGE_KEYS: ReadonlySet<string> = new Set([...IDENTITY_BAGGAGE_KEYS, BAGGAGE_FOREIGN_TRACER_ID]);
const MAX_BAGGAGE_ATTRIBUTE_LENGTH = 1_000;

/**
 * The identity attributes of a span that starts in `context` and belongs to `owner`.
 *
 * @param context the span's parent context
 * @param owner the tracer the span belongs to; none stamps only what arrived
 * @returns attributes to be copied, never changed
 */
export function identityAttributes(context: Context, owner: SpanOwner | undefined): Attributes {
  // Inside a span of the owner, one look-up finds the attributes of all its spans with the same baggage.
  const mark = owner === undefined ? undefined : completeMark(context, owner.identity);
  if (mark !== undefined) {
    const known = stamps.get(mark);
    if (known !== undefined && known.owner === owner) return known.attributes;
  }
  const baggage = propagation.getBaggage(context);
  const identity = identityOf(context, owner?.identity);
  const key = mark ?? baggage ?? NO_BAGGAGE;
  const cached = stamps.get(key);
  if (cached !== undefined && cached.identity === identity && cached.owner === owner)
    return cached.attributes;

  const attributes: Attributes = { ...owner?.settings.fixedAttributes };
  const traceloop = owner?.settings.honeyHiveCompatible === true;
  const set = (name: string, legacy: string, value: string | undefined): void => {
    if (value === undefined || value === '') return;
    attributes[name] = value;
    if (traceloop) attributes[TRACELOOP_PREFIX + legacy] = value;
  };
  set(ATTR_SESSION_ID, BAGGAGE_SESSION_ID, identity.sessionId);
  if (identity.sessionId !== undefined) attributes[ATTR_OTEL_SESSION_ID] = identity.sessionId;
  set(ATTR_PROJECT, BAGGAGE_PROJECT, identity.project);
  set(ATTR_SOURCE, BAGGAGE_SOURCE, identity.source);
  set(ATTR_PARENT_ID, BAGGAGE_PARENT_ID, identity.parentId);
  if (owner?.settings.autoSession === true) {
    attributes[ATTR_SESSION_AUTO_CREATE] = true;
    if (identity.sessionName !== undefined) attributes[ATTR_SESSION_NAME] = identity.sessionName;
  }
  if (identity.runId !== undefined) attributes[EXPERIMENT_BAGGAGE_ATTRIBUTES.run_id] = identity.runId;
  if (identity.datasetId !== undefined)
    attributes[EXPERIMENT_BAGGAGE_ATTRIBUTES.dataset_id] = identity.datasetId;
  if (identity.datapointId !== undefined) {
    attributes[EXPERIMENT_BAGGAGE_ATTRIBUTES.datapoint_id] = identity.datapointId;
  }
  for (const name of owner?.settings.baggageAttributes ?? []) {
    if (OWN_BAGGAGE_KEYS.has(name)) continue;
    const value = baggage?.getEntry(name)?.value;
    if (value !== undefined) {
      attributes[BAGGAGE_ATTRIBUTE_PREFIX + name] = value.slice(0, MAX_BAGGAGE_ATTRIBUTE_LENGTH);
    }
  }
  stamps.set(key, { identity, owner, attributes });
  return attributes;
}

/**
 * Writes identity and event type onto a recording span.
 *
 * The attribute object is written directly, because `setAttribute` refuses at the count limit and truncates at the
 * length limit, and an identity must survive both.
 *
 * @param span the span, just started
 * @param context its parent context
 * @param owner the tracer it belongs to
 */
export function stampSpan(span: Span, context: Context, owner: SpanOwner | undefined): void {
  const attributes = (span as { attributes?: Attributes }).attributes;
  const identity = identityAttributes(context, owner);
  if (attributes === undefined || attributes === null || typeof attributes !== 'object') {
    // A span of a foreign provider without a readable attribute object: the public way is the only one.
    span.setAttributes(identity);
    return;
  }
  const eventType = isEmpty(attributes) ? 'tool' : detectEventType(attributes);
  Object.assign(attributes, identity);
  if (eventType !== undefined) attributes[ATTR_EVENT_TYPE] = eventType;
}

/** Most spans start without attributes, and then there is nothing to detect a type from. */
function isEmpty(attributes: Attributes): boolean {
  for (const _ in attributes) return false;
  return true;
}

/** Whether a span that starts in `context` is the first of its trace here: it has no valid parent at all. */
export function isRoot(context: Context): boolean {
  const parent = trace.getSpanContext(context);
  return parent === undefined || !/[1-9a-f]/.test(parent.traceId);
}
