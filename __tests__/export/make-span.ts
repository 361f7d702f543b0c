/** Finished spans as processors get them. */
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';

let last = Math.floor(Math.random() * 2 ** 40);

export function spanId(): string {
  return (++last).toString(16).padStart(16, '0');
}

const resource = { attributes: { 'service.name': 'export-test' } };
const instrumentationScope = { name: 'export-test', version: '1.2.3' };

export function makeSpan(name = 'work', changes: Partial<ReadableSpan> = {}): ReadableSpan {
  const id = spanId();
  const context = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: id, traceFlags: 1 };
  const seconds = Math.floor(Date.now() / 1000);
  return {
    name,
    kind: 0,
    spanContext: () => context,
    startTime: [seconds, 123_456_789],
    endTime: [seconds, 223_456_789],
    status: { code: 0 },
    attributes: {
      'honeyhive.session_id': '993a64ba-02f6-46d0-b615-7e415eb010a0',
      'honeyhive.project': 'shop',
      'http.request.method': 'GET',
      'url.path': '/agent/invoke',
      'http.response.status_code': 200,
      'gen_ai.usage.input_tokens': 1234,
      'cache.hit': false,
      'cost.usd': 0.0012,
    },
    links: [],
    events: [],
    duration: [0, 100_000_000],
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ...changes,
  };
}
