import { afterEach, describe, expect, it } from '@jest/globals';
import { propagation, ROOT_CONTEXT, type Baggage, type Context } from '@opentelemetry/api';
import { createBaggage } from '../../lib/context/baggage.js';
import {
  arrivedIdentity,
  baggageWithIdentity,
  canonicalBaggage,
  DEFAULT_IDENTITY_KEYS,
  identityOf,
  isChosen,
  isUsableId,
  withChosenIdentity,
  withIdentity,
  type Identity,
  type IdentityDefaults,
} from '../../lib/context/identity.js';
import { resetDiagnostics } from '../../lib/diagnostics.js';

afterEach(resetDiagnostics);

const tracer = (identity: Identity = {}, keys = DEFAULT_IDENTITY_KEYS): IdentityDefaults => ({
  ...identity,
  keys,
});
const arrived = (entries: Record<string, string>): Context =>
  propagation.setBaggage(ROOT_CONTEXT, createBaggage(entries));
const sent = (context: Context): Record<string, string> =>
  Object.fromEntries(
    (propagation.getBaggage(context)?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value]),
  );

describe('identityOf', () => {
  it('B1: a session that arrived beats the tracer’s', () => {
    const local = tracer({ sessionId: 'local-session-123' });
    expect(identityOf(arrived({ session_id: 'distributed-session-456' }), local).sessionId).toBe(
      'distributed-session-456',
    );
  });

  it('B2: without one, the tracer’s is used', () => {
    expect(identityOf(ROOT_CONTEXT, tracer({ sessionId: 'local-session-123' })).sessionId).toBe(
      'local-session-123',
    );
  });

  it('B4: each part is taken from what arrived, else from the tracer', () => {
    const local = tracer({ sessionId: 'ls', project: 'lp', source: 'lo' });
    expect(identityOf(arrived({ session_id: 's' }), local)).toEqual({
      sessionId: 's',
      project: 'lp',
      source: 'lo',
    });
  });

  it('B5: baggage that throws when it is read leaves the tracer’s own', () => {
    const hostile = {
      getEntry: () => {
        throw new Error('no');
      },
    } as unknown as Baggage;
    const context = propagation.setBaggage(ROOT_CONTEXT, hostile);
    const local = tracer({ sessionId: 's' });
    expect(identityOf(context, local)).toEqual({ sessionId: 's' });
    expect(withIdentity(context, local)).toBe(context);
  });

  it('reads every part by its baggage key', () => {
    expect(
      identityOf(
        arrived({
          session_id: '1',
          project: '2',
          source: '3',
          session_name: '4',
          parent_id: '5',
          run_id: '6',
          dataset_id: '7',
          datapoint_id: '8',
        }),
      ),
    ).toEqual({
      sessionId: '1',
      project: '2',
      source: '3',
      sessionName: '4',
      parentId: '5',
      runId: '6',
      datasetId: '7',
      datapointId: '8',
    });
  });

  it.each(['honeyhive_session_id', 'honeyhive.session_id', 'session.id'])('understands %s', (spelling) => {
    expect(identityOf(arrived({ [spelling]: 's' })).sessionId).toBe('s');
  });

  it('understands the spellings of the tracer, for session, project and source', () => {
    const keys = {
      session: ['session_id', 'x-session'],
      project: ['project', 'team'],
      source: ['source', 'env'],
    };
    expect(identityOf(arrived({ 'x-session': 's', team: 'p', env: 'o' }), tracer({}, keys))).toEqual({
      sessionId: 's',
      project: 'p',
      source: 'o',
    });
  });

  it('the canonical spelling beats the others, and an unusable one gives way to them', () => {
    expect(identityOf(arrived({ honeyhive_session_id: 'b', session_id: 'a' })).sessionId).toBe('a');
    expect(identityOf(arrived({ honeyhive_session_id: 'b', session_id: 'x'.repeat(129) })).sessionId).toBe(
      'b',
    );
  });

  it('is one frozen object for one baggage and tracer', () => {
    const context = arrived({ session_id: 's' });
    const local = tracer({ project: 'p' });
    expect(identityOf(context, local)).toBe(identityOf(context.setValue(Symbol('more'), 1), local));
    expect(Object.isFrozen(identityOf(context, local))).toBe(true);
  });
});

describe('isUsableId', () => {
  it.each(['a', 'x'.repeat(128), 'Ä ö 😀', '__proto__', 'not-a-uuid'])('takes %j', (id) => {
    expect(isUsableId(id)).toBe(true);
  });
  it.each([
    '',
    ' ',
    'x'.repeat(129),
    'a\nb',
    'a\u0000',
    '\u202ea',
    '\ud800',
    'a\u2028',
    5,
    null,
    undefined,
    {},
  ])('refuses %j', (id) => expect(isUsableId(id)).toBe(false));
});

describe('withIdentity', () => {
  it('puts the whole identity into the baggage, beside what is there', () => {
    const context = withIdentity(arrived({ tenant: 'gold' }), tracer({ sessionId: 's', project: 'p' }));
    expect(sent(context)).toEqual({ tenant: 'gold', session_id: 's', project: 'p' });
  });

  it('B3: nothing of the tracer’s is added where everything arrived', () => {
    const context = arrived({ session_id: 's', project: 'p', source: 'o' });
    const completed = withIdentity(context, tracer({ sessionId: 'ls', project: 'lp', source: 'lo' }));
    expect(propagation.getBaggage(completed)).toBe(propagation.getBaggage(context));
  });

  it('gives up the other spellings, so that nobody downstream reads a stale one', () => {
    expect(sent(withIdentity(arrived({ honeyhive_session_id: 's', 'session.id': 'old' }), tracer()))).toEqual(
      {
        session_id: 's',
      },
    );
  });

  it('removes what is not usable', () => {
    expect(sent(withIdentity(arrived({ session_id: 'a\nb', t: '1' }), tracer()))).toEqual({ t: '1' });
    expect(sent(withIdentity(arrived({ session_id: 'a\nb' }), tracer()))).toEqual({});
  });

  it('nested in the same tracer, the context is already right', () => {
    const local = tracer({ sessionId: 's', project: 'p' });
    const outer = withIdentity(arrived({ t: '1' }), local);
    expect(withIdentity(outer, local)).toBe(outer);
  });

  it('a tracer inside another replaces the defaults of the outer one', () => {
    const a = tracer({ sessionId: 'sa', project: 'pa', source: 'oa' });
    const b = tracer({ sessionId: 'sb', source: 'ob' });
    const inside = withIdentity(withIdentity(ROOT_CONTEXT, a), b);
    expect(sent(inside)).toEqual({ session_id: 'sb', source: 'ob' });
    expect(identityOf(inside, b)).toEqual({ sessionId: 'sb', source: 'ob' });
  });

  it('a tracer inside another that has no identity of its own carries none of the outer one’s', () => {
    const inside = withIdentity(withIdentity(ROOT_CONTEXT, tracer({ sessionId: 'sa' })), tracer());
    expect(sent(inside)).toEqual({});
    expect(identityOf(inside, tracer())).toEqual({});
  });

  it('but keeps what arrived at the outer one', () => {
    const a = tracer({ sessionId: 'sa', project: 'pa' });
    const b = tracer({ sessionId: 'sb', project: 'pb' });
    const inside = withIdentity(withIdentity(arrived({ session_id: 'up' }), a), b);
    expect(sent(inside)).toEqual({ session_id: 'up', project: 'pb' });
  });

  it('and back in the outer tracer, its defaults are there again', () => {
    const a = tracer({ sessionId: 'sa' });
    const inside = withIdentity(withIdentity(withIdentity(ROOT_CONTEXT, a), tracer({ sessionId: 'sb' })), a);
    expect(sent(inside)).toEqual({ session_id: 'sa' });
  });

  it('what arrived is not a default, even if it is the tracer’s own session', () => {
    const a = tracer({ sessionId: 'same' });
    const inside = withIdentity(
      withIdentity(arrived({ session_id: 'same' }), a),
      tracer({ sessionId: 'sb' }),
    );
    expect(identityOf(inside, tracer({ sessionId: 'sb' })).sessionId).toBe('same');
  });
});

describe('withChosenIdentity', () => {
  it('wins over what arrived and over defaults, in every spelling', () => {
    const a = tracer({ sessionId: 'sa' });
    const chosen = withChosenIdentity(arrived({ honeyhive_session_id: 'up' }), { sessionId: 'mine' });
    expect(identityOf(chosen, a).sessionId).toBe('mine');
    expect(sent(withIdentity(chosen, a))).toEqual({ session_id: 'mine' });
  });

  it('is not replaced by a nested tracer, also if it was the outer one’s default', () => {
    const a = tracer({ sessionId: 'sa' });
    const chosen = withChosenIdentity(withIdentity(ROOT_CONTEXT, a), { sessionId: 'sa' });
    expect(identityOf(chosen, tracer({ sessionId: 'sb' })).sessionId).toBe('sa');
  });

  it('leaves the context alone if nothing was chosen', () => {
    expect(withChosenIdentity(ROOT_CONTEXT, {})).toBe(ROOT_CONTEXT);
    expect(withChosenIdentity(ROOT_CONTEXT, { sessionId: '' })).toBe(ROOT_CONTEXT);
  });

  it('is remembered as chosen, until something else is set', () => {
    const chosen = withChosenIdentity(arrived({ project: 'p' }), { sessionId: 's' });
    expect([isChosen(chosen, 'session_id'), isChosen(chosen, 'project')]).toEqual([true, false]);
    const changed = propagation.setBaggage(chosen, createBaggage({ session_id: 'other' }));
    expect(isChosen(changed, 'session_id')).toBe(false);
  });
});

describe('arrivedIdentity', () => {
  it('is what arrived or was chosen, without any tracer’s defaults', () => {
    const inside = withIdentity(arrived({ session_id: 'up' }), tracer({ sessionId: 'sa', project: 'pa' }));
    expect(arrivedIdentity(inside)).toEqual({ sessionId: 'up' });
    expect(arrivedIdentity(withIdentity(ROOT_CONTEXT, tracer({ sessionId: 'sa' })))).toEqual({});
    expect(arrivedIdentity(withChosenIdentity(ROOT_CONTEXT, { sessionId: 's' }))).toEqual({ sessionId: 's' });
  });
});

describe('canonicalBaggage and baggageWithIdentity', () => {
  it('leaves baggage without other spellings as it is', () => {
    const baggage = createBaggage({ session_id: 's', t: '1' });
    expect(canonicalBaggage(baggage, DEFAULT_IDENTITY_KEYS)).toBe(baggage);
  });

  it('moves the first usable spelling to the canonical key', () => {
    const baggage = createBaggage({
      'session.id': 'c',
      'honeyhive.session_id': 'b\n',
      t: '1',
      honeyhive_project: 'p',
    });
    expect(
      sent(propagation.setBaggage(ROOT_CONTEXT, canonicalBaggage(baggage, DEFAULT_IDENTITY_KEYS))),
    ).toEqual({
      session_id: 'c',
      t: '1',
      project: 'p',
    });
  });

  it('tells what is sent without making a context', () => {
    expect(baggageWithIdentity(ROOT_CONTEXT, tracer({ sessionId: 's' }))?.getEntry('session_id')?.value).toBe(
      's',
    );
    expect(baggageWithIdentity(ROOT_CONTEXT)).toBeUndefined();
  });
});
