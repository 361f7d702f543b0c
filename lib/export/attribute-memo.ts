/**
 * What is remembered of attributes between spans: a service writes the same few dozen keys again and again, and most
 * of them (project, source, event type, HTTP method) mostly with the value of the span before.
 */

/** A key as it is written, and the value that it had last. */
export interface KnownKey {
  /** The field's tag, length and key, as they stand at the beginning of a KeyValue. */
  readonly head: Uint8Array;
  last: string;
  /** The whole KeyValue behind its tag, once the same value has come twice in a row. */
  pair: Uint8Array | undefined;
}

/** Keys and values up to these lengths, in bytes of ASCII: then the lengths around them take one byte each. */
const MOST_KEY = 60;
export const MOST_TEXT = 56;
/** Who makes up keys as it goes must not fill the memory. */
const MOST_KEYS = 1_000;

const known = new Map<string, KnownKey | undefined>();

/** A key of short ASCII that came before, or undefined for others, which have to be written out. */
export function knownKey(key: string): KnownKey | undefined {
  const found = known.get(key);
  return found !== undefined || known.has(key) ? found : learn(key);
}

function learn(key: string): KnownKey | undefined {
  if (known.size >= MOST_KEYS) known.clear();
  let entry: KnownKey | undefined;
  // Long ones are not remembered at all, not even as long ones.
  if (key.length > MOST_KEY) return undefined;
  if (/^[\x01-\x7f]*$/.test(key)) {
    const head = new Uint8Array(key.length + 2);
    head[0] = 0x0a;
    head[1] = key.length;
    for (let at = 0; at < key.length; at++) head[at + 2] = key.charCodeAt(at);
    entry = { head, last: '', pair: undefined };
  }
  known.set(key, entry);
  return entry;
}
