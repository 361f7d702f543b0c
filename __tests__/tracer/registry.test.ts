import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag, propagation, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import { DEFAULT_IDENTITY_KEYS } from '../../lib/context/identity.js';
import { OWNER_KEY } from '../../lib/context/keys.js';
import { BAGGAGE_FOREIGN_TRACER_ID } from '../../lib/conventions.js';
import { ownerOf, withOwner, type SpanOwner } from '../../lib/tracer/owner.js';
import { resolveOwner, tracerRegistry } from '../../lib/tracer/registry.js';
import { collectDiagnostics } from '../support/diagnostics.js';

let said: string[];

function owner(name: string): SpanOwner & { live: boolean } {
  return {
    name,
    live: true,
    otelTracer: {} as Tracer,
    provider: { getTracer: () => ({}) as Tracer },
    identity: { keys: DEFAULT_IDENTITY_KEYS },
    settings: {} as SpanOwner['settings'],
    takesGlobalSpans: true,
    updateEvent: () => undefined,
    announceSession: () => undefined,
  };
}

function empty(): void {
  for (const tracer of tracerRegistry.list()) tracerRegistry.unregister(tracer);
  tracerRegistry.setDefault(undefined);
}

beforeEach(() => {
  empty();
  said = collectDiagnostics();
});
afterEach(() => {
  empty();
  diag.disable();
});

describe('tracerRegistry', () => {
  it('finds a registered tracer by its name', () => {
    const shop = owner('shop');
    expect(tracerRegistry.register(shop)).toBe(true);
    expect(tracerRegistry.get('shop')).toBe(shop);
    expect(tracerRegistry.get('other')).toBeUndefined();
  });

  it('finds nothing by the names that every object inherits', () => {
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(tracerRegistry.get(name)).toBeUndefined();
  });

  it('keeps ten tracers registered at once apart', () => {
    const tracers = Array.from({ length: 10 }, (_, i) => owner(`t${i}`));
    for (const tracer of tracers) tracerRegistry.register(tracer);
    expect(tracerRegistry.list()).toEqual(tracers);
    expect(tracers.map(({ name }) => tracerRegistry.get(name))).toEqual(tracers);
  });

  it('refuses a second tracer of the same name and keeps the first', () => {
    const first = owner('shop');
    tracerRegistry.register(first);
    expect(tracerRegistry.register(owner('shop'))).toBe(false);
    expect(tracerRegistry.register(first)).toBe(false);
    expect(tracerRegistry.get('shop')).toBe(first);
    expect(tracerRegistry.list()).toHaveLength(1);
  });

  it('lists nothing when nothing is registered, and its list is a copy', () => {
    expect(tracerRegistry.list()).toEqual([]);
    tracerRegistry.register(owner('shop'));
    tracerRegistry.list().length = 0;
    expect(tracerRegistry.list()).toHaveLength(1);
  });

  it('makes the first tracer the default, and a second one does not replace it', () => {
    expect(tracerRegistry.default).toBeUndefined();
    const first = owner('first');
    tracerRegistry.register(first);
    tracerRegistry.register(owner('second'));
    expect(tracerRegistry.default).toBe(first);
  });

  it('sets the default by tracer and by name, and clears it', () => {
    const first = owner('first');
    const second = owner('second');
    tracerRegistry.register(first);
    tracerRegistry.register(second);
    tracerRegistry.setDefault(second);
    expect(tracerRegistry.default).toBe(second);
    tracerRegistry.setDefault('first');
    expect(tracerRegistry.default).toBe(first);
    tracerRegistry.setDefault(undefined);
    expect(tracerRegistry.default).toBeUndefined();
    expect(said).toEqual([]);
  });

  it('keeps the default and reports it when the named one is unknown', () => {
    const first = owner('first');
    tracerRegistry.register(first);
    tracerRegistry.setDefault('gone');
    expect(tracerRegistry.default).toBe(first);
    expect(said[0]).toContain('SPW_TRACER_UNKNOWN');
    expect(said[0]).toContain('"gone"');
  });

  it('unregisters by tracer and by name and tells whether it was there', () => {
    const shop = owner('shop');
    tracerRegistry.register(shop);
    expect(tracerRegistry.unregister(shop)).toBe(true);
    expect(tracerRegistry.unregister(shop)).toBe(false);
    expect(tracerRegistry.unregister('shop')).toBe(false);
    tracerRegistry.register(shop);
    expect(tracerRegistry.unregister('shop')).toBe(true);
    expect(tracerRegistry.get('shop')).toBeUndefined();
  });

  it('does not take out the live tracer when a dead one of the same name leaves late', () => {
    const dead = owner('shop');
    tracerRegistry.register(dead);
    tracerRegistry.unregister(dead);
    const live = owner('shop');
    tracerRegistry.register(live);
    expect(tracerRegistry.unregister(dead)).toBe(false);
    expect(tracerRegistry.get('shop')).toBe(live);
  });

  it('hands the default on to the oldest remaining tracer, and to none when none remains', () => {
    const [a, b, c] = [owner('a'), owner('b'), owner('c')] as const;
    for (const tracer of [a, b, c]) tracerRegistry.register(tracer);
    tracerRegistry.setDefault(c);
    tracerRegistry.unregister(b);
    expect(tracerRegistry.default).toBe(c);
    tracerRegistry.setDefault(a);
    tracerRegistry.unregister(a);
    expect(tracerRegistry.default).toBe(c);
    tracerRegistry.unregister(c);
    expect(tracerRegistry.default).toBeUndefined();
  });

  it('takes a name again after its tracer has left', () => {
    tracerRegistry.register(owner('shop'));
    tracerRegistry.unregister('shop');
    const again = owner('shop');
    expect(tracerRegistry.register(again)).toBe(true);
    expect(tracerRegistry.default).toBe(again);
  });

  it('keeps its state where another copy of the package finds it', () => {
    const shop = owner('shop');
    tracerRegistry.register(shop);
    const shared = (globalThis as Record<symbol, any>)[Symbol.for('spanwise.v1')] as {
      tracers: Map<string, unknown>;
    };
    expect(shared.tracers.get('shop')).toBe(shop);
  });
});

describe('resolveOwner', () => {
  // Rows: explicit tracer, owner of the context, default; and which of them must be taken.
  it.each([
    [true, true, true, 'explicit'],
    [true, false, true, 'explicit'],
    [true, true, false, 'explicit'],
    [true, false, false, 'explicit'],
    [false, true, true, 'context'],
    [false, true, false, 'context'],
    [false, false, true, 'default'],
    [false, false, false, undefined],
  ])('explicit %s, context %s, default %s: takes %s', (explicit, inContext, isDefault, expected) => {
    const named = owner('explicit');
    const current = owner('context');
    const fallback = owner('default');
    for (const tracer of [fallback, named, current]) tracerRegistry.register(tracer);
    if (!isDefault) tracerRegistry.setDefault(undefined);
    const context = inContext ? withOwner(ROOT_CONTEXT, current) : ROOT_CONTEXT;
    expect(resolveOwner(explicit ? named : undefined, context)?.name).toBe(expected);
    expect(resolveOwner(explicit ? 'explicit' : undefined, context)?.name).toBe(expected);
    expect(said).toEqual([]);
  });

  it('reports an unknown name and goes on with the current tracer', () => {
    const current = owner('context');
    tracerRegistry.register(current);
    expect(resolveOwner('gone', withOwner(ROOT_CONTEXT, current))).toBe(current);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('SPW_TRACER_UNKNOWN');
  });

  it('passes over a tracer that was shut down, explicit or in the context', () => {
    const fallback = owner('default');
    const dead = owner('dead');
    tracerRegistry.register(fallback);
    dead.live = false;
    expect(resolveOwner(dead, ROOT_CONTEXT)).toBe(fallback);
    expect(resolveOwner(undefined, withOwner(ROOT_CONTEXT, dead))).toBe(fallback);
  });

  it('takes a live tracer that is not registered when it is named itself', () => {
    const apart = owner('apart');
    expect(resolveOwner(apart, ROOT_CONTEXT)).toBe(apart);
  });

  it('never lets a tracer id from the wire choose or break anything', () => {
    const local = owner('local');
    tracerRegistry.register(local);
    tracerRegistry.register(owner('140234'));
    const foreign = propagation.setBaggage(
      ROOT_CONTEXT,
      propagation.createBaggage({ [BAGGAGE_FOREIGN_TRACER_ID]: { value: '140234' } }),
    );
    expect(resolveOwner(undefined, foreign)).toBe(local);
  });
});

describe('the owner of a context', () => {
  it('is the innermost one, and leaving it gives back the outer one', () => {
    const outer = withOwner(ROOT_CONTEXT, owner('outer'));
    const inner = withOwner(outer, owner('inner'));
    expect(ownerOf(inner)?.name).toBe('inner');
    expect(ownerOf(outer)?.name).toBe('outer');
    expect(ownerOf(ROOT_CONTEXT)).toBeUndefined();
  });

  it('costs no new context when it is already that one', () => {
    const shop = owner('shop');
    const context = withOwner(ROOT_CONTEXT, shop);
    expect(withOwner(context, shop)).toBe(context);
  });

  it('is nobody once its tracer was shut down', () => {
    const shop = owner('shop');
    const context = withOwner(ROOT_CONTEXT, shop);
    shop.live = false;
    expect(ownerOf(context)).toBeUndefined();
    expect(context.getValue(OWNER_KEY)).toBe(shop);
  });
});
