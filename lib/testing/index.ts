/**
 * `spanwise/testing`: record spans in memory, look for them, and print them as a tree.
 *
 * @module spanwise/testing
 */
export { recordSpans, type RecordOptions, type SpanRecorder } from './record-spans.js';
export { spanMatchers, type MatcherResult, type SpanMatchers } from './matchers.js';
export type {
  ExpectedAttribute,
  ExpectedAttributes,
  RecordedSpan,
  SpanPattern,
  SpanQuery,
} from './span-pattern.js';
export type { TreeOptions } from './span-tree.js';
