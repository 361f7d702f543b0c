/** The clauses of W3C Trace Context level 2 and W3C Baggage once more, over the wire and through frameworks. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { diag, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { extractContextFromCarrier } from '../../lib/propagation/propagate.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { SPAN, TRACE, TRACEPARENT } from './helpers.js';
import { send, SERVERS, type Running } from './servers.js';

const propagator = new SpanwisePropagator();
const otel = new BasicTracerProvider().getTracer('test');
type Sent = Record<string, string>;

/** What a service that takes part sends on after it has read a request. */
function hop(request: object): Sent {
  const ctx = extractContextFromCarrier(request);
  const sent: Sent = {};
  const inner = trace.setSpan(ctx, otel.startSpan('server', {}, ctx));
  propagator.inject(inner, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
  // Read once more, so that values are compared decoded as well.
  const seen = propagation.getBaggage(
    propagator.extract(ROOT_CONTEXT, sent, {
      get: (c: Sent, k) => c[k],
      keys: (c: Sent) => Object.keys(c),
    }),
  );
  return {
    ...sent,
    values: JSON.stringify(seen?.getAllEntries().map(([key, { value }]) => [key, value]) ?? []),
  };
}

const P = `traceparent: ${TRACEPARENT}`;
const joined = expect.stringMatching(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`)) as unknown;
const fresh = expect.not.stringContaining(TRACE) as unknown;
const restarted = { traceparent: fresh, tracestate: undefined };
const members = (count: number, value = 'v'): string =>
  Array.from({ length: count }, (_, i) => `k${i}=${value}`).join(',');

/** Clause, header lines, what must be in what is sent on; undefined is absent. */
const CLAUSES: readonly (readonly [string, readonly string[], Record<string, unknown>])[] = [
  ['TC 3.2.1 the name is case-insensitive', [`TRACEPARENT: ${TRACEPARENT}`], { traceparent: joined }],
  ['TC 3.2.1 the name is case-insensitive, mixed', [`TrAcEpArEnT: ${TRACEPARENT}`], { traceparent: joined }],
  [
    'TC 3.2.1 sent twice it is not valid',
    [P, `traceparent: 00-${TRACE}-1234567890123456-01`, 'tracestate: a=1'],
    restarted,
  ],
  ['TC 3.2.1 sent twice with the same value it is not valid', [P, `TraceParent: ${TRACEPARENT}`], restarted],
  ['TC 3.2.1 joined by a comma it is not valid', [`traceparent: ${TRACEPARENT},${TRACEPARENT}`], restarted],
  ['TC 3.2.2.1 version ff is forbidden', [`traceparent: ff${TRACEPARENT.slice(2)}`], restarted],
  ['TC 3.2.2.2 version 00 has four fields', [`traceparent: ${TRACEPARENT}-x`, 'tracestate: a=1'], restarted],
  [
    'TC 3.2.2.2 white space around it is no part of it',
    [`traceparent: \t ${TRACEPARENT} \t`],
    { traceparent: joined },
  ],
  [
    'TC 3.2.2.3 a trace-id of zeros is ignored',
    [`traceparent: 00-${'0'.repeat(32)}-${SPAN}-01`],
    { traceparent: expect.not.stringContaining('0'.repeat(32)) },
  ],
  [
    'TC 3.2.2.3 a trace-id in upper case is ignored',
    [`traceparent: 00-${TRACE.toUpperCase()}-${SPAN}-01`],
    restarted,
  ],
  [
    'TC 3.2.2.4 a parent-id of zeros is ignored',
    [`traceparent: 00-${TRACE}-${'0'.repeat(16)}-01`],
    restarted,
  ],
  [
    'TC 3.2.2.4 a parent-id in upper case is ignored',
    [`traceparent: 00-${TRACE}-${SPAN.toUpperCase()}-01`],
    restarted,
  ],
  ['TC 3.2.2.5 flags that are no hex are ignored', [`traceparent: 00-${TRACE}-${SPAN}-.1`], restarted],
  [
    'TC 3.2.2.5 the random flag is kept',
    [`traceparent: 00-${TRACE}-${SPAN}-03`],
    { traceparent: expect.stringMatching(new RegExp(`^00-${TRACE}-.*-03$`)) },
  ],
  ['TC 3.2.2.5 the random flag is not invented', [P], { traceparent: expect.stringMatching(/-01$/) }],
  [
    'TC 3.2.2.5 unknown flags are set to zero',
    [`traceparent: 00-${TRACE}-${SPAN}-fd`],
    { traceparent: joined },
  ],
  [
    'TC 3.2.4 a higher version is read by its first fields',
    [`traceparent: cc${TRACEPARENT.slice(2)}-what`],
    { traceparent: joined },
  ],
  ['TC 3.2.4 and not if they do not end there', [`traceparent: cc${TRACEPARENT.slice(2)}.what`], restarted],
  ['TC 3.3 without traceparent it is discarded', ['tracestate: a=1'], { tracestate: undefined }],
  [
    'TC 3.3 its failure does not affect traceparent',
    [P, 'tracestate: @a=1'],
    { traceparent: joined, tracestate: undefined },
  ],
  ['TC 3.3.1 its name is case-insensitive', [P, 'TrAcEsTaTe: a=1'], { tracestate: 'a=1' }],
  [
    'TC 3.3.1.1 several headers are one list',
    [P, 'tracestate: a=1', 'TraceState: b=2', 'tracestate: c=3,d=4'],
    { tracestate: 'a=1,b=2,c=3,d=4' },
  ],
  [
    'TC 3.3.1.1 empty members are allowed',
    [P, 'tracestate: a=1,,b=2 ,', 'tracestate:'],
    { tracestate: 'a=1,b=2' },
  ],
  ['TC 3.3.1.1 32 members are kept', [P, `tracestate: ${members(32)}`], { tracestate: members(32) }],
  [
    'TC 3.3.1.1 with 33 all are discarded',
    [P, `tracestate: ${members(33)}`],
    { traceparent: joined, tracestate: undefined },
  ],
  [
    'TC 3.3.1.3.1 keys of several tenants',
    [P, 'tracestate: t@v=1,0t-*/_@v=2'],
    { tracestate: 't@v=1,0t-*/_@v=2' },
  ],
  ['TC 3.3.1.3.1 a key in upper case discards it', [P, 'tracestate: A=1,b=2'], { tracestate: undefined }],
  ['TC 3.3.1.3.2 a value has no equals sign', [P, 'tracestate: a=b=c'], { tracestate: undefined }],
  ['TC 3.3.1.3.2 leading spaces of a value stay', [P, 'tracestate: a=  1,b=2'], { tracestate: 'a=  1,b=2' }],
  [
    'TC 3.3.1.5 512 characters are sent on',
    [P, `tracestate: ${members(4, 'x'.repeat(125))}`],
    { tracestate: members(4, 'x'.repeat(125)) },
  ],
  [
    'TC 4 without it a new trace is begun',
    [],
    {
      traceparent: expect.stringMatching(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/),
      baggage: undefined,
    },
  ],
  ['B 3.1 the name is case-insensitive', ['BaGgAgE: a=1'], { baggage: 'a=1' }],
  [
    'B 3.3.1.1 several headers are one list',
    ['baggage: a=1', 'Baggage: b=2,c=3'],
    { values: '[["a","1"],["b","2"],["c","3"]]' },
  ],
  ['B 3.3.1.1 its order is kept', ['baggage: c=1,a=2,b=3'], { baggage: 'c=1,a=2,b=3' }],
  [
    'B 3.3.1.1 a bad member takes no other with it',
    ['baggage: a,b x=1,=1,c=é,d="1",e=5'],
    { baggage: 'e=5' },
  ],
  ['B 3.3.1.1 empty members are nothing', ['baggage: ,a=1,,b=2,'], { baggage: 'a=1,b=2' }],
  ['B 3.3.1.2 a percent sign in a key encodes nothing', ['baggage: a%20b=1'], { values: '[["a%20b","1"]]' }],
  [
    'B 3.3.1.2 keys that objects have',
    ['baggage: __proto__=1,constructor=2,toString=3'],
    { values: '[["__proto__","1"],["constructor","2"],["toString","3"]]' },
  ],
  [
    'B 3.3.1.3 values are decoded as UTF-8',
    ['baggage: a=%C3%A9%20%F0%9F%98%80,b=%2B+'],
    { values: '[["a","é 😀"],["b","++"]]' },
  ],
  ['B 3.3.1.3 what is not UTF-8 becomes U+FFFD', ['baggage: a=%FFx'], { values: '[["a","\ufffdx"]]' }],
  ['B 3.3.1.3 a value may be empty', ['baggage: a=,b=2'], { baggage: 'a=,b=2' }],
  [
    'B 3.3.1.3 white space around it is no part of it',
    ['baggage: a \t=\t 1 , b=2'],
    { values: '[["a","1"],["b","2"]]' },
  ],
  [
    'B 3.3.1.3 a value may be longer than 4096',
    [`baggage: a=${'x'.repeat(8_000)}`],
    { baggage: `a=${'x'.repeat(8_000)}` },
  ],
  ['B 3.3.1.4 properties are sent on', ['baggage: a=1;p=2;q,b=2 ; r'], { baggage: 'a=1;p=2;q,b=2 ; r' }],
  ['B 3.3.1.4 a bad property takes no value with it', ['baggage: a=1;p=x y,b=2'], { baggage: 'a=1,b=2' }],
  ['B 3.3.2 64 members are sent on', [`baggage: ${members(64)}`], { baggage: members(64) }],
  [
    'B 3.3.2 8192 bytes are sent on',
    [`baggage: a=${'x'.repeat(8_190)}`],
    { baggage: `a=${'x'.repeat(8_190)}` },
  ],
  [
    'B 3.3.2 over 64 the last go, identity last',
    [`baggage: ${members(64)},session_id=s`],
    { baggage: `${members(63)},session_id=s` },
  ],
  [
    'B 3.3.2 over 8192 bytes whole members go, identity last',
    [`baggage: a=${'x'.repeat(8_000)},b=${'y'.repeat(300)},session_id=s`],
    { baggage: `a=${'x'.repeat(8_000)},session_id=s` },
  ],
];

beforeAll(() => diag.disable());

describe.each(SERVERS)('through %s', (_name, start) => {
  let server: Running;
  beforeAll(async () => {
    server = await start(hop);
  });
  afterAll(() => server.close());

  it.each(CLAUSES)('%s', async (_clause, lines, wanted) => {
    const sent = await send(server.port, lines);
    const { values = '', ...headers } = sent;
    const text = Buffer.from(values, 'latin1').toString('utf8');
    for (const [name, value] of Object.entries(wanted)) {
      expect([name, name === 'values' ? text : headers[name]]).toEqual([name, value]);
    }
    expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
  });
});
