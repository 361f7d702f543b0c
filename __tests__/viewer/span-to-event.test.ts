import { describe, expect, it } from '@jest/globals';
import { eventIdOfSpan, sessionIdOfTrace, spanToEvent } from '../../lib/viewer/span-to-event.js';
import { EPOCH, receivedSpans, spanIdOf, traceIdOf, type SpanOptions } from './requests.js';

const eventOf = (options: SpanOptions) => JSON.parse(JSON.stringify(spanToEvent(receivedSpans(options)[0]!)));
const TAP = 'traceloop.association.properties.';

describe('identity', () => {
  it('comes from HoneyHive’s attributes, then Traceloop’s, then OpenTelemetry’s', () => {
    const all = {
      'honeyhive.session_id': 'a',
      [`${TAP}session_id`]: 'b',
      'session.id': 'c',
      'honeyhive.project': 'p',
      [`${TAP}project`]: 'q',
      'honeyhive.source': 's',
      [`${TAP}source`]: 't',
    };
    expect(eventOf({ attributes: all })).toMatchObject({ session_id: 'a', project: 'p', source: 's' });
    const { 'honeyhive.session_id': _a, 'honeyhive.project': _p, 'honeyhive.source': _s, ...older } = all;
    expect(eventOf({ attributes: older })).toMatchObject({ session_id: 'b', project: 'q', source: 't' });
    expect(eventOf({ attributes: { 'session.id': 'c' } })).toMatchObject({ session_id: 'c', source: 'otlp' });
  });

  it('of a span without any is made from its trace, the same every time', () => {
    const event = eventOf({ trace: 7 });
    expect(event.session_id).toBe(sessionIdOfTrace(traceIdOf(7)));
    expect(event).not.toHaveProperty('project');
    expect(sessionIdOfTrace(traceIdOf(7))).not.toBe(sessionIdOfTrace(traceIdOf(8)));
  });

  it('gives every span a UUID of its own that another run makes, too', () => {
    const { event_id } = eventOf({ trace: 1, id: 2 });
    expect(event_id).toBe(eventIdOfSpan(traceIdOf(1), spanIdOf(2)));
    expect(event_id).toBe('21cc0d5d-86ec-5dcf-906e-fc646bfaa856');
    const ids = new Set<string>();
    for (let trace = 1; trace <= 30; trace++) {
      for (let id = 1; id <= 30; id++) ids.add(eventIdOfSpan(traceIdOf(trace), spanIdOf(id)));
    }
    expect(ids.size).toBe(900);
  });

  it('lets a span choose its event id, and a root its parent', () => {
    const attributes = { honeyhive_event_id: 'mine', 'honeyhive.parent_id': 'above' };
    expect(eventOf({ attributes })).toMatchObject({ event_id: 'mine', parent_id: 'above' });
    expect(eventOf({ session: 's' })).toMatchObject({ parent_id: 's' });
  });
});

describe('payload', () => {
  it('is put together from every namespace', () => {
    const attributes = {
      'honeyhive_inputs.messages.0.content': 'hi',
      'honeyhive_outputs.result.a.0': 1,
      'honeyhive_metadata.tier': 'gold',
      'honeyhive_metrics.tokens': 3,
      'honeyhive_feedback.good': true,
      'honeyhive_config.temperature': 0.5,
      'honeyhive_user_properties.plan': 'pro',
    };
    expect(eventOf({ attributes })).toMatchObject({
      inputs: { messages: [{ content: 'hi' }] },
      outputs: { result: { a: [1] } },
      metadata: { tier: 'gold' },
      metrics: { tokens: 3 },
      feedback: { good: true },
      config: { temperature: 0.5 },
      user_properties: { plan: 'pro' },
    });
  });

  it('keeps what nobody claims in the metadata, under its flat key', () => {
    const attributes = {
      'http.method': 'GET',
      'baggage.user': 'u',
      [`${TAP}session_id`]: 's',
      honeyhive_error_type: 'E',
      'honeyhive_inputs.': 'odd',
      honeyhive_inputs: 'odder',
    };
    const event = eventOf({ service: 'shop', attributes });
    expect(event.metadata).toEqual({
      'http.method': 'GET',
      'baggage.user': 'u',
      [`${TAP}session_id`]: 's',
      honeyhive_error_type: 'E',
      honeyhive_inputs: 'odder',
      'service.name': 'shop',
    });
    expect(event.inputs).toEqual({ '': 'odd' });
  });

  it('moves the ground truth to the feedback, and shows the span’s events', () => {
    const events = [{ name: 'cut', timeUnixNano: `${EPOCH + 5}000000`, attributes: [] }];
    const event = eventOf({ attributes: { 'honeyhive_metadata.ground_truth': 'yes' }, events });
    expect(event.feedback).toEqual({ ground_truth: 'yes' });
    expect(event.metadata._event).toEqual([{ name: 'cut', time: EPOCH + 5, attributes: {} }]);
  });
});

describe('error', () => {
  const exception = {
    name: 'exception',
    timeUnixNano: '1700000000000000000',
    attributes: [{ key: 'exception.message', value: { stringValue: 'thrown' } }],
  };
  it.each<[SpanOptions, string | null]>([
    [{}, null],
    [{ attributes: { honeyhive_error: 'told' }, error: 'status' }, 'told'],
    [{ error: 'status', events: [exception] }, 'status'],
    [{ events: [exception] }, null],
    [{ attributes: { 'http.status_code': 404 } }, 'HTTP 404'],
    [{ attributes: { 'http.response.status_code': 500 } }, 'HTTP 500'],
    [{ attributes: { 'http.status_code': 200 } }, null],
  ])('of %j is %j', (options, expected) => {
    expect(eventOf(options).error).toBe(expected);
  });

  it('without a message is taken from the exception, or said plainly', () => {
    const [span] = receivedSpans({ events: [exception] });
    expect(spanToEvent({ ...span!, status: 'error' }).error).toBe('thrown');
    expect(spanToEvent({ ...span!, status: 'error', events: [] }).error).toBe('error');
  });
});

describe('event type', () => {
  it.each<[Record<string, string>, string]>([
    [{}, 'tool'],
    [{ honeyhive_event_type: 'chain' }, 'chain'],
    [{ honeyhive_event_type: 'session' }, 'session'],
    [{ honeyhive_event_type: 'bogus' }, 'tool'],
    [{ honeyhive_event_type: 'tool', 'gen_ai.operation.name': 'chat' }, 'tool'],
    [{ 'gen_ai.operation.name': 'chat' }, 'model'],
    [{ 'gen_ai.operation.name': 'invoke_agent' }, 'chain'],
    [{ 'openinference.span.kind': 'LLM' }, 'model'],
    [{ 'openinference.span.kind': 'toString' }, 'tool'],
  ])('of %j is %s', (attributes, expected) => {
    expect(eventOf({ name: 'google_search', attributes }).event_type).toBe(expected);
  });
});

it('times are milliseconds with their fractions, and durations follow', () => {
  expect(eventOf({ start: 0.25, duration: 1.5 })).toMatchObject({
    start_time: EPOCH + 0.25,
    end_time: EPOCH + 1.75,
    duration: 1.5,
  });
});
