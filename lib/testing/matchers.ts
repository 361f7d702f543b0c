/**
 * Matchers for spans, for jest, vitest and every other `expect.extend`.
 *
 * Nothing of a test framework is imported: a matcher is a function that answers `{ pass, message }`.
 */
import type { ReadableSpan } from '../tracer/sdk-contract.js';
import { neighboursOf, treeAround, type SpanRecorder } from './record-spans.js';
import {
  isExpected,
  isMeant,
  parentIdOf,
  parentOf,
  sessionOf,
  wrongAttributes,
  type ExpectedAttributes,
  type RecordedSpan,
  type SpanQuery,
} from './span-pattern.js';
import { drawTree } from './span-tree.js';

/**
 * What a matcher answers.
 *
 * @category Testing
 */
export interface MatcherResult {
  pass: boolean;
  message(): string;
}

/**
 * The matchers as they are called on `expect(…)`.
 *
 * @category Testing
 */
export interface SpanMatchers<R = void> {
  /**
   * Of a recorder, or of a list of spans: one of them is meant.
   *
   * @param query a name, an expression for it, or what the span must hold
   */
  toHaveSpan(query: SpanQuery): R;
  /**
   * Of a span: its parent.
   *
   * @param parent the parent, its name, or null for a span without one
   */
  toHaveParent(parent: ReadableSpan | string | null): R;
  /**
   * Of a span: it has these attributes, among others.
   *
   * @param attributes values, expressions for texts, matchers, or undefined for one that must not be there
   */
  toHaveAttributes(attributes: ExpectedAttributes): R;
  /**
   * Of a span, or of every span of a recorder: the session it carries.
   *
   * @param session the session's id, an expression for it, or nothing for any session
   */
  toHaveSession(session?: string | RegExp): R;
}

declare global {
  // Read by @types/jest and by vitest before 5, whose `Assertion` extends it; where neither is there, it is nobody's.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace jest {
    // eslint-disable-next-line @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type
    interface Matchers<R, T = {}> extends SpanMatchers<R> {}
  }
}

// eslint-disable-next-line @typescript-eslint/ban-ts-comment
/** @ts-ignore Read by @jest/globals; the package need not be there. */
declare module 'expect' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type
  interface Matchers<R extends void | Promise<void>, T> extends SpanMatchers<R> {}
}

/* eslint-disable @typescript-eslint/ban-ts-comment, @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type */
/** @ts-ignore Read by vitest from 5 on; earlier ones read the global namespace above. */
declare module 'vitest' {
  /** @ts-ignore Vitest 3 and 4 have one parameter here. */
  interface Matchers<
    R extends void | Promise<void> = void | Promise<void>,
    T = unknown,
  > extends SpanMatchers<R> {}
}
/* eslint-enable */

function isSpan(value: unknown): value is RecordedSpan {
  return typeof (value as Partial<RecordedSpan> | null | undefined)?.spanContext === 'function';
}

function isRecorder(value: unknown): value is SpanRecorder {
  const { tree, spans } = (value ?? {}) as Partial<SpanRecorder>;
  return typeof tree === 'function' && Array.isArray(spans);
}

/** Spans of a recorder or a list, with their tree. */
function manySpans(value: unknown): { spans: readonly RecordedSpan[]; tree: () => string } | undefined {
  if (isRecorder(value)) return { spans: value.spans, tree: () => value.tree() };
  if (Array.isArray(value) && value.every(isSpan)) return { spans: value, tree: () => drawTree(value) };
  return undefined;
}

function wrongSubject(matcher: string, wanted: string, received: unknown): MatcherResult {
  const hint = received === undefined && wanted.startsWith('a span') ? '; find() found no such span' : '';
  const got = received === null ? 'null' : Array.isArray(received) ? 'a list' : typeof received;
  throw new TypeError(`${matcher}: expect() must be given ${wanted}, and was given ${got}${hint}`);
}

/** A value as it is written in code. */
function show(value: unknown): string {
  if (value instanceof RegExp || value === undefined) return String(value);
  if (typeof value === 'object' && value !== null) {
    const { asymmetricMatch, toString } = value as { asymmetricMatch?: unknown; toString: unknown };
    if (typeof asymmetricMatch === 'function') {
      const { toAsymmetricMatcher } = value as { toAsymmetricMatcher?: unknown };
      const text = typeof toAsymmetricMatcher === 'function' ? toAsymmetricMatcher.call(value) : undefined;
      return String(text ?? (typeof toString === 'function' ? toString.call(value) : 'a matcher'));
    }
    if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}: ${show(item)}`)
      .join(', ')} }`;
  }
  return typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
}

function within(tree: string): string {
  return `\n\nRecorded:\n\n${tree
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\n`;
}

function toHaveSpan(received: unknown, query: SpanQuery): MatcherResult {
  const many = manySpans(received);
  if (many === undefined) return wrongSubject('toHaveSpan', 'a recorder or a list of spans', received);
  const all = isRecorder(received) ? [...many.spans, ...received.running] : many.spans;
  const pass = many.spans.some((span) => isMeant(span, query, all));
  return {
    pass,
    message: () =>
      `expected ${pass ? 'no' : 'a'} finished span ${show(query)}${nearest(many.spans, query)}${within(many.tree())}`,
  };
}

/** Of spans that have the name, what else is different. */
function nearest(spans: readonly RecordedSpan[], query: SpanQuery): string {
  if (typeof query === 'string' || query instanceof RegExp || query.attributes === undefined) return '';
  const { name, attributes } = query;
  const named = spans.filter((span) => name !== undefined && isExpected(span.name, name)).slice(0, 3);
  const lines = named.flatMap((span) =>
    differences(span, attributes).map((line) => `\n  of "${span.name}": ${line}`),
  );
  return lines.join('');
}

function differences(span: RecordedSpan, expected: ExpectedAttributes): string[] {
  return wrongAttributes(span, expected).map(
    (key) => `${key} should be ${show(expected[key])} and is ${show(span.attributes[key])}`,
  );
}

function toHaveParent(received: unknown, parent: ReadableSpan | string | null): MatcherResult {
  if (!isSpan(received)) return wrongSubject('toHaveParent', 'a span', received);
  if (parent !== null && typeof parent !== 'string' && !isSpan(parent)) {
    throw new TypeError(`toHaveParent: the parent must be a span, a name or null; it is ${show(parent)}`);
  }
  const id = parentIdOf(received);
  const actual = parentOf(received, neighboursOf(received));
  const pass =
    parent === null
      ? id === undefined
      : typeof parent === 'string'
        ? actual?.name === parent
        : id === parent.spanContext().spanId &&
          received.spanContext().traceId === parent.spanContext().traceId;
  const wanted =
    parent === null ? 'no parent' : `parent "${typeof parent === 'string' ? parent : parent.name}"`;
  const got =
    id === undefined ? 'none' : actual === undefined ? 'one that is not recorded' : `"${actual.name}"`;
  return {
    pass,
    message: () =>
      pass
        ? `expected "${received.name}" not to have ${wanted}${within(treeAround(received))}`
        : `expected "${received.name}" to have ${wanted}, and it has ${got}${within(treeAround(received))}`,
  };
}

function toHaveAttributes(received: unknown, attributes: ExpectedAttributes): MatcherResult {
  if (!isSpan(received)) return wrongSubject('toHaveAttributes', 'a span', received);
  const wrong = differences(received, attributes);
  const pass = wrong.length === 0;
  return {
    pass,
    message: () =>
      pass
        ? `expected "${received.name}" not to have attributes ${show(attributes)}${within(treeAround(received))}`
        : `expected other attributes of "${received.name}":\n${wrong.map((line) => `  ${line}`).join('\n')}\n` +
          `it has ${show(received.attributes)}${within(treeAround(received))}`,
  };
}

function toHaveSession(received: unknown, session?: string | RegExp): MatcherResult {
  const many = manySpans(received);
  if (many === undefined && !isSpan(received)) {
    return wrongSubject('toHaveSession', 'a span, a recorder or a list of spans', received);
  }
  const spans = many?.spans ?? [received as RecordedSpan];
  const isRight = (span: RecordedSpan): boolean =>
    session === undefined ? sessionOf(span) !== undefined : isExpected(sessionOf(span), session);
  const wrong = spans.filter((span) => !isRight(span));
  // Nothing recorded proves nothing.
  const pass = spans.length > 0 && wrong.length === 0;
  const tree = (): string => many?.tree() ?? treeAround(received as RecordedSpan);
  const wanted = session === undefined ? 'a session' : `session ${show(session)}`;
  return {
    pass,
    message: () => {
      if (pass) return `expected ${wanted} on no span or not on all${within(tree())}`;
      if (spans.length === 0) return `expected ${wanted}, and no span is recorded`;
      const lines = wrong.slice(0, 10).map((span) => `\n  "${span.name}" has ${show(sessionOf(span))}`);
      return `expected ${wanted}${lines.join('')}${within(tree())}`;
    },
  };
}

/**
 * Matchers for spans: `toHaveSpan`, `toHaveParent`, `toHaveAttributes`, `toHaveSession`. What fails shows the tree of
 * recorded spans.
 *
 * @example
 * ```ts
 * import { expect } from '@jest/globals'; // or 'vitest', or jest's global
 * import { SessionTracer, withSession, withSpan } from 'spanwise';
 * import { recordSpans, spanMatchers } from 'spanwise/testing';
 *
 * expect.extend(spanMatchers);
 * const recorder = recordSpans();
 * SessionTracer.init({ testMode: true, spanProcessors: [recorder] });
 * withSession('s-1', () => withSpan('Agent.invoke', () => withSpan('Tool.search', () => 'ham')));
 *
 * expect(recorder).toHaveSpan({ name: 'Agent.invoke', status: 'unset' });
 * expect(recorder.find('Tool.search')).toHaveParent('Agent.invoke');
 * expect(recorder.find('Tool.search')).toHaveAttributes({ 'session.id': 's-1' });
 * expect(recorder).toHaveSession('s-1');
 * ```
 * @category Testing
 */
export const spanMatchers = { toHaveSpan, toHaveParent, toHaveAttributes, toHaveSession };
