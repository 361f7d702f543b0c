import { describe, expect, it } from '@jest/globals';
import type { SessionLine } from '../../lib/viewer/page-model.js';
import { SessionFilter } from '../../lib/viewer/session-filter.js';
import { itemOfEvent, itemOfSpan } from '../../lib/viewer/item.js';
import { eventFrom } from '../../lib/viewer/event-view.js';
import { EPOCH, receivedSpans, spanIdOf, traceIdOf, type SpanOptions } from './requests.js';

const line: SessionLine = {
  id: 'session-1',
  name: 'The Question',
  project: 'My Shop',
  source: 'dev',
  services: ['web', 'agent'],
  spans: 2,
  errors: 1,
  traces: 1,
  start: EPOCH,
  end: EPOCH + 1_500,
  isSession: true,
};
const itemsOf = (...spans: SpanOptions[]) => receivedSpans(...spans).map((span) => itemOfSpan(span, 1));
const items = itemsOf(
  { id: 1, name: 'POST /orders', service: 'web', kind: 2, duration: 1_500 },
  {
    id: 2,
    parent: 1,
    name: 'model call',
    service: 'agent',
    duration: 300,
    error: 'Rate limit',
    attributes: {
      honeyhive_event_type: 'model',
      'honeyhive_inputs.user_id': 7,
      'http.route': '/orders',
      'report.title': 'Weekly Report',
      flag: true,
    },
  },
);
const finds = (search: string) => new SessionFilter(search).matchesSession(line, items);

describe('a session is found', () => {
  it.each([
    '',
    'project:shop',
    'project:"my shop"',
    'source:dev',
    'session:question',
    'session:SESSION-1',
    'duration:>1s',
    'duration:<=1500ms',
    'duration:1500',
    'type:model',
    'kind:server',
    'service:agent',
    'name:orders',
    'error:yes',
    'error:"rate limit"',
    'took:<400ms',
    'user_id:7',
    'honeyhive_inputs.user_id:7',
    'http.route:/orders',
    'flag:true',
    'title:"weekly report"',
    'type:model error:yes took:<1s',
    'type:model service:agent user_id:7 project:shop',
    '-project:other',
    '-error:yes',
    'rate orders',
    '"weekly report"',
    '-nowhere',
    traceIdOf(1),
    spanIdOf(2),
  ])('by %s', (search) => {
    expect(finds(search)).toBe(true);
  });
});

describe('a session is not found', () => {
  it.each([
    'project:other',
    '-project:shop',
    'duration:>2s',
    'took:<1ms',
    'type:tool error:yes',
    'service:web type:model',
    'user_id:8',
    'er_id:7',
    'nowhere',
    'rate nowhere',
    '"orders weekly"',
  ])('by %s', (search) => {
    expect(finds(search)).toBe(false);
  });
});

describe('a search', () => {
  it('holds of one and the same span, as far as it is about spans', () => {
    expect(finds('type:model')).toBe(true);
    expect(finds('kind:server')).toBe(true);
    expect(finds('type:model kind:server')).toBe(false);
  });

  it('finds the rows of a session', () => {
    const found = (search: string) =>
      items.filter((item) => new SessionFilter(search).matchesItem(item)).map(({ span }) => span!.name);
    expect(found('error:yes')).toEqual(['model call']);
    expect(found('-error:yes')).toEqual(['POST /orders']);
    expect(found('orders')).toEqual(['POST /orders', 'model call']);
    expect(found('project:other')).toEqual(['POST /orders', 'model call']);
  });

  it('finds events that came by REST', () => {
    const event = eventFrom(
      {
        event_id: 'e',
        session_id: 's',
        event_name: 'rating',
        metadata: { stars: 5 },
        inputs: { a: { b: 'deep' } },
      },
      'tool',
    );
    const matches = (search: string) => new SessionFilter(search).matchesItem(itemOfEvent(event, 1));
    expect([matches('stars:5'), matches('deep'), matches('kind:event'), matches('stars:4')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it.each(['duration:soon', 'http://host/path', 'a:', ':a', '"open', '__proto__:x', 'constructor:x', '('])(
    'of %j is a search like any other',
    (search) => {
      expect(finds(search)).toBe(false);
    },
  );
});
