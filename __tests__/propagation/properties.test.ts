/**
 * Properties that hold for any input. `SPANWISE_PROPERTY_RUNS` sets the runs of each, 2,000 unless set.
 */
import http from 'node:http';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { context, diag, propagation, ROOT_CONTEXT, trace, type Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import fc from 'fast-check';
import { createBaggage, withBaggage } from '../../lib/context/baggage.js';
import { bindContext } from '../../lib/context/bind.js';
import { identityOf } from '../../lib/context/identity.js';
import { readB3, readB3Multi } from '../../lib/propagation/b3.js';
import {
  IDENTITY_SPELLINGS,
  MAX_BAGGAGE_BYTES,
  MAX_BAGGAGE_MEMBERS,
  parseBaggage,
  PLUS_IS_SPACE,
  writeBaggage,
} from '../../lib/propagation/baggage-header.js';
import { decodePercent } from '../../lib/propagation/baggage-grammar.js';
import { scan, scanOrdinary } from '../../lib/propagation/baggage-scan.js';
import { looksLikeCarrier, readCarrier, writeCarrier } from '../../lib/propagation/carrier.js';
import { carrierOf, findCarrier } from '../../lib/propagation/find-carrier.js';
import {
  extractContextFromCarrier,
  injectContextIntoCarrier,
  withDistributedTraceContext,
} from '../../lib/propagation/propagate.js';
import { mayReceiveBaggage } from '../../lib/propagation/propagate-to.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { parseTraceparent, writeTraceparent } from '../../lib/propagation/trace-context.js';
import { parseTraceState } from '../../lib/propagation/trace-state.js';
import { enterContext } from '../../lib/propagation/trust.js';
import { holds, is, same } from '../support/quick.js';
import { SHAPES } from './shapes.js';

const numRuns = Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 2_000);
/** A minute for every 100,000 runs. */
const TIMEOUT = 20_000 + (numRuns / 100_000) * 120_000;
const check = <T extends [unknown, ...unknown[]]>(property: fc.IProperty<T>): void =>
  fc.assert(property, { numRuns });

const full = new SpanwisePropagator({ formats: ['w3c', 'b3', 'b3multi'] });
const getter = { get: (c: any, k: string) => c[k], keys: (c: any) => Object.keys(c) };
const setter = { set: (c: any, k: string, v: string) => void (c[k] = v) };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
/** The grammar of the specification, written down a second time. */
function isBaggageString(header: string): boolean {
  const members = header.split(',');
  return members.every((member) => {
    const [pair = '', ...properties] = member.split(';');
    const equals = pair.indexOf('=');
    const ows = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '');
    return (
      equals > 0 &&
      TOKEN.test(ows(pair.slice(0, equals))) &&
      OCTETS.test(ows(pair.slice(equals + 1))) &&
      !/%(?![0-9A-Fa-f]{2})/.test(pair.slice(equals)) &&
      properties.every((property) => {
        const [key = '', ...rest] = property.split('=');
        return (
          TOKEN.test(ows(key)) &&
          OCTETS.test(ows(rest.join('='))) &&
          !/%(?![0-9A-Fa-f]{2})/.test(rest.join('='))
        );
      })
    );
  });
}
const TRACESTATE =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e](,[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]){0,31}$/;

/** Text that is nearly a header: the characters that matter, in any order. */
const nearly = (units: string): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...units) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
    ),
    maxLength: 120,
  });
const baggageText = fc.oneof(
  nearly('ab=;, \t%+2F"\\é'),
  fc
    .array(
      fc.constantFrom(
        'session_id=s',
        'honeyhive_session_id=x',
        'project=a+b',
        'a=1',
        'a=%',
        'b=;p',
        'c=%zz;q=1',
        '__proto__=1',
        'honeyhive_tracer_id=1',
        '',
        ' ',
        'd',
        'e=%FF',
      ),
      { maxLength: 90 },
    )
    .map((list) => list.join(',')),
  fc.string({ unit: 'binary' }),
);
const stateText = fc.oneof(nearly('abz09_-*/@=, \tA.'), fc.string({ unit: 'binary' }));
const hex = fc.constantFrom(...'0123456789abcdefABCDEFg');
const parentText = fc.oneof(
  nearly('0123456789abcdef-'),
  fc
    .tuple(
      fc.string({ unit: hex, minLength: 2, maxLength: 2 }),
      fc.string({ unit: hex, minLength: 32, maxLength: 32 }),
      fc.string({ unit: hex, minLength: 16, maxLength: 16 }),
      fc.string({ unit: hex, minLength: 2, maxLength: 2 }),
      fc.constantFrom('', '-x', ' ', '.'),
    )
    .map(([version, id, span, flags, rest]) => `${version}-${id}-${span}-${flags}${rest}`),
);
const validParent = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 31, maxLength: 31 }),
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 15, maxLength: 15 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([id, span, flags]) => `00-${id}1-${span}1-0${flags}`);
const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 20 });
const unicode = fc.string({ unit: 'grapheme', maxLength: 40 });

const boom = (): never => {
  throw new Error('hostile');
};
const hostile = fc.constantFrom<() => unknown>(
  () =>
    new Proxy(
      {},
      { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom, getOwnPropertyDescriptor: boom },
    ),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => ({
    get traceparent() {
      return boom();
    },
    get baggage() {
      return boom();
    },
  }),
  () => Object.assign(new Map(), { entries: boom, get: boom }),
  () => Object.freeze({ baggage: 'a=1' }),
  () => ({ traceparent: { toString: boom }, baggage: { [Symbol.toPrimitive]: boom } }),
);
/**
 * Anything at all, and anything in the places where headers stand; made when it is called, because fast-check
 * itself does not survive a revoked proxy.
 */
const made = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
    }),
  },
  { weight: 1, arbitrary: hostile.map((make) => ({ hostile: make })) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...SHAPES.filter(([name]) => name !== 'Headers').map(([, make]) => make)),
        fc.dictionary(
          fc.constantFrom(
            'traceparent',
            'Tracestate',
            'BAGGAGE',
            'b3',
            'x-b3-traceid',
            '__proto__',
            'constructor',
            'headers',
            '_meta',
          ),
          fc.oneof(parentText, stateText, baggageText),
        ),
      )
      .map(([make, headers]) => make(headers)),
  },
  {
    weight: 2,
    arbitrary: fc.dictionary(
      fc.constantFrom('traceparent', 'baggage', 'headers', 'req', '_meta', 'value', 'offset'),
      fc.anything(),
    ),
  },
);
const anything: fc.Arbitrary<() => unknown> = made.map((value) => () => {
  const { hostile: make } = (typeof value === 'object' && value !== null ? value : {}) as {
    hostile?: () => unknown;
  };
  return typeof make === 'function' ? make() : value;
});

beforeAll(() => {
  diag.disable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

describe('total: nothing throws into the caller', () => {
  it(
    'reading, writing and finding carriers',
    () => {
      check(
        fc.property(anything, fc.constantFrom('traceparent', 'baggage', '__proto__', 'x'), (make, key) => {
          const carrier = make();
          const value = readCarrier(carrier, key);
          is(value === undefined || typeof value === 'string' || Array.isArray(value), true);
          looksLikeCarrier(carrier);
          carrierOf(carrier);
          findCarrier([carrier, carrier]);
          writeCarrier(carrier, key === '__proto__' ? 'x' : key, 'v');
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'extract, inject and run',
    () => {
      check(
        fc.property(anything, anything, (make, makeOptions) => {
          const [carrier, options] = [make(), makeOptions()];
          const ctx = full.extract(ROOT_CONTEXT, carrier, getter);
          full.inject(ctx, carrier, setter);
          extractContextFromCarrier(carrier);
          injectContextIntoCarrier(carrier);
          let runs = 0;
          const odd = (typeof options === 'object' ? options : undefined) as
            Record<string, never> | undefined;
          is(
            withDistributedTraceContext(carrier, odd, () => ++runs),
            1,
          );
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'entering, under any trust',
    () => {
      check(
        fc.property(
          anything,
          fc.constantFrom('continue', 'link', 'restart'),
          anything,
          (make, trust, makeSession) => {
            const [carrier, session] = [make(), makeSession()];
            const entered = enterContext(
              carrier,
              {
                trust: trust as 'link',
                owner: undefined,
                sessionId: session as string,
                newSession: true,
                baggage: ['a'],
              },
              ROOT_CONTEXT,
            );
            is(entered.root, trace.getSpan(entered.context) === undefined);
            identityOf(entered.context);
          },
        ),
      );
    },
    TIMEOUT,
  );

  it(
    'the parsers',
    () => {
      check(
        fc.property(parentText, stateText, baggageText, (parent, state, baggage) => {
          const span = parseTraceparent(parent);
          if (span !== undefined) same(parseTraceparent(writeTraceparent(span)), span);
          parseTraceState(state);
          parseBaggage(baggage);
          parseBaggage([baggage, baggage]);
          readB3(() => parent);
          readB3Multi(() => parent);
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'baggage, binding and hosts',
    () => {
      check(
        fc.property(anything, fc.string({ unit: 'binary' }), (make, text) => {
          const value = make();
          is(
            withBaggage(value as Record<string, string>, () => 7),
            7,
          );
          is(createBaggage({ a: text }).getEntry('a')?.value, text);
          if (typeof value !== 'function') is(bindContext(value), value);
          mayReceiveBaggage(text, [text, 'example.com', /x/]);
          is(mayReceiveBaggage(text, []), false);
        }),
      );
    },
    TIMEOUT,
  );
});

describe('what is fast says the same as what is plain', () => {
  it(
    'an ordinary header, split by the built-ins, is the one that is scanned',
    () => {
      const reading = { identity: IDENTITY_SPELLINGS, plusIsSpace: PLUS_IS_SPACE };
      const member = fc
        .tuple(
          token,
          fc.constantFrom('', 'v', '%20', 'a%C3%A9', 'x=y', '%'),
          fc.constantFrom('', ';p', ';p=%20', ';p=1;q', ';', ';%'),
        )
        .map(([key, value, rest]) => `${key}=${value}${rest}`);
      check(
        fc.property(
          fc.oneof(
            fc.array(member, { maxLength: 70 }).map((list) => list.join(',')),
            baggageText,
          ),
          (header) => {
            const fast = scanOrdinary(header, 64);
            if (fast === undefined) return;
            const plain = scan(header, reading, 64);
            // A percent sign elsewhere than in a value makes it look twice, no more.
            same({ ...fast, encoded: fast.encoded || plain.encoded }, { ...plain, encoded: fast.encoded });
          },
        ),
      );
    },
    TIMEOUT,
  );

  it(
    'percent-encoded text is decoded as the Encoding standard decodes its bytes',
    () => {
      const unit = fc.oneof(
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(
          0xc3,
          0xa9,
          0xe2,
          0x82,
          0xac,
          0xf0,
          0x9f,
          0x98,
          0x80,
          0xed,
          0xa0,
          0xef,
          0xbb,
          0xbf,
          0xc0,
          0xf4,
          0x90,
        ),
      );
      check(
        fc.property(fc.array(unit, { maxLength: 12 }), (bytes) => {
          const raw = bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
          const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
          is(decodePercent(raw), text);
          is(decodePercent(`a${raw}%4`), `a${text}%4`);
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'a traceparent is valid exactly if the grammar of its version says so',
    () => {
      const grammar =
        /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
      const digits = (length: number): fc.Arbitrary<string> =>
        fc.oneof(
          {
            weight: 6,
            arbitrary: fc.string({
              unit: fc.constantFrom(...'0123456789abcdef'),
              minLength: length,
              maxLength: length,
            }),
          },
          { weight: 1, arbitrary: fc.constant('0'.repeat(length)) },
          { weight: 1, arbitrary: fc.constant('f'.repeat(length)) },
          {
            weight: 1,
            arbitrary: fc.string({
              unit: fc.constantFrom(...'0af-Ag'),
              minLength: length - 1,
              maxLength: length + 1,
            }),
          },
        );
      const parts = fc.tuple(
        fc.oneof(fc.constant('00'), digits(2)),
        digits(32),
        digits(16),
        digits(2),
        fc.constantFrom('', '-', '-x', '.'),
      );
      check(
        fc.property(parts, ([version, id, span, flags, rest]) => {
          const header = `${version}-${id}-${span}-${flags}${rest}`;
          const match = grammar.exec(header);
          const valid = match !== null && !(match[1] === '00' && match[5] !== undefined);
          same(
            [header, parseTraceparent(header)],
            [
              header,
              valid
                ? {
                    traceId: match[2],
                    spanId: match[3],
                    traceFlags: parseInt(match[4] as string, 16) & 3,
                    isRemote: true,
                  }
                : undefined,
            ],
          );
        }),
      );
    },
    TIMEOUT,
  );
});

describe('round trip', () => {
  const entries = fc
    .uniqueArray(fc.tuple(token, unicode), { maxLength: 30, selector: ([key]) => key })
    .filter((list) => list.every(([key]) => key !== 'honeyhive_tracer_id'));

  const through = (list: readonly [string, string][]): [string, string][] => {
    const ctx = propagation.setBaggage(ROOT_CONTEXT, createBaggage(Object.fromEntries(list)));
    const carrier: Record<string, string> = {};
    full.inject(ctx, carrier, setter);
    const back = full.extract(ROOT_CONTEXT, carrier, getter);
    return (propagation.getBaggage(back)?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value]);
  };

  it(
    'any Unicode baggage arrives exactly as it was',
    () => {
      check(
        fc.property(entries, (list) => {
          const bytes = writeBaggage(createBaggage(Object.fromEntries(list))).length;
          fc.pre(bytes <= MAX_BAGGAGE_BYTES);
          same(through(list), Object.entries(Object.fromEntries(list)));
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'any well-formed code unit does',
    () => {
      check(
        fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (value) => {
          fc.pre(!/\p{Surrogate}/u.test(value));
          same(through([['key', value]]), [['key', value]]);
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'a trace context does',
    () => {
      check(
        fc.property(validParent, (traceparent) => {
          const carrier: Record<string, string> = {};
          full.inject(full.extract(ROOT_CONTEXT, { traceparent }, getter), carrier, setter);
          is(carrier['traceparent'], traceparent);
        }),
      );
    },
    TIMEOUT,
  );
});

describe('what is written', () => {
  const sentFrom = (ctx: Context): Record<string, string> => {
    const carrier: Record<string, string> = {};
    full.inject(ctx, carrier, setter);
    return carrier;
  };

  it(
    'is grammatical and within the limits, whatever arrived',
    () => {
      check(
        fc.property(validParent, stateText, baggageText, (traceparent, tracestate, baggage) => {
          const sent = sentFrom(full.extract(ROOT_CONTEXT, { traceparent, tracestate, baggage }, getter));
          holds(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/.test(String(sent['traceparent'])), sent);
          if (sent['tracestate'] !== undefined) holds(TRACESTATE.test(sent['tracestate']), sent);
          if (sent['baggage'] !== undefined) {
            same([sent['baggage'], isBaggageString(sent['baggage'])], [sent['baggage'], true]);
            holds(sent['baggage'].length <= MAX_BAGGAGE_BYTES, sent['baggage'].length);
            holds(
              sent['baggage'].split(',').length <= MAX_BAGGAGE_MEMBERS,
              sent['baggage'].split(',').length,
            );
          }
          // What was read is what is sent: a second hop changes nothing.
          same(sentFrom(full.extract(ROOT_CONTEXT, sent, getter)), sent);
        }),
      );
    },
    TIMEOUT,
  );

  it(
    'is grammatical, whatever someone sets',
    () => {
      const metadata = fc.option(baggageText, { nil: undefined });
      check(
        fc.property(
          fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), metadata), {
            maxLength: 10,
          }),
          (list) => {
            let baggage = propagation.createBaggage();
            for (const [key, value, text] of list) {
              baggage = baggage.setEntry(key, {
                value,
                ...(text === undefined ? {} : { metadata: { toString: () => text } as never }),
              });
            }
            const header = writeBaggage(baggage);
            same([header, header === '' || isBaggageString(header)], [header, true]);
          },
        ),
      );
    },
    TIMEOUT,
  );

  it(
    'is always a header that node:http takes',
    () => {
      check(
        fc.property(
          baggageText,
          stateText,
          validParent,
          fc.string({ unit: 'binary' }),
          (baggage, tracestate, traceparent, own) => {
            let ctx = full.extract(ROOT_CONTEXT, { traceparent, tracestate, baggage }, getter);
            ctx = propagation.setBaggage(
              ctx,
              (propagation.getBaggage(ctx) ?? createBaggage()).setEntry(own, { value: own }),
            );
            for (const [name, value] of Object.entries(sentFrom(ctx))) {
              http.validateHeaderName(name);
              http.validateHeaderValue(name, value);
            }
          },
        ),
      );
    },
    TIMEOUT,
  );
});

describe('trust', () => {
  it(
    'under link and restart nothing of the caller is in the context or sent on',
    () => {
      check(
        fc.property(
          validParent,
          baggageText,
          fc.constantFrom('link', 'restart'),
          (traceparent, baggage, trust) => {
            const { context: ctx } = enterContext(
              { traceparent, baggage },
              { trust: trust as 'link', owner: undefined },
              ROOT_CONTEXT,
            );
            same(propagation.getBaggage(ctx)?.getAllEntries() ?? [], []);
            is(trace.getSpan(ctx), undefined);
            const carrier: Record<string, string> = {};
            full.inject(ctx, carrier, setter);
            same(carrier, {});
          },
        ),
      );
    },
    TIMEOUT,
  );
});
