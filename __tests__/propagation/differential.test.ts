/**
 * Our propagators against OpenTelemetry's own, on the same headers: they agree wherever the specifications say what is
 * right and OpenTelemetry does it. Where they differ, a reason below explains it, and each reason has an example in
 * which they do differ, so that none outlives its cause. `SPANWISE_PROPERTY_RUNS` sets the runs, 2,000 unless set.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  diag,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Context,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import fc from 'fast-check';
import { createBaggage } from '../../lib/context/baggage.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { same } from '../support/quick.js';

const numRuns = Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 2_000);
const TIMEOUT = 20_000 + (numRuns / 100_000) * 120_000;

const ours = new SpanwisePropagator();
const theirTrace = new W3CTraceContextPropagator();
const theirBaggage = new W3CBaggagePropagator();

type Headers = Record<string, string>;
const getter = { get: (from: Headers, key: string) => from[key], keys: (from: Headers) => Object.keys(from) };
const setter = { set: (to: Headers, key: string, value: string) => void (to[key] = value) };
const extract = (by: TextMapPropagator, headers: Headers): Context =>
  by.extract(ROOT_CONTEXT, headers, getter);
function inject(by: TextMapPropagator, from: Context): Headers {
  const headers: Headers = {};
  by.inject(from, headers, setter);
  return headers;
}

/** Why two readings of a header may differ: what tells it from the header, and one header in which they do. */
type Reasons = Readonly<Record<string, readonly [tells: (header: string) => boolean, example: string]>>;

const why = (reasons: Reasons, header: string): string[] =>
  Object.keys(reasons).filter((reason) => reasons[reason]![0](header));

/** Both readings of a header agree, or a reason says why they need not. */
function agree(reasons: Reasons, header: string, [one, other]: readonly [unknown, unknown]): void {
  if (JSON.stringify(one) === JSON.stringify(other)) return;
  if (why(reasons, header).length === 0) expect({ header, ours: one }).toEqual({ header, ours: other });
}

function explained(reasons: Reasons, read: (header: string) => readonly [unknown, unknown]): void {
  it.each(Object.entries(reasons).map(([reason, [, example]]) => [reason, example] as const))(
    'they differ on %s',
    (reason, example) => {
      expect(why(reasons, example)).toEqual([reason]);
      const [one, other] = read(example);
      expect(one).not.toEqual(other);
    },
  );
}

beforeAll(() => diag.disable());
afterAll(() => diag.disable());

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const HEX = '0123456789abcdef';
const digits = (length: number, units = HEX): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...units), minLength: length, maxLength: length });

describe('traceparent', () => {
  const read = (traceparent: string): readonly [unknown, unknown] => {
    const [one, other] = [ours, theirTrace].map((by) => {
      const span = trace.getSpanContext(extract(by, { traceparent }));
      // Flags that nobody has defined must not be passed on: they are no part of what has to agree.
      return span === undefined ? undefined : [span.traceId, span.spanId, span.traceFlags & 3, span.isRemote];
    });
    return [one, other];
  };
  const reasons: Reasons = {
    'white space, of which HTTP knows two kinds and any number': [
      (header) => /^\s|\s$/.test(header),
      `\t  00-${TRACE}-${SPAN}-01`,
    ],
    'line breaks, which no header can hold': [
      (header) => /.[\n\r\u2028\u2029]./s.test(header),
      `01-${TRACE}-${SPAN}-01-x\ny`,
    ],
    'lengths that no version will have': [
      (header) => header.length > 512,
      `01-${TRACE}-${SPAN}-01-${'x'.repeat(500)}`,
    ],
  };
  explained(reasons, read);

  const part = (length: number): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 12, arbitrary: digits(length) },
      { weight: 1, arbitrary: fc.constantFrom('0'.repeat(length), 'f'.repeat(length), '') },
      { weight: 1, arbitrary: digits(length, '0af-AgG \n') },
      { weight: 1, arbitrary: digits(length - 1) },
    );
  const header = fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: fc.constant('00') }, { weight: 2, arbitrary: part(2) }),
      part(32),
      part(16),
      part(2),
      fc.constantFrom('', '', '', '-', '-x', ' ', '.', '-\n-'),
    )
    .map(([version, id, span, flags, rest]) => `${version}-${id}-${span}-${flags}${rest}`);

  it(
    'is read alike',
    () => {
      fc.assert(
        fc.property(header, (text) => agree(reasons, text, read(text))),
        { numRuns },
      );
    },
    TIMEOUT,
  );

  it(
    'is written alike',
    () => {
      fc.assert(
        fc.property(digits(31), digits(15), fc.integer({ min: 0, max: 3 }), (id, span, traceFlags) => {
          const spanContext = { traceId: `${id}1`, spanId: `${span}1`, traceFlags };
          const context = trace.setSpanContext(ROOT_CONTEXT, spanContext);
          same(inject(ours, context), inject(theirTrace, context));
        }),
        { numRuns },
      );
    },
    TIMEOUT,
  );
});

describe('tracestate', () => {
  const traceparent = `00-${TRACE}-${SPAN}-01`;
  const read = (tracestate: string): readonly [unknown, unknown] => {
    const [one, other] = [ours, theirTrace].map(
      (by) => trace.getSpanContext(extract(by, { traceparent, tracestate }))?.traceState?.serialize() ?? '',
    );
    return [one, other];
  };
  const VALUE = '[ -+\\--<>-~]{0,255}[!-+\\--<>-~]';
  const LEVEL_2 = new RegExp(`^[a-z0-9][a-z0-9_\\-*/@]{0,255}=${VALUE}$`);
  const LEVEL_1 = new RegExp(
    `^(?:[a-z][a-z0-9_\\-*/]{0,255}|[a-z0-9][a-z0-9_\\-*/]{0,240}@[a-z][a-z0-9_\\-*/]{0,13})=${VALUE}$`,
  );
  const members = (header: string): string[] =>
    header
      .split(',')
      .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
      .filter((member) => member !== '');
  const reasons: Reasons = {
    'one bad member, which spoils the whole list': [
      (header) => members(header).some((member) => !LEVEL_2.test(member)),
      'a=1,B=2',
    ],
    'keys of level 2': [
      (header) => members(header).some((member) => LEVEL_2.test(member) && !LEVEL_1.test(member)),
      '1a=1',
    ],
    'a key that is there twice: the left one is the newer one': [
      (header) => {
        const keys = members(header).map((member) => member.split('=', 1)[0]);
        return new Set(keys).size < keys.length;
      },
      'a=new,b=2,a=old',
    ],
    'more than 32 members': [
      (header) => members(header).length > 32,
      Array.from({ length: 33 }, (_, index) => `k${index}=1`).join(','),
    ],
    'more than the 512 characters that everyone has to pass on': [
      (header) => members(header).join(',').length > 512,
      Array.from({ length: 30 }, (_, index) => `k${index}=${'v'.repeat(20)}`).join(','),
    ],
  };
  explained(reasons, read);

  const key = fc.oneof(
    {
      weight: 8,
      arbitrary: digits(1, 'abcz').chain((first) => digits(3, 'abz019_-*/').map((rest) => first + rest)),
    },
    { weight: 1, arbitrary: fc.constantFrom('1a@vendor', 'tenant@v', '1a', '@a', 'A', '', 'a@b@c') },
  );
  const value = fc.oneof(
    { weight: 8, arbitrary: digits(6, 'ab!~+;. ') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '=', 'a=b', '\u00e9', '\t', ' ', 'x'.repeat(257), 'x'.repeat(100)),
    },
  );
  const member = fc.tuple(key, value).map(([name, text]) => `${name}=${text}`);
  const header = fc
    .array(
      fc.oneof(
        { weight: 12, arbitrary: member },
        { weight: 1, arbitrary: fc.constantFrom('', ' ', 'a', '=') },
      ),
      {
        maxLength: 40,
        size: 'small',
      },
    )
    .chain((list) => fc.constantFrom(',', ' ,', ', ', ',\t', ',,').map((comma) => list.join(comma)));

  it(
    'is read alike',
    () => {
      fc.assert(
        fc.property(header, (text) => agree(reasons, text, read(text))),
        { numRuns },
      );
    },
    TIMEOUT,
  );
});

describe('baggage', () => {
  const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
  const OCTETS = '[!#-+\\--:<-\\[\\]-~]*';
  const MEMBER = new RegExp(`^[ \\t]*(${TOKEN})[ \\t]*=[ \\t]*(${OCTETS})[ \\t]*((?:;.*)?)$`, 's');
  const PROPERTIES = new RegExp(`^(?:;[ \\t]*${TOKEN}[ \\t]*(?:=[ \\t]*${OCTETS}[ \\t]*)?)*$`);
  const OURS = /(?:^|,)[ \t]*(?:session_name|honeyhive|project|source|session\.id)/;

  const entriesOf = (context: Context): unknown =>
    (propagation.getBaggage(context)?.getAllEntries() ?? [])
      .map(([name, entry]) => [name, entry.value, entry.metadata?.toString().trim() ?? ''])
      // Theirs come in the order that JavaScript gives to names that are numbers.
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  const read = (baggage: string): readonly [unknown, unknown] => [
    entriesOf(extract(ours, { baggage })),
    entriesOf(extract(theirBaggage, { baggage })),
  ];
  const parsed = (header: string): (RegExpExecArray | null)[] =>
    header
      .split(',')
      .filter((member) => !/^[ \t]*$/.test(member))
      .map((member) => MEMBER.exec(member));
  const some =
    (tells: (key: string, value: string, properties: string) => boolean) =>
    (header: string): boolean =>
      parsed(header).some((match) => match !== null && tells(match[1]!, match[2]!, match[3]!));
  const isUtf8 = (text: string): boolean => {
    try {
      decodeURIComponent(text);
      return true;
    } catch {
      return false;
    }
  };
  const LOOSE = /%(?![0-9A-Fa-f]{2})/;
  const reasons: Reasons = {
    'members that are not grammatical': [(header) => parsed(header).includes(null), 'a=b c,d=1'],
    'properties that are not grammatical': [
      some((_key, _value, properties) => !PROPERTIES.test(properties)),
      'a=1;=',
    ],
    'empty values, which the grammar allows': [some((_key, value) => value === ''), 'a='],
    'keys, which are not percent-encoded': [some((key) => key.includes('%')), '%41=1'],
    'percent signs that encode nothing, which do not cost the value': [
      some((key, value) => !key.includes('%') && LOOSE.test(value)),
      'a=100%',
    ],
    'bytes that are no UTF-8, which become U+FFFD': [
      some((_key, value) => !LOOSE.test(value) && !isUtf8(value)),
      'a=%FF',
    ],
    'a key called __proto__': [some((key) => key === '__proto__'), '__proto__=1'],
    'more than 64 members': [
      (header) => parsed(header).length > 64,
      Array.from({ length: 65 }, (_, index) => `k${index}=1`).join(','),
    ],
    'members of more than 4096 characters': [
      (header) => header.length <= 8_192 && header.split(',').some((member) => member.length > 4_096),
      `a=${'x'.repeat(5_000)}`,
    ],
    'more than 8192 characters, of which a whole member too much does not cost those behind it': [
      (header) => header.length > 8_192,
      `a=${'x'.repeat(3_000)},b=${'x'.repeat(3_000)},c=${'x'.repeat(3_000)},d=1`,
    ],
    'identity, which has several spellings and a plus for a space': [
      (header) => OURS.test(header),
      'honeyhive_session_id=s',
    ],
  };
  explained(reasons, read);

  const name = fc.oneof(
    { weight: 10, arbitrary: digits(2, "abz019!#$&'*+-.^_`|~") },
    {
      weight: 1,
      arbitrary: fc.constantFrom('__proto__', 'constructor', 'session_id', 'project', 'a%20', 'a b', '', '7'),
    },
  );
  const text = fc.oneof(
    { weight: 6, arbitrary: digits(4, 'ab01+=/:?@') },
    { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }).map(encodeURIComponent) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '%', '%FF', '%zz', '"', 'a b', '\\', '\u00e9', 'x'.repeat(4_100)),
    },
  );
  const properties = fc.oneof(
    { weight: 5, arbitrary: fc.constant('') },
    { weight: 3, arbitrary: fc.constantFrom(';p', ';p=1', ' ; p = 1 ;q', ';p=%20') },
    { weight: 1, arbitrary: fc.constantFrom(';', ';;', ';=', ';p=a b') },
  );
  const space = fc.constantFrom('', '', '', ' ', '\t');
  const member = fc
    .tuple(space, name, space, space, text, properties, space)
    .map(
      ([before, key, left, right, value, rest, after]) =>
        `${before}${key}${left}=${right}${value}${rest}${after}`,
    );
  const header = fc
    .array(
      fc.oneof(
        { weight: 15, arbitrary: member },
        { weight: 1, arbitrary: fc.constantFrom('', ' ', 'a', '=') },
      ),
      {
        maxLength: 80,
        size: 'small',
      },
    )
    .map((list) => list.join(','));

  it(
    'is read alike',
    () => {
      fc.assert(
        fc.property(header, (given) => agree(reasons, given, read(given))),
        { numRuns },
      );
    },
    TIMEOUT,
  );

  // What is no plain word is percent-encoded by them in keys too, where no one else decodes it.
  const word = digits(6, "abz019!'*-._~");
  const entries = fc.dictionary(word, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), {
    maxKeys: 20,
    noNullPrototype: true,
  });

  it(
    'that either writes, the other reads',
    () => {
      fc.assert(
        fc.property(entries, (list) => {
          const context = propagation.setBaggage(ROOT_CONTEXT, createBaggage(list));
          const wanted = entriesOf(context);
          same(entriesOf(extract(theirBaggage, inject(ours, context))), wanted);
          same(entriesOf(extract(ours, inject(theirBaggage, context))), wanted);
        }),
        { numRuns },
      );
    },
    TIMEOUT,
  );
});
