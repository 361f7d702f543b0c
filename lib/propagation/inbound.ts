/**
 * The baggage of an entry: what arrived laid over what is there, and what arrived taken back.
 */
import type { Baggage, Context } from '@opentelemetry/api';
import { changeBaggage, contentOf, overlayBaggage, type BaggageContent } from '../context/baggage.js';
import { isChosen } from '../context/identity.js';
import { DEFAULTS_KEY } from '../context/keys.js';
import { warn } from '../diagnostics.js';
import { MAX_BAGGAGE_BYTES } from './baggage-header.js';
import type { Arrived } from './propagator.js';
import type { Remote } from './remote.js';

/** How many entries of a header are looked at the way another propagator does. */
const MAX_LOOSE = 512;

/** What arrived, laid over what is there; what someone chose in this process stays. */
export function merge(
  context: Context,
  below: Baggage | undefined,
  inbound: Baggage | undefined,
): Baggage | undefined {
  if (inbound === undefined || inbound === below) return below;
  if (below === undefined) return inbound;
  const above: BaggageContent = new Map();
  for (const [key, entry] of contentOf(inbound)) {
    if (isChosen(context, key)) continue;
    const there = below.getEntry(key);
    if (there?.value !== entry.value || String(there.metadata ?? '') !== String(entry.metadata ?? '')) {
      above.set(key, entry);
    }
  }
  // Nothing of the process's own is below it: then the header can be sent on as it came.
  return above.size === contentOf(inbound).size && contentOf(below).size === 0
    ? inbound
    : overlayBaggage(below, above);
}

/**
 * The active baggage without the entries that came from outside.
 *
 * Our propagator remembers what it let in. Another one may have read the same header less strictly than we do, so
 * what it could have made of it goes too.
 */
export function withoutInbound(
  context: Context,
  baggage: Baggage | undefined,
  memory: Remote | undefined,
  arrived: Arrived,
): Baggage | undefined {
  if (baggage === undefined) return undefined;
  const gone = new Set<string>();
  const leave = (key: string, value: string): void => {
    if (baggage.getEntry(key)?.value === value && !isOwn(context, key, value)) gone.add(key);
  };
  for (const source of [memory?.baggage, arrived.baggage]) {
    if (source === undefined) continue;
    for (const [key, entry] of contentOf(source)) leave(key, entry.value);
  }
  if (memory === undefined) for (const [key, value] of looseEntries(arrived.header)) leave(key, value);
  return without(baggage, [...gone]);
}

/** The entries that OpenTelemetry's own propagator would read from a header. */
function* looseEntries(header: string | readonly string[] | undefined): Generator<[string, string]> {
  if (header === undefined) return;
  for (const text of typeof header === 'string' ? [header] : header.slice(0, MAX_LOOSE)) {
    // It stops at 8192 characters and 180 entries; a little more is looked at here.
    for (const member of text.slice(0, 2 * MAX_BAGGAGE_BYTES).split(',', MAX_LOOSE)) {
      const pair = member.split(';', 1)[0] as string;
      const equals = pair.indexOf('=');
      if (equals <= 0) continue;
      try {
        const key = decodeURIComponent(pair.slice(0, equals).trim());
        yield [key, decodeURIComponent(pair.slice(equals + 1).trim())];
      } catch {
        // Not decodable, so nobody has taken it.
      }
    }
  }
}

function without(baggage: Baggage, keys: readonly string[]): Baggage {
  if (keys.length === 0) return baggage;
  return changeBaggage(
    baggage,
    keys,
    keys.map(() => undefined),
  );
}

/** Whether an entry is of this process: chosen here, or a tracer's default. */
function isOwn(context: Context, key: string, value: string): boolean {
  if (isChosen(context, key)) return true;
  const mark = context.getValue(DEFAULTS_KEY) as { readonly values: ReadonlyMap<string, string> } | undefined;
  return mark?.values.get(key) === value;
}

/**
 * Under someone else's propagator nothing tells which entries arrived. Those that could be the caller's, because
 * nobody here set them as identity, go; and it is said.
 */
export function withoutUnknown(context: Context, baggage: Baggage): Baggage {
  const unknown = [...contentOf(baggage)]
    .filter(([key, entry]) => !isOwn(context, key, entry.value))
    .map(([key]) => key);
  if (unknown.length === 0) return baggage;
  warn(
    'SPW_TRUST',
    `${unknown.length} baggage entries under another propagator may be an untrusted caller's and were removed; register SpanwisePropagator to tell them apart`,
    'unknown',
  );
  return without(baggage, unknown);
}
