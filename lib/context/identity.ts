/**
 * Identity: which session, project and source the work in a context belongs to.
 *
 * Baggage is the only place identity lives in, because baggage is what travels. What a tracer adds of its own is
 * remembered beside it as a *default*, so that a tracer nested inside another replaces the defaults of the outer
 * one and nothing else: an id that arrived, or that someone chose, always stays.
 */
import { propagation, type Baggage, type BaggageEntry, type Context } from '@opentelemetry/api';
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
import { addEntries, changeBaggage, ImmutableBaggage, keyBitOf } from './baggage.js';
import { ContextNode, contextWithMarked } from './context-node.js';
import { CHOSEN_KEY, DEFAULTS_KEY } from './keys.js';

/**
 * What identifies the work in a context.
 *
 * @category Propagation
 */
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

/**
 * Inbound spellings of the identity keys, canonical first.
 *
 * @category Propagation
 */
export interface IdentityKeys {
  readonly session: readonly string[];
  readonly project: readonly string[];
  readonly source: readonly string[];
}

/**
 * A tracer's own identity, used only where nothing arrived; one live object per tracer.
 *
 * @category Propagation
 */
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
    // Nearly every id is plain ASCII, which is told three times as fast as a class of Unicode is.
    (/^[!-~]+$/.test(value) || (/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u.test(value) && value.trim() !== ''))
  );
}

/** Remembered beside the baggage: the values that are only `defaults`' own. */
interface DefaultsMark {
  readonly defaults: IdentityDefaults;
  readonly values: ReadonlyMap<string, string>;
  /** The baggage that was completed with them; with another one beside the mark, identity must be looked up anew. */
  readonly baggage: Baggage | undefined;
}

interface Resolved {
  readonly defaults: IdentityDefaults | undefined;
  readonly mark: DefaultsMark | undefined;
  readonly identity: Identity;
  readonly baggage: Baggage | undefined;
  readonly nextMark: DefaultsMark | undefined;
}

// One resolution per Baggage object: baggage is immutable, and a request's spans all see the same one, so the
// three look-ups and the copy are paid once per request and not once per span.
const resolvedCache = new WeakMap<object, Resolved>();
const NO_BAGGAGE = {};

function resolve(context: Context, defaults: IdentityDefaults | undefined): Resolved {
  const baggage = propagation.getBaggage(context);
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  if (baggage instanceof ImmutableBaggage) {
    const known = baggage.resolved as Resolved | undefined;
    if (known !== undefined && known.defaults === defaults && known.mark === mark) return known;
    const resolved = resolveAnew(baggage, mark, defaults);
    baggage.resolved = resolved;
    return resolved;
  }
  const key = baggage ?? NO_BAGGAGE;
  const known = resolvedCache.get(key);
  if (known !== undefined && known.defaults === defaults && known.mark === mark) return known;
  const resolved = resolveAnew(baggage, mark, defaults);
  resolvedCache.set(key, resolved);
  return resolved;
}

function resolveAnew(
  baggage: Baggage | undefined,
  mark: DefaultsMark | undefined,
  defaults: IdentityDefaults | undefined,
): Resolved {
  const identity: Record<string, string> = {};
  // The few things that most requests lack are made where one is met: this runs once for each request.
  let values: Map<string, string> | undefined;
  let changes: Changes | undefined;
  let taken = 0;
  const keys = defaults?.keys ?? DEFAULT_IDENTITY_KEYS;
  const bits = baggage instanceof ImmutableBaggage ? baggage.keyBits : -1;
  const known = bitsOf(keys);
  for (let at = 0; at < IDENTITY_FIELDS.length; at++) {
    const pair = IDENTITY_FIELDS[at]!;
    const field = pair[0];
    const own = defaults?.[field];
    let arrived: string | undefined;
    // Most requests have three of the eight: the others are not looked for.
    if (baggage !== undefined && (bits & known[2 * at]!) !== 0) {
      const canonical = pair[1];
      const value = baggage.getEntry(canonical)?.value;
      arrived = usable(canonical, value);
      if ((bits & known[2 * at + 1]!) !== 0) {
        changes ??= new Changes(baggage);
        arrived = otherwiseArrived(baggage, arrived, field, canonical, keys, changes);
      }
      // A default of another tracer gives way; anything else that is there stays.
      const borrowed = arrived !== undefined && mark?.values.get(canonical) === arrived;
      if (arrived !== undefined && !(borrowed && mark.defaults !== defaults && defaults !== undefined)) {
        identity[field] = arrived;
        if (borrowed) (values ??= new Map()).set(canonical, arrived);
        if (arrived !== value) (changes ??= new Changes(baggage)).set(canonical, arrived);
        continue;
      }
      if (own === undefined || own === '') {
        if (value !== undefined) (changes ??= new Changes(baggage)).remove(canonical);
        continue;
      }
    }
    if (own !== undefined && own !== '') {
      identity[field] = own;
      taken |= 1 << at;
    }
  }
  let completed = baggage;
  if (taken !== 0) {
    const added = addedBy(defaults as IdentityDefaults, taken);
    if (changes === undefined) completed = addEntries(baggage, added.keys, added.entries);
    else for (const [key, value] of added.values) changes.set(key, value);
    if (values === undefined) values = added.values;
    else for (const [key, value] of added.values) values.set(key, value);
  }
  if (changes !== undefined) completed = changes.apply();
  return {
    defaults,
    mark,
    identity,
    baggage: completed,
    nextMark: nextMark(mark, defaults, values ?? NO_VALUES, completed),
  };
}

const NO_VALUES: Map<string, string> = new Map();

/** What a tracer adds of its own to a baggage that lacks some parts of the identity: nearly always the same parts. */
interface Added {
  readonly keys: readonly string[];
  readonly entries: readonly BaggageEntry[];
  readonly values: Map<string, string>;
}

let lastDefaults: IdentityDefaults | undefined;
let lastTaken = 0;
let lastAdded: Added | undefined;

function addedBy(defaults: IdentityDefaults, taken: number): Added {
  if (defaults === lastDefaults && taken === lastTaken) return lastAdded as Added;
  const chosen = IDENTITY_FIELDS.filter((_, at) => (taken & (1 << at)) !== 0);
  const values = new Map(chosen.map(([field, canonical]) => [canonical, defaults[field] as string]));
  const entries = [...values.values()].map((value) => ({ value }));
  lastDefaults = defaults;
  lastTaken = taken;
  return (lastAdded = { keys: [...values.keys()], entries, values });
}

let bitsKeys: IdentityKeys | undefined;
let bitsOfFields: readonly number[] = [];

/**
 * For each part of the identity the bits of all its spellings, without any of which in a baggage it is not there, and
 * those of the spellings that are not canonical.
 */
function bitsOf(keys: IdentityKeys): readonly number[] {
  if (keys !== bitsKeys) {
    bitsOfFields = IDENTITY_FIELDS.flatMap(([field, canonical]) => {
      const others = spellingsOf(field, keys).filter((key) => key !== canonical);
      const bits = others.reduce((all, key) => all | keyBitOf(key), 0);
      return [bits | keyBitOf(canonical), bits];
    });
    bitsKeys = keys;
  }
  return bitsOfFields;
}

/** The mark that was there, if it says the same: a new one would make every nested span resolve anew. */
function nextMark(
  mark: DefaultsMark | undefined,
  defaults: IdentityDefaults | undefined,
  values: ReadonlyMap<string, string>,
  baggage: Baggage | undefined,
): DefaultsMark | undefined {
  if (defaults === undefined) return undefined;
  if (mark?.defaults === defaults && mark.baggage === baggage && mark.values.size === values.size) {
    if ([...values].every(([key, value]) => mark.values.get(key) === value)) return mark;
  }
  return { defaults, values, baggage };
}

/** Changes to a baggage, applied in one step. */
class Changes {
  readonly #keys: string[] = [];
  readonly #values: (string | undefined)[] = [];

  constructor(readonly below: Baggage | undefined) {}

  has(key: string): boolean {
    return this.#keys.includes(key);
  }

  set(key: string, value: string): void {
    if (this.below?.getEntry(key)?.value === value) return;
    this.#keys.push(key);
    this.#values.push(value);
  }

  remove(key: string): void {
    if (this.below?.getEntry(key) === undefined) return;
    this.#keys.push(key);
    this.#values.push(undefined);
  }

  apply(): Baggage | undefined {
    return this.#keys.length === 0 ? this.below : changeBaggage(this.below, this.#keys, this.#values);
  }
}

/** The value of a part of the identity, in whichever spelling it is there; other spellings are given up. */
function arrivedValue(
  baggage: Baggage | undefined,
  field: keyof Identity,
  canonical: string,
  keys: IdentityKeys,
  changes: Changes,
): string | undefined {
  if (baggage === undefined) return undefined;
  const value = usable(canonical, baggage.getEntry(canonical)?.value);
  return otherwiseArrived(baggage, value, field, canonical, keys, changes);
}

function otherwiseArrived(
  baggage: Baggage,
  found: string | undefined,
  field: keyof Identity,
  canonical: string,
  keys: IdentityKeys,
  changes: Changes,
): string | undefined {
  let value = found;
  for (const spelling of spellingsOf(field, keys)) {
    if (spelling === canonical) continue;
    value ??= usable(spelling, baggage.getEntry(spelling)?.value);
    // Sent on, it could contradict the canonical one: some receivers take the last spelling they find.
    changes.remove(spelling);
  }
  return value;
}

const NO_SPELLINGS: readonly string[] = [];

function spellingsOf(field: keyof Identity, keys: IdentityKeys): readonly string[] {
  if (field === 'sessionId') return keys.session;
  if (field === 'project') return keys.project;
  return field === 'source' ? keys.source : NO_SPELLINGS;
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
  return Object.freeze(peekIdentity(context, defaults));
}

/** The same for readers of our own: to freeze an object makes it another one's hidden class, which takes 0.2 µs. */
export function peekIdentity(context: Context, defaults: IdentityDefaults | undefined): Identity {
  try {
    return resolve(context, defaults).identity;
  } catch {
    return resolveAnew(undefined, undefined, defaults).identity;
  }
}

/**
 * The baggage that carries the whole identity, as it is sent.
 *
 * @param context the context of the call that sends it
 * @param defaults the owning tracer's own identity; none for what arrived alone
 */
export function baggageWithIdentity(context: Context, defaults?: IdentityDefaults): Baggage | undefined {
  return resolve(context, defaults).baggage;
}

/**
 * The part of an identity that is nobody's default: it arrived, or someone chose it.
 *
 * @param context any context
 * @param keys the spellings that are understood
 */
export function arrivedIdentity(context: Context, keys: IdentityKeys = DEFAULT_IDENTITY_KEYS): Identity {
  const baggage = propagation.getBaggage(context);
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  const identity: Record<string, string> = {};
  const changes = new Changes(baggage);
  for (const [field, canonical] of IDENTITY_FIELDS) {
    const value = arrivedValue(baggage, field, canonical, keys, changes);
    if (value !== undefined && mark?.values.get(canonical) !== value) identity[field] = value;
  }
  return identity;
}

/**
 * The session of `arrivedIdentity` alone, found by what the spans in the context will need anyhow.
 *
 * @param context any context
 * @param defaults the identity of the tracer that the context belongs to
 */
export function arrivedSession(context: Context, defaults: IdentityDefaults | undefined): string | undefined {
  if (defaults === undefined) return arrivedIdentity(context).sessionId;
  const { identity, nextMark } = resolve(context, defaults);
  return nextMark?.values.has(BAGGAGE_SESSION_ID) === true ? undefined : identity.sessionId;
}

/** The identity of a request that enters outside of any context, and its baggage completed with it. */
export interface EnteredIdentity {
  /** The session that arrived. */
  readonly session: string | undefined;
  readonly baggage: Baggage | undefined;
  /** What the context is marked with, beside the baggage. */
  readonly mark: unknown;
}

/**
 * What `arrivedSession` and `withIdentity` come to where nothing is there but what arrived, in one step.
 *
 * @param arrived the caller's baggage
 * @param defaults the identity of the tracer that the request belongs to
 */
export function enteredIdentity(arrived: Baggage | undefined, defaults: IdentityDefaults): EnteredIdentity {
  const { identity, baggage, nextMark } = resolveAnew(arrived, undefined, defaults);
  if (nextMark !== undefined && baggage instanceof ImmutableBaggage) {
    baggage.resolved = { defaults, mark: nextMark, identity, baggage, nextMark } satisfies Resolved;
  }
  const isDefault = nextMark?.values.has(BAGGAGE_SESSION_ID) === true;
  return { session: isDefault ? undefined : identity.sessionId, baggage, mark: nextMark };
}

/**
 * A baggage in which session, project and source have their canonical keys and no other.
 *
 * @param baggage what arrived
 * @param keys the spellings that are understood
 */
export function canonicalBaggage(baggage: Baggage, keys: IdentityKeys): Baggage {
  let changes: Changes | undefined;
  const spellings = otherSpellings(keys);
  if (baggage instanceof ImmutableBaggage && (baggage.keyBits & lastBits) === 0) return baggage;
  for (const [spelling, canonical] of spellings) {
    const entry = baggage.getEntry(spelling);
    if (entry === undefined) continue;
    changes ??= new Changes(baggage);
    changes.remove(spelling);
    if (changes.has(canonical) || usable(canonical, baggage.getEntry(canonical)?.value) !== undefined)
      continue;
    const value = usable(spelling, entry.value);
    if (value !== undefined) changes.set(canonical, value);
  }
  return changes?.apply() ?? baggage;
}

let lastKeys: IdentityKeys | undefined;
let lastSpellings: readonly (readonly [string, string])[] = [];
/** The bits of those spellings. */
let lastBits = -1;

/** Each spelling that is not canonical, with the canonical one; made once, since a process has few sets of keys. */
function otherSpellings(keys: IdentityKeys): readonly (readonly [string, string])[] {
  if (keys === lastKeys) return lastSpellings;
  const found: (readonly [string, string])[] = [];
  for (const [field, canonical] of IDENTITY_FIELDS) {
    for (const spelling of spellingsOf(field, keys)) {
      if (spelling !== canonical) found.push([spelling, canonical]);
    }
  }
  lastKeys = keys;
  lastSpellings = found;
  lastBits = found.reduce((bits, [spelling]) => bits | keyBitOf(spelling), 0);
  return found;
}

/**
 * What marks a context whose baggage is complete with these defaults, as it is in every nested span.
 *
 * @returns an object that is the same for all contexts of the same identity and baggage, or undefined
 */
export function completeMark(context: Context, defaults: IdentityDefaults): object | undefined {
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  return mark?.defaults === defaults && mark.baggage === propagation.getBaggage(context) ? mark : undefined;
}

/**
 * The context with the whole identity in its baggage, so that every propagator, also a foreign one, sends it.
 *
 * @param context where a span of the tracer is about to run
 * @param defaults the owning tracer's own identity
 */
export function withIdentity(context: Context, defaults: IdentityDefaults): Context {
  try {
    if (completeMark(context, defaults) !== undefined) return context;
    const resolved = resolve(context, defaults);
    const { baggage, mark, nextMark } = resolved;
    const before = propagation.getBaggage(context);
    let next = context;
    if (context instanceof ContextNode && nextMark !== mark) {
      next = contextWithMarked(context, baggage ?? before, nextMark);
    } else {
      if (baggage !== undefined && baggage !== before) next = propagation.setBaggage(next, baggage);
      if (nextMark === undefined) {
        if (mark !== undefined) next = next.deleteValue(DEFAULTS_KEY);
      } else if (nextMark !== mark) {
        next = next.setValue(DEFAULTS_KEY, nextMark);
      }
    }
    if (nextMark !== mark) {
      // What it was completed to is complete: spans inside need not find that out again (an eighth of an entry).
      if (nextMark !== undefined && baggage instanceof ImmutableBaggage) {
        const { identity } = resolved;
        baggage.resolved = { defaults, mark: nextMark, identity, baggage, nextMark } satisfies Resolved;
      }
    }
    return next;
  } catch {
    // Someone else's baggage that cannot be read: the call goes on without.
    return context;
  }
}

/**
 * The context with parts of its identity chosen by someone: they win over what arrived and over any default.
 *
 * @param context the context to start from
 * @param chosen the parts to set; absent ones stay as they are
 */
export function withChosenIdentity(context: Context, chosen: Identity): Context {
  const keys: string[] = [];
  const texts: string[] = [];
  for (const [field, canonical] of IDENTITY_FIELDS) {
    const value = chosen[field];
    if (value === undefined || value === '') continue;
    keys.push(canonical);
    texts.push(value);
  }
  if (keys.length === 0) return context;
  let next = propagation.setBaggage(context, changeBaggage(propagation.getBaggage(context), keys, texts));
  const before = context.getValue(CHOSEN_KEY) as ReadonlyMap<string, string> | undefined;
  const marked = new Map(before);
  keys.forEach((key, i) => marked.set(key, texts[i] as string));
  next = next.setValue(CHOSEN_KEY, marked);
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  if (mark === undefined || !keys.some((key) => mark.values.has(key))) return next;
  const values = new Map(mark.values);
  for (const key of keys) values.delete(key);
  return next.setValue(DEFAULTS_KEY, { ...mark, values } satisfies DefaultsMark);
}

/**
 * The context in which what a carrier brought counts as arrived, also where a tracer of this process had put the
 * very same values into the baggage as its defaults: two services may well live in one process.
 *
 * @param context the context with the carrier's baggage merged in
 * @param arrived the carrier's baggage, if any
 */
export function withArrivedIdentity(context: Context, arrived: Baggage | undefined): Context {
  const mark = context.getValue(DEFAULTS_KEY) as DefaultsMark | undefined;
  if (mark === undefined || arrived === undefined) return context;
  const values = new Map([...mark.values].filter(([key]) => arrived.getEntry(key) === undefined));
  return values.size === mark.values.size
    ? context
    : context.setValue(DEFAULTS_KEY, { ...mark, values } satisfies DefaultsMark);
}

/**
 * Tells whether the baggage still holds what someone chose for a key, in this process.
 *
 * @param context any context
 * @param key a baggage key of identity
 */
export function isChosen(context: Context, key: string): boolean {
  const marked = context.getValue(CHOSEN_KEY) as ReadonlyMap<string, string> | undefined;
  const value = marked?.get(key);
  return value !== undefined && propagation.getBaggage(context)?.getEntry(key)?.value === value;
}
