/**
 * Identity: which session, project and source the work in a context belongs to.
 *
 * Baggage is the only place identity lives in, because baggage is what travels. What a tracer adds of its own is
 * remembered beside it as a *default*, so that a tracer nested inside another replaces the defaults of the outer
 * one and nothing else: an id that arrived, or that someone chose, always stays.
 */
import { propagation, type Baggage, type Context } from '@opentelemetry/api';
import {
  BAGGAGE_DATAPOINT_ID,
  BAGGAGE_DATASET_ID,
  BAGGAGE_PARENT_ID,
  BAGGAGE_PROJECT,
  BAGGAGE_RUN_ID,
  BAGGAGE_SESSION_ID,
  BAGGAGE_SESSION_NAME,
  BAGGAGE_SOURCE,
  IDENTITY_KEY_VARIANTS,
} from '../conventions.js';
import { warn } from '../diagnostics.js';
import { DEFAULTS_KEY } from './keys.js';

/** What identifies the work in a context. */
export interface Identity {
  readonly sessionId?: string;
  readonly project?: string;
  readonly source?: string;
  readonly sessionName?: string;
  readonly parentId?: string;
  readonly runId?: string;
  readonly datasetId?: string;
  readonly datapointId?: string;
}

/** Inbound spellings of the identity keys, canonical first. */
export interface IdentityKeys {
  readonly session: readonly string[];
  readonly project: readonly string[];
  readonly source: readonly string[];
}

/** A tracer's own identity, used only where nothing arrived; one live object per tracer. */
export interface IdentityDefaults extends Identity {
  readonly keys: IdentityKeys;
}

/** The baggage key of each part of an identity. */
export const IDENTITY_FIELDS: readonly (readonly [keyof Identity, string])[] = [
  ['sessionId', BAGGAGE_SESSION_ID],
  ['project', BAGGAGE_PROJECT],
  ['source', BAGGAGE_SOURCE],
  ['sessionName', BAGGAGE_SESSION_NAME],
  ['parentId', BAGGAGE_PARENT_ID],
  ['runId', BAGGAGE_RUN_ID],
  ['datasetId', BAGGAGE_DATASET_ID],
  ['datapointId', BAGGAGE_DATAPOINT_ID],
];

/** The spellings that are understood without configuration. */
export const DEFAULT_IDENTITY_KEYS: IdentityKeys = IDENTITY_KEY_VARIANTS;

/** Longest id that is taken from outside, in characters. */
export const MAX_ID_LENGTH = 128;

/** Tells whether an id that arrived may be used: 1 to 128 printable characters. */
export function isUsableId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_ID_LENGTH &&
    /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u.test(value) &&
    value.trim() !== ''
  );
}

/** Remembered beside the baggage: the values that are only `defaults`' own. */
interface DefaultsMark {
  readonly defaults: IdentityDefaults;
  readonly values: ReadonlyMap<string, string>;
}

interface Resolved {
  readonly defaults: IdentityDefaults | undefined;
  readonly mark: DefaultsMark | undefined;
  readonly identity: Identity;
  readonly baggage: Baggage;
  readonly nextMark: DefaultsMark | undefined;
}

// One resolution per Baggage object: baggage is immutable, and a request's spans all see the same one, so the
// three look-ups and the copy are paid once per request and not once per span.
const resolvedCache = new WeakMap<object, Resolved>();
const NO_BAGGAGE = {};

function resolve(context: Context, defaults: IdentityDefaults | undefined): Resolved {
  const baggage = propagation.getBaggage(context);
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  const key = baggage ?? NO_BAGGAGE;
  const cached = resolvedCache.get(key);
  if (cached !== undefined && cached.defaults === defaults && cached.mark === mark) return cached;

  const identity: Record<string, string> = {};
  const values = new Map<string, string>();
  let next = baggage ?? propagation.createBaggage();
  for (const [field, canonical] of IDENTITY_FIELDS) {
    const arrived = arrivedValue(baggage, field, canonical, defaults?.keys ?? DEFAULT_IDENTITY_KEYS);
    // A default of another tracer gives way; anything else that is there stays.
    const borrowed = arrived !== undefined && mark?.values.get(canonical) === arrived;
    const own = defaults?.[field];
    if (arrived !== undefined && !(borrowed && mark.defaults !== defaults && defaults !== undefined)) {
      identity[field] = arrived;
      if (borrowed) values.set(canonical, arrived);
      if (next.getEntry(canonical)?.value !== arrived) next = next.setEntry(canonical, { value: arrived });
    } else if (own !== undefined && own !== '') {
      identity[field] = own;
      values.set(canonical, own);
      next = next.setEntry(canonical, { value: own });
    } else if (next.getEntry(canonical) !== undefined) {
      next = next.removeEntry(canonical);
    }
  }
  const resolved: Resolved = {
    defaults,
    mark,
    identity: Object.freeze(identity),
    baggage: next,
    nextMark: values.size > 0 && defaults !== undefined ? { defaults, values } : undefined,
  };
  resolvedCache.set(key, resolved);
  return resolved;
}

function arrivedValue(
  baggage: Baggage | undefined,
  field: keyof Identity,
  canonical: string,
  keys: IdentityKeys,
): string | undefined {
  if (baggage === undefined) return undefined;
  const spellings =
    field === 'sessionId'
      ? keys.session
      : field === 'project'
        ? keys.project
        : field === 'source'
          ? keys.source
          : undefined;
  if (spellings === undefined) return usable(canonical, baggage.getEntry(canonical)?.value);
  for (const spelling of spellings) {
    const value = usable(spelling, baggage.getEntry(spelling)?.value);
    if (value !== undefined) return value;
  }
  return undefined;
}

function usable(key: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (isUsableId(value)) return value;
  warn(
    'SPW_SESSION_ID',
    `baggage ${key} is not 1-${MAX_ID_LENGTH} printable characters and is ignored; send a shorter, printable id`,
    key,
  );
  return undefined;
}

/**
 * The identity that a span has in `context` when it belongs to the tracer of `defaults`.
 *
 * @param context the span's parent context
 * @param defaults the owning tracer's own identity; none for what arrived alone
 * @returns a frozen identity, the same object for the same baggage
 */
export function identityOf(context: Context, defaults?: IdentityDefaults): Identity {
  return resolve(context, defaults).identity;
}

/**
 * The context with the whole identity in its baggage, so that every propagator, also a foreign one, sends it.
 *
 * @param context where a span of the tracer is about to run
 * @param defaults the owning tracer's own identity
 */
export function withIdentity(context: Context, defaults: IdentityDefaults): Context {
  const { baggage, mark, nextMark } = resolve(context, defaults);
  let next = context;
  if (baggage !== propagation.getBaggage(context) && baggage.getAllEntries().length > 0) {
    next = propagation.setBaggage(next, baggage);
  }
  if (nextMark !== mark) {
    next = nextMark === undefined ? next.deleteValue(DEFAULTS_KEY) : next.setValue(DEFAULTS_KEY, nextMark);
  }
  return next;
}

/**
 * The context with parts of its identity chosen by someone: they win over what arrived and over any default.
 *
 * @param context the context to start from
 * @param chosen the parts to set; absent ones stay as they are
 */
export function withChosenIdentity(context: Context, chosen: Identity): Context {
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  let baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  let values: Map<string, string> | undefined;
  for (const [field, canonical] of IDENTITY_FIELDS) {
    const value = chosen[field];
    if (value === undefined || value === '') continue;
    baggage = baggage.setEntry(canonical, { value });
    if (mark?.values.has(canonical)) {
      values ??= new Map(mark.values);
      values.delete(canonical);
    }
  }
  const next = propagation.setBaggage(context, baggage);
  return values === undefined || mark === undefined
    ? next
    : next.setValue(DEFAULTS_KEY, { defaults: mark.defaults, values } satisfies DefaultsMark);
}
