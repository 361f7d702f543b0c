/**
 * The language of the page's searches: words, and `key:value` terms that all have to hold.
 *
 * `project:shop type:model error:yes took:>500ms user.id:7 -service:cron "free text"`
 *
 * Terms about spans have to hold of one and the same span; words may stand anywhere in the session. A key that is
 * none of ours is an attribute's, or the end of one's (`user_id` finds `honeyhive_inputs.user_id` too).
 */
import { errorOfItem, serviceOfItem, timesOfItem, type Item } from './item.js';
import type { SessionLine } from './page-model.js';
import type { AttributeMap, AttributeValue } from './received-span.js';
import { eventTypeOf } from './span-to-event.js';

interface Term {
  readonly negated: boolean;
  readonly ofSession?: (line: SessionLine) => boolean;
  readonly ofItem?: (item: Item) => boolean;
}

export class SessionFilter {
  readonly #words: string[] = [];
  readonly #session: Term[] = [];
  readonly #item: Term[] = [];

  constructor(text: string) {
    for (const { negated, key, value } of termsOf(text)) {
      const term = key === undefined ? undefined : termFor(key, value);
      if (term === undefined) {
        const word = key === undefined ? value : `${key}:${value}`;
        if (negated) this.#item.push({ negated, ofItem: (item) => itemHolds(item, word) });
        else this.#words.push(word);
      } else if (term.ofSession !== undefined) this.#session.push({ ...term, negated });
      else this.#item.push({ ...term, negated });
    }
  }

  /** Whether a session is found; `items` are its rows. */
  matchesSession(line: SessionLine, items: Iterable<Item>): boolean {
    if (!this.#session.every(({ ofSession, negated }) => ofSession!(line) !== negated)) return false;
    const missing = new Set(this.#words.filter((word) => !lineHolds(line, word)));
    let needsItem = this.#item.length > 0;
    if (missing.size === 0 && !needsItem) return true;
    for (const item of items) {
      if (needsItem && this.#holdsOf(item)) needsItem = false;
      for (const word of missing) if (itemHolds(item, word)) missing.delete(word);
      if (missing.size === 0 && !needsItem) return true;
    }
    return false;
  }

  /** Whether a row is found; terms about the session as a whole hold of all of its rows. */
  matchesItem(item: Item): boolean {
    return this.#holdsOf(item) && this.#words.every((word) => itemHolds(item, word));
  }

  #holdsOf(item: Item): boolean {
    return this.#item.every(({ ofItem, negated }) => ofItem!(item) !== negated);
  }
}

function* termsOf(text: string): Generator<{ negated: boolean; key: string | undefined; value: string }> {
  const pattern = /(-)?(?:([\w.@/-]+):)?(?:"([^"]*)"|(\S+))/g;
  for (const [, minus, key, quoted, plain] of text.toLowerCase().matchAll(pattern)) {
    const value = quoted ?? plain ?? '';
    if (value !== '') yield { negated: minus !== undefined, key, value };
  }
}

function termFor(key: string, value: string): Omit<Term, 'negated'> | undefined {
  switch (key) {
    case 'project':
      return { ofSession: ({ project }) => includes(project, value) };
    case 'source':
      return { ofSession: ({ source }) => includes(source, value) };
    case 'session':
      return { ofSession: ({ id, name }) => includes(id, value) || includes(name, value) };
    case 'duration': {
      const fits = comparison(value);
      return fits && { ofSession: ({ start, end }) => fits(end - start) };
    }
    case 'took': {
      const fits = comparison(value);
      return fits && { ofItem: (item) => fits(timesOfItem(item)[1] - timesOfItem(item)[0]) };
    }
    case 'service':
      return { ofItem: (item) => includes(serviceOfItem(item), value) };
    case 'type':
      return { ofItem: (item) => typeOf(item) === value };
    case 'kind':
      return { ofItem: ({ span }) => (span?.kind ?? 'event') === value };
    case 'name':
      return { ofItem: (item) => includes(nameOf(item), value) };
    case 'error':
      if (value === 'yes' || value === 'true') return { ofItem: (item) => errorOfItem(item) !== null };
      if (value === 'no' || value === 'false') return { ofItem: (item) => errorOfItem(item) === null };
      return { ofItem: (item) => includes(errorOfItem(item), value) };
    case 'http':
    case 'https':
      return undefined;
    default:
      return { ofItem: (item) => hasAttribute(item, key, value) };
  }
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/** `>500ms`, `<=2s`, `100` (at least that many milliseconds). */
function comparison(text: string): ((ms: number) => boolean) | undefined {
  const [, operator = '>=', digits, unit = 'ms'] =
    /^(>=|<=|>|<|=)?(\d+(?:\.\d+)?)(us|ms|s|m|min|h)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const limit = Number(digits) * UNITS[unit]!;
  if (operator === '>') return (ms) => ms > limit;
  if (operator === '<') return (ms) => ms < limit;
  if (operator === '<=') return (ms) => ms <= limit;
  if (operator === '=') return (ms) => ms === limit;
  return (ms) => ms >= limit;
}

/** An attribute of this name, or one that ends in it after a dot, whose value holds the text. */
function hasAttribute({ span, event }: Item, key: string, value: string): boolean {
  const places =
    span === undefined ? [event!.metadata, event!.inputs, event!.outputs] : [span.attributes, span.resource];
  for (const place of places) {
    for (const name in place) {
      const lower = name.toLowerCase();
      if (lower !== key && !lower.endsWith(`.${key}`)) continue;
      if (holds((place as AttributeMap)[name]!, value)) return true;
    }
  }
  return false;
}

function lineHolds({ name, id, project, source, services }: SessionLine, word: string): boolean {
  return [name, id, project, source, ...services].some((text) => includes(text, word));
}

/** Whether a row holds a word: in its name, its ids, its error or a text among its attributes. */
export function itemHolds(item: Item, word: string): boolean {
  const { span, event, eventId } = item;
  if (includes(nameOf(item), word) || eventId === word || includes(errorOfItem(item), word)) return true;
  if (span === undefined)
    return [event!.inputs, event!.outputs, event!.metadata].some((one) => holds(one as never, word));
  if (span.traceId === word || span.spanId === word) return true;
  for (const key in span.attributes) if (holds(span.attributes[key]!, word)) return true;
  return false;
}

function holds(value: AttributeValue, word: string): boolean {
  if (typeof value === 'string') return value.toLowerCase().includes(word);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value) === word;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((one) => holds(one as AttributeValue, word));
}

function nameOf({ span, event }: Item): string {
  return span?.name ?? event!.event_name;
}

function typeOf({ span, event }: Item): string {
  return span === undefined ? event!.event_type : eventTypeOf(span);
}

function includes(text: string | null | undefined, word: string): boolean {
  return text !== null && text !== undefined && text.toLowerCase().includes(word);
}
