/**
 * Baggage: what travels with the work, as an immutable value of our own behind OpenTelemetry's interface.
 *
 * OpenTelemetry's own copies its whole map for every change. Here a change is one small node laid over what was
 * there, which is what makes setting a few keys per call affordable.
 */
import {
  context as contextApi,
  propagation,
  type Baggage,
  type BaggageEntry,
  type Context,
} from '@opentelemetry/api';
import { warn } from '../diagnostics.js';
import { DEFAULTS_KEY } from './keys.js';

/** Beyond this many layers a change is written out flat, so that reading stays cheap. */
const MAX_LAYERS = 16;

/** What the layers of a baggage add up to: the entry of each key, in order. */
export type BaggageContent = Map<string, BaggageEntry>;

/** Which character of a key, counted from its end, goes into its bit. */
export const KEY_BIT_PLACE = 3;

/** One bit for a key, made of its length and one of its characters, so that most absent keys are told by it. */
export function keyBit(length: number, code: number): number {
  return 1 << ((length + 5 * (length < KEY_BIT_PLACE ? 0 : code)) & 31);
}

/** The bit of a key. */
export function keyBitOf(key: string): number {
  return keyBit(key.length, key.charCodeAt(key.length - KEY_BIT_PLACE));
}

/** Changed entries over another baggage; an absent entry is a removed one. */
export interface BaggageLayer {
  readonly below: Baggage;
  readonly keys: readonly string[];
  readonly entries: readonly (BaggageEntry | undefined)[];
}

/**
 * An immutable baggage. Subclasses say where the entries are; changes are layers.
 */
export abstract class ImmutableBaggage implements Baggage {
  /** The header that this baggage was written as; baggage never changes, so it stays true. */
  written: unknown = undefined;
  /** Whose identity is in it, as it was found out last. */
  resolved: unknown = undefined;

  /** How many layers lie above the lowest one. */
  get layers(): number {
    return 0;
  }

  /** The bits of all keys in it, if they are known: a key whose bit is not set is not there. */
  get keyBits(): number {
    return -1;
  }

  /** What was laid over what, if that is how it was made. */
  get layer(): BaggageLayer | undefined {
    return undefined;
  }

  abstract getEntry(key: string): BaggageEntry | undefined;
  /** Writes all entries into `into`, in order. */
  abstract collect(into: BaggageContent): void;

  getAllEntries(): [string, BaggageEntry][] {
    return [...contentOf(this)].map(([key, entry]) => [key, copyEntry(entry)]);
  }

  setEntry(key: string, entry: BaggageEntry): Baggage {
    return layer(this, [key], [copyEntry(entry)]);
  }

  removeEntry(key: string): Baggage {
    return this.getEntry(key) === undefined ? this : layer(this, [key], [undefined]);
  }

  removeEntries(...keys: string[]): Baggage {
    const present = keys.filter((key) => this.getEntry(key) !== undefined);
    return present.length === 0
      ? this
      : layer(
          this,
          present,
          present.map(() => undefined),
        );
  }

  clear(): Baggage {
    return EMPTY;
  }
}

/** Entries in a map; also the flat form of many layers. */
class MapBaggage extends ImmutableBaggage {
  readonly #entries: BaggageContent;

  constructor(entries: BaggageContent) {
    super();
    this.#entries = entries;
  }

  override getEntry(key: string): BaggageEntry | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : copyEntry(entry);
  }

  override collect(into: BaggageContent): void {
    for (const [key, entry] of this.#entries) into.set(key, entry);
  }
}

/** A few changed entries over another baggage, which may be of OpenTelemetry's or anyone's making. */
class LayeredBaggage extends ImmutableBaggage implements BaggageLayer {
  constructor(
    readonly below: Baggage,
    readonly keys: readonly string[],
    readonly entries: readonly (BaggageEntry | undefined)[],
    private readonly height: number,
  ) {
    super();
  }

  override get layers(): number {
    return this.height;
  }

  override get layer(): BaggageLayer {
    return this;
  }

  override getEntry(key: string): BaggageEntry | undefined {
    const at = this.keys.lastIndexOf(key);
    if (at < 0) return this.below.getEntry(key);
    const entry = this.entries[at];
    return entry === undefined ? undefined : copyEntry(entry);
  }

  override collect(into: BaggageContent): void {
    collectInto(this.below, into);
    this.keys.forEach((key, i) => {
      const entry = this.entries[i];
      if (entry === undefined) into.delete(key);
      else into.set(key, entry);
    });
  }
}

const EMPTY: Baggage = new MapBaggage(new Map());

function copyEntry(entry: BaggageEntry): BaggageEntry {
  return entry.metadata === undefined
    ? { value: entry.value }
    : { value: entry.value, metadata: entry.metadata };
}

function collectInto(baggage: Baggage, into: BaggageContent): void {
  if (baggage instanceof ImmutableBaggage) baggage.collect(into);
  else for (const [key, entry] of baggage.getAllEntries()) into.set(key, entry);
}

/** The entries of any baggage, in order; of ours without copying each one. Not to be changed. */
export function contentOf(baggage: Baggage): BaggageContent {
  const content: BaggageContent = new Map();
  collectInto(baggage, content);
  return content;
}

function layer(
  below: Baggage,
  keys: readonly string[],
  entries: readonly (BaggageEntry | undefined)[],
): Baggage {
  const layers = below instanceof ImmutableBaggage ? below.layers + 1 : 1;
  const layered = new LayeredBaggage(below, keys, entries, layers);
  return layers < MAX_LAYERS ? layered : new MapBaggage(contentOf(layered));
}

/**
 * Several changes to a baggage as one step.
 *
 * @param below the baggage to start from; none is the empty one
 * @param keys the keys to change
 * @param values the new value of each key; undefined removes it
 */
export function changeBaggage(
  below: Baggage | undefined,
  keys: readonly string[],
  values: readonly (string | undefined)[],
): Baggage {
  if (keys.length === 0) return below ?? EMPTY;
  return layer(
    below ?? EMPTY,
    keys,
    values.map((value) => (value === undefined ? undefined : { value })),
  );
}

/**
 * Lays entries over a baggage that are kept as they are, and may be shared by many.
 *
 * @param below the baggage to start from; none is the empty one
 * @param keys the keys to add or change
 * @param entries the entry of each key
 */
export function addEntries(
  below: Baggage | undefined,
  keys: readonly string[],
  entries: readonly BaggageEntry[],
): Baggage {
  return layer(below ?? EMPTY, keys, entries);
}

/** Lays whole entries, with their properties, over a baggage. */
export function overlayBaggage(below: Baggage | undefined, above: BaggageContent): Baggage {
  if (above.size === 0) return below ?? EMPTY;
  if (below === undefined) return new MapBaggage(above);
  return layer(below, [...above.keys()], [...above.values()]);
}

/**
 * Makes a baggage.
 *
 * @param entries the value of each key; undefined ones are left out
 * @returns a baggage that any OpenTelemetry propagator can send
 * @example
 * const baggage = createBaggage({ session_id: 'a', tenant: 'gold' });
 * baggage.getEntry('tenant'); // { value: 'gold' }
 */
export function createBaggage(entries?: Record<string, string | undefined>): Baggage {
  if (entries === undefined) return EMPTY;
  const content: BaggageContent = new Map();
  for (const [key, value] of Object.entries(entries)) {
    const text = textOf(key, value);
    if (text !== undefined) content.set(key, { value: text });
  }
  return content.size === 0 ? EMPTY : new MapBaggage(content);
}

function textOf(key: string, value: unknown): string | undefined {
  if (typeof value === 'string' || value === undefined || value === null) return value ?? undefined;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    return String(value);
  }
  warn('SPW_BAGGAGE', `the value of baggage ${key} is not a string and is left out`, key);
  return undefined;
}

/**
 * Runs a function with entries added to the baggage, which every outgoing call inside it carries.
 *
 * @param entries the value of each key; undefined removes the key
 * @param fn what to run
 * @returns what `fn` returns; a promise keeps the baggage across its awaits
 * @throws whatever `fn` throws
 * @example
 * ```ts
 * import { injectContextIntoCarrier, SessionTracer, withBaggage } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop' });
 * const headers = withBaggage({ tenant: 'gold' }, () => injectContextIntoCarrier({ baggage: '' }));
 * console.log(headers.baggage.includes('tenant=gold')); // true
 * ```
 * @see https://www.w3.org/TR/baggage/
 * @category Propagation
 */
export function withBaggage<T>(entries: Record<string, string | undefined>, fn: () => T): T {
  let next = contextApi.active();
  try {
    const keys = Object.keys(entries);
    if (keys.length > 0) {
      const values = keys.map((key) => textOf(key, entries[key]));
      next = ownValues(
        propagation.setBaggage(next, changeBaggage(propagation.getBaggage(next), keys, values)),
        keys,
      );
    }
  } catch {
    warn('SPW_BAGGAGE', 'the entries given to withBaggage could not be read; the call goes on without them');
  }
  return contextApi.with(next, fn);
}

/** What someone sets by hand is no longer a tracer's default, even if it is the same text. */
function ownValues(context: Context, keys: readonly string[]): Context {
  const mark = context.getValue(DEFAULTS_KEY) as
    { readonly defaults: unknown; readonly values: ReadonlyMap<string, string> } | undefined;
  if (mark === undefined || !keys.some((key) => mark.values.has(key))) return context;
  const values = new Map(mark.values);
  for (const key of keys) values.delete(key);
  return context.setValue(DEFAULTS_KEY, { defaults: mark.defaults, values });
}

/**
 * Reads the baggage of the active context.
 *
 * @param key the entry to read; all of them if absent
 * @returns the entry's value, or undefined; without a key, the values by key. It never throws
 * @example
 * ```ts
 * import { getBaggage, withBaggage } from 'spanwise';
 *
 * withBaggage({ tenant: 'gold' }, () => console.log(getBaggage('tenant'))); // gold
 * ```
 * @see https://www.w3.org/TR/baggage/
 * @category Propagation
 */
export function getBaggage(key: string): string | undefined;
export function getBaggage(): Record<string, string>;
export function getBaggage(key?: string): string | undefined | Record<string, string> {
  const baggage = propagation.getBaggage(contextApi.active());
  if (key !== undefined) return baggage?.getEntry(key)?.value;
  if (baggage === undefined) return {};
  return Object.fromEntries([...contentOf(baggage)].map(([name, entry]) => [name, entry.value]));
}
