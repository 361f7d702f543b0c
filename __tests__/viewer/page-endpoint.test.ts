import { request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { RowDetails, SessionList, SessionRows } from '../../lib/viewer/page-model.js';
import type { Viewer } from '../../lib/viewer/start-viewer.js';
import { EPOCH, send, sendJson, sendSpans, traceIdOf, spanIdOf, viewerWith } from './requests.js';

const list = async (viewer: Viewer, query = '') =>
  (await send(viewer, 'GET', `/api/sessions${query}`)).json as SessionList;
const rows = async (viewer: Viewer, id: string, query = '') =>
  (await send(viewer, 'GET', `/api/sessions/${id}${query}`)).json as SessionRows;
const details = async (viewer: Viewer, id: string, trace: number, span: number) =>
  (await send(viewer, 'GET', `/api/sessions/${id}/rows/${traceIdOf(trace)}${spanIdOf(span)}`))
    .json as RowDetails;

describe('the list of sessions', () => {
  it('has name, services, spans, errors and times, newest first', async () => {
    const viewer = await viewerWith();
    await sendSpans(
      viewer,
      { session: 'old', trace: 1, id: 1, name: 'root', service: 'web', duration: 100 },
      { session: 'old', trace: 1, id: 2, parent: 1, service: 'agent', start: 20, error: 'no' },
      { session: 'old', trace: 2, id: 3, service: 'web', start: 150, duration: 50 },
      { session: 'new', trace: 3, id: 4, start: 1_000, name: 'other' },
    );
    await sendJson(viewer, 'POST', '/session/start', {
      session: {
        session_id: 'new',
        session_name: 'given name',
        project: 'p',
        source: 'dev',
        start_time: EPOCH + 1_000,
      },
    });
    const { sessions, total, kept } = await list(viewer);
    expect(total).toBe(2);
    expect(kept).toMatchObject({ spans: 4, forgotten: 0 });
    expect(sessions).toEqual([
      expect.objectContaining({
        id: 'new',
        name: 'given name',
        project: 'p',
        source: 'dev',
        errors: 0,
        spans: 1,
      }),
      {
        id: 'old',
        name: 'root',
        project: null,
        source: 'otlp',
        services: ['web', 'agent'],
        spans: 3,
        errors: 1,
        traces: 2,
        start: EPOCH,
        end: EPOCH + 200,
        isSession: true,
      },
    ]);
  });

  it('takes the session’s name from its spans where nobody started it', async () => {
    const viewer = await viewerWith();
    await sendSpans(viewer, { session: 's', attributes: { 'honeyhive.session_name': 'told' } });
    expect((await list(viewer)).sessions[0]).toMatchObject({ name: 'told' });
  });

  it.each([
    ['name', 'ROOT of', 's1'],
    ['session id', 's1', 's1'],
    ['service', 'agent-serv', 's1'],
    ['span', 'inner work', 's1'],
    ['value of an attribute', 'user_42', 's1'],
    ['number', '4711', 's1'],
    ['trace id', traceIdOf(1), 's1'],
    ['two words in two places', 'user_42 inner', 's1'],
    ['what is nowhere', 'nowhere', ''],
    ['two words of which one is nowhere', 'user_42 nowhere', ''],
  ])('is searched by %s', async (_what, search, expected) => {
    const viewer = await viewerWith();
    await sendSpans(
      viewer,
      { session: 's1', id: 1, name: 'root of all', service: 'agent-server' },
      {
        session: 's1',
        id: 2,
        parent: 1,
        name: 'inner work',
        attributes: { 'baggage.user': 'User_42', order: 4711 },
      },
      { session: 'other', trace: 2, id: 3 },
    );
    const { sessions } = await list(viewer, `?search=${encodeURIComponent(search)}`);
    expect(sessions.map((line) => line.id).join()).toBe(expected);
  });
});

describe('the rows of a session', () => {
  it('are every span of every trace and service, with their parents', async () => {
    const viewer = await viewerWith();
    await sendSpans(
      viewer,
      { session: 's', id: 1, name: 'call', kind: 3, service: 'web' },
      { session: 's', id: 2, parent: 1, kind: 2, service: 'agent', start: 1, duration: 5, error: 'no' },
      { id: 3, parent: 2, service: 'plain', start: 2 },
      { session: 's', trace: 2, id: 1, service: 'web' },
    );
    await sendJson(viewer, 'POST', '/events', {
      event: {
        event_name: 'rating',
        event_type: 'tool',
        session_id: 's',
        source: 'reviewer',
        start_time: EPOCH,
      },
    });
    const answer = await rows(viewer, 's');
    const key = (trace: number, id: number) => traceIdOf(trace) + spanIdOf(id);
    expect(answer.session).toMatchObject({
      spans: 5,
      traces: 2,
      services: ['web', 'reviewer', 'agent', 'plain'],
    });
    expect(answer.rows).toHaveLength(5);
    expect(answer.rows).toContainEqual({
      key: key(1, 2),
      id: spanIdOf(2),
      parent: key(1, 1),
      trace: traceIdOf(1),
      name: 'span 2',
      service: 'agent',
      kind: 'server',
      type: 'tool',
      start: EPOCH + 1,
      end: EPOCH + 6,
      error: 'no',
      stamped: true,
      peer: null,
      tokens: null,
      cost: null,
      dropped: 0,
      truncated: false,
    });
    expect(answer.mixed).toEqual([]);
    expect(answer.rows.find((row) => row.service === 'plain')).toMatchObject({
      stamped: false,
      parent: key(1, 2),
    });
    expect(answer.rows.find((row) => row.name === 'rating')).toMatchObject({ kind: 'event', trace: null });
  });

  it('are only what is new when the page knows the rest', async () => {
    const viewer = await viewerWith();
    await sendSpans(viewer, { session: 's', id: 1 }, { session: 's', id: 2 });
    const first = await rows(viewer, 's');
    expect(first).toMatchObject({ complete: true, resets: 0 });
    await sendSpans(viewer, { session: 's', id: 3 });
    const since = `?since=${first.revision}&epoch=${first.epoch}&resets=0`;
    const second = await rows(viewer, 's', since);
    expect([second.complete, second.rows.map((row) => row.name)]).toEqual([false, ['span 3']]);
    expect(
      (await rows(viewer, 's', `?since=${second.revision}&epoch=${second.epoch}&resets=0`)).rows,
    ).toEqual([]);
    // Another run of the viewer, or lost rows: the page must start over.
    expect((await rows(viewer, 's', `?since=${first.revision}&epoch=other&resets=0`)).complete).toBe(true);
    expect((await rows(viewer, 's', `?since=${first.revision}&epoch=${first.epoch}&resets=1`)).complete).toBe(
      true,
    );
  });

  it('of a session that is not there are none', async () => {
    const viewer = await viewerWith();
    for (const path of [
      '/api/sessions/none',
      '/api/sessions/none/rows/x',
      '/api/other',
      '/api/sessions/a/b/c/d',
    ]) {
      expect((await send(viewer, 'GET', path)).status).toBe(404);
    }
    expect((await send(viewer, 'GET', '/api/sessions/%ff')).status).toBe(400);
    expect((await send(viewer, 'POST', '/api/sessions')).status).toBe(405);
  });
});

describe('the details of a row', () => {
  it('are payload, error with stack, baggage, and everything as it was sent', async () => {
    const viewer = await viewerWith();
    const attributes = {
      'honeyhive_inputs.q': 'why',
      'honeyhive_outputs.result': 'so',
      'honeyhive_metrics.score': 0.5,
      'honeyhive_metadata.tier': 'gold',
      'baggage.user': 'u',
      'http.route': '/x',
    };
    const exception = {
      name: 'exception',
      timeUnixNano: `${EPOCH + 3}000000`,
      attributes: [
        { key: 'exception.type', value: { stringValue: 'TypeError' } },
        { key: 'exception.stacktrace', value: { stringValue: 'TypeError: no\n  at x' } },
      ],
    };
    await sendSpans(viewer, { session: 's', attributes, error: 'no', events: [exception], service: 'web' });
    const found = await details(viewer, 's', 1, 1);
    expect(found).toMatchObject({
      sessionId: 's',
      inputs: { q: 'why' },
      outputs: { result: 'so' },
      metrics: { score: 0.5 },
      baggage: { user: 'u' },
      error: 'no',
      errorType: 'TypeError',
      stack: 'TypeError: no\n  at x',
      resource: { 'service.name': 'web' },
      scope: { name: 'test' },
      attributes: { ...attributes, 'honeyhive.session_id': 's' },
    });
    expect(found.metadata).toEqual({ tier: 'gold' });
    expect(found.events).toHaveLength(1);
  });

  it('follow what was merged in later', async () => {
    const viewer = await viewerWith();
    await sendSpans(viewer, { session: 's' });
    const { eventId } = await details(viewer, 's', 1, 1);
    await sendJson(viewer, 'PUT', '/events', {
      event_id: eventId,
      outputs: { late: 1 },
      error: 'judged wrong',
    });
    expect(await details(viewer, 's', 1, 1)).toMatchObject({ outputs: { late: 1 }, error: 'judged wrong' });
    expect((await rows(viewer, 's')).rows[0]!.error).toBe('judged wrong');
  });
});

describe('the live feed', () => {
  it('tells which sessions changed, and ends when the viewer does', async () => {
    const viewer = await viewerWith();
    let text = '';
    const ended = new Promise<void>((resolve, reject) => {
      const outgoing = request({ host: viewer.host, port: viewer.port, path: '/api/live' }, (incoming) => {
        expect(incoming.headers['content-type']).toBe('text/event-stream');
        incoming.on('data', (chunk) => (text += String(chunk)));
        incoming.on('close', () => resolve());
        incoming.on('error', () => undefined);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    const until = async (part: string) => {
      while (!text.includes(part)) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await until('retry:');
    await sendSpans(viewer, { session: 'one', id: 1 });
    await sendSpans(viewer, { session: 'two', id: 2, trace: 2 });
    await until('"two"');
    expect(text).toContain('"one"');
    await viewer.close();
    await ended;
  });
});

describe('the page', () => {
  it('is a document, a script and a style sheet, all from here', async () => {
    const viewer = await viewerWith();
    const document = await send(viewer, 'GET', '/');
    expect(document.headers['content-type']).toBe('text/html; charset=utf-8');
    const text = document.body.toString();
    const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(links).toEqual(['/favicon.svg', '/app.css', '/app.js']);
    expect(text).not.toMatch(/<script[^>]*>[^<]|<style|\son\w+=|style=/i);
    for (const link of links) expect((await send(viewer, 'GET', link)).status).toBe(200);
    const script = (await send(viewer, 'GET', '/app.js')).body.toString();
    expect(script.length).toBeGreaterThan(10_000);
    expect(script).not.toMatch(/dangerouslySetInnerHTML=|https?:\/\/(?!www\.w3\.org)/);
    expect((await send(viewer, 'HEAD', '/')).body.length).toBe(0);
    expect((await send(viewer, 'POST', '/')).status).toBe(405);
    expect((await send(viewer, 'GET', '/constructor')).status).toBe(404);
  });
});

describe('findings that need all sessions', () => {
  it('tell traces that another session has part in, from both sides', async () => {
    const viewer = await viewerWith();
    await sendSpans(
      viewer,
      { session: 'a', id: 1 },
      { session: 'b', id: 2, parent: 1 },
      { id: 3, parent: 1 },
    );
    expect((await rows(viewer, 'a')).mixed).toEqual([{ trace: traceIdOf(1), sessions: ['b'] }]);
    expect((await rows(viewer, 'b')).mixed).toEqual([{ trace: traceIdOf(1), sessions: ['a'] }]);
  });
});

describe('the rows that a search finds', () => {
  it('are told by their keys', async () => {
    const viewer = await viewerWith();
    await sendSpans(viewer, { session: 's', id: 1, error: 'no' }, { session: 's', id: 2, duration: 900 });
    const found = async (search: string) =>
      (await send(viewer, 'GET', `/api/sessions/s/matches?search=${encodeURIComponent(search)}`))
        .json as string[];
    expect(await found('error:yes')).toEqual([traceIdOf(1) + spanIdOf(1)]);
    expect(await found('took:>500ms')).toEqual([traceIdOf(1) + spanIdOf(2)]);
    expect(await found('nothing')).toEqual([]);
  });
});

describe('the list', () => {
  it('tells what there is to filter by, whatever the search leaves', async () => {
    const viewer = await viewerWith();
    const attributes = { 'honeyhive.project': 'shop', 'honeyhive.source': 'dev' };
    await sendSpans(
      viewer,
      { session: 'a', attributes },
      { session: 'b', trace: 2, id: 2, service: 'other' },
    );
    const { choices, sessions } = await list(viewer, '?search=project:shop');
    expect(sessions.map(({ id }) => id)).toEqual(['a']);
    expect(choices).toEqual({ projects: ['shop'], sources: ['dev', 'otlp'], services: ['other', 'svc'] });
  });
});

describe('a session as a file', () => {
  it('is given as an attachment, taken by another viewer, and the same there', async () => {
    const first = await viewerWith();
    await sendSpans(
      first,
      { session: 's', id: 1, name: 'root' },
      { session: 's', id: 2, parent: 1, error: 'no' },
    );
    const file = await send(first, 'GET', '/api/sessions/s/export');
    expect(file.headers['content-disposition']).toBe('attachment; filename="session.json"');
    const second = await viewerWith();
    const reply = await send(second, 'POST', '/api/import', {}, file.body);
    expect(reply.json).toEqual({ spans: 2, events: 0, rejected: 0, session: 's' });
    const without = ({ session, rows }: SessionRows) => ({ session, rows });
    expect(without(await rows(second, 's'))).toEqual(without(await rows(first, 's')));
  });

  it('is refused from another site’s page, and by any other method', async () => {
    const viewer = await viewerWith();
    const refused = await send(viewer, 'POST', '/api/import', { origin: 'http://elsewhere.test' }, '{}');
    expect(refused.status).toBe(403);
    expect((await send(viewer, 'GET', '/api/import')).status).toBe(405);
  });
});

describe('one span as OTLP', () => {
  it('is a request that a receiver takes', async () => {
    const viewer = await viewerWith();
    await sendSpans(viewer, { session: 's', id: 1, name: 'alone' }, { session: 's', id: 2 });
    const otlp = await send(viewer, 'GET', `/api/sessions/s/rows/${traceIdOf(1)}${spanIdOf(1)}/otlp`);
    const second = await viewerWith();
    await sendJson(second, 'POST', '/v1/traces', otlp.json);
    expect((await rows(second, 's')).rows.map(({ name }) => name)).toEqual(['alone']);
  });
});
