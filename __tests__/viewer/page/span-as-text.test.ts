import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import type { RowDetails } from '../../../lib/viewer/page-model.js';
import { asCurl, asFixture } from '../../../lib/viewer/page/span-as-text.js';
import { row } from './rows.js';

const details = (more: Partial<RowDetails> = {}): RowDetails => ({
  row: row('k', null, {
    id: 'b7ad6b7169203331',
    trace: '0af7651916cd43dd8448eb211c80319c',
    name: 'POST /it',
  }),
  eventId: 'e',
  sessionId: 's 1',
  project: null,
  source: null,
  inputs: {},
  outputs: {},
  metadata: {},
  metrics: {},
  feedback: {},
  config: {},
  userProperties: {},
  error: null,
  errorType: null,
  stack: null,
  baggage: {},
  attributes: {},
  resource: {},
  scope: null,
  events: [],
  links: [],
  status: 'unset',
  statusMessage: null,
  traceState: null,
  dropped: 0,
  ...more,
});
/** The words that a shell makes of a command. */
const words = (command: string) =>
  execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');

describe('as curl', () => {
  it('is the request again, in the same trace and session', () => {
    const attributes = { 'url.full': "http://host/it's?a=1&b=$HOME", 'http.request.method': 'POST' };
    const command = asCurl(
      details({ attributes, project: 'shop', baggage: { user: 'ü 1' } }),
      'http://viewer',
    );
    expect(words(command)).toEqual([
      'curl',
      '-X',
      'POST',
      "http://host/it's?a=1&b=$HOME",
      '-H',
      'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      '-H',
      'baggage: session_id=s%201,project=shop,user=%C3%BC%201',
    ]);
  });

  it('is put together from what a server span knows', () => {
    const attributes = {
      'url.path': '/a',
      'url.query': 'b=c',
      'url.scheme': 'https',
      'server.address': 'h',
      'server.port': 8,
    };
    expect(words(asCurl(details({ attributes }), ''))[3]).toBe('https://h:8/a?b=c');
  });

  it('asks the viewer for a span that is no request', () => {
    expect(asCurl(details(), 'http://viewer')).toBe('curl http://viewer/api/sessions/s%201/rows/k');
  });

  it('cannot be broken out of by what a span carries', () => {
    const attributes = {
      'url.full': "http://x/'; touch /nowhere/hacked; '",
      'http.request.method': '$(id)\n`id`',
    };
    expect(words(asCurl(details({ attributes }), '')).join('\n')).toContain(
      "http://x/'; touch /nowhere/hacked; '",
    );
    expect(
      words(asCurl(details({ attributes }), ''))
        .slice(2, 4)
        .join('\n'),
    ).toBe('$(id)\n`id`');
  });
});

describe('as a test', () => {
  it('expects a span like this one, without what identifies this one', () => {
    const attributes = {
      'honeyhive.session_id': 's',
      'honeyhive_inputs.order': "it's",
      'http.response.status_code': 200,
      honeyhive_duration_ms: 3,
    };
    const text = asFixture(details({ attributes, status: 'error' }), 'Client.ask');
    expect(text).toBe(`expect(recorder).toHaveSpan({
  name: 'POST /it',
  kind: 'INTERNAL',
  eventType: 'tool',
  status: 'error',
  parent: 'Client.ask',
  attributes: {
    'honeyhive_inputs.order': 'it\\'s',
    'http.response.status_code': 200,
  },
});
`);
  });

  it('is valid code, whatever the span is named', () => {
    const nasty = '\'"\\\n\u2028`${x}</script>';
    const text = asFixture(
      details({ row: row('k', null, { name: nasty }), attributes: { [nasty]: nasty } }),
      null,
    );
    expect(ts.transpileModule(text, { reportDiagnostics: true }).diagnostics).toEqual([]);
    let seen: any;
    new Function('expect', 'recorder', text)(() => ({ toHaveSpan: (query: unknown) => (seen = query) }), {});
    expect(seen).toMatchObject({ name: nasty, parent: null, attributes: { [nasty]: nasty } });
  });
});
