import { describe, expect, test } from '@jest/globals';
import { knownKey, MOST_TEXT } from '../../lib/export/attribute-memo.js';
import { Batch } from '../../lib/export/batch.js';
import { GroupHeads, Groups } from '../../lib/export/group-heads.js';
import { jsonEncoder } from '../../lib/export/otlp-json.js';
import { protobufEncoder } from '../../lib/export/otlp-protobuf.js';
import type { SpanEncoder } from '../../lib/export/span-encoder.js';
import { makeSpan } from './make-span.js';
import { decodeJson, decodeProtobuf, spansOf } from './otlp-decode.js';

/** The attributes of spans that were encoded one after the other. */
function through(
  encoder: SpanEncoder,
  decode: typeof decodeProtobuf,
  all: object[],
  maxBytes = 1_000_000,
): object[] {
  const [groups, heads, batch] = [new Groups(), new GroupHeads(), new Batch(encoder)];
  for (const attributes of all) {
    const span = makeSpan('work', { attributes: attributes as never });
    batch.append(encoder.encode(span, maxBytes).record, groups.of(span.resource, span.instrumentationScope));
  }
  const body = Buffer.concat(batch.body((group) => heads.of(group, encoder)));
  return spansOf(decode(body)).map((span) => span.attributes);
}

const same = (all: object[], maxBytes?: number): void =>
  expect(through(protobufEncoder, decodeProtobuf, all, maxBytes)).toEqual(
    through(jsonEncoder, decodeJson as never, all, maxBytes),
  );

describe('attributes are what the span says, whatever the spans before it said', () => {
  const long = 'x'.repeat(MOST_TEXT);
  test.each([
    ['the same text again and again', ['a', 'a', 'a', 'a']],
    ['a text that changes after it was remembered', ['a', 'a', 'a', 'b', 'b', 'b', 'a']],
    [
      'text beyond ASCII between others',
      ['a', 'a', 'é', 'é', 'é', 'a', '', '', '\u{1f600}', '\u{1f600}', 'a'],
    ],
    ['texts around the longest that is remembered', [long, long, long, `${long}y`, `${long}y`, long]],
    ['another type in between', ['1', '1', '1', 1, true, false, ['1'], '1', 1.5, -1, '1']],
    [
      'numbers',
      [0, -0, 1, 127, 128, 16_384, 2 ** 32 - 1, 2 ** 32, -1, -(2 ** 53), 2 ** 53, 0.5, -0.5, 1e300],
    ],
    ['numbers that are none', [Number.NaN, Infinity, -Infinity, 0]],
  ])('%s', (_what, values) => same(values.map((value) => ({ 'memo.key': value }))));

  test('half a character becomes the replacement character, each time', () => {
    const values = ['\ud800', '\ud800', '\ud800', 'a'];
    const decoded = through(
      protobufEncoder,
      decodeProtobuf,
      values.map((value) => ({ key: value })),
    );
    expect(decoded).toEqual(['\ufffd', '\ufffd', '\ufffd', 'a'].map((key) => ({ key })));
  });

  test('under keys of every length, and of other letters', () => {
    const keys = [
      '',
      'k',
      'k'.repeat(59),
      'k'.repeat(60),
      'k'.repeat(61),
      'k'.repeat(200),
      'schlüssel',
      '\0',
      '鍵',
    ];
    same(
      keys.flatMap((key) => ['v', 'v', 'v', long, long, long, 7, true].map((value) => ({ [key]: value }))),
    );
  });

  test('where a span has to be cut to fit', () => {
    const text = (letter: string): object => ({ a: letter.repeat(50), b: letter.repeat(9_000), c: 'short' });
    same([text('a'), text('a'), text('a'), text('b'), { a: 'a'.repeat(50) }], 2_048);
  });
});

test('someone who makes up keys as he goes does not fill the memory, and changes nothing', () => {
  const first = knownKey('memo.first');
  expect(knownKey('memo.first')).toBe(first);
  for (let at = 0; at < 3_000; at++) knownKey(`memo.made.up.${at}`);
  expect(knownKey('memo.first')).not.toBe(first);
  same(Array.from({ length: 1_500 }, (_, at) => ({ [`memo.again.${at}`]: 'v', 'memo.first': 'w' })));
});
