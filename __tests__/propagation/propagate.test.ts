import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, trace, type Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { withBaggage } from '../../lib/context/baggage.js';
import { BAGGAGE_FOREIGN_TRACER_ID } from '../../lib/conventions.js';
import {
  extractContextFromCarrier,
  injectContextIntoCarrier,
  withDistributedTraceContext,
} from '../../lib/propagation/propagate.js';
import { ownerOf } from '../../lib/tracer/owner.js';
import { tracerRegistry } from '../../lib/tracer/registry.js';
import { owner, SPAN, TRACE, TRACEPARENT } from './helpers.js';

const manager = new AsyncLocalStorageContextManager();

beforeEach(() => {
  context.setGlobalContextManager(manager.enable());
});
afterEach(() => {
  for (const tracer of tracerRegistry.list()) tracerRegistry.unregister(tracer);
  context.disable();
  jest.restoreAllMocks();
});

const baggageOf = (ctx: Context): Record<string, string> =>
  Object.fromEntries(
    (propagation.getBaggage(ctx)?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value]),
  );
const active = (): Record<string, string> => baggageOf(context.active());

describe('the acceptance cases of distributed contexts', () => {
  it('D1: the session of the carrier is the session inside', () => {
    const inside = withDistributedTraceContext(
      { baggage: 'session_id=test-session-123', traceparent: TRACEPARENT },
      active,
    );
    expect(inside['session_id']).toBe('test-session-123');
  });

  it('D2: session, project and source of the carrier are all taken', () => {
    const inside = withDistributedTraceContext(
      { baggage: 'session_id=test-session-123,project=test-project,source=test-source' },
      active,
    );
    expect(inside).toEqual({
      session_id: 'test-session-123',
      project: 'test-project',
      source: 'test-source',
    });
  });

  it.each([
    'honeyhive_session_id=s,honeyhive_project=p,honeyhive_source=o',
    'honeyhive.session_id=s,honeyhive.project=p,honeyhive.source=o',
  ])('D3: the variant spellings %s become the canonical keys', (baggage) => {
    expect(withDistributedTraceContext({ baggage }, active)).toEqual({
      session_id: 's',
      project: 'p',
      source: 'o',
    });
  });

  it('D4: an explicit session wins, and the carrier’s appears nowhere', () => {
    for (const baggage of ['session_id=baggage-session-123', 'honeyhive_session_id=baggage-session-123']) {
      const seen = withDistributedTraceContext({ baggage }, { sessionId: 'explicit-session-456' }, () =>
        JSON.stringify([active(), injectContextIntoCarrier({})]),
      );
      expect(seen).toContain('explicit-session-456');
      expect(seen).not.toContain('baggage-session-123');
    }
  });

  it('D5: the context is made active once, and the very previous one is back afterwards', () => {
    const entered = jest.spyOn(context, 'with');
    context.with(ROOT_CONTEXT.setValue(Symbol('before'), 1), () => {
      const before = context.active();
      entered.mockClear();
      const inside = withDistributedTraceContext({ traceparent: TRACEPARENT }, () => context.active());
      expect(entered).toHaveBeenCalledTimes(1);
      expect(inside).not.toBe(before);
      expect(context.active()).toBe(before);
    });
  });

  it('D6: an error goes through and the previous context is back', () => {
    const error = new Error('body');
    const before = context.active();
    expect(() =>
      withDistributedTraceContext({ traceparent: TRACEPARENT }, () => {
        throw error;
      }),
    ).toThrow(error);
    expect(context.active()).toBe(before);
  });

  it('D7: an empty carrier leaves the current context, which is read once', () => {
    context.with(ROOT_CONTEXT.setValue(Symbol('current'), 1), () => {
      const current = context.active();
      const read = jest.spyOn(context, 'active');
      let given: Context | undefined;
      withDistributedTraceContext({}, (ctx) => {
        given = ctx;
      });
      expect(read).toHaveBeenCalledTimes(1);
      expect(given).toBe(current);
    });
  });

  it('D8: the function is given the context that is active', () => {
    withDistributedTraceContext({ traceparent: TRACEPARENT }, (given) => {
      expect(given).toBe(context.active());
      expect(trace.getSpanContext(given)).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true });
    });
  });
});

describe('what the Python SDK fails at', () => {
  it('6.9.1: capitalised headers continue the trace', () => {
    const inside = withDistributedTraceContext(
      { Traceparent: TRACEPARENT, Baggage: 'session_id=s', 'Content-Type': 'text/plain' },
      () => ({ span: trace.getSpanContext(context.active()), baggage: active() }),
    );
    expect(inside).toMatchObject({ span: { traceId: TRACE, spanId: SPAN }, baggage: { session_id: 's' } });
  });

  it.each(['client%20project', 'client+project'])('6.9.2: project=%s arrives as "client project"', (raw) => {
    const sent = withDistributedTraceContext({ baggage: `project=${raw},tag=a+b` }, () => {
      expect(active()).toEqual({ project: 'client project', tag: 'a+b' });
      return injectContextIntoCarrier<Record<string, string>>({});
    });
    expect(sent['baggage']).toContain('project=client%20project');
    expect(withDistributedTraceContext(sent, active)).toEqual({ project: 'client project', tag: 'a+b' });
  });

  it('6.9.3: properties are no part of the session', () => {
    expect(withDistributedTraceContext({ baggage: 'session_id=X;prop=1' }, active)).toEqual({
      session_id: 'X',
    });
  });

  it.each([
    ['null', null],
    ['undefined', undefined],
    ['an array', [1, null, ['a']]],
    ['Headers', new Headers({ traceparent: TRACEPARENT })],
    ['a number', 5],
    ['a string', 'traceparent'],
    ['a function', () => 1],
    ['a revoked proxy', revoked()],
  ])('6.9.4: %s as the carrier does not throw', (_name, carrier) => {
    expect(withDistributedTraceContext(carrier, () => 'ran')).toBe('ran');
    expect(() => extractContextFromCarrier(carrier)).not.toThrow();
    expect(() => injectContextIntoCarrier(carrier)).not.toThrow();
  });

  it('6.9.4: an array and Headers are read', () => {
    for (const carrier of [[['Traceparent', TRACEPARENT]], new Headers({ traceparent: TRACEPARENT })]) {
      expect(trace.getSpanContext(extractContextFromCarrier(carrier))?.traceId).toBe(TRACE);
    }
  });

  it('6.9.5: outside of any span, session, project and source are sent', () => {
    tracerRegistry.register(owner('main', { sessionId: 's-1', project: 'client project', source: 'dev' }));
    expect(injectContextIntoCarrier({})).toEqual({
      baggage: 'session_id=s-1,project=client%20project,source=dev',
    });
  });

  it('6.9.6: a foreign tracer id neither selects a tracer nor travels on', () => {
    const main = owner('main', { sessionId: 'mine' });
    tracerRegistry.register(main);
    tracerRegistry.register(owner('140478887901520', { sessionId: 'other' }));
    const sent = withDistributedTraceContext(
      { baggage: `${BAGGAGE_FOREIGN_TRACER_ID}=140478887901520,tenant=gold` },
      () => {
        expect(ownerOf(context.active())).toBeUndefined();
        expect(active()).toEqual({ tenant: 'gold' });
        return injectContextIntoCarrier({});
      },
    );
    expect(sent).toEqual({ baggage: 'tenant=gold,session_id=mine' });
    withBaggage({ [BAGGAGE_FOREIGN_TRACER_ID]: '1' }, () => {
      expect(JSON.stringify(injectContextIntoCarrier({}))).not.toContain(BAGGAGE_FOREIGN_TRACER_ID);
    });
  });
});

describe('injectContextIntoCarrier', () => {
  it('keeps what is in the carrier, and replaces trace headers in whatever case', () => {
    const carrier = { Accept: '*/*', TraceParent: 'old' };
    context.with(trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1 }), () => {
      expect(injectContextIntoCarrier(carrier)).toBe(carrier);
    });
    expect(carrier).toEqual({ Accept: '*/*', traceparent: TRACEPARENT });
  });

  it('sends the identity of the named tracer', () => {
    tracerRegistry.register(owner('a', { sessionId: 'sa' }));
    tracerRegistry.register(owner('b', { sessionId: 'sb' }));
    expect(injectContextIntoCarrier({}, { tracer: 'b' })).toEqual({ baggage: 'session_id=sb' });
  });

  it('sends no baggage to a host that is not listed, and none without a url', () => {
    tracerRegistry.register(owner('a', { sessionId: 's' }, { propagateTo: ['*.internal.example'] }));
    withDistributedTraceContext({ traceparent: TRACEPARENT, baggage: 'secret=1' }, () => {
      const at = (url?: string): unknown => injectContextIntoCarrier({}, { url });
      expect(at('https://api.internal.example/x')).toEqual({
        traceparent: TRACEPARENT,
        baggage: 'secret=1,session_id=s',
      });
      expect(at('https://elsewhere.example')).toEqual({ traceparent: TRACEPARENT });
      expect(at()).toEqual({ traceparent: TRACEPARENT });
    });
  });
});

describe('withDistributedTraceContext', () => {
  it('keeps the context across awaits and returns the promise', async () => {
    const promise = withDistributedTraceContext({ baggage: 'session_id=s' }, async () => {
      await Promise.resolve();
      return active();
    });
    expect(active()).toEqual({});
    expect(await promise).toEqual({ session_id: 's' });
  });

  it('takes options before the function, also absent ones', () => {
    expect(withDistributedTraceContext({}, undefined, () => 1)).toBe(1);
    expect(withDistributedTraceContext({}, {}, () => 2)).toBe(2);
  });

  it('makes calls inside belong to the tracer that is given', () => {
    const given = owner('given', { sessionId: 'g' });
    tracerRegistry.register(owner('first'));
    tracerRegistry.register(given);
    withDistributedTraceContext({}, { tracer: 'given' }, () => {
      expect(ownerOf(context.active())).toBe(given);
    });
  });

  it('reads the headers of a request or a message given whole', () => {
    const request = new Request('http://localhost', { headers: { traceparent: TRACEPARENT } });
    const message = {
      value: Buffer.from('x'),
      offset: '1',
      headers: { traceparent: Buffer.from(TRACEPARENT) },
    };
    for (const carrier of [request, message]) {
      expect(trace.getSpanContext(extractContextFromCarrier(carrier))?.spanId).toBe(SPAN);
    }
  });

  it('needs no registered propagator and no context manager', () => {
    context.disable();
    const seen = withDistributedTraceContext({ traceparent: TRACEPARENT, baggage: 'session_id=s' }, (ctx) => [
      trace.getSpanContext(ctx)?.traceId,
      baggageOf(ctx)['session_id'],
    ]);
    expect(seen).toEqual([TRACE, 's']);
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
