/** What a stranger can send is read in bounded work; each bound is shown by counting, not by a clock. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { defaultTextMapGetter, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { writeCarrier } from '../../lib/propagation/carrier.js';
import { findCarrier } from '../../lib/propagation/find-carrier.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { CARRIER_GETTER } from '../../lib/propagation/read-headers.js';
import { extractContextFromCarrier, injectContextIntoCarrier } from '../../lib/propagation/propagate.js';
import { parseBaggage, writeBaggage } from '../../lib/propagation/baggage-header.js';
import { parseTraceparent } from '../../lib/propagation/trace-context.js';
import { parseTraceState } from '../../lib/propagation/trace-state.js';
import { listen, TRACE, TRACEPARENT } from './helpers.js';

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => log.stop());

const MB = 1_000_000;
const read = (headers: unknown): ReturnType<typeof extractContextFromCarrier> =>
  extractContextFromCarrier(headers);
/** How many characters are looked at one by one, which a clock on a busy machine cannot tell. */
function looksAt(work: () => unknown): number {
  const original = String.prototype.charCodeAt;
  let looks = 0;
  String.prototype.charCodeAt = function (this: string, at) {
    looks++;
    return original.call(this, at);
  };
  try {
    work();
  } finally {
    String.prototype.charCodeAt = original;
  }
  return looks;
}

describe('huge headers', () => {
  const hostile: [string, () => string][] = [
    ['20 MB of one value', () => `first=1,a=${'x'.repeat(20 * MB)}`],
    ['20 MB of commas', () => ','.repeat(20 * MB)],
    ['20 MB of spaces', () => `first=1,${' '.repeat(20 * MB)}`],
    ['20 MB of semicolons', () => `first=1,a=1${';'.repeat(20 * MB)}`],
    ['20 MB of properties', () => `first=1,a=1${';p=1'.repeat(5 * MB)}`],
    ['20 MB of percent signs', () => `first=1,a=${'%'.repeat(20 * MB)}`],
    ['20 MB of entries', () => 'k=v,'.repeat(5 * MB)],
    ['20 MB of identity', () => 'session_id=v,'.repeat(2 * MB)],
    ['20 MB of entries with broken properties', () => 'k=v;=,'.repeat(3 * MB)],
    ['20 MB of broken UTF-8', () => `first=1,a=${'%FF'.repeat(7 * MB)}`],
  ];

  it.each(hostile)('baggage of %s is cut, and no more of it is read than of 1 MB', (_name, make) => {
    const header = make();
    const ctx = read({ traceparent: TRACEPARENT, baggage: header });
    expect(trace.getSpanContext(ctx)?.traceId).toBe(TRACE);
    const size = propagation.getBaggage(ctx)?.getAllEntries().length ?? 0;
    expect(size).toBeLessThanOrEqual(64);
    const large = looksAt(() => parseBaggage(header));
    expect(large).toBeLessThan(100_000);
    expect(large).toBeGreaterThan(0);
    expect(large).toBe(looksAt(() => parseBaggage(header.slice(0, MB))));
  });

  it('a 20 MB header is not kept alive by what was taken from it', () => {
    const baggage = parseBaggage(`${'k=v,'.repeat(100)}${'long=x,'.repeat(3 * MB)}`);
    expect(writeBaggage(baggage as NonNullable<typeof baggage>).length).toBeLessThan(8_192);
  });

  it('10,000 entries: 64 are kept, and the rest counted', () => {
    const header = Array.from({ length: 10_000 }, (_, i) => `key${i}=value${i}`).join(',');
    const ctx = read({ baggage: header });
    expect(propagation.getBaggage(ctx)?.getAllEntries()).toHaveLength(64);
    expect(log.said.join()).toMatch(/9936 of 10000/);
  });

  it('identity is kept first, wherever in the first 256 KB it stands, and the last of a key counts', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `key${i}=value${i}`);
    for (const at of [0, 63, 64, 500, 5_000, 9_999]) {
      const list = many.toSpliced(at, 0, 'session_id=first', ' project = sh%20op ;p=1');
      list.splice(at + 3, 0, 'session_id=last');
      const baggage = propagation.getBaggage(read({ baggage: list.join(',') }));
      expect(baggage?.getEntry('session_id')?.value).toBe('last');
      expect(baggage?.getEntry('project')?.value).toBe('sh op');
      // The first session_id may have taken the place of another entry.
      expect(baggage?.getAllEntries().length).toBeGreaterThanOrEqual(63);
      expect(baggage?.getEntry('key0')?.value).toBe('value0');
    }
  });

  it('identity in the first of 20 MB is kept, and what was not read is said', () => {
    const baggage = parseBaggage(`a=1,session_id=s,${'k=v,'.repeat(5 * MB)}`);
    expect(baggage?.getEntry('session_id')?.value).toBe('s');
    expect(log.said.join()).toMatch(
      /of more than \d+ baggage entries and \d+ characters that were not read were dropped/,
    );
  });

  it('a header of 100 MB is not touched', () => {
    expect(parseBaggage('a=1,'.repeat(25 * MB))).toBeUndefined();
    expect(log.said.join()).toMatch(/of 100000000 characters was dropped unread/);
    expect(parseBaggage(['a=1', 'b=2,'.repeat(25 * MB)])?.getAllEntries()).toHaveLength(1);
  });

  it('a member that is over the limit by itself takes nothing else with it', () => {
    const huge = 'x'.repeat(20_000);
    const baggage = parseBaggage(`a=${huge},b=2,c=${huge},d=4`);
    expect(baggage?.getAllEntries().map(([key]) => key)).toEqual(['b']);
    expect(parseBaggage(`a=${huge},b=2,session_id=s`)?.getAllEntries()).toHaveLength(2);
    expect(parseBaggage(`a=${huge}`)).toBeUndefined();
    expect(log.said.join()).toMatch(/3 of 4 baggage entries were dropped/);
  });

  it('what is no identity is not taken for it behind the beginning', () => {
    const filler = 'k=v,'.repeat(6_000);
    for (const member of [
      'xsession_id=s',
      'session_idx=s',
      'a=session_id=s',
      'a=1;session_id=s',
      'session_id',
      'session_id=s"x',
    ]) {
      expect(parseBaggage(`${filler}${member}`)?.getEntry('session_id')).toBeUndefined();
    }
  });

  it('10,000 header lines of baggage', () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => `key${i}=v`);
    expect(propagation.getBaggage(read({ baggage: lines }))?.getAllEntries()).toHaveLength(64);
  });

  it.each([
    ['1 MB of one value', () => `a=${'x'.repeat(MB)}`],
    ['1 MB of entries', () => 'a=1,'.repeat(MB / 4)],
    ['1 MB of spaces', () => ' '.repeat(MB)],
    ['1 MB of commas', () => ','.repeat(MB)],
  ])('a tracestate of %s is discarded unread', (_name, make) => {
    const tracestate = make();
    expect(trace.getSpanContext(read({ traceparent: TRACEPARENT, tracestate }))?.traceState).toBeUndefined();
    expect(looksAt(() => parseTraceState(tracestate))).toBe(0);
  });

  it.each([
    ['of a future version', () => `01${TRACEPARENT.slice(2)}-${'x'.repeat(20 * MB)}`],
    ['of white space', () => `${' '.repeat(20 * MB)}${TRACEPARENT}`],
  ])('a traceparent of 20 MB %s is discarded unread', (_name, make) => {
    const header = make();
    expect(parseTraceparent(header)).toBeUndefined();
    expect(looksAt(() => parseTraceparent(header))).toBe(0);
  });
});

describe('huge carriers', () => {
  it('100,000 keys', () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 'v']));
    expect(trace.getSpanContext(read({ ...many, traceparent: TRACEPARENT }))?.traceId).toBe(TRACE);
    expect(() => injectContextIntoCarrier(many)).not.toThrow();
  });

  it.each<[string, () => unknown]>([
    ['a plain object', () => ({})],
    ['one without prototype', () => Object.create(null) as unknown],
    ['an instance', () => new (class Carrier {})()],
  ])('of %s with 100,000 keys the usual spellings are found, and its names are not listed', (_name, make) => {
    const many = make() as Record<string, string>;
    for (let i = 0; i < 100_000; i++) many[`k${i}`] = 'v';
    const list = jest.spyOn(Object, 'keys');
    for (const name of ['traceparent', 'Traceparent', 'TraceParent', 'TRACEPARENT']) {
      many[name] = TRACEPARENT;
      expect(trace.getSpanContext(read(many))?.traceId).toBe(TRACE);
      const spanwise = new SpanwisePropagator();
      for (const getter of [defaultTextMapGetter, CARRIER_GETTER]) {
        expect(trace.getSpanContext(spanwise.extract(ROOT_CONTEXT, many, getter))?.traceId).toBe(TRACE);
      }
      expect(findCarrier([many]).via).toBe('none');
      delete many[name];
    }
    many['TraceParent'] = 'old';
    injectContextIntoCarrier(many);
    expect(list.mock.calls.filter(([value]) => value === many)).toEqual([]);
    list.mockRestore();
  });

  it('a list of one huge object, many times', () => {
    const huge = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 'v']));
    expect(read(new Array(100_000).fill(huge))).toBe(ROOT_CONTEXT);
    const list = jest.spyOn(Object, 'keys');
    expect(read([...new Array<object>(500).fill(huge), { traceparent: TRACEPARENT }])).not.toBe(ROOT_CONTEXT);
    expect(list.mock.calls.filter(([value]) => value === huge)).toEqual([]);
    list.mockRestore();
  });

  it('a Map of a million entries', () => {
    const map = new Map(Array.from({ length: MB }, (_, i) => [`k${i}`, 'v']));
    let steps = 0;
    const { keys } = map;
    map.keys = function* () {
      for (const key of keys.call(map)) {
        steps++;
        yield key;
      }
      return undefined;
    } as typeof keys;
    map.set('traceparent', TRACEPARENT);
    expect(writeCarrier(map, 'baggage', 'a=1')).toBe(true);
    expect(steps).toBeLessThan(3_000);
  });

  it('a list of 5 million items', () => {
    const keys = jest.spyOn(Object, 'keys');
    const items = new Array<string>(5 * MB).fill('x');
    expect(new SpanwisePropagator().extract(ROOT_CONTEXT, items, defaultTextMapGetter)).toBe(ROOT_CONTEXT);
    expect(keys.mock.calls.filter(([value]) => value === items)).toEqual([]);
    keys.mockRestore();
    const list = new Array<string>(5 * MB).fill('x');
    expect(read(list)).toBe(ROOT_CONTEXT);
    expect(read(list.map(() => list))).toBe(ROOT_CONTEXT);
  });

  it('objects nested 100,000 deep, and in a ring', () => {
    let deep: Record<string, unknown> = { traceparent: TRACEPARENT };
    for (let i = 0; i < 100_000; i++) deep = { _meta: deep, req: deep, headers: deep };
    expect(read(deep)).toBe(ROOT_CONTEXT);
    const ring: Record<string, unknown> = {};
    Object.assign(ring, { _meta: ring, req: ring, raw: ring, headers: ring, message: ring, topic: 't' });
    expect(read(ring)).toBe(ROOT_CONTEXT);
  });
});

describe('prototype safety', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    '%s is a key like any other',
    (key) => {
      const ctx = read({
        traceparent: TRACEPARENT,
        baggage: `${key}=polluted,session_id=s`,
        [`${key}x`]: 'y',
      });
      expect(propagation.getBaggage(ctx)?.getEntry(key)?.value).toBe('polluted');
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      expect(Object.prototype.toString.call({})).toBe('[object Object]');
      const carrier = JSON.parse(`{"${key}": {"traceparent": "${TRACEPARENT}"}}`) as object;
      expect(read(carrier)).toBe(ROOT_CONTEXT);
    },
  );
});
