import { expect, it } from '@jest/globals';
import { eventFrom } from '../../lib/viewer/event-view.js';
import { itemOfEvent, itemOfSpan } from '../../lib/viewer/item.js';
import { usageOf } from '../../lib/viewer/usage-of.js';
import { receivedSpans, type Value } from './requests.js';

const of = (attributes: Record<string, Value>) =>
  usageOf(itemOfSpan(receivedSpans({ attributes })[0]!, 1), undefined);

it.each([
  [{}, { tokens: null, cost: null }],
  [
    { 'honeyhive_metrics.total_tokens': 7, 'honeyhive_metrics.cost': 0.5 },
    { tokens: 7, cost: 0.5 },
  ],
  [
    { 'honeyhive_metadata.prompt_tokens': 3, 'honeyhive_metadata.completion_tokens': 4 },
    { tokens: 7, cost: null },
  ],
  [
    { 'gen_ai.usage.input_tokens': 3, 'gen_ai.usage.output_tokens': 4 },
    { tokens: 7, cost: null },
  ],
  [
    { 'honeyhive_metrics.total_tokens': 9, 'gen_ai.usage.input_tokens': 3 },
    { tokens: 9, cost: null },
  ],
  [
    { 'honeyhive_metrics.total_tokens': 'many', 'honeyhive_metrics.cost': -1 },
    { tokens: null, cost: null },
  ],
])('%j is %j', (attributes, expected) => {
  expect(of(attributes as Record<string, Value>)).toEqual(expected);
});

it('takes what was said of a row later before what came with it', () => {
  const item = itemOfSpan(receivedSpans({ attributes: { 'honeyhive_metrics.cost': 1 } })[0]!, 1);
  expect(usageOf(item, { metrics: { cost: 2 } }).cost).toBe(2);
});

it('reads events that came by REST', () => {
  const event = eventFrom(
    { event_id: 'e', session_id: 's', metrics: { cost: 3 }, metadata: { total_tokens: 4 } },
    'model',
  );
  expect(usageOf(itemOfEvent(event, 1), undefined)).toEqual({ tokens: 4, cost: 3 });
});
