import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Context,
  type Span,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { changeBaggage, createBaggage } from '../../lib/context/baggage.js';
import { identityOf, withChosenIdentity, withIdentity } from '../../lib/context/identity.js';
import { SpanwisePropagator } from '../../lib/propagation/propagator.js';
import { linksOf, remoteOf } from '../../lib/propagation/remote.js';
import { enterContext, type EntryContext, type EntryOptions } from '../../lib/propagation/trust.js';
import { ownerOf, type Trust } from '../../lib/tracer/owner.js';
import { listen, owner, SPAN, TRACE, TRACEPARENT } from './helpers.js';

const otel = new BasicTracerProvider().getTracer('test');
const foreign = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
});
const getter = {
  get: (carrier: Record<string, string>, key: string) => carrier[key],
  keys: (carrier: Record<string, string>) => Object.keys(carrier),
};
const HEADERS = { traceparent: TRACEPARENT, baggage: 'session_id=theirs,tenant=gold' };
const OTHER_TRACE = '11111111111111111111111111111111';

let log: ReturnType<typeof listen>;
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());
beforeEach(() => {
  log = listen();
});
afterEach(() => log.stop());

const enter = (carrier: unknown, options: Partial<EntryOptions> = {}, active = ROOT_CONTEXT): EntryContext =>
  enterContext(carrier, { trust: 'continue', owner: undefined, ...options }, active);
const parentOf = (entered: EntryContext): string | undefined => trace.getSpanContext(entered.context)?.spanId;
const baggageOf = (ctx: Context): Record<string, string> =>
  Object.fromEntries(
    (propagation.getBaggage(ctx)?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value]),
  );

/** What an HTTP instrumentation does before the entry is called. */
function served(
  propagator: TextMapPropagator,
  headers: Record<string, string>,
): { span: Span; active: Context } {
  const extracted = propagator.extract(ROOT_CONTEXT, headers, getter);
  const span = otel.startSpan('GET', { kind: SpanKind.SERVER }, extracted);
  return { span, active: trace.setSpan(extracted, span) };
}

describe('the parent at an entry', () => {
  it('is the caller’s span', () => {
    const entered = enter(HEADERS);
    expect(trace.getSpanContext(entered.context)).toMatchObject({
      traceId: TRACE,
      spanId: SPAN,
      isRemote: true,
    });
    expect(entered).toMatchObject({ root: false, links: [], hasUpstream: true });
    expect(baggageOf(entered.context)).toEqual({ session_id: 'theirs', tenant: 'gold' });
  });

  it('is none without a caller', () => {
    expect(enter({})).toEqual({ context: ROOT_CONTEXT, root: true, links: [], hasUpstream: false });
  });

  it('is the active span if no caller is named', () => {
    const span = otel.startSpan('local');
    const active = trace.setSpan(ROOT_CONTEXT, span);
    expect(enter({}, {}, active)).toMatchObject({ context: active, root: false });
  });

  it('is the caller’s span also where an unrelated span is active', () => {
    const active = trace.setSpan(ROOT_CONTEXT, otel.startSpan('local'));
    expect(parentOf(enter(HEADERS, {}, active))).toBe(SPAN);
  });

  it.each([
    ['ours', new SpanwisePropagator()],
    ['OpenTelemetry’s', foreign],
  ])('stays the server span that %s propagator has put under the caller’s', (_name, propagator) => {
    const { span, active } = served(propagator, HEADERS);
    const entered = enter(HEADERS, {}, active);
    expect(parentOf(entered)).toBe(span.spanContext().spanId);
    expect(baggageOf(entered.context)).toEqual({ session_id: 'theirs', tenant: 'gold' });
  });

  it('stays a span further down if our propagator remembers the caller', () => {
    const { active } = served(new SpanwisePropagator(), HEADERS);
    const deeper = otel.startSpan('middleware', {}, active);
    expect(parentOf(enter(HEADERS, {}, trace.setSpan(active, deeper)))).toBe(deeper.spanContext().spanId);
  });

  it('stays a child of the caller’s span without that memory', () => {
    const child = otel.startSpan(
      'child',
      {},
      trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true }),
    );
    expect(parentOf(enter(HEADERS, {}, trace.setSpan(ROOT_CONTEXT, child)))).toBe(child.spanContext().spanId);
  });

  it('is the caller’s span if the active one is above it in the same trace', () => {
    const top = otel.startSpan('top');
    const active = trace.setSpan(ROOT_CONTEXT, top);
    const { traceId } = top.spanContext();
    expect(parentOf(enter({ traceparent: `00-${traceId}-${SPAN}-01` }, {}, active))).toBe(SPAN);
  });

  it('is the second caller’s span at a second entry', () => {
    const first = enter(HEADERS);
    const inside = trace.setSpan(first.context, otel.startSpan('first', {}, first.context));
    const second = enter({ traceparent: `00-${TRACE}-2222222222222222-01` }, {}, inside);
    expect(parentOf(second)).toBe('2222222222222222');
  });
});

describe('trust: continue', () => {
  it('takes parent and baggage, and what the process has set stays beside it', () => {
    const active = propagation.setBaggage(ROOT_CONTEXT, createBaggage({ local: '1', tenant: 'old' }));
    expect(baggageOf(enter(HEADERS, {}, active).context)).toEqual({
      local: '1',
      tenant: 'gold',
      session_id: 'theirs',
    });
  });

  it('remembers the caller', () => {
    expect(remoteOf(enter(HEADERS).context)).toMatchObject({
      trust: 'continue',
      spanContext: { traceId: TRACE, spanId: SPAN },
    });
  });

  it('gives the entry to its owner', () => {
    const tracer = owner('t');
    expect(ownerOf(enter({}, { owner: tracer }).context)).toBe(tracer);
    expect(enter({}, { owner: tracer, ownContext: false }).context).toBe(ROOT_CONTEXT);
  });
});

describe('the inbound allow-list', () => {
  const baggage = 'session_id=theirs,tenant=gold,admin=true,note=x';

  it('lets in the listed keys and identity only', () => {
    expect(baggageOf(enter({ baggage }, { baggage: ['tenant'] }).context)).toEqual({
      session_id: 'theirs',
      tenant: 'gold',
    });
    expect(baggageOf(enter({ baggage }, { baggage: [] }).context)).toEqual({ session_id: 'theirs' });
  });

  it.each([
    ['ours', new SpanwisePropagator()],
    ['OpenTelemetry’s', foreign],
  ])('also takes back what %s propagator has let in before', (_name, propagator) => {
    const { active } = served(propagator, { traceparent: TRACEPARENT, baggage });
    const local = propagation.setBaggage(
      active,
      changeBaggage(propagation.getBaggage(active), ['mine'], ['1']),
    );
    expect(
      baggageOf(enter({ traceparent: TRACEPARENT, baggage }, { baggage: ['tenant'] }, local).context),
    ).toEqual({
      session_id: 'theirs',
      tenant: 'gold',
      mine: '1',
    });
  });

  it('refuses values over 128 characters or not printable, unless raised', () => {
    const long = 'x'.repeat(129);
    const headers = { baggage: `a=${long},b=${'y'.repeat(128)},c=a%0Ab,d=${long}` };
    const entered = enter(headers, { baggage: ['a', 'b', 'c', { key: 'd', maxLength: 200 }] });
    expect(Object.keys(baggageOf(entered.context))).toEqual(['b', 'd']);
    expect(log.said.join()).toMatch(/SPW_BAGGAGE/);
  });

  it('counts characters, not code units', () => {
    const headers = { baggage: `a=${encodeURIComponent('😀'.repeat(128))}` };
    expect(baggageOf(enter(headers, { baggage: ['a'] }).context)['a']).toBe('😀'.repeat(128));
  });

  it('is the propagator’s own list unless the entry has one', () => {
    const allowing = new SpanwisePropagator({ allowBaggage: ['tenant'] });
    expect(baggageOf(allowing.extract(ROOT_CONTEXT, { baggage }, getter))).toEqual({
      session_id: 'theirs',
      tenant: 'gold',
    });
  });
});

describe.each(['link', 'restart'] as const)('trust: %s', (trust: Trust) => {
  const links =
    trust === 'link' ? [{ context: { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true } }] : [];

  it('starts a new trace without the caller’s baggage', () => {
    const entered = enter({ ...HEADERS, tracestate: 'vendor=text' }, { trust });
    expect(entered).toMatchObject({ root: true, hasUpstream: false });
    expect(entered.links).toEqual(links);
    expect(baggageOf(entered.context)).toEqual({});
    expect(trace.getSpan(entered.context)).toBeUndefined();
  });

  it('the caller chooses neither session nor sampling', () => {
    const tracer = owner('t', { sessionId: 'own' });
    const { context: ctx } = enter(
      { ...HEADERS, traceparent: `00-${TRACE}-${SPAN}-00` },
      { trust, owner: tracer },
    );
    expect(identityOf(ctx, tracer.identity).sessionId).toBe('own');
    expect(otel.startSpan('entry', {}, ctx).isRecording()).toBe(true);
  });

  it('keeps what the process itself has set', () => {
    const local = withChosenIdentity(propagation.setBaggage(ROOT_CONTEXT, createBaggage({ mine: '1' })), {
      sessionId: 'chosen',
    });
    expect(baggageOf(enter(HEADERS, { trust }, local).context)).toEqual({ mine: '1', session_id: 'chosen' });
  });

  it('takes back what our propagator let in, and leaves the trace it joined', () => {
    const { active } = served(new SpanwisePropagator(), HEADERS);
    const local = propagation.setBaggage(
      active,
      changeBaggage(propagation.getBaggage(active), ['mine'], ['1']),
    );
    const entered = enter(HEADERS, { trust }, local);
    expect(entered.root).toBe(true);
    expect(entered.links).toEqual(links);
    expect(baggageOf(entered.context)).toEqual({ mine: '1' });
    expect(log.said.join()).toMatch(/SPW_TRUST.*joined/);
  });

  it('does so also if the carrier is not given to the entry', () => {
    const { active } = served(new SpanwisePropagator(), HEADERS);
    const entered = enter(undefined, { trust }, active);
    expect(entered.root).toBe(true);
    expect(entered.links).toEqual(links);
    expect(baggageOf(entered.context)).toEqual({});
  });

  it('under our propagator of the same trust, the server span is local and stays parent', () => {
    const { span, active } = served(new SpanwisePropagator({ trust }), HEADERS);
    expect(span.spanContext().traceId).not.toBe(TRACE);
    expect(baggageOf(active)).toEqual({});
    const entered = enter(HEADERS, { trust }, active);
    expect(parentOf(entered)).toBe(span.spanContext().spanId);
    expect(entered.links).toEqual(links);
    expect(baggageOf(entered.context)).toEqual({});
    expect(log.said).toEqual([]);
  });

  it('under OpenTelemetry’s propagator, undoes what it can and says so', () => {
    const { active } = served(foreign, HEADERS);
    const entered = enter(HEADERS, { trust }, active);
    expect(entered.root).toBe(true);
    expect(entered.links).toEqual(links);
    expect(baggageOf(entered.context)).toEqual({});
    expect(log.said.join()).toMatch(/SPW_TRUST/);
  });

  it('under OpenTelemetry’s propagator and without a carrier, removes all that could be the caller’s', () => {
    const { active } = served(foreign, HEADERS);
    const entered = enter(undefined, { trust }, active);
    expect(entered.root).toBe(true);
    expect(baggageOf(entered.context)).toEqual({});
    expect(log.said.join()).toMatch(/could|may be an untrusted/);
  });

  it('keeps a local parent that has nothing to do with the caller', () => {
    const span = otel.startSpan('local');
    const entered = enter(HEADERS, { trust }, trace.setSpan(ROOT_CONTEXT, span));
    expect(parentOf(entered)).toBe(span.spanContext().spanId);
    expect(entered.links).toEqual(links);
  });

  it('does not let the default of a tracer look like the caller’s', () => {
    const tracer = owner('t', { sessionId: 'theirs' });
    const inside = withIdentity(ROOT_CONTEXT, tracer.identity);
    expect(baggageOf(enter(HEADERS, { trust }, inside).context)).toEqual({ session_id: 'theirs' });
  });

  it('what is sent on carries nothing of the caller', () => {
    const entered = enter({ ...HEADERS, tracestate: 'a=1' }, { trust });
    const inside = trace.setSpan(entered.context, otel.startSpan('entry', {}, entered.context));
    const carrier: Record<string, string> = {};
    new SpanwisePropagator().inject(inside, carrier, { set: (c, k, v) => void (c[k] = v) });
    expect(Object.keys(carrier)).toEqual(['traceparent']);
    expect(carrier['traceparent']).not.toContain(TRACE);
  });

  it('malformed and absent headers leave nothing to link to', () => {
    expect(enter({ traceparent: 'x' }, { trust })).toMatchObject({ root: true, links: [] });
    expect(enter(null, { trust })).toMatchObject({ root: true, links: [] });
  });
});

describe('links', () => {
  it('named keys pass a link, identity does not', () => {
    const entered = enter(
      { traceparent: TRACEPARENT, baggage: 'tenant=gold,x=1,session_id=theirs' },
      { trust: 'link', baggage: ['tenant', 'session_id'] },
    );
    expect(baggageOf(entered.context)).toEqual({ tenant: 'gold' });
    const none = enter({ baggage: 'tenant=gold' }, { trust: 'restart', baggage: ['tenant'] });
    expect(baggageOf(none.context)).toEqual({});
  });

  it('are owed by the first span only', () => {
    const entered = enter(HEADERS, { trust: 'link' });
    expect(linksOf(entered.context)).toEqual(entered.links);
    expect(linksOf(trace.setSpan(entered.context, otel.startSpan('entry')))).toEqual([]);
    expect(linksOf(enter(HEADERS).context)).toEqual([]);
    expect(linksOf(ROOT_CONTEXT)).toEqual([]);
  });
});

describe('the session of an entry', () => {
  const tracer = owner('t', { sessionId: 'own' });
  const sessionOf = (entered: EntryContext): string | undefined =>
    identityOf(entered.context, tracer.identity).sessionId;

  it('an explicit one wins over what arrived', () => {
    expect(sessionOf(enter(HEADERS, { owner: tracer, sessionId: 'explicit' }))).toBe('explicit');
  });

  it('an explicit one that is not usable is reported and passed over', () => {
    expect(sessionOf(enter(HEADERS, { owner: tracer, sessionId: 'a\nb' }))).toBe('theirs');
    expect(log.said.join()).toMatch(/SPW_SESSION_ID/);
  });

  it('one chosen around the entry wins over what arrived', () => {
    const chosen = withChosenIdentity(ROOT_CONTEXT, { sessionId: 'chosen' });
    expect(sessionOf(enter(HEADERS, { owner: tracer }, chosen))).toBe('chosen');
  });

  it('what arrives replaces what arrived before, and a tracer’s default', () => {
    const first = enter(HEADERS, { owner: tracer });
    expect(sessionOf(enter({ baggage: 'session_id=second' }, { owner: tracer }, first.context))).toBe(
      'second',
    );
    const inside = withIdentity(ROOT_CONTEXT, tracer.identity);
    expect(sessionOf(enter(HEADERS, { owner: tracer }, inside))).toBe('theirs');
  });

  it('without one, the tracer’s is used', () => {
    expect(sessionOf(enter({}, { owner: tracer }))).toBe('own');
  });

  it('newSession mints one at a root entry, and tells it', () => {
    const entered = enter({}, { owner: tracer, newSession: true });
    expect(entered.minted).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(sessionOf(entered)).toBe(entered.minted);
    expect(enter({}, { owner: tracer, newSession: true }).minted).not.toBe(entered.minted);
  });

  it('newSession may be the tracer’s setting', () => {
    const always = owner('t', {}, { newSession: true });
    expect(enter({}, { owner: always }).minted).toBeDefined();
    expect(enter({}, { owner: always, newSession: false }).minted).toBeUndefined();
  });

  it('newSession mints none under a caller’s span, session, or a local parent', () => {
    const parent = trace.setSpan(ROOT_CONTEXT, otel.startSpan('local'));
    const minted = [
      enter({ traceparent: TRACEPARENT }, { newSession: true }),
      enter({ baggage: 'session_id=x' }, { newSession: true }),
      enter({ baggage: 'honeyhive_session_id=x' }, { newSession: true }),
      enter({}, { newSession: true }, parent),
      enter({}, { newSession: true, sessionId: 'explicit' }),
    ].map((entered) => entered.minted);
    expect(minted).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it('newSession mints one under a server span that is itself a root', () => {
    const { active } = served(new SpanwisePropagator(), {});
    expect(enter({}, { newSession: true }, active).minted).toBeDefined();
    const below = served(new SpanwisePropagator(), { traceparent: TRACEPARENT });
    expect(enter({}, { newSession: true }, below.active).minted).toBeUndefined();
  });

  it.each(['link', 'restart'] as const)(
    'newSession mints one for a caller that is refused by %s',
    (trust) => {
      expect(enter(HEADERS, { trust, newSession: true }).minted).toBeDefined();
    },
  );
});

describe('hostile contexts', () => {
  const hostile = {
    spanContext: () => {
      throw new Error('no');
    },
  } as unknown as Span;
  const active = propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, hostile), createBaggage({ a: '1' }));

  it('an active span that throws leaves the entry standing', () => {
    expect(enter({ traceparent: `00-${OTHER_TRACE}-${SPAN}-01` }, {}, active).context).toBe(active);
  });

  it.each(['link', 'restart'] as const)('under %s it leaves the entry with nothing', (trust) => {
    const entered = enter({ traceparent: `00-${OTHER_TRACE}-${SPAN}-01` }, { trust }, active);
    expect(entered.root).toBe(true);
    expect(baggageOf(entered.context)).toEqual({});
  });
});

describe.each(['link', 'restart'] as const)('smuggling past trust: %s under another propagator', (trust) => {
  it.each([
    ['another spelling of the session', 'honeyhive_session_id=theirs'],
    ['a plus in the project', 'project=a+b'],
    ['a value with white space', 'tenant=a b'],
    ['a percent-encoded key', '%74enant=gold'],
    ['a percent-encoded session key', 'session%5Fid=theirs'],
    ['a quoted value', 'tenant="gold"'],
  ])('%s does not stay', (_name, baggage) => {
    const active = foreign.extract(ROOT_CONTEXT, { baggage }, getter);
    expect(Object.keys(baggageOf(active))).toHaveLength(1);
    expect(baggageOf(enter({ baggage }, { trust }, active).context)).toEqual({});
  });
});
