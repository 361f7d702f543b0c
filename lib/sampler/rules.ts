/**
 * Sampling rules: which traces a rule means, and what becomes of them.
 */
import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { ATTR_EVENT_TYPE, type EventType } from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';

/**
 * What an attribute must be: that value, a text that an expression finds, or what a callback accepts.
 *
 * @category Sampling
 */
export type AttributeMatch = AttributeValue | RegExp | ((value: AttributeValue | undefined) => boolean);

/**
 * Decides about the traces whose first span in this service matches everything that is given.
 *
 * @category Sampling
 */
export interface SamplingRule {
  /** The span's name: exact, with `*` for any characters, or an expression. */
  name?: string | RegExp;
  /** The span's event type. */
  eventType?: EventType;
  /** Attributes the span starts with. */
  attributes?: Readonly<Record<string, AttributeMatch>>;
  /** `true`: always, without regard to ratio and rate limit. `false`: never. A number: that share of the sessions. */
  keep: boolean | number;
}

/** A rule that was checked, ready to be asked. */
export interface CompiledRule {
  readonly keep: boolean | number;
  matches(name: string, attributes: Attributes): boolean;
}

function complain(index: number, what: string): void {
  warn('SPW_OPTION', `sampling rule ${index} has ${what} and is left out`, `sampling-rule:${index}`);
}

/** Whether a number is a share of sessions. */
export function isRatio(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

function nameTest(name: string | RegExp): (text: string) => boolean {
  if (name instanceof RegExp) {
    const expression = new RegExp(name.source, name.flags.replace(/[gy]/g, ''));
    return (text) => expression.test(text);
  }
  if (!name.includes('*')) return (text) => text === name;
  const pieces = name.split('*');
  return (text) => matchesPieces(text, pieces);
}

/** `a*b*c`, each piece found as early as possible, so that no name makes it slow. */
function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

function attributeTest(match: AttributeMatch): (value: AttributeValue | undefined) => boolean {
  if (typeof match === 'function') {
    return (value) => {
      try {
        return match(value) === true;
      } catch (error) {
        warnError('SPW_CALLBACK', 'a sampling rule’s callback threw', error);
        return false;
      }
    };
  }
  if (match instanceof RegExp) {
    const expression = nameTest(match);
    return (value) => typeof value === 'string' && expression(value);
  }
  if (Array.isArray(match)) {
    return (value) =>
      Array.isArray(value) &&
      value.length === match.length &&
      value.every((item, index) => item === match[index]);
  }
  return (value) => value === match;
}

/**
 * Checks rules once, so that asking them is cheap; a bad one is reported (`SPW_OPTION`) and left out.
 */
export function compileRules(rules: readonly SamplingRule[] | undefined): CompiledRule[] {
  if (rules === undefined) return [];
  if (!Array.isArray(rules)) {
    warn('SPW_OPTION', 'the sampler’s rules must be a list and are left out');
    return [];
  }
  const compiled: CompiledRule[] = [];
  for (const [index, rule] of (rules as readonly SamplingRule[]).entries()) {
    if (typeof rule !== 'object' || rule === null) complain(index, 'no object');
    else if (typeof rule.keep !== 'boolean' && !isRatio(rule.keep))
      complain(index, 'no keep of true, false or 0 to 1');
    else if (rule.name !== undefined && typeof rule.name !== 'string' && !(rule.name instanceof RegExp)) {
      complain(index, 'a name that is no text');
    } else if (
      rule.attributes !== undefined &&
      (typeof rule.attributes !== 'object' || rule.attributes === null)
    ) {
      complain(index, 'attributes that are no object');
    } else compiled.push(compile(rule));
  }
  return compiled;
}

function compile(rule: SamplingRule): CompiledRule {
  const { keep, eventType } = rule;
  const named = rule.name === undefined ? undefined : nameTest(rule.name);
  const tests = Object.entries(rule.attributes ?? {}).map(
    ([key, match]) => [key, attributeTest(match)] as const,
  );
  return {
    keep,
    matches: (name, attributes) =>
      (named === undefined || named(name)) &&
      (eventType === undefined || attributes[ATTR_EVENT_TYPE] === eventType) &&
      tests.every(([key, test]) => test(Object.hasOwn(attributes, key) ? attributes[key] : undefined)),
  };
}
