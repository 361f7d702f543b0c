import { expect, it } from '@jest/globals';
import { decodeJson } from '../../lib/viewer/decode-json.js';
import { encodeJson } from '../../lib/viewer/encode-json.js';
import type { ReceivedSpan } from '../../lib/viewer/received-span.js';
import { receivedSpans, spanIdOf, traceIdOf } from './requests.js';

const again = (spans: ReceivedSpan[]) => decodeJson(Buffer.from(JSON.stringify(encodeJson(spans)))).spans;

it('writes everything that was read', () => {
  const [span] = receivedSpans({
    id: 2,
    parent: 1,
    kind: 3,
    error: 'no',
    session: 's',
    start: 0.25,
    duration: 1.5,
  });
  Object.assign(span!, {
    traceState: 'a=b',
    dropped: 4,
    scope: { name: 'scope', version: '1' },
    links: [{ traceId: traceIdOf(9), spanId: spanIdOf(9), attributes: { why: 'batch' } }],
    events: [
      { name: 'e', time: span!.startTime + 0.125, attributes: { deep: { list: [1, 'two', null, [true]] } } },
    ],
  });
  Object.assign(span!.attributes, {
    int: 7,
    double: 7.5,
    large: '9223372036854775807',
    no: false,
    empty: null,
    infinite: 'Infinity',
  });
  expect(again([span!])).toEqual([span]);
});

it('writes a resource once for all of its spans', () => {
  const spans = receivedSpans({ id: 1, service: 'a' }, { id: 2, service: 'b' });
  spans[1]!.resource = spans[0]!.resource;
  expect(encodeJson(spans).resourceSpans).toHaveLength(1);
  expect(again(spans)).toEqual(spans);
});
