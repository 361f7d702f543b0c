import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { messageContentAllowed } from '../../lib/capture/message-content.js';
import { collectDiagnostics } from '../support/diagnostics.js';

const NAME = 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT';
let said: string[] = [];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(() => diag.disable());

test.each<[string | undefined, boolean | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['  ', undefined],
  ['true', true],
  [' TRUE ', true],
  ['span_only', true],
  ['SPAN_AND_EVENT', true],
  ['false', false],
  ['event_only', false],
  ['NO_CONTENT', false],
])('%p means %p', (value, expected) => {
  expect(messageContentAllowed({ [NAME]: value })).toBe(expected);
  expect(said).toEqual([]);
});

test('a word that is not understood switches content off and is reported', () => {
  expect(messageContentAllowed({ [NAME]: 'yes please' })).toBe(false);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('SPW_OPTION');
});
