/**
 * Redaction: what must not be recorded is replaced before it becomes an attribute.
 *
 * It fails closed. A redactor that throws, or answers with anything but a plain value, withholds the value.
 */
import { ATTR_ERROR, REDACTED } from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import { isCard } from './cards.js';
import { DEFAULT_CAPTURE_LIMITS, MAX_CUT_CHARACTERS } from './limits.js';
import { isSecretName, plainName } from './secret-keys.js';
import { withholdSecrets } from './secret-text.js';
import { cutText, tooLong } from './text.js';

/**
 * Replaces a value that must not be recorded.
 *
 * @param key the attribute key that the value would be stored under, such as `honeyhive_inputs.arg0.user.email`
 * @param value a string, number, boolean or bigint
 * @returns the value itself, another plain value, or undefined to record nothing
 * @category Session
 */
export type Redactor = (key: string, value: unknown) => unknown;

/**
 * What is withheld in addition to the usual secrets.
 *
 * @category Session
 */
export interface RedactRules {
  /**
   * Property names whose values are withheld, with everything below them. A string is compared with each name on
   * the way, without regard to case and punctuation; an expression is tested against the attribute key so far.
   */
  keys?: readonly (string | RegExp)[];
  /** What is withheld inside strings. Their running time is the expressions' own. */
  patterns?: readonly RegExp[];
  /** Is asked last, with what the other rules left. */
  custom?: Redactor;
}

/**
 * `true`: the usual secrets. `false`: nothing is withheld. Rules or a function: the usual secrets, and more.
 *
 * @category Session
 */
export type RedactOption = boolean | RedactRules | Redactor;

/** How the walk over a value uses a redactor of ours: names once per name, text once per text. */
export interface RedactionParts {
  /** Whether everything under this key is withheld. */
  hides(name: string, key: string): boolean;
  /** Withholds secrets inside a text, looking at no more places than the quota has left. */
  text(text: string, quota?: { places: number }): string;
  readonly custom: Redactor | undefined;
}

const partsOf = new WeakMap<Redactor, RedactionParts>();

/** The parts of a redactor made by `createRedactor`; undefined for anyone else's function. */
export function redactionParts(redactor: Redactor): RedactionParts | undefined {
  return partsOf.get(redactor);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function complain(what: string): void {
  warn('SPW_OPTION', `redact: ${what}; the usual secrets are withheld all the same`, `redact:${what}`);
}

function checkedRules(option: unknown): RedactRules {
  if (option === true || option === undefined) return {};
  if (typeof option === 'function') return { custom: option as Redactor };
  if (typeof option !== 'object' || option === null) {
    complain('expected a boolean, rules or a function');
    return {};
  }
  const { keys, patterns, custom } = option as RedactRules;
  if (keys !== undefined && !isList(keys)) complain('keys must be a list');
  if (patterns !== undefined && !isList(patterns)) complain('patterns must be a list');
  if (custom !== undefined && typeof custom !== 'function') complain('custom must be a function');
  return {
    keys: isList(keys) ? keys : undefined,
    patterns: isList(patterns) ? patterns : undefined,
    custom: typeof custom === 'function' ? custom : undefined,
  };
}

/** A copy without the state that `g` and `y` keep between calls. */
function copyOf(expression: RegExp, flags: string): RegExp {
  return new RegExp(expression.source, expression.flags.replace(/[gy]/g, '') + flags);
}

let prepared = false;

/**
 * Has the engine compile the expressions, which takes it a millisecond or two: `init` has that time, the first call
 * that is captured has not. Engines interpret an expression at first and compile it when it comes again.
 */
function prepare(): void {
  if (prepared) return;
  prepared = true;
  for (const text of ['pin=a', 'pin=b', 'pin=c']) {
    withholdSecrets(text);
    isSecretName(text);
  }
}

function compile(rules: RedactRules): RedactionParts {
  prepare();
  const names = new Set<string>();
  const expressions: RegExp[] = [];
  for (const key of rules.keys ?? []) {
    if (typeof key === 'string' && plainName(key) !== '') names.add(plainName(key));
    else if (key instanceof RegExp) expressions.push(copyOf(key, ''));
    else complain('keys must be names or expressions');
  }
  const patterns: RegExp[] = [];
  for (const pattern of rules.patterns ?? []) {
    if (pattern instanceof RegExp) patterns.push(copyOf(pattern, 'g'));
    else complain('patterns must be expressions');
  }
  return {
    custom: rules.custom,
    hides: (name, key) =>
      isSecretName(name) ||
      (names.size > 0 && names.has(plainName(name))) ||
      (expressions.length > 0 && expressions.some((expression) => expression.test(key))),
    text(text, quota) {
      let result = withholdSecrets(text, quota);
      for (const pattern of patterns) result = result.replace(pattern, REDACTED);
      return result;
    },
  };
}

function hidesPath(parts: RedactionParts, key: string): boolean {
  for (let from = 0; from <= key.length;) {
    const dot = key.indexOf('.', from);
    const end = dot < 0 ? key.length : dot;
    if (parts.hides(key.slice(from, end), key.slice(0, end))) return true;
    from = end + 1;
  }
  return false;
}

/**
 * Asks a redactor of any origin about one plain value, and fails closed.
 *
 * @param redactor asked with `key` and `value`
 * @returns a plain value, or undefined to record nothing
 */
export function askRedactor(
  redactor: Redactor,
  key: string,
  value: unknown,
): string | number | boolean | undefined {
  let answer: unknown;
  try {
    answer = redactor(key, value);
  } catch (error) {
    warnError('SPW_REDACT', 'a redactor threw and the value was withheld', error);
    return REDACTED;
  }
  switch (typeof answer) {
    case 'string':
    case 'number':
    case 'boolean':
      return answer;
    case 'bigint':
      return `${answer}`;
    case 'undefined':
      return undefined;
    default:
      if (answer === null) return undefined;
      warn(
        'SPW_REDACT',
        'a redactor answered with no plain value and the value was withheld; return a string',
      );
      return REDACTED;
  }
}

/** Withholds secrets in one plain value by the rules that need no key. */
export function redactPlain(parts: RedactionParts, value: string | number | boolean | bigint): typeof value {
  if (typeof value === 'string') return parts.text(value);
  if (typeof value === 'boolean') return value;
  // Only a number as long as a payment card's can be one.
  if (value < 1e12 || value >= 1e19 || (typeof value === 'number' && !Number.isSafeInteger(value)))
    return value;
  return isCard(`${value}`) ? REDACTED : value;
}

/**
 * Makes the redactor of a tracer's `redact` option.
 *
 * The usual secrets are withheld by the name they stand under (`authorization`, `cookie`, `password`, `apiKey`,
 * `accessToken`, …, with everything below) and by their form inside any text: bearer tokens, JWTs, private keys,
 * payment cards, connection strings, keys of AWS, GitHub, Google, OpenAI, Slack, Stripe and others.
 *
 * @param option `true` (the default) for the usual secrets, rules or a function for more, `false` for nothing.
 *   A bad option is reported (`SPW_OPTION`) and counts as `true`.
 * @returns the redactor, or undefined for `false`; it never throws
 * @example
 * const redact = createRedactor({ keys: ['email', /\.internal\./], patterns: [/\bEMP-\d+\b/] });
 * redact?.('honeyhive_inputs.email', 'a@b.example'); // '[REDACTED]'
 */
export function createRedactor(option: RedactOption = true): Redactor | undefined {
  if (option === false) return undefined;
  let parts: RedactionParts;
  try {
    parts = compile(checkedRules(option));
  } catch (error) {
    warnError('SPW_OPTION', 'redact could not be read; the usual secrets are withheld', error);
    parts = compile({});
  }
  const one = (key: string, value: unknown): unknown => {
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'bigint': {
        const plain = redactPlain(parts, value);
        return parts.custom === undefined ? plain : askRedactor(parts.custom, key, plain);
      }
      case 'undefined':
        return undefined;
      default:
        return value === null ? undefined : REDACTED;
    }
  };
  const redactor: Redactor = (key, value) => {
    try {
      if (value === undefined || value === null) return undefined;
      if (hidesPath(parts, key)) return REDACTED;
      return Array.isArray(value) ? value.map((item) => one(key, item)) : one(key, value);
    } catch (error) {
      warnError('SPW_REDACT', 'a value could not be checked and was withheld', error);
      return REDACTED;
    }
  };
  partsOf.set(redactor, parts);
  return redactor;
}

/** Characters after a cut that are still looked at, so that a secret on the cut is recognised whole. */
export const OVERLAP = 512;

/** The part of a text that is looked at: what may be recorded, and the overlap. */
export function windowOf(text: string, max: number): string {
  return cutText(text, max + OVERLAP);
}

/**
 * The part of a checked window that is recorded. What was withheld made the text shorter, and the overlap must not
 * move into what is recorded: it may end in half a secret.
 */
export function limitWindow(window: string, checked: string, max: number): string {
  const overlap = Math.max(0, window.length - max);
  return cutText(checked, Math.min(max, Math.max(0, checked.length - overlap)));
}

/**
 * Withholds secrets in an error's message or stack, and bounds its length.
 *
 * @param text the text
 * @param redactor the tracer's redactor; undefined only cuts
 * @param key the attribute key it is stored under
 * @param max the longest result, in characters
 * @returns the text to record; `[REDACTED]` if the redactor fails
 */
export function redactText(
  text: string,
  redactor: Redactor | undefined,
  key: string = ATTR_ERROR,
  max: number = DEFAULT_CAPTURE_LIMITS.maxStringLength,
): string {
  try {
    if (text.length > MAX_CUT_CHARACTERS) return tooLong(text);
    if (redactor === undefined) return cutText(text, max);
    const piece = windowOf(text, max);
    const parts = redactionParts(redactor);
    const checked = parts === undefined ? piece : parts.text(piece);
    const asked = parts === undefined ? redactor : parts.custom;
    const answer = asked === undefined ? checked : askRedactor(asked, key, checked);
    return answer === undefined ? REDACTED : limitWindow(piece, String(answer), max);
  } catch (error) {
    warnError('SPW_REDACT', 'a text could not be checked and was withheld', error);
    return REDACTED;
  }
}
