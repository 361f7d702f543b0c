import { beforeEach, describe, expect, it } from '@jest/globals';
import { HoneyHiveClient } from '../../lib/honeyhive/client.js';
import type { EventFilter } from '../../lib/honeyhive/filter.js';
import type { Viewer } from '../../lib/viewer/start-viewer.js';
import { EPOCH, send, sendJson, sendSpans, viewerWith } from './requests.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
let viewer: Viewer;
let client: HoneyHiveClient;
beforeEach(async () => {
  viewer = await viewerWith();
  client = new HoneyHiveClient({ serverUrl: viewer.url, retry: { retries: 0 } });
});
const names = async (filters: unknown, more: object = {}) => {
  const reply = await sendJson(viewer, 'POST', '/v1/events/export', { filters, ...more });
  if (reply.status !== 200) return reply.json.error as string;
  return reply.json.events.map((event: { event_name: string }) => event.event_name);
};

describe('sessions', () => {
  it('start with or without an id, by the old and the new path, and are events themselves', async () => {
    const started = await client.startSession({
      session_name: 'mine',
      source: 'dev',
      metadata: { run_id: 'r' },
    });
    expect(started).toMatchObject({
      event_type: 'session',
      event_name: 'mine',
      metadata: { run_id: 'r' },
      error: null,
    });
    expect(started.session_id).toMatch(UUID);
    expect(started.event_id).toBe(started.session_id);
    const newer = await sendJson(viewer, 'POST', '/v1/sessions', {
      session_id: 'given',
      session_name: 'other',
    });
    expect(newer.json).toMatchObject({ session_id: 'given', event_id: 'given', event_name: 'other' });
    expect(await client.getEvent('given')).toMatchObject({ event_type: 'session' });
  });

  it('may be started again, which adds to them', async () => {
    await client.startSession({ session_id: 's', session_name: 'first', start_time: EPOCH });
    await client.startSession({ session_id: 's', inputs: { a: 1 } });
    expect(await client.getEvent('s')).toMatchObject({
      event_name: 'first',
      inputs: { a: 1 },
      start_time: EPOCH,
    });
    expect((await client.exportEvents({})).totalEvents).toBe(1);
  });

  it('last as long as their spans, and know their top events', async () => {
    await client.startSession({ session_id: 's', start_time: EPOCH + 5 });
    await sendSpans(
      viewer,
      { session: 's', id: 1, start: 10, duration: 90 },
      { session: 's', id: 2, parent: 1 },
    );
    const session = await client.getEvent('s');
    const events = await client.exportAllEvents({
      filters: [{ field: 'span_kind', operator: 'exists', value: null, type: 'string' }],
    });
    expect(session).toMatchObject({ start_time: EPOCH, end_time: EPOCH + 100, duration: 100 });
    expect(session!.children_ids).toEqual([events.find((event) => event.event_name === 'span 1')!.event_id]);
  });

  it('are a tree', async () => {
    await sendSpans(
      viewer,
      { session: 's', id: 3, parent: 2, start: 2 },
      { session: 's', id: 2, parent: 1, start: 1 },
      { session: 's', id: 1, start: 0 },
      { session: 's', id: 4, parent: 99, start: 3 },
    );
    const tree = (await client.getSession('s'))!;
    const shape = (node: typeof tree): unknown => ({ [node.event_name]: node.children.map(shape) });
    expect(tree.event_id).toBe('s');
    expect(tree.children.map(shape)).toEqual([
      { 'span 1': [{ 'span 2': [{ 'span 3': [] }] }] },
      { 'span 4': [] },
    ]);
    expect(await client.getSession('none')).toBeUndefined();
  });

  it('are a tree even of a chain of thousands, or of parents in a circle', async () => {
    const chain = Array.from({ length: 3_000 }, (_, index) => ({
      session: 'deep',
      id: index + 1,
      ...(index === 0 ? {} : { parent: index }),
      start: index,
    }));
    await sendSpans(viewer, ...chain);
    await sendSpans(
      viewer,
      { session: 'circle', trace: 2, id: 1, parent: 2 },
      { session: 'circle', trace: 2, id: 2, parent: 1 },
    );
    for (const [id, size] of [
      ['deep', 3_000],
      ['circle', 2],
    ] as const) {
      const text = (await send(viewer, 'GET', `/v1/sessions/${id}`)).body.toString();
      expect(text.match(/"event_type":"tool"/g)).toHaveLength(size);
    }
  });
});

describe('events', () => {
  it('are updated by PUT, before or after their span comes, namespace by namespace', async () => {
    await client.updateEvent({ event_id: 'chosen', metrics: { early: 1 } });
    await sendSpans(viewer, {
      session: 's',
      attributes: { honeyhive_event_id: 'chosen', 'honeyhive_metadata.a.x': 1, 'honeyhive_metadata.b': 2 },
    });
    await client.updateEvent({ event_id: 'chosen', metadata: { b: 3, c: 4 }, feedback: { good: true } });
    await client.updateEvent({ event_id: 'chosen', metrics: { late: 2 }, duration: 5 });
    expect(await client.getEvent('chosen')).toMatchObject({
      event_id: 'chosen',
      metadata: { a: { x: 1 }, b: 3, c: 4 },
      metrics: { early: 1, late: 2 },
      feedback: { good: true },
      duration: 5,
    });
  });

  it('keep their updates when their span is sent again', async () => {
    await sendSpans(viewer, { session: 's' });
    const [event] = (await client.exportEvents({})).events;
    await client.updateEvent({ event_id: event!.event_id, outputs: { a: 1 } });
    await sendSpans(viewer, { session: 's' });
    const { events } = await client.exportEvents({});
    expect(events).toHaveLength(1);
    expect(events[0]!.outputs).toEqual({ a: 1 });
  });

  it('keep who they are, whatever an update says', async () => {
    await client.updateEvent({ event_id: 'e', session_id: 'other', trace_id: 'x', metadata: { a: 1 } });
    await sendSpans(viewer, { session: 's', attributes: { honeyhive_event_id: 'e' } });
    const update = JSON.parse(
      '{"event_id":"e","__proto__":{"polluted":1},"metadata":{"__proto__":{"polluted":1}}}',
    );
    expect((await sendJson(viewer, 'PUT', '/events', update)).status).toBe(200);
    expect(await client.getEvent('e')).toMatchObject({ event_id: 'e', session_id: 's', metadata: { a: 1 } });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('enrich a session by its id', async () => {
    await sendSpans(viewer, { session: 's', attributes: { 'honeyhive.project': 'p' } });
    expect(await client.getEvent('s')).toBeUndefined();
    await client.updateEvent({ event_id: 's', user_properties: { plan: 'gold' } });
    expect(await client.getEvent('s')).toMatchObject({
      event_type: 'session',
      project: 'p',
      user_properties: { plan: 'gold' },
    });
  });

  it('come by POST, alone and in batches, below their session or another event', async () => {
    const first = await client.createEvent({
      event_name: 'top',
      event_type: 'chain',
      session_id: 's',
      start_time: EPOCH,
    });
    const batch = await sendJson(viewer, 'POST', '/events/batch', {
      events: [
        {
          event_name: 'below',
          event_type: 'model',
          session_id: 's',
          parent_id: first,
          duration: 7,
          start_time: EPOCH,
        },
      ],
    });
    expect(first).toMatch(UUID);
    const below = await client.getEvent(batch.json[0].event_id);
    expect(below).toMatchObject({
      parent_id: first,
      event_type: 'model',
      duration: 7,
      end_time: EPOCH + 7,
      inputs: {},
    });
    expect(await client.getEvent(first!)).toMatchObject({ parent_id: 's', event_type: 'chain' });
  });

  it('are asked for by a session that a span wanted made', async () => {
    await sendSpans(viewer, {
      session: 's',
      attributes: { 'honeyhive.session_auto_create': true, 'honeyhive.session_name': 'auto' },
    });
    expect(await client.getEvent('s')).toMatchObject({ event_type: 'session', event_name: 'auto' });
  });
});

describe('queries', () => {
  beforeEach(async () => {
    await sendSpans(
      viewer,
      {
        session: 's1',
        id: 1,
        name: 'alpha',
        start: 0,
        attributes: {
          'honeyhive.project': 'p1',
          'honeyhive_metadata.cost': 1.5,
          'honeyhive_metadata.run_id': 'r1',
          'honeyhive_metadata.ok': true,
          'honeyhive_metadata.at': '2023-11-14T22:13:20Z',
          'baggage.session_identifier': 'SESSION_1',
          'honeyhive_metadata.big': '1152921504606846976',
        },
      },
      { session: 's1', id: 2, parent: 1, name: 'beta', start: 1_000, error: 'broken pipe' },
      {
        session: 's2',
        trace: 2,
        id: 3,
        name: 'alphabet',
        start: 2_000,
        attributes: {
          'honeyhive.project': 'p2',
          'honeyhive_metadata.cost': 9,
          'honeyhive_metadata.ok': false,
        },
      },
    );
  });

  it.each<[EventFilter['type'], string, string, unknown, string[]]>([
    ['string', 'event_name', 'is', 'alpha', ['alpha']],
    ['string', 'event_name', 'is not', 'alpha', ['alphabet', 'beta']],
    ['string', 'event_name', 'contains', 'alpha', ['alphabet', 'alpha']],
    ['string', 'event_name', 'not contains', 'alpha', ['beta']],
    ['string', 'error', 'exists', null, ['beta']],
    ['string', 'error', 'not exists', null, ['alphabet', 'alpha']],
    ['string', 'error', 'is', null, ['alphabet', 'alpha']],
    ['id', 'session_id', 'is', 's1', ['beta', 'alpha']],
    ['string', 'metadata.run_id', 'is', 'r1', ['alpha']],
    ['string', 'metadata.baggage.session_identifier', 'is', 'SESSION_1', ['alpha']],
    ['string', 'metadata.big', 'is', '1152921504606846976', ['alpha']],
    ['number', 'metadata.cost', 'is', 9, ['alphabet']],
    ['number', 'metadata.cost', 'is not', 9, ['beta', 'alpha']],
    ['number', 'metadata.cost', 'greater than', 1, ['alphabet', 'alpha']],
    ['number', 'metadata.cost', 'less than', 2, ['alpha']],
    ['number', 'metadata.cost', 'exists', null, ['alphabet', 'alpha']],
    ['number', 'metadata.cost', 'not exists', null, ['beta']],
    ['boolean', 'metadata.ok', 'is', true, ['alpha']],
    ['boolean', 'metadata.ok', 'is', false, ['alphabet']],
    ['boolean', 'metadata.ok', 'exists', null, ['alphabet', 'alpha']],
    ['boolean', 'metadata.ok', 'not exists', null, ['beta']],
    ['datetime', 'start_time', 'after', EPOCH + 500, ['alphabet', 'beta']],
    ['datetime', 'start_time', 'before', new Date(EPOCH + 500).toISOString(), ['alpha']],
    ['datetime', 'start_time', 'is', EPOCH + 1_000, ['beta']],
    ['datetime', 'start_time', 'is not', EPOCH + 1_000, ['alphabet', 'alpha']],
    ['datetime', 'metadata.at', 'is', EPOCH, ['alpha']],
    ['datetime', 'metadata.at', 'exists', null, ['alpha']],
    ['datetime', 'metadata.at', 'not exists', null, ['alphabet', 'beta']],
  ])('%s %s %s %j', async (type, field, operator, value, expected) => {
    expect(await names([{ field, operator, value, type }])).toEqual(expected);
  });

  it('combine filters with AND, and answer nothing for what is not there', async () => {
    const named = { field: 'event_name', operator: 'contains', value: 'alpha', type: 'string' };
    expect(
      await names([named, { field: 'session_id', operator: 'is', value: 's2', type: 'string' }]),
    ).toEqual(['alphabet']);
    expect(await names([{ field: 'session_id', operator: 'is', value: 'none', type: 'string' }])).toEqual([]);
    expect(await names([{ field: '__proto__.x', operator: 'exists', value: null, type: 'string' }])).toEqual(
      [],
    );
    expect(await names(undefined)).toEqual(['alphabet', 'beta', 'alpha']);
  });

  it('know projects; spans that name none are in every one', async () => {
    expect(await names([], { project: 'p1' })).toEqual(['beta', 'alpha']);
    expect(await names([], { project: 'p2' })).toEqual(['alphabet', 'beta']);
    expect(await names([], { evaluation_id: 'r1' })).toEqual(['alpha']);
  });

  it('know date ranges, in both spellings', async () => {
    expect(await names([], { dateRange: { $gte: EPOCH + 500, $lte: EPOCH + 1_500 } })).toEqual(['beta']);
    const { events, count } = await client.searchEvents({
      dateRange: { start_time: new Date(EPOCH + 500).toISOString() },
      limit: 1,
    });
    expect([events.map((event) => event.event_name), count]).toEqual([['alphabet'], 2]);
  });

  it('go page by page without overlap, also over equal times', async () => {
    await sendSpans(
      viewer,
      ...Array.from({ length: 25 }, (_, index) => ({ session: 'many', trace: 9, id: index + 1 })),
    );
    const filters = [
      { field: 'session_id', operator: 'is' as const, value: 'many', type: 'string' as const },
    ];
    const seen = new Set<string>();
    for (let page = 1; page <= 3; page++) {
      const { events, totalEvents } = await client.exportEvents({ filters, limit: 10, page });
      expect(totalEvents).toBe(25);
      for (const event of events) seen.add(event.event_id);
    }
    expect(seen.size).toBe(25);
    expect((await client.exportEvents({ filters, limit: 10, page: 4 })).events).toEqual([]);
    expect(await client.exportAllEvents({ filters, limit: 10 })).toHaveLength(25);
  });

  it('give only the fields that are asked for', async () => {
    const { events } = await client.exportEvents({
      filters: [{ field: 'event_name', operator: 'is', value: 'alpha', type: 'string' }],
      projections: ['event_name', 'metadata.cost', 'none', '__proto__'],
    });
    expect(events).toEqual([{ event_name: 'alpha', metadata: { cost: 1.5 } }]);
  });

  it('are answered by the older path too', async () => {
    const body = {
      project: 'p',
      filters: [{ field: 'session_id', value: 's1', operator: 'is', type: 'id' }],
      limit: 5,
    };
    const reply = await sendJson(viewer, 'POST', '/events/export', body);
    expect(reply.json.totalEvents).toBe(1);
  });

  it.each([
    [{ filters: {} }, 'filters must be a list'],
    [{ filters: [7] }, 'must be an object'],
    [{ filters: [{ operator: 'is', value: 1, type: 'number' }] }, 'needs a field'],
    [{ filters: [{ field: 'a', operator: 'is', value: 1, type: 'money' }] }, 'the type "money"'],
    [{ filters: [{ field: 'a', operator: 'is', value: 1, type: 'toString' }] }, 'the type "toString"'],
    [{ filters: [{ field: 'a', operator: 'like', value: 'x', type: 'string' }] }, 'the operator "like"'],
    [{ filters: [{ field: 'a', operator: 'greater than', value: 'x', type: 'string' }] }, 'for string'],
    [{ filters: [{ field: 'a', operator: 'after', value: 'soon', type: 'datetime' }] }, 'needs a date'],
    [{ filters: [{ field: 'a.'.repeat(40), operator: 'exists', type: 'string' }] }, 'too many parts'],
    [{ limit: 7_501 }, 'limit must be a whole number from 1 to 7500'],
    [{ limit: 0 }, 'limit must be'],
    [{ limit: '5' }, 'limit must be'],
    [{ page: 1.5 }, 'page must be'],
    [{ dateRange: 7 }, 'dateRange must be'],
    [{ dateRange: { $gte: 'whenever' } }, 'dateRange needs'],
  ])('that make no sense are refused: %j', async (body, message) => {
    const reply = await sendJson(viewer, 'POST', '/v1/events/export', body);
    expect([reply.status, reply.json.error]).toEqual([400, expect.stringContaining(message)]);
  });

  it('refuse the type "id" where HoneyHive does, when asked to', async () => {
    const strict = await viewerWith({ strict: true });
    const filters = [{ field: 'session_id', operator: 'is', value: 's1', type: 'id' }];
    expect((await sendJson(strict, 'POST', '/v1/events/export', { filters })).status).toBe(400);
    const ours = new HoneyHiveClient({ serverUrl: strict.url });
    expect(await ours.exportEvents({ filters: filters as EventFilter[] })).toEqual({
      events: [],
      totalEvents: 0,
    });
  });
});

describe('bad requests', () => {
  it.each([
    ['POST', '/session/start', '{}', 400],
    ['POST', '/session/start', '{"session":{"session_id":""}}', 400],
    ['POST', '/session/start', '{"session":{"session_id":"a\\nb"}}', 400],
    ['POST', '/session/start', `{"session":{"session_id":"${'x'.repeat(129)}"}}`, 400],
    ['POST', '/session/start', 'garbage', 400],
    ['POST', '/session/start', '[]', 400],
    ['POST', '/v1/sessions', 'null', 400],
    ['PUT', '/events', '{}', 400],
    ['PUT', '/events', '{"event_id":7}', 400],
    ['POST', '/events', '{"event":[]}', 400],
    ['POST', '/events/batch', '{"events":7}', 400],
    ['POST', '/events/batch', '{"events":[null]}', 400],
    ['POST', '/events', `{"event":{"metadata":${'['.repeat(300)}${']'.repeat(300)}}}`, 400],
    ['POST', '/events', `{"event":{"metadata":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`, 400],
    ['GET', '/v1/events/none', '', 404],
    ['GET', '/v1/events/%ff', '', 400],
    ['GET', '/nothing', '', 404],
    ['DELETE', '/v1/events/x', '', 404],
  ])('%s %s %s', async (method, path, body, status) => {
    const headers = { 'content-type': 'application/json' };
    const reply = await send(viewer, method, path, headers, body);
    expect(reply.status).toBe(status);
    expect(typeof reply.json.error).toBe('string');
    expect((await sendSpans(viewer, {})).status).toBe(200);
  });

  it('are those of another type than JSON', async () => {
    const reply = await send(
      viewer,
      'POST',
      '/session/start',
      { 'content-type': 'text/plain' },
      '{"session":{}}',
    );
    expect(reply.status).toBe(415);
  });
});
