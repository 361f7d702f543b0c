import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeJson } from '../../lib/viewer/decode-json.js';
import { DecodeError } from '../../lib/viewer/received-span.js';

const decode = (value: unknown) => decodeJson(Buffer.from(JSON.stringify(value)));
const span = (more: object = {}) => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  startTimeUnixNano: '1700000000123456789',
  endTimeUnixNano: '1700000000200000000',
  ...more,
});
const request = (...spans: unknown[]) => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

describe('the flavour of HoneyHive’s Python SDK', () => {
  it('is understood: names for kinds and codes, numbers as text, a null parent', () => {
    const { spans, rejected } = decode({
      resourceSpans: [
        {
          resource: {
            attributes: [{ key: 'service.name', value: { stringValue: 'unknown_service:python' } }],
          },
          scopeSpans: [
            {
              scope: { name: 'honeyhive.140478887901520', version: null },
              spans: [
                span({
                  parentSpanId: null,
                  name: '__main__.call_agent',
                  kind: 'SPAN_KIND_SERVER',
                  status: { code: 'STATUS_CODE_ERROR', message: 'ValueError: no' },
                  attributes: [
                    { key: 'honeyhive_metrics.big', value: { intValue: '1152921504606846976' } },
                    { key: 'honeyhive_metrics.n', value: { intValue: '12' } },
                    { key: 'honeyhive_duration_ms', value: { doubleValue: 1.5 } },
                    { key: 'nan', value: { stringValue: 'nan' } },
                  ],
                  events: [{ name: 'exception', timeUnixNano: '1700000000150000000', attributes: [] }],
                }),
              ],
            },
          ],
        },
      ],
    });
    expect(rejected).toBe(0);
    expect(spans).toEqual([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        name: '__main__.call_agent',
        kind: 'server',
        startTime: 1_700_000_000_123.456,
        endTime: 1_700_000_000_200,
        status: 'error',
        statusMessage: 'ValueError: no',
        attributes: {
          'honeyhive_metrics.big': '1152921504606846976',
          'honeyhive_metrics.n': 12,
          honeyhive_duration_ms: 1.5,
          nan: 'nan',
        },
        events: [{ name: 'exception', time: 1_700_000_000_150, attributes: {} }],
        links: [],
        resource: { 'service.name': 'unknown_service:python' },
        scope: { name: 'honeyhive.140478887901520' },
      },
    ]);
  });
});

describe('the standard form', () => {
  it('has numbers for kinds and codes, and upper case ids are the same ids', () => {
    const upper = { traceId: '0AF7651916CD43DD8448EB211C80319C', spanId: 'B7AD6B7169203331' };
    const { spans } = decode(
      request(
        span({ ...upper, kind: 3, status: { code: 1 }, parentSpanId: 'AAAAAAAAAAAAAAAA', traceState: 'a=b' }),
      ),
    );
    expect(spans).toMatchObject([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        kind: 'client',
        status: 'ok',
        parentSpanId: 'aaaaaaaaaaaaaaaa',
        traceState: 'a=b',
      },
    ]);
  });

  it.each(['', '0000000000000000', 'short', null])('takes the parent id %j for none', (parentSpanId) => {
    expect(decode(request(span({ parentSpanId }))).spans[0]).not.toHaveProperty('parentSpanId');
  });

  it('knows every type of value', () => {
    const value = (key: string, of: object | null) => ({ key, value: of });
    const attributes = [
      value('s', { stringValue: 'x' }),
      value('b', { boolValue: false }),
      value('i', { intValue: 3 }),
      value('d', { doubleValue: 'Infinity' }),
      value('dn', { doubleValue: '2.5' }),
      value('a', { arrayValue: { values: [{ intValue: '1' }, { arrayValue: {} }] } }),
      value('m', { kvlistValue: { values: [{ key: '__proto__', value: { boolValue: true } }] } }),
      value('y', { bytesValue: 'AQI=' }),
      value('n', {}),
      value('o', null),
    ];
    const [found] = decode(request(span({ attributes }))).spans;
    expect(JSON.stringify(found!.attributes)).toBe(
      '{"s":"x","b":false,"i":3,"d":"Infinity","dn":2.5,"a":[1,[]],"m":{"__proto__":true},"y":"AQI=","n":null,"o":null}',
    );
    expect(({} as Record<string, unknown>)['s']).toBeUndefined();
  });

  it('turns away single spans and keeps the others', () => {
    const result = decode(
      request(
        span(),
        null,
        7,
        'x',
        span({ traceId: 'xyz' }),
        span({ spanId: null }),
        span({ startTimeUnixNano: '0' }),
      ),
    );
    expect(result.rejected).toBe(6);
    expect(result.spans).toHaveLength(1);
    expect(result.reason).toBe('a span is no object');
  });

  it('ends a span no earlier than it starts', () => {
    const [found] = decode(request(span({ endTimeUnixNano: '5' }))).spans;
    expect(found!.endTime).toBe(found!.startTime);
  });

  it('is fine without any spans', () => {
    for (const empty of [
      {},
      { resourceSpans: [] },
      { resourceSpans: null },
      { resourceSpans: [{}] },
      request(),
    ]) {
      expect(decode(empty)).toEqual({ spans: [], rejected: 0, reason: undefined });
    }
  });
});

describe('what is no trace request', () => {
  it.each(['', 'garbage', '{', 'null', '7', '"x"', '[]', '{"resourceSpans":7}', '{"resourceSpans":[7]}'])(
    'is refused: %j',
    (text) => {
      expect(() => decodeJson(Buffer.from(text))).toThrow(DecodeError);
    },
  );

  it('is refused when it is nested too deep', () => {
    const depth = 3_000;
    const value = `${'{"arrayValue":{"values":['.repeat(depth)}{}${']}}'.repeat(depth)}`;
    const text = JSON.stringify(request(span({ attributes: ['here'] }))).replace(
      '"here"',
      `{"key":"k","value":${value}}`,
    );
    const body = () => decodeJson(Buffer.from(text));
    expect(body).toThrow(/nested deeper/);
  });

  it('never does anything else than be refused or hold sound spans', () => {
    const anything = fc.jsonValue({ maxDepth: 4 });
    const fields = fc.record({
      traceId: fc.oneof(fc.constant(span().traceId), anything),
      spanId: fc.oneof(fc.constant(span().spanId), anything),
      startTimeUnixNano: fc.oneof(fc.constant('1700000000000000000'), anything),
      endTimeUnixNano: anything,
      kind: anything,
      status: anything,
      name: anything,
      events: fc.oneof(fc.array(anything), anything),
      links: fc.oneof(fc.array(anything), anything),
      attributes: fc.oneof(fc.array(fc.record({ key: fc.string(), value: anything })), anything),
    });
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 3 }), (spans) => {
        try {
          for (const found of decode(request(...spans)).spans) {
            expect(found.traceId).toMatch(/^[0-9a-f]{32}$/);
            expect(Number.isFinite(found.startTime) && found.endTime >= found.startTime).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
