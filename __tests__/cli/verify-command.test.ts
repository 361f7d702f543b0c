import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { runCommand } from '../../lib/cli/run-command.js';
import { startViewer, type Viewer } from '../../lib/viewer/start-viewer.js';
import { plant, soundSessions, spansOf } from './planted-sessions.js';

jest.setTimeout(30_000);

const viewers: Viewer[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const viewer of viewers.splice(0)) await viewer.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  diag.disable();
});

async function viewerWith(sessions: ReturnType<typeof soundSessions>): Promise<string> {
  const viewer = await startViewer({ port: 0 });
  viewers.push(viewer);
  await plant(viewer.url, spansOf(sessions));
  return viewer.url;
}

async function verify(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runCommand(['verify', ...args], {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    onStop: () => undefined,
  });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

describe('spanwise verify', () => {
  it('tells people of each session, and ends with 0 when all of it holds', async () => {
    const sessions = soundSessions(2);
    const url = await viewerWith(sessions);
    const ids = sessions.map(({ sessionId }) => sessionId);
    const { code, out } = await verify(
      ...['--session', ids.join(','), '--identifiers', 'SESSION_A,SESSION_B', '--users', 'user_1,user_2'],
      ...['--project', 'lab', '--traces', '1', '--spans', '5', '--url', url],
    );
    expect(out).toContain(`SESSION_A ${ids[0]}`);
    expect(out).toContain('client 3, server 2');
    expect(out).toContain('2 sessions, 10 spans (10 seen): all of it holds');
    expect(code).toBe(0);
  });

  it('names what is wrong and ends with 1', async () => {
    const sessions = soundSessions(2);
    sessions[0]!.spans.search.attributes['honeyhive.session_id'] = sessions[1]!.sessionId;
    const url = await viewerWith(sessions);
    const ids = sessions.map(({ sessionId }) => sessionId);
    const { code, out } = await verify(
      '--session',
      ids[0]!,
      '--session',
      ids[1]!,
      '--url',
      url,
      '--wait',
      '0',
    );
    expect(out).toContain(`mixed-session: trace ${sessions[0]!.spans.search.traceId} also has spans of`);
    expect(out).toContain('2 of 2 sessions do NOT hold');
    expect(code).toBe(1);
  });

  it('finds what is a session’s in one that it was not asked about', async () => {
    const sessions = soundSessions(2);
    sessions[1]!.spans.search.attributes['baggage.user_id'] = 'user_1';
    const url = await viewerWith(sessions);
    const { code, out } = await verify('--session', sessions[0]!.sessionId, '--url', url, '--wait', '0');
    expect(out).toContain(`foreign-baggage: user_id user_1 is also carried by ${sessions[1]!.sessionId}`);
    expect(code).toBe(1);
  });

  it('finds it long after the session, too, when told what belongs to it', async () => {
    const [session] = soundSessions(1);
    const [later] = soundSessions(2, Date.now() + 3_600_000).slice(1);
    later!.spans.search.attributes['baggage.user_id'] = 'user_1';
    const url = await viewerWith([session!, later!]);
    const args = ['--session', session!.sessionId, '--url', url, '--wait', '0'];
    expect((await verify(...args)).code).toBe(0);
    const told = await verify(...args, '--users', 'user_1');
    expect(told.out).toContain('foreign-baggage');
    expect(told.code).toBe(1);
  });

  it('reads sessions from a file with what is known of each, and writes JSON', async () => {
    const sessions = soundSessions(2);
    const url = await viewerWith(sessions);
    const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-verify-'));
    folders.push(folder);
    const file = path.join(folder, 'summary.json');
    const results = sessions.map(({ sessionId, identifier, userId }, index) => ({
      session_id: sessionId,
      session_identifier: identifier,
      user_id: userId,
      spans: 5 + index,
    }));
    writeFileSync(file, JSON.stringify({ status: 'ok', results }));
    const { code, out } = await verify('--from', file, '--json', '--url', url, '--wait', '0');
    const report = JSON.parse(out);
    expect(report.faults).toEqual({ 'span-count': 1 });
    expect(report.sessions.map((session: { ok: boolean }) => session.ok)).toEqual([true, false]);
    expect(code).toBe(1);
  });

  it('looks only at what began since a time, which tells many sessions from what was there before', async () => {
    const now = Date.now();
    const [stale] = soundSessions(1, now - 3_600_000);
    const sessions = soundSessions(60, now);
    sessions.forEach((session, index) => {
      for (const span of Object.values(session.spans)) {
        span.attributes['baggage.session_identifier'] = `S${index}`;
        span.attributes['baggage.user_id'] = `u${index}`;
      }
    });
    for (const span of Object.values(stale!.spans)) {
      span.attributes['baggage.session_identifier'] = 'S0';
      span.attributes['baggage.user_id'] = 'u0';
    }
    const url = await viewerWith([stale!, ...sessions]);
    const ids = sessions.map(({ sessionId }) => sessionId).join(',');
    const all = await verify('--session', ids, '--spans', '5', '--url', url, '--wait', '0');
    expect(all.out).toContain('S0 is also carried by');
    expect(all.code).toBe(1);
    const since = ['--since', String(now - 1_000)];
    const recent = await verify('--session', ids, '--spans', '5', '--url', url, '--wait', '0', ...since);
    expect(recent.out).toContain('60 sessions, 300 spans (300 seen): all of it holds');
    expect(recent.code).toBe(0);
    const date = ['--since', new Date(now + 60_000).toISOString()];
    const none = await verify('--session', ids, '--url', url, '--wait', '0', ...date);
    expect(none.out).toContain('60 × no-spans');
  });

  it('lets a service that was killed lack spans, and no other', async () => {
    const sessions = soundSessions(2);
    for (const { spans } of sessions) delete (spans as Partial<typeof spans>).invoke;
    const url = await viewerWith(sessions);
    const ids = sessions.map(({ sessionId }) => sessionId).join(',');
    const asked = ['--session', ids, '--url', url, '--wait', '0'];
    expect((await verify(...asked)).out).toContain('2 × orphan');
    expect((await verify(...asked, '--lost', 'server')).code).toBe(0);
    expect((await verify(...asked, '--lost', 'another')).out).toContain('2 × orphan');
  });

  it('reads from a file which services lost spans, and how many spans each has', async () => {
    const sessions = soundSessions(2);
    for (const { spans } of sessions) delete (spans as Partial<typeof spans>).search;
    const url = await viewerWith(sessions);
    const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-verify-'));
    folders.push(folder);
    const file = path.join(folder, 'summary.json');
    const ask = async (more: object) => {
      const results = sessions.map(({ sessionId }) => ({ session_id: sessionId, ...more }));
      writeFileSync(file, JSON.stringify(results));
      const { out, error } = await verify('--from', file, '--json', '--url', url, '--wait', '0');
      return error === '' ? JSON.parse(out).faults : error;
    };
    const told = { service_spans: { client: 3, server: 2 } };
    expect(await ask(told)).toEqual({ 'span-count': 2 });
    expect(await ask({ ...told, lost_services: ['server'] })).toEqual({});
    expect(await ask({ service_spans: { client: 4 }, lost_services: ['server'] })).toEqual({
      'span-count': 2,
    });
    expect(await ask({ service_spans: 3 })).toContain('service_spans must be an object of numbers');
    expect(await ask({ lost_services: 'server' })).toContain('lost_services must be a list');
  });

  it('waits for spans that are still under way', async () => {
    const [session] = soundSessions(1);
    const url = await viewerWith([]);
    const pending = verify('--session', session!.sessionId, '--url', url, '--wait', '20');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await plant(url, spansOf([session!]));
    expect((await pending).code).toBe(0);
  });

  it.each([
    [['--url', 'http://127.0.0.1:1'], 'name the sessions'],
    [['--session', 'a', '--identifiers', 'A,B'], '--identifiers names 2, but there are 1 sessions'],
    [['--session', 'a', '--traces', 'one'], '--traces must be a whole number'],
    [['--session', 'a,a'], 'session a is named twice'],
    [['--session', 'a', '--url', 'nowhere'], '--url must be an http address'],
    [['--from', '/nowhere/at/all.json'], 'is not readable as JSON'],
    [['--session', 'a', '--since', 'yesterday'], '--since must be a date or milliseconds'],
    [['--sesion', 'a'], "Unknown option '--sesion'"],
  ])('refuses to be called wrongly: %j', async (args, message) => {
    const { code, error } = await verify(...args);
    expect(error).toContain(message);
    expect(code).toBe(2);
  });
});
