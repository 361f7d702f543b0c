/** Every MUST of W3C Baggage, by its clause: https://www.w3.org/TR/baggage/ */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  baggageEntryMetadataFromString,
  propagation,
  ROOT_CONTEXT,
  type BaggageEntry,
  type Context,
} from '@opentelemetry/api';
import { isHexPair } from '../../lib/propagation/baggage-grammar.js';
import { parseBaggage, writeBaggage } from '../../lib/propagation/baggage-header.js';
import { extractContextFromCarrier } from '../../lib/propagation/propagate.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { listen } from './helpers.js';
import { CASES, renamed, SHAPES } from './shapes.js';

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => log.stop());

type Sent = Record<string, string>;
const entriesOf = (ctx: Context): [string, BaggageEntry][] =>
  propagation.getBaggage(ctx)?.getAllEntries() ?? [];
const read = (baggage: string | string[]): [string, string, string?][] =>
  (parseBaggage(baggage)?.getAllEntries() ?? []).map(([key, entry]) =>
    entry.metadata === undefined ? [key, entry.value] : [key, entry.value, entry.metadata.toString()],
  );
const hop = (baggage: string | string[]): string => {
  const parsed = parseBaggage(baggage);
  return parsed === undefined ? '' : writeBaggage(parsed);
};
const write = (entries: Record<string, BaggageEntry>): string =>
  writeBaggage(propagation.createBaggage(entries));

describe.each(SHAPES)('3.1 header name, in %s', (_shape, make) => {
  it.each(CASES)('is read in %s', (_case, rename) => {
    const carrier = make(renamed({ baggage: 'userId=alice,serverNode=DF%2028' }, rename));
    expect(entriesOf(extractContextFromCarrier(carrier))).toEqual([
      ['userId', { value: 'alice' }],
      ['serverNode', { value: 'DF 28' }],
    ]);
  });
});

it('3.1 it is sent in lower case', () => {
  const sent: Sent = {};
  const ctx = extractContextFromCarrier({ BAGGAGE: 'a=1' });
  new SpanwisePropagator().inject(ctx, sent, { set: (c: Sent, k, v) => void (c[k] = v) });
  expect(sent).toEqual({ baggage: 'a=1' });
});

describe('3.3.1.1 baggage-string', () => {
  it('several headers are one list, in their order', () => {
    expect(read(['userId=alice', 'serverNode=DF%2028,isProduction=false'])).toEqual([
      ['userId', 'alice'],
      ['serverNode', 'DF 28'],
      ['isProduction', 'false'],
    ]);
    expect(
      entriesOf(extractContextFromCarrier(['Baggage', 'a=1', 'baggage', 'b=2'])).map(([key]) => key),
    ).toEqual(['a', 'b']);
  });

  it('the order is preserved', () => {
    const header = 'c=1,a=2,b=3';
    expect(hop(header)).toBe(header);
    expect(read(header).map(([key]) => key)).toEqual(['c', 'a', 'b']);
  });

  it('of a key that is there twice, the last value counts, and both are sent on as they came', () => {
    expect(read('a=1,b=2,a=3')).toEqual([
      ['a', '3'],
      ['b', '2'],
    ]);
    expect(hop('a=1,b=2,a=3')).toBe('a=1,b=2,a=3');
    expect(parseBaggage('a=1,b=2,a=3')?.getEntry('a')).toEqual({ value: '3' });
  });

  it('the order of duplicates is preserved when the list is added to, and a key that is set is there once', () => {
    const baggage = parseBaggage('a=1,b=2,a=3') as NonNullable<ReturnType<typeof parseBaggage>>;
    expect(writeBaggage(baggage.setEntry('c', { value: '4' }))).toBe('a=1,b=2,a=3,c=4');
    expect(writeBaggage(baggage.setEntry('a', { value: '4' }))).toBe('a=4,b=2');
    expect(writeBaggage(baggage.removeEntry('a'))).toBe('b=2');
  });

  it.each([
    ['a member without an equals sign', 'a,b=2'],
    ['a member without a key', '=1,b=2'],
    ['a key with white space', 'a x=1,b=2'],
    ['a key with a forbidden character', 'a/x=1,b=2'],
    ['a key that is not ASCII', 'é=1,b=2'],
    ['a value with white space', 'a=x y,b=2'],
    ['a value with quotes', 'a="x",b=2'],
    ['a value with a backslash', 'a=x\\y,b=2'],
    ['a value that is not ASCII', 'a=é,b=2'],
    ['a control character', 'a=\u0001,b=2'],
    ['a line break', 'a=1\r\nx: y,b=2'],
  ])('%s is left out, the others stay', (_name, header) => {
    expect(read(header)).toEqual([['b', '2']]);
    expect(hop(header)).toBe('b=2');
    expect(log.said.join()).toMatch(/SPW_BAGGAGE.*malformed/);
  });

  it.each([',a=1', 'a=1,', 'a=1,,b=2', ' , a=1', ',', '', ' '])(
    'an empty member is nothing, and is not sent: %j',
    (header) => {
      const keys = read(header).map(([key]) => key);
      expect(hop(header)).toBe(keys.map((key) => `${key}=${key === 'a' ? 1 : 2}`).join(','));
      expect(log.said).toEqual([]);
    },
  );
});

describe('3.3.1.2 key', () => {
  const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

  it('is any token, and case counts', () => {
    expect(read(`${token}=1`)).toEqual([[token, '1']]);
    expect(read('a=1,A=2')).toEqual([
      ['a', '1'],
      ['A', '2'],
    ]);
    expect(write({ [token]: { value: '1' } })).toBe(`${token}=1`);
  });

  it('a percent sign in it encodes nothing', () => {
    expect(read('a%20b=1')).toEqual([['a%20b', '1']]);
    expect(hop('a%20b=1')).toBe('a%20b=1');
  });

  it('white space around it is no part of it', () => {
    expect(read(' \ta \t=1')).toEqual([['a', '1']]);
  });

  it('one that is no token is never sent', () => {
    expect(
      write({
        'a b': { value: '1' },
        é: { value: '1' },
        '': { value: '1' },
        'a\r\nb': { value: '1' },
        ok: { value: '1' },
      }),
    ).toBe('ok=1');
    expect(log.said.join()).toMatch(/SPW_BAGGAGE.*4 baggage entries/);
  });

  it('__proto__, constructor and toString are keys like any other', () => {
    const header = '__proto__=1,constructor=2,toString=3';
    expect(read(header)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ]);
    expect(hop(header)).toBe(header);
    expect(parseBaggage('a=1')?.getEntry('constructor')).toBeUndefined();
    expect(({} as Sent)['1']).toBeUndefined();
  });
});

describe('3.3.1.3 value', () => {
  const octets = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i))
    .filter((char) => !'",;\\%'.includes(char))
    .join('');

  it('holds every baggage-octet as it is', () => {
    expect(read(`a=${octets}`)).toEqual([['a', octets]]);
    expect(hop(`a=${octets}`)).toBe(`a=${octets}`);
  });

  it('code points outside of the range MUST be percent-encoded', () => {
    expect(write({ a: { value: 'Amélie "x",;\\ \u0000\u007f😀' } })).toBe(
      'a=Am%C3%A9lie%20%22x%22%2C%3B%5C%20%00%7F%F0%9F%98%80',
    );
  });

  it('the percent code point MUST be percent-encoded', () => {
    expect(write({ a: { value: '100%' } })).toBe('a=100%25');
    expect(hop('a=100%,b=%zz,c=%4')).toBe('a=100%25,b=%25zz,c=%254');
  });

  it('code points that need no encoding MAY be encoded, and are decoded', () => {
    expect(read('a=%61%3d%2B')).toEqual([['a', 'a=+']]);
  });

  it('a plus is encoded, because some readers take it for a space', () => {
    expect(write({ a: { value: 'x+y' } })).toBe('a=x%2By');
  });

  it.each([
    ['%FF', '\ufffd'],
    ['a%C3b', 'a\ufffdb'],
    ['%C3%28', '\ufffd('],
    ['%E2%82', '\ufffd'],
    ['%ED%A0%80', '\ufffd\ufffd\ufffd'],
    ['%F0%9F%98%80%FF', '😀\ufffd'],
  ])('octets that are not UTF-8 MUST be replaced: %s', (raw, value) => {
    expect(read(`a=${raw}`)).toEqual([['a', value]]);
  });

  it('characters beyond ASCII are no hex digits, whatever their lower bits are', () => {
    expect([isHexPair('4f', 0), isHexPair('\u02b4f', 0), isHexPair('4\u02e6', 0)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('a percent sign that encodes nothing stays', () => {
    expect(read('a=100%,b=%zz%41')).toEqual([
      ['a', '100%'],
      ['b', '%zzA'],
    ]);
  });

  it('white space around it is no part of it', () => {
    expect(read('a= \t1 \t, b = 2 ')).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
  });

  it('may hold equals signs, and parsers MUST NOT take them for separators', () => {
    expect(read('a=b=c==,d==')).toEqual([
      ['a', 'b=c=='],
      ['d', '='],
    ]);
    expect(hop('a=b=c==')).toBe('a=b=c==');
  });

  it('may be empty', () => {
    expect(read('a=,b=2,c=;p')).toEqual([
      ['a', ''],
      ['b', '2'],
      ['c', '', 'p'],
    ]);
    expect(hop('a=,b=2')).toBe('a=,b=2');
    expect(write({ a: { value: '' } })).toBe('a=');
  });

  it('half of a surrogate pair becomes U+FFFD', () => {
    expect(write({ a: { value: 'x\ud800y' } })).toBe('a=x%EF%BF%BDy');
  });

  it('may be longer than 4096 characters', () => {
    const value = 'x'.repeat(8_000);
    expect(read(`a=${value}`)).toEqual([['a', value]]);
    expect(write({ a: { value } })).toBe(`a=${value}`);
  });
});

describe('3.3.1.4 property', () => {
  it('is metadata of its entry, and is sent on', () => {
    const header = 'key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue';
    expect(read(header)).toEqual([
      ['key1', 'value1', 'property1;property2'],
      ['key2', 'value2'],
      ['key3', 'value3', 'propertyKey=propertyValue'],
    ]);
    expect(hop(header)).toBe(header);
  });

  it('is sent on when the list is changed', () => {
    const baggage = parseBaggage('a=1;p=2;q,b=2')?.setEntry('c', { value: '3' });
    expect(writeBaggage(baggage as NonNullable<typeof baggage>)).toBe('a=1;p=2;q,b=2,c=3');
  });

  it('may hold equals signs and encoded text in its value', () => {
    expect(read('a=1;p=x=y%20z')).toEqual([['a', '1', 'p=x=y%20z']]);
  });

  it('the percent code point in it MUST be percent-encoded', () => {
    expect(hop('a=1;p=100%')).toBe('a=1;p=100%25');
  });

  it.each(['a=1;', 'a=1;;p', 'a=1;p=x y', 'a=1;=x', 'a=1;p q', 'a=1;p="x"'])(
    'one that is not grammatical is left out, its value stays: %s',
    (header) => {
      expect(read(`${header},b=2`)).toEqual([
        ['a', '1'],
        ['b', '2'],
      ]);
      expect(hop(`${header},b=2`)).toBe('a=1,b=2');
    },
  );

  it('metadata that someone made is sent if it is grammatical', () => {
    const send = (text: string): string =>
      write({ a: { value: '1', metadata: baggageEntryMetadataFromString(text) } });
    expect(send('p=1;q')).toBe('a=1;p=1;q');
    expect(send(' p = 1 ')).toBe('a=1;p = 1');
    for (const bad of ['', 'x y z', 'p=1,b=2', 'p=é', '\r\n', ';', 'p;']) expect(send(bad)).toBe('a=1');
  });
});

describe('3.3.2 limits', () => {
  const members = (count: number, value = 'v'): string[] =>
    Array.from({ length: count }, (_, i) => `k${i}=${value}`);

  it('64 list-members MUST be propagated', () => {
    const header = members(64).join(',');
    expect(hop(header)).toBe(header);
    expect(read(header)).toHaveLength(64);
    expect(log.said).toEqual([]);
  });

  it('8192 bytes MUST be propagated', () => {
    const header = `a=${'x'.repeat(8_190)}`;
    expect(header).toHaveLength(8_192);
    expect(hop(header)).toBe(header);
    expect(log.said).toEqual([]);
  });

  it('including list-members added by the platform', () => {
    const baggage = parseBaggage(members(63).join(','))?.setEntry('added', { value: '1' });
    expect(writeBaggage(baggage as NonNullable<typeof baggage>).split(',')).toEqual([
      ...members(63),
      'added=1',
    ]);
    expect(log.said).toEqual([]);
  });

  it('over 64, members are dropped in their order, counted and reported', () => {
    expect(read(members(100).join(',')).map(([key]) => key)).toEqual(
      Array.from({ length: 64 }, (_, i) => `k${i}`),
    );
    expect(log.said.join()).toMatch(/SPW_BAGGAGE.*36 of 100/);
  });

  it('no partial list-member MUST be propagated', () => {
    const all = members(40, 'x'.repeat(300));
    const sent = hop(all.join(',')).split(',');
    expect(sent.length).toBeLessThan(40);
    for (const member of sent) expect(all).toContain(member);
    expect(sent.join(',').length).toBeLessThanOrEqual(8_192);
  });

  it('identity is kept first, wherever it stands', () => {
    for (const header of [
      [...members(100), 'session_id=s', 'project=p', 'source=o'].join(','),
      [...members(40, 'x'.repeat(300)), 'session_id=s', 'project=p', 'source=o'].join(','),
      [...members(10_000), 'session_id=s', 'honeyhive_project=p', 'source=o'].join(','),
    ]) {
      const sent = hop(header);
      expect(sent).toMatch(/,session_id=s,(honeyhive_)?project=p,source=o$/);
      expect(sent.split(',').length).toBeLessThanOrEqual(64);
      expect(sent.length).toBeLessThanOrEqual(8_192);
    }
  });

  it('identity is kept first also in what is sent', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { value: 'v' }]));
    const sent = write({ ...many, session_id: { value: 's' } }).split(',');
    expect(sent).toHaveLength(64);
    expect(sent.at(-1)).toBe('session_id=s');
    expect(log.said.join()).toMatch(/SPW_BAGGAGE.*37 of 101/);
  });

  it('a member that does not fit leaves room for those that do', () => {
    expect(write({ big: { value: 'x'.repeat(9_000) }, small: { value: '1' } })).toBe('small=1');
  });

  it('they apply to several headers together', () => {
    expect(read([members(40).join(','), members(80).slice(40).join(',')])).toHaveLength(64);
  });

  it('of a header that is too long to be read, nothing is cut in two', () => {
    const parsed = read(`session_id=s,${'k=v,'.repeat(100_000)}last=1`);
    expect(parsed).toEqual([
      ['session_id', 's'],
      ['k', 'v'],
    ]);
    expect(read(`a=${'x'.repeat(20_000_000)}`)).toEqual([]);
    expect(log.said.join()).toMatch(/not read/);
  });
});
