import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { decodeJson } from '../../lib/viewer/decode-json.js';
import { decodeProtobuf } from '../../lib/viewer/decode-protobuf.js';
import { DecodeError, MAX_ITEMS, type DecodedTraces } from '../../lib/viewer/received-span.js';

/** Spans with everything a span can have, made by OpenTelemetry's own SDK. */
function realSpans(): ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'svc', 'process.pid': 42 }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('scope', '1.2.3');
  const parent = tracer.startSpan('parent', {
    kind: SpanKind.CONSUMER,
    startTime: [1_700_000_000, 123_456_789],
  });
  const child = tracer.startSpan(
    'child ✓ 汉',
    {
      kind: SpanKind.CLIENT,
      startTime: [1_700_000_000, 200_000_000],
      links: [{ context: parent.spanContext(), attributes: { why: 'batch' } }],
      attributes: {
        text: 'hello',
        empty: '',
        yes: true,
        no: false,
        int: 7,
        negative: -7,
        big: Number.MAX_SAFE_INTEGER,
        float: 0.1,
        huge: 1e300,
        list: ['a', 'b'],
        numbers: [1, 2.5, -3],
        flags: [true, false],
      },
    },
    trace.setSpan(ROOT_CONTEXT, parent),
  );
  child.addEvent('moment', { at: 1 }, [1_700_000_000, 250_000_000]);
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'no' });
  child.end([1_700_000_000, 300_000_000]);
  parent.setStatus({ code: SpanStatusCode.OK });
  parent.end([1_700_000_001, 0]);
  tracer.startSpan('in another trace').end();
  return exporter.getFinishedSpans();
}
const spans = realSpans();
const protobuf = Buffer.from(ProtobufTraceSerializer.serializeRequest(spans)!);
const json = Buffer.from(JsonTraceSerializer.serializeRequest(spans)!);

const field = (number: number, content: Buffer | string) => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2]), varint(bytes.length), bytes]);
};
const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
};
const time = (number: number) => {
  const bytes = Buffer.alloc(9);
  bytes[0] = number * 8 + 1;
  bytes.writeBigUInt64LE(1_700_000_000_000_000_000n, 1);
  return bytes;
};
/** A request with one span, of which `extra` are further fields. */
const requestWith = (...extra: Buffer[]) => {
  const ids = [field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, 2)), time(7), time(8)];
  return field(1, field(2, field(2, Buffer.concat([...ids, ...extra]))));
};
const decodesOrRefuses = (decode: (body: Buffer) => DecodedTraces, body: Buffer) => {
  try {
    const { spans: found, rejected } = decode(body);
    expect(found.length + rejected).toBeGreaterThanOrEqual(0);
    for (const span of found) expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
    JSON.stringify(found);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
  }
};

describe('what OpenTelemetry serializes', () => {
  it('arrives whole', () => {
    const { spans: found, rejected } = decodeProtobuf(protobuf);
    expect(rejected).toBe(0);
    const child = found.find((span) => span.name === 'child ✓ 汉')!;
    const parent = found.find((span) => span.name === 'parent')!;
    expect(found).toHaveLength(3);
    expect(child).toEqual({
      traceId: spans[0]!.spanContext().traceId,
      spanId: spans[0]!.spanContext().spanId,
      parentSpanId: parent.spanId,
      name: 'child ✓ 汉',
      kind: 'client',
      startTime: 1_700_000_000_200,
      endTime: 1_700_000_000_300,
      attributes: {
        text: 'hello',
        empty: '',
        yes: true,
        no: false,
        int: 7,
        negative: -7,
        big: Number.MAX_SAFE_INTEGER,
        float: 0.1,
        huge: 1e300,
        list: ['a', 'b'],
        numbers: [1, 2.5, -3],
        flags: [true, false],
      },
      events: [{ name: 'moment', time: 1_700_000_000_250, attributes: { at: 1 } }],
      links: [{ traceId: parent.traceId, spanId: parent.spanId, attributes: { why: 'batch' } }],
      status: 'error',
      statusMessage: 'no',
      resource: { 'service.name': 'svc', 'process.pid': 42 },
      scope: { name: 'scope', version: '1.2.3' },
    });
    expect(parent).toMatchObject({ kind: 'consumer', status: 'ok', startTime: 1_700_000_000_123.456 });
    expect(parent).not.toHaveProperty('parentSpanId');
  });

  it('is the same as JSON', () => {
    expect(decodeJson(json)).toEqual(decodeProtobuf(protobuf));
  });
});

describe('what other senders may write', () => {
  it('may have its resource and scope after its spans', () => {
    const attribute = Buffer.concat([field(1, 'service.name'), field(2, field(1, 'late'))]);
    const span = Buffer.concat([field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, 2)), time(7)]);
    const scope = field(2, Buffer.concat([field(2, span), field(1, field(1, 'late scope'))]));
    const [found] = decodeProtobuf(field(1, Buffer.concat([scope, field(1, field(1, attribute))]))).spans;
    expect(found).toMatchObject({ resource: { 'service.name': 'late' }, scope: { name: 'late scope' } });
  });

  it('may have fields that are not known, or of another type than expected', () => {
    const unknown = [
      field(99, 'future'),
      Buffer.from([16 * 8 + 5 - 128 + 128, 1, 1, 0, 0, 0]), // field 16, fixed32: flags
      Buffer.from([...varint(50 * 8 + 0), 7]),
      Buffer.from([...varint(51 * 8 + 1), 0, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from([...varint(52 * 8 + 3), ...varint(1 * 8 + 0), 5, ...varint(52 * 8 + 4)]), // a group
      Buffer.from([7 * 8 + 0, 3]), // the start time as a varint
      Buffer.from([5 * 8 + 0, 3]), // the name as a varint
    ];
    const { spans: found } = decodeProtobuf(requestWith(...unknown, field(5, 'named')));
    expect(found).toMatchObject([{ name: 'named', startTime: 1_700_000_000_000 }]);
  });

  it('may have bytes, maps and numbers that JSON cannot write', () => {
    const attribute = (key: string, value: Buffer) =>
      field(9, Buffer.concat([field(1, key), field(2, value)]));
    const number = (value: number) => {
      const bytes = Buffer.alloc(9);
      bytes[0] = 4 * 8 + 1;
      bytes.writeDoubleLE(value, 1);
      return bytes;
    };
    const int = (value: bigint) => {
      const bytes: number[] = [3 * 8];
      let rest = BigInt.asUintN(64, value);
      for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
      return Buffer.from([...bytes, Number(rest)]);
    };
    const map = field(6, field(1, Buffer.concat([field(1, 'inner'), field(2, field(1, 'x'))])));
    const { spans: found } = decodeProtobuf(
      requestWith(
        attribute('bytes', field(7, Buffer.from([1, 2, 255]))),
        attribute('map', map),
        attribute('nan', number(NaN)),
        attribute('infinite', number(-Infinity)),
        attribute('big', int(2n ** 60n)),
        attribute('least', int(-(2n ** 63n))),
        attribute('minus', int(-1n)),
        attribute('nothing', Buffer.alloc(0)),
        attribute('__proto__', field(1, 'no prototype')),
      ),
    );
    expect(Object.keys(found[0]!.attributes)).toContain('__proto__');
    expect(found[0]!.attributes).toEqual({
      ...JSON.parse('{"__proto__":"no prototype"}'),
      bytes: 'AQL/',
      map: { inner: 'x' },
      nan: 'NaN',
      infinite: '-Infinity',
      big: '1152921504606846976',
      least: '-9223372036854775808',
      minus: -1,
      nothing: null,
    });
  });

  it('is turned away span by span where ids or times are missing', () => {
    const bad = [
      field(1, field(2, field(2, Buffer.alloc(0)))),
      field(
        1,
        field(
          2,
          field(2, Buffer.concat([field(1, Buffer.alloc(16)), field(2, Buffer.alloc(8, 2)), time(7)])),
        ),
      ),
      field(
        1,
        field(
          2,
          field(2, Buffer.concat([field(1, Buffer.alloc(17, 1)), field(2, Buffer.alloc(8, 2)), time(7)])),
        ),
      ),
      field(
        1,
        field(2, field(2, Buffer.concat([field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, 2))]))),
      ),
    ];
    const result = decodeProtobuf(Buffer.concat([...bad, requestWith()]));
    expect(result).toMatchObject({ rejected: 4, reason: 'a span has no valid trace id' });
    expect(result.spans).toHaveLength(1);
  });
});

describe('what no sender should write', () => {
  it.each([
    ['a tag of field 0', Buffer.from([0x02, 0x00])],
    ['a length beyond the end', Buffer.from([0x0a, 0x7f, 0x01])],
    ['a length of 2^63', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a number that does not end', Buffer.alloc(20, 0xff)],
    ['a group that does not end', Buffer.from([0x0b])],
    ['a group that did not start', Buffer.from([0x0c])],
    ['an unknown wire type', Buffer.from([0x0e])],
    ['text', Buffer.from('hello, is this the collector?')],
  ])('%s is refused', (_name, body) => {
    expect(() => decodeProtobuf(body)).toThrow(DecodeError);
  });

  it('a value nested too deep is refused, and one that is not is kept', () => {
    const nested = (depth: number) => {
      let value = field(1, 'deep');
      for (let level = 0; level < depth; level++) value = field(5, field(1, value));
      return requestWith(field(9, Buffer.concat([field(1, 'k'), field(2, value)])));
    };
    expect(decodeProtobuf(nested(30)).spans).toHaveLength(1);
    expect(() => decodeProtobuf(nested(40))).toThrow(/nested deeper/);
    expect(() => decodeProtobuf(nested(5_000))).toThrow(/nested deeper/);
  });

  it('a field that runs over the end of its message is refused, though more bytes follow', () => {
    const start = Buffer.from([7 * 8 + 1, 1, 2, 3, 4]); // a time has eight bytes
    const span = Buffer.concat([field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, 2)), start]);
    const more = field(2, 'the next span of the same scope');
    expect(() => decodeProtobuf(field(1, field(2, Buffer.concat([field(2, span), more]))))).toThrow(
      /ends within a field/,
    );
  });

  it('groups nested by the thousand are skipped without a stack', () => {
    const depth = 200_000;
    const groups = Buffer.concat([Buffer.alloc(depth, 0x0b), Buffer.alloc(depth, 0x0c)]);
    expect(decodeProtobuf(groups)).toEqual({ spans: [], rejected: 0, reason: undefined });
  });

  it('more elements than may be held are refused with 413', () => {
    // Two bytes each: an empty span.
    const scope = Buffer.alloc((MAX_ITEMS + 1) * 2);
    for (let at = 0; at < scope.length; at += 2) scope[at] = 0x12;
    expect(() => decodeProtobuf(field(1, field(2, scope)))).toThrow(
      expect.objectContaining({ status: 413 }) as unknown as Error,
    );
  });

  it('a request that is cut off anywhere is refused or holds fewer spans', () => {
    for (let end = 0; end < protobuf.length; end++) {
      decodesOrRefuses(decodeProtobuf, protobuf.subarray(0, end));
    }
  });

  it('random bytes never do anything else than be refused or hold spans', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
        decodesOrRefuses(decodeProtobuf, Buffer.from(bytes)),
      ),
      { numRuns: 2_000 },
    );
  });

  it('damaged requests never do anything else than be refused or hold spans', () => {
    const change = fc.tuple(fc.nat(protobuf.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const damaged = Buffer.from(protobuf);
        for (const [at, byte] of changes) damaged[at] = byte;
        decodesOrRefuses(decodeProtobuf, damaged);
      }),
      { numRuns: 2_000 },
    );
  });

  it('nothing is read beyond the bytes given', () => {
    const secret = Buffer.concat([requestWith(), Buffer.from('secret')]);
    const part = secret.subarray(0, secret.length - 6);
    expect(decodeProtobuf(part)).toEqual(decodeProtobuf(requestWith()));
  });
});
