/** Every MUST of W3C Trace Context level 2, by its clause: https://www.w3.org/TR/trace-context-2/ */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, trace, type SpanContext } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { extractContextFromCarrier } from '../../lib/propagation/propagate.js';
import { parseTraceparent, writeTraceparent } from '../../lib/propagation/trace-context.js';
import { parseTraceState } from '../../lib/propagation/trace-state.js';
import { listen, SPAN, TRACE, TRACEPARENT } from './helpers.js';
import { CASES, renamed, SHAPES } from './shapes.js';

const propagator = new SpanwisePropagator();
const otel = new BasicTracerProvider().getTracer('test');
type Sent = Record<string, string>;

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => log.stop());

const read = (carrier: unknown): SpanContext | undefined =>
  trace.getSpanContext(extractContextFromCarrier(carrier));
const stateOf = (tracestate: string | string[]): string | undefined =>
  read({ traceparent: TRACEPARENT, tracestate })?.traceState?.serialize();

/** What a service that takes part sends on after it has read the headers. */
function hop(carrier: unknown): Sent {
  const ctx = extractContextFromCarrier(carrier);
  const span = otel.startSpan('server', {}, ctx);
  const sent: Sent = {};
  propagator.inject(trace.setSpan(ctx, span), sent, { set: (c: Sent, k, v) => void (c[k] = v) });
  return sent;
}

describe('3.2.1 traceparent: header name', () => {
  it.each(['traceparent', 'TRACEPARENT', 'TraceParent', 'Traceparent'])(
    '%s is the same header: names are case-insensitive',
    (name) => expect(read({ [name]: TRACEPARENT })?.traceId).toBe(TRACE),
  );

  it.each(['trace-parent', 'trace.parent', 'trace_parent', 'traceparent '])(
    '%s is another header',
    (name) => {
      expect(read({ [name]: TRACEPARENT })).toBeUndefined();
    },
  );

  it('is sent in lower case', () => {
    expect(Object.keys(hop({ TraceParent: TRACEPARENT, TraceState: 'a=1' }))).toEqual([
      'traceparent',
      'tracestate',
    ]);
  });

  it('sent twice, it is no valid header', () => {
    const other = TRACEPARENT.replace('-01', '-00');
    for (const carrier of [
      { traceparent: [TRACEPARENT, other] },
      { traceparent: [TRACEPARENT, TRACEPARENT] },
      { traceparent: `${TRACEPARENT}, ${other}` },
      [
        ['traceparent', TRACEPARENT],
        ['Traceparent', other],
      ],
      ['traceparent', TRACEPARENT, 'Traceparent', other],
    ]) {
      expect(read(carrier)).toBeUndefined();
    }
    expect(log.said.join()).toMatch(/SPW_TRACEPARENT/);
  });
});

describe.each(SHAPES)('3.2 traceparent in %s', (_shape, make) => {
  it.each(CASES)('is read in %s, with tracestate', (_case, rename) => {
    const carrier = make(renamed({ traceparent: TRACEPARENT, tracestate: 'rojo=1,congo=2' }, rename));
    expect(read(carrier)).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    expect(read(carrier)?.traceState?.serialize()).toBe('rojo=1,congo=2');
  });

  it('is ignored if it is not valid', () => {
    expect(read(make({ traceparent: TRACEPARENT.toUpperCase() }))).toBeUndefined();
  });
});

describe('3.2.2.1 version', () => {
  it.each(['ff', '.0', '0.', 'F0', '0F', '0', '000', ''])(
    '%j is no version: the trace is restarted',
    (version) => {
      expect(parseTraceparent(`${version}${TRACEPARENT.slice(2)}`)).toBeUndefined();
    },
  );
});

describe('3.2.2.2 version-format', () => {
  it.each([
    ['too short', TRACEPARENT.slice(0, -1)],
    ['too long', `${TRACEPARENT}0`],
    ['with text behind it', `${TRACEPARENT}-what-the-future-will-be-like`],
    ['with a dot behind it', `${TRACEPARENT}.`],
    ['with other delimiters', TRACEPARENT.replaceAll('-', '_')],
    ['empty', ''],
  ])('a header of version 00 that is %s is ignored', (_name, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  it.each([` ${TRACEPARENT}`, `\t${TRACEPARENT}`, `${TRACEPARENT} `, `\t ${TRACEPARENT} \t`])(
    'white space around it is not part of it: %j',
    (header) => expect(parseTraceparent(header)?.traceId).toBe(TRACE),
  );
});

describe('3.2.2.3 trace-id', () => {
  it.each([
    ['all zero', '0'.repeat(32)],
    ['with an upper-case letter', `A${TRACE.slice(1)}`],
    ['with a character that is no hex digit', `.${TRACE.slice(1)}`],
    ['with such a one at its end', `${TRACE.slice(0, -1)}g`],
    ['too short', TRACE.slice(1)],
    ['too long', `${TRACE}0`],
  ])('%s: vendors MUST ignore the entire header', (_name, id) => {
    expect(parseTraceparent(`00-${id}-${SPAN}-01`)).toBeUndefined();
    expect(read({ traceparent: `00-${id}-${SPAN}-01`, tracestate: 'a=1' })).toBeUndefined();
  });
});

describe('3.2.2.4 parent-id', () => {
  it.each([
    ['all zero', '0'.repeat(16)],
    ['with an upper-case letter', `B${SPAN.slice(1)}`],
    ['with a character that is no hex digit', `.${SPAN.slice(1)}`],
    ['too short', SPAN.slice(1)],
    ['too long', `${SPAN}0`],
  ])('%s: vendors MUST ignore the traceparent', (_name, id) => {
    expect(parseTraceparent(`00-${TRACE}-${id}-01`)).toBeUndefined();
  });
});

describe('3.2.2.5 trace-flags', () => {
  it.each(['.0', '0.', '0', '001', 'A1', '0A', '  '])('%j is not valid: the header is ignored', (flags) => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)).toBeUndefined();
  });

  it.each([
    ['00', 0],
    ['01', 1],
    ['02', 2],
    ['03', 3],
    ['fd', 1],
    ['ff', 3],
    ['08', 0],
  ])('flags %s are read as a bit field', (flags, known) => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)?.traceFlags).toBe(known);
  });

  it('random-trace-id: set by the caller, it MUST be set in what is sent in the same trace', () => {
    for (const flags of ['02', '03']) {
      const sent = hop({ traceparent: `00-${TRACE}-${SPAN}-${flags}` })['traceparent'] ?? '';
      expect(sent).toContain(TRACE);
      expect(Number(sent.slice(-2)) & 2).toBe(2);
    }
  });

  it('random-trace-id: not set by the caller, it MUST NOT be set in what is sent in the same trace', () => {
    const ctx = extractContextFromCarrier({ traceparent: TRACEPARENT });
    const random = trace.setSpanContext(ctx, { traceId: TRACE, spanId: SPAN, traceFlags: 3 });
    const sent: Sent = {};
    propagator.inject(random, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
    expect(sent['traceparent']).toBe(TRACEPARENT);
  });

  it('random-trace-id: a trace that starts here keeps the flag its span has', () => {
    const sent: Sent = {};
    const ctx = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 3 });
    propagator.inject(ctx, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
    expect(sent['traceparent']).toBe(`00-${TRACE}-${SPAN}-03`);
  });

  it('other flags: vendors MUST set those to zero', () => {
    expect(writeTraceparent({ traceId: TRACE, spanId: SPAN, traceFlags: 0xff })).toBe(
      `00-${TRACE}-${SPAN}-03`,
    );
    expect(hop({ traceparent: `00-${TRACE}-${SPAN}-fd` })['traceparent']).toMatch(/-01$/);
  });
});

describe('3.2.4 versioning of traceparent', () => {
  it('a higher version is read by its first four fields', () => {
    for (const rest of ['', '-what-the-future-will-be-like', '-']) {
      expect(parseTraceparent(`cc${TRACEPARENT.slice(2)}${rest}`)).toMatchObject({
        traceId: TRACE,
        spanId: SPAN,
      });
    }
  });

  it('shorter than 55 characters, it is not parsed', () => {
    expect(parseTraceparent(`cc${TRACEPARENT.slice(2, -1)}`)).toBeUndefined();
  });

  it.each([
    ['the trace id MUST be hex', `cc-${TRACE.slice(1)}g-${SPAN}-01`],
    ['and MUST be followed by a dash', `cc-${TRACE}.${SPAN}-01`],
    ['the parent id MUST be hex', `cc-${TRACE}-${SPAN.slice(1)}g-01`],
    ['and MUST be followed by a dash ', `cc-${TRACE}-${SPAN}.01`],
    ['the flags MUST be hex', `cc-${TRACE}-${SPAN}-.1`],
    ['and MUST end the string or be followed by a dash', `cc-${TRACE}-${SPAN}-01.what`],
  ])('%s', (_clause, header) => expect(parseTraceparent(header)).toBeUndefined());

  it('unknown fields MUST NOT be assumed: what is sent is version 00', () => {
    const sent = hop({ traceparent: `cc-${TRACE}-${SPAN}-ff-more-fields` })['traceparent'] ?? '';
    expect(sent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-03$`));
  });
});

describe('3.3 tracestate', () => {
  it('if traceparent is not valid, tracestate MUST NOT be parsed', () => {
    expect(read({ traceparent: 'bad', tracestate: 'a=1' })).toBeUndefined();
  });

  it('without traceparent, it is invalid and MUST be discarded', () => {
    expect(hop({ tracestate: 'foo=1' })).not.toHaveProperty('tracestate');
  });

  it('failure to parse it MUST NOT affect the parsing of traceparent', () => {
    expect(read({ traceparent: TRACEPARENT, tracestate: '@bad' })?.traceId).toBe(TRACE);
    expect(log.said.join()).toMatch(/SPW_TRACEPARENT/);
  });

  it.each(['tracestate', 'TRACESTATE', 'TraceState'])('%s is the same header', (name) => {
    expect(read({ traceparent: TRACEPARENT, [name]: 'a=1' })?.traceState?.get('a')).toBe('1');
  });

  it('received as several headers, they MUST be combined in their order', () => {
    expect(stateOf(['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'])).toBe('foo=1,bar=2,rojo=1,congo=2,baz=3');
    expect(stateOf(['foo=1', ''])).toBe('foo=1');
    expect(stateOf(['', 'foo=1'])).toBe('foo=1');
  });

  it.each(['', ' ', ',', ' , \t,'])('an empty header MUST be accepted, and is not sent: %j', (tracestate) => {
    expect(read({ traceparent: TRACEPARENT, tracestate })?.traceId).toBe(TRACE);
    expect(hop({ traceparent: TRACEPARENT, tracestate })).not.toHaveProperty('tracestate');
    expect(log.said).toEqual([]);
  });

  it('spaces and tabs around members are ignored', () => {
    expect(stateOf('foo=1 \t , \t bar=2, \t baz=3')).toBe('foo=1,bar=2,baz=3');
    expect(stateOf('\t foo=1 \t')).toBe('foo=1');
  });

  it('32 members are kept, 33 are too many', () => {
    const members = Array.from({ length: 33 }, (_, i) => `bar${i}=${i}`);
    expect(stateOf(members.slice(0, 32).join(','))).toBe(members.slice(0, 32).join(','));
    expect(stateOf(members.join(','))).toBeUndefined();
  });

  it('a key that is there twice is there once in what is sent, with its left-most value', () => {
    expect(stateOf('foo=1,bar=2,foo=3')).toBe('foo=1,bar=2');
  });
});

describe('3.3.1.3.1 tracestate key', () => {
  const all = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/';
  it.each([
    all,
    `${all}@a-z0-9_-*/`,
    '0',
    'foo@',
    'foo@@bar',
    'foo@bar@baz',
    'z'.repeat(256),
    `${'t'.repeat(241)}@${'v'.repeat(14)}`,
    '1a-2f@foo',
  ])('a key MUST begin with a lower-case letter or digit and may be %j', (key) =>
    expect(stateOf(`foo=1,${key}=1`)).toBe(`foo=1,${key}=1`),
  );

  it.each(['', '@foo', '_a', '-a', '*a', '/a', 'FOO', 'foo ', 'foo.bar', 'fo\u00e9', 'a b', 'z'.repeat(257)])(
    '%j is no key: the header is discarded',
    (key) => expect(stateOf(`foo=1,${key}=1`)).toBeUndefined(),
  );
});

describe('3.3.1.3.2 tracestate value', () => {
  const all = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i))
    .filter((char) => char !== ',' && char !== '=')
    .join('');

  it('holds every printable character but comma and equals sign', () => {
    expect(read({ traceparent: TRACEPARENT, tracestate: `a=${all}` })?.traceState?.get('a')).toBe(all);
  });

  it('leading spaces MUST be preserved', () => {
    expect(stateOf('a=  x,b=1')).toBe('a=  x,b=1');
  });

  it('trailing spaces are no part of it', () => {
    expect(stateOf('a=x  ,b=1')).toBe('a=x,b=1');
  });

  it('may have 256 characters', () => {
    expect(stateOf(`a=${'x'.repeat(256)}`)).toBe(`a=${'x'.repeat(256)}`);
    expect(stateOf(`a=${'x'.repeat(257)}`)).toBeUndefined();
  });

  it.each(['foo=bar=baz', 'foo=,bar=3', 'foo', 'a=\u0000', 'a=x\ty', 'a=\u00e9', 'a=\n'])(
    '%j is not valid',
    (header) => {
      expect(stateOf(header)).toBeUndefined();
    },
  );
});

describe('3.3.1.5 tracestate limits', () => {
  it('at least 512 characters are sent on', () => {
    const header = Array.from({ length: 4 }, (_, i) => `k${i}=${'x'.repeat(125)}`).join(',');
    expect(header.length).toBeGreaterThanOrEqual(512);
    expect(hop({ traceparent: TRACEPARENT, tracestate: header })['tracestate']).toBe(header);
  });

  it('whole entries MUST be cut, those over 128 characters first', () => {
    const long = Array.from({ length: 20 }, (_, i) => `long${i}=${'x'.repeat(250)}`);
    const sent = stateOf(['a=1', ...long, 'z=1'].join(',')) ?? '';
    expect(sent.length).toBeLessThanOrEqual(4_096);
    const members = sent.split(',');
    expect(members[0]).toBe('a=1');
    expect(members.at(-1)).toBe('z=1');
    for (const member of members.slice(1, -1)) expect(long).toContain(member);
  });
});

describe('3.4 mutating traceparent', () => {
  it('passed through unchanged, its tracestate MUST NOT be modified', () => {
    const sent: Sent = {};
    const headers = { traceparent: TRACEPARENT, tracestate: 'b=2,a=1' };
    propagator.inject(extractContextFromCarrier(headers), sent, { set: (c: Sent, k, v) => void (c[k] = v) });
    expect(sent).toEqual(headers);
  });

  it('a restarted trace has neither id, parent, flags nor tracestate of the caller', () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'a=1' };
    const ctx = extractContextFromCarrier(headers, { trust: 'restart' });
    const sent: Sent = {};
    const span = trace.setSpan(ctx, otel.startSpan('server', {}, ctx));
    propagator.inject(span, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
    expect(sent['traceparent']).not.toContain(TRACE);
    expect(sent['traceparent']).toMatch(/-01$/);
    expect(sent).not.toHaveProperty('tracestate');
  });
});

describe('3.5 mutating tracestate', () => {
  const state = parseTraceState('a=1,b=2,c=3');

  it('the order of unmodified entries MUST be preserved, modified ones MUST move to the left', () => {
    expect(state?.set('b', '9').serialize()).toBe('b=9,a=1,c=3');
  });

  it('adding an entry MUST NOT make its key appear twice, and goes to the left', () => {
    expect(state?.set('d', '4').serialize()).toBe('d=4,a=1,b=2,c=3');
    expect(state?.set('a', '5').set('a', '6').serialize()).toBe('a=6,b=2,c=3');
  });

  it('an entry can be deleted', () => {
    expect(state?.unset('b').serialize()).toBe('a=1,c=3');
    expect(state?.unset('none')).toBe(state);
    expect(state?.serialize()).toBe('a=1,b=2,c=3');
  });

  it('the 33rd entry removes the right-most one', () => {
    const full = parseTraceState(Array.from({ length: 32 }, (_, i) => `k${i}=v`).join(','));
    const more = full?.set('new', '1').serialize().split(',') ?? [];
    expect([more.length, more[0], more.at(-1)]).toEqual([32, 'new=1', 'k30=v']);
  });

  it('an entry that is not grammatical is not added', () => {
    for (const [key, value] of [
      ['A', '1'],
      ['a', ''],
      ['a', 'x,y'],
      ['a', 'x '],
      ['constructor()', '1'],
    ] as const) {
      expect(state?.set(key, value)).toBe(state);
    }
    expect(state?.get('constructor')).toBeUndefined();
  });

  it('it MUST be sent on in the trace it came with', () => {
    expect(hop({ traceparent: TRACEPARENT, tracestate: 'rojo=1,congo=2' })['tracestate']).toBe(
      'rojo=1,congo=2',
    );
  });

  it('a trace state of another library is sent only if it is grammatical', () => {
    const inject = (text: unknown): Sent => {
      const traceState = {
        serialize: () => text,
        get: () => undefined,
      } as unknown as SpanContext['traceState'];
      const ctx = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: TRACE,
        spanId: SPAN,
        traceFlags: 1,
        traceState,
      });
      const sent: Sent = {};
      propagator.inject(ctx, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
      return sent;
    };
    expect(inject('ok=1')).toEqual({ traceparent: TRACEPARENT, tracestate: 'ok=1' });
    for (const bad of ['a\r\nSet-Cookie: x', '', 5, undefined, 'A=1'])
      expect(inject(bad)).toEqual({ traceparent: TRACEPARENT });
  });
});

describe('4 processing model', () => {
  it('a traceparent that was received MUST be sent on, with the parent-id of the current operation', () => {
    const sent = hop({ traceparent: TRACEPARENT })['traceparent'] ?? '';
    expect(sent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(sent).not.toContain(SPAN);
  });

  it('without one, a new trace is sent', () => {
    expect(hop({})['traceparent']).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/);
  });

  it('a span context that is not valid is not sent', () => {
    for (const bad of [
      { traceId: '0'.repeat(32) },
      { spanId: '0'.repeat(16) },
      { traceId: 'x' },
      { spanId: undefined as never },
    ]) {
      const ctx = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1, ...bad });
      const sent: Sent = {};
      propagator.inject(ctx, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
      expect(sent).toEqual({});
    }
  });
});
