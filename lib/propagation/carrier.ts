/**
 * The one reader and writer of carriers: whatever holds headers, read without regard to case.
 *
 * A carrier may be a plain object (with strings, arrays or bytes as values), `Headers`, a `Map`, a list of pairs, a
 * raw header list, gRPC `Metadata`, NATS headers, Kafka headers, message attributes of SQS or SNS, or an object
 * whose MCP `_meta` holds the headers. Nothing here throws, and a method is only called on what is known to have it.
 */
import { NameLister } from '../capture/huge.js';
import {
  HEADER_B3,
  HEADER_B3_FLAGS,
  HEADER_B3_SAMPLED,
  HEADER_B3_SPAN_ID,
  HEADER_B3_TRACE_ID,
  HEADER_BAGGAGE,
  HEADER_TRACEPARENT,
  HEADER_TRACESTATE,
} from '../conventions.js';
import { warn } from '../diagnostics.js';
import {
  isBytes,
  isGrpcMetadata,
  isHeaders,
  isMap,
  isNatsHeaders,
  isObject,
  isPlain,
  ownValue,
} from './carrier-shapes.js';

/** How many entries of a carrier are looked at. */
const MAX_KEYS = 2_000;
/** How many pairs or objects of a list. */
const MAX_ITEMS = 1_000;
/** The longest text that is made of bytes; of none so long is the end ever looked at. */
const MAX_BYTES = 524_288;
/** How many values of one key are read. */
const MAX_VALUES = 1_000;

type Value = string | string[] | undefined;

/**
 * Reads one header of a carrier.
 *
 * @param carrier anything; what is no carrier has no headers
 * @param key the header's name in lower case
 * @returns its value, its values if there are several, or undefined
 * @example
 * readCarrier({ Traceparent: '00-…' }, 'traceparent'); // '00-…'
 */
export function readCarrier(carrier: unknown, key: string): Value {
  return readWith(carrier, key, new NameLister());
}

function readWith(carrier: unknown, key: string, lister: NameLister): Value {
  if (typeof carrier !== 'object' || carrier === null) return undefined;
  try {
    if (Array.isArray(carrier)) return readList(carrier, key, lister);
    // The common case first: a header map as Node gives it.
    if (isPlain(carrier)) return readPlain(carrier as Record<string, unknown>, key, lister);
    if (isHeaders(carrier)) return carrier.get(key) ?? undefined;
    if (isMap(carrier)) return readEntries(carrier.entries(), key);
    if (isGrpcMetadata(carrier)) return textOf(carrier.get(key));
    if (isNatsHeaders(carrier)) return readNats(carrier, key);
    return readPlain(carrier as Record<string, unknown>, key, lister);
  } catch {
    warn('SPW_CARRIER', 'a carrier threw when it was read; it is treated as empty');
    return undefined;
  }
}

/**
 * A reader of several headers of one carrier, which goes through its keys once.
 *
 * @param carrier anything
 * @returns what `readCarrier` returns for each key that this library asks for
 */
export function openCarrier(carrier: unknown): (key: string) => Value {
  if (isOrdinary(carrier)) return openOrdinary(carrier);
  const lister = new NameLister();
  return (key) => readWith(carrier, key, lister);
}

/**
 * The reader of an object literal.
 *
 * @param consistent whether one header in lower case means that all are in a usual case, so that what is not there in
 *   one of those needs no look at every name: for the callers of a hot path
 */
export function openOrdinary(
  carrier: Record<string, unknown>,
  consistent: boolean = false,
): (key: string) => Value {
  let lister: NameLister | undefined;
  let folded: ReadonlyMap<string, string> | undefined;
  let isLower = false;
  return (key) => {
    try {
      const value = valueOf(carrier, key);
      if (value !== undefined && Object.hasOwn(carrier, key)) {
        const text = typeof value === 'string' ? value : textOf(value);
        if (text !== undefined) {
          isLower = true;
          return text;
        }
      }
      const usual = spelledUsually(carrier, key);
      if (usual !== undefined || (consistent && isLower)) return usual;
      folded ??= foldNames(carrier, (lister ??= new NameLister()));
      const name = folded.get(key);
      const text = name === undefined ? undefined : textOf(carrier[name]);
      if (text !== undefined) return text;
      return readMeta(carrier, key, (lister ??= new NameLister()));
    } catch {
      return readCarrier(carrier, key);
    }
  };
}

/** An object literal. */
export function isOrdinary(carrier: unknown): carrier is Record<string, unknown> {
  try {
    return typeof carrier === 'object' && carrier !== null && !Array.isArray(carrier) && isPlain(carrier);
  } catch {
    return false;
  }
}

/** The headers that are asked for. */
const NAMES = [
  HEADER_TRACEPARENT,
  HEADER_TRACESTATE,
  HEADER_BAGGAGE,
  HEADER_B3,
  HEADER_B3_TRACE_ID,
  HEADER_B3_SPAN_ID,
  HEADER_B3_SAMPLED,
  HEADER_B3_FLAGS,
];

/** One bit per length of those, so that most names are told by their length alone. */
const NAME_LENGTHS = NAMES.reduce((bits, name) => bits | (1 << name.length), 0);

const NO_SPELLINGS: readonly string[] = [];

/** How senders write a header when they do not write it in lower case; what is found so needs no look at all names. */
const SPELLINGS: Readonly<Record<string, readonly string[]>> = Object.assign(
  Object.create(null) as object,
  Object.fromEntries(NAMES.map((name) => [name, spell(name)])),
);

function spell(name: string): string[] {
  const capitalised = name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
  const words = capitalised.replace(/(?<=^Trace)[ps]|(?<=Trace|Span)i(?=d$)/, (letter) =>
    letter.toUpperCase(),
  );
  return [...new Set([capitalised, words, name.toUpperCase()])];
}

/** The usual ways to write a header that is not in lower case. */
export function spellingsOf(key: string): readonly string[] {
  return SPELLINGS[key] ?? NO_SPELLINGS;
}

/** `carrier[key]`, with a place in the code for each key of every request: there each is found in a tenth of the time. */
function valueOf(carrier: Record<string, unknown>, key: string): unknown {
  if (key === HEADER_TRACEPARENT) return carrier[HEADER_TRACEPARENT];
  if (key === HEADER_TRACESTATE) return carrier[HEADER_TRACESTATE];
  return key === HEADER_BAGGAGE ? carrier[HEADER_BAGGAGE] : carrier[key];
}

const [TRACESTATE_1, TRACESTATE_2, TRACESTATE_3] = spell(HEADER_TRACESTATE) as [string, string, string];

function spelledUsually(carrier: Record<string, unknown>, key: string): Value {
  // The one that most callers do not send; for the same reason.
  if (
    key === HEADER_TRACESTATE &&
    carrier[TRACESTATE_1] === undefined &&
    carrier[TRACESTATE_2] === undefined &&
    carrier[TRACESTATE_3] === undefined
  ) {
    return undefined;
  }
  const names = spellingsOf(key);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = carrier[name];
    if (value === undefined || !Object.hasOwn(carrier, name)) continue;
    const text = textOf(value);
    if (text !== undefined) return text;
  }
  return undefined;
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** The names that are not in lower case, by how they are in it. */
function foldNames(carrier: Record<string, unknown>, lister: NameLister): ReadonlyMap<string, string> {
  let names: Map<string, string> | undefined;
  for (const name of lister.list(carrier) ?? NO_SPELLINGS) {
    if (name === HEADER_TRACEPARENT || name === HEADER_BAGGAGE) continue;
    if (name.length > 24 || (NAME_LENGTHS & (1 << name.length)) === 0) continue;
    const lower = name.toLowerCase();
    if (lower === name) continue;
    names ??= new Map();
    if (!names.has(lower)) names.set(lower, name);
  }
  return names ?? NO_NAMES;
}

function readPlain(carrier: Record<string, unknown>, key: string, lister: NameLister): Value {
  if (Object.hasOwn(carrier, key)) {
    const value = textOf(carrier[key]);
    if (value !== undefined) return value;
  }
  const usual = spelledUsually(carrier, key);
  if (usual !== undefined) return usual;
  for (const name of lister.list(carrier) ?? NO_SPELLINGS) {
    if (name.length === key.length && name !== key && sameName(name, key)) {
      const value = textOf(carrier[name]);
      if (value !== undefined) return value;
    }
  }
  return readMeta(carrier, key, lister);
}

/** The headers of an MCP request stand one level down. */
function readMeta(carrier: Record<string, unknown>, key: string, lister: NameLister): Value {
  const meta = carrier['_meta'];
  if (typeof meta !== 'object' || meta === null) return undefined;
  if (!Object.hasOwn(carrier, '_meta') || Object.hasOwn(meta, '_meta')) return undefined;
  return readWith(meta, key, lister);
}

function sameName(name: string, key: string): boolean {
  return name.length === key.length && name.toLowerCase() === key;
}

function readEntries(entries: Iterable<readonly [unknown, unknown]>, key: string): Value {
  const found: string[] = [];
  let seen = 0;
  for (const [name, value] of entries) {
    if (++seen > MAX_KEYS) break;
    const text = typeof name === 'string' && sameName(name, key) ? textOf(value) : undefined;
    if (text !== undefined) append(found, text);
  }
  return unwrap(found);
}

/** Pairs (`[['a', 'b']]`), raw headers (`['a', 'b']`), or one object per header as librdkafka gives them. */
function readList(list: readonly unknown[], key: string, lister: NameLister): Value {
  const found: string[] = [];
  const isRaw = typeof list[0] === 'string';
  const length = Math.min(list.length, isRaw ? 2 * MAX_KEYS : MAX_ITEMS);
  if (isRaw) {
    for (let i = 0; i + 1 < length; i += 2) {
      const name = list[i];
      const text = typeof name === 'string' && sameName(name, key) ? textOf(list[i + 1]) : undefined;
      if (text !== undefined) append(found, text);
    }
    return unwrap(found);
  }
  for (let i = 0; i < length; i++) {
    const item = list[i];
    if (typeof item !== 'object' || item === null) continue;
    let text: Value;
    if (Array.isArray(item)) {
      const name: unknown = isBytes(item[0]) ? textOf(item[0]) : item[0];
      text =
        item.length === 2 && typeof name === 'string' && sameName(name, key) ? textOf(item[1]) : undefined;
    } else {
      const name = ownValue(item, 'key') ?? ownValue(item, 'name');
      text =
        typeof name === 'string'
          ? sameName(name, key)
            ? textOf(ownValue(item, 'value'))
            : undefined
          : readPlain(item as Record<string, unknown>, key, lister);
    }
    if (text !== undefined) append(found, text);
  }
  return unwrap(found);
}

function readNats(headers: { keys(): Iterable<string>; values(key: string): string[] }, key: string): Value {
  const found: string[] = [];
  let seen = 0;
  for (const name of headers.keys()) {
    if (++seen > MAX_KEYS) break;
    if (sameName(name, key)) append(found, textOf(headers.values(name)) ?? '');
  }
  return unwrap(found);
}

function append(found: string[], text: string | string[]): void {
  if (typeof text === 'string') found.push(text);
  else found.push(...text);
}

function unwrap(found: string[]): Value {
  return found.length > 1 ? found : found[0];
}

/** A value of a carrier as text: a string, bytes, several of them, or a message attribute. */
function textOf(value: unknown): Value {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (isBytes(value))
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(value.subarray(0, MAX_BYTES));
  if (Array.isArray(value)) {
    const found: string[] = [];
    for (let i = 0; i < value.length && i < MAX_VALUES; i++) {
      const text = typeof value[i] === 'string' || isBytes(value[i]) ? textOf(value[i]) : undefined;
      if (typeof text === 'string') found.push(text);
    }
    return unwrap(found);
  }
  // SQS writes StringValue, Lambda's copy of it stringValue, and SNS Value.
  const attribute =
    ownValue(value, 'StringValue') ??
    ownValue(value, 'stringValue') ??
    (typeof ownValue(value, 'Type') === 'string' ? ownValue(value, 'Value') : undefined);
  return typeof attribute === 'string' ? attribute : undefined;
}

/**
 * Writes one header to a carrier, replacing it in whatever case it is there.
 *
 * @param carrier any of the shapes that are read, or an outgoing request
 * @param key the header's name in lower case
 * @param value its value
 * @returns whether it could be written
 */
export function writeCarrier(carrier: unknown, key: string, value: string): boolean {
  try {
    if (typeof carrier === 'object' && carrier !== null && write(carrier, key, value)) return true;
  } catch {
    // Frozen, sealed or hostile: reported below.
  }
  warn('SPW_CARRIER', 'headers could not be written to a carrier; give a plain object, Headers or a Map');
  return false;
}

function write(carrier: object, key: string, value: string): boolean {
  if (Array.isArray(carrier)) return writeList(carrier, key, value);
  if (isPlain(carrier)) return writePlain(carrier as Record<string, unknown>, key, value);
  if (isHeaders(carrier) || isGrpcMetadata(carrier)) {
    carrier.set(key, value);
    return true;
  }
  if (isMap(carrier)) {
    let seen = 0;
    for (const name of carrier.keys()) {
      if (++seen > MAX_KEYS) break;
      if (typeof name === 'string' && name !== key && sameName(name, key)) carrier.delete(name);
    }
    carrier.set(key, value);
    return true;
  }
  if (isNatsHeaders(carrier)) {
    for (const name of [...carrier.keys()]) if (name !== key && sameName(name, key)) carrier.delete(name);
    carrier.set(key, value);
    return true;
  }
  const shaped = carrier as { setHeader?: unknown; getHeader?: unknown; headers?: unknown };
  if (typeof shaped.setHeader === 'function' && typeof shaped.getHeader === 'function') {
    shaped.setHeader(key, value);
    return true;
  }
  if (isHeaders(shaped.headers)) {
    shaped.headers.set(key, value);
    return true;
  }
  return writePlain(carrier as Record<string, unknown>, key, value);
}

function writePlain(carrier: Record<string, unknown>, key: string, value: string): boolean {
  let attribute: 'SQS' | 'SNS' | undefined;
  const listed = new NameLister().list(carrier);
  for (const name of listed ?? spellingsOf(key)) {
    if (listed === undefined && !Object.hasOwn(carrier, name)) continue;
    if (name.length === key.length && name !== key && sameName(name, key)) delete carrier[name];
    else if (typeof carrier[name] === 'object') attribute ??= attributeKind(carrier[name]);
  }
  carrier[key] =
    attribute === 'SQS'
      ? { DataType: 'String', StringValue: value }
      : attribute === 'SNS'
        ? { Type: 'String', Value: value }
        : value;
  return true;
}

function attributeKind(value: unknown): 'SQS' | 'SNS' | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (typeof ownValue(value, 'DataType') === 'string') return 'SQS';
  return typeof ownValue(value, 'Type') === 'string' && Object.hasOwn(value, 'Value') ? 'SNS' : undefined;
}

function writeList(list: unknown[], key: string, value: string): boolean {
  const isRaw = typeof list[0] === 'string';
  const isNamed = !isRaw && list.length > 0 && !Array.isArray(list[0]);
  // A list of anything else holds no headers, and is not written to.
  if (isNamed && !isObject(list[0])) return false;
  if (isRaw) {
    const pairs = Math.min(list.length >> 1, MAX_KEYS);
    for (let i = 2 * pairs - 2; i >= 0; i -= 2) {
      const name = list[i];
      if (typeof name === 'string' && sameName(name, key)) list.splice(i, 2);
    }
    list.push(key, value);
    return true;
  }
  const lister = new NameLister();
  for (let i = Math.min(list.length, MAX_ITEMS) - 1; i >= 0; i--) {
    if (readList([list[i]], key, lister) !== undefined) list.splice(i, 1);
  }
  if (!isNamed) list.push([key, value]);
  else if (Object.hasOwn(list[0] as object, 'key')) list.push({ key, value });
  else list.push({ [key]: value });
  return true;
}

/** The headers by which a carrier is known. */
const TELLING = [HEADER_TRACEPARENT, HEADER_BAGGAGE, HEADER_B3, HEADER_B3_TRACE_ID];

/**
 * Tells whether something holds propagation headers.
 *
 * @param value anything
 * @returns whether `traceparent`, `baggage` or B3 can be read from it
 */
export function looksLikeCarrier(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const read = openCarrier(value);
  return TELLING.some((key) => {
    const found = read(key);
    return found !== undefined && found.length > 0;
  });
}
