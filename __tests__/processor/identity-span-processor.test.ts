import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  context,
  diag,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
} from '@opentelemetry/api';
import { contextNode } from '../../lib/context/context-node.js';
import { IdentitySpanProcessor } from '../../lib/processor/identity-span-processor.js';
import type { SpanOwner } from '../../lib/tracer/owner.js';
import type { WritableSpan } from '../../lib/tracer/sdk-contract.js';
import { tracerRegistry } from '../../lib/tracer/registry.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { createTestEngine, makeOwner, Recorder } from '../support/owner.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function withEntries(entries: Record<string, string>, base: Context = ROOT_CONTEXT): Context {
  return propagation.setBaggage(
    base,
    propagation.createBaggage(
      Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, { value }])),
    ),
  );
}

/** The attributes of a span of a real provider that has the processor, started in `parent`. */
function stamped(
  owner: SpanOwner | undefined,
  parent: Context,
  given: Attributes = {},
  kind?: SpanKind,
): Attributes {
  const recorder = new Recorder();
  const { provider } = createTestEngine({ spanProcessors: [new IdentitySpanProcessor(owner), recorder] });
  provider.getTracer('test').startSpan('s', { attributes: given, kind }, parent).end();
  return recorder.span('s').attributes;
}

describe('IdentitySpanProcessor', () => {
  let said: string[];
  beforeEach(() => {
    said = collectDiagnostics();
  });
  afterEach(() => {
    for (const tracer of tracerRegistry.list()) tracerRegistry.unregister(tracer);
    diag.disable();
  });

  const all = {
    session_id: 'baggage-session-123',
    project: 'distributed-project',
    source: 'distributed-source',
    parent_id: 'parent-456',
  };
  const local = { sessionId: 'tracer-session-456', project: 'test-project', source: 'test-source' };

  it('P1: stamps what arrived without any tracer', () => {
    expect(stamped(undefined, withEntries(all))).toEqual({
      'honeyhive.session_id': 'baggage-session-123',
      'session.id': 'baggage-session-123',
      'honeyhive.project': 'distributed-project',
      'honeyhive.source': 'distributed-source',
      'honeyhive.parent_id': 'parent-456',
      honeyhive_event_type: 'tool',
    });
  });

  it('P2: prefers baggage to the tracer, in both spellings for HoneyHive', () => {
    const attributes = stamped(makeOwner('t', local, { honeyHiveCompatible: true }), withEntries(all));
    expect(attributes).toMatchObject({
      'honeyhive.session_id': 'baggage-session-123',
      'traceloop.association.properties.session_id': 'baggage-session-123',
      'honeyhive.project': 'distributed-project',
      'traceloop.association.properties.project': 'distributed-project',
      'honeyhive.source': 'distributed-source',
      'traceloop.association.properties.source': 'distributed-source',
      'traceloop.association.properties.parent_id': 'parent-456',
    });
  });

  it('P3: stamps nothing of identity without baggage and tracer', () => {
    expect(stamped(undefined, ROOT_CONTEXT)).toEqual({ honeyhive_event_type: 'tool' });
  });

  it.each([
    ['P4', { run_id: 'r', dataset_id: 'd', datapoint_id: 'p' }, ['run_id', 'dataset_id', 'datapoint_id']],
    ['P5', { run_id: 'r' }, ['run_id']],
    ['P6', {}, []],
  ])('%s: stamps the experiment ids that arrived, each on its own', (_id, entries, expected) => {
    const attributes = stamped(undefined, withEntries(entries as Record<string, string>));
    const keys = Object.keys(attributes).filter((key) => key.startsWith('honeyhive_metadata.'));
    expect(keys).toEqual((expected as string[]).map((key) => `honeyhive_metadata.${key}`));
  });

  it('gives every span attributes of its own, which later ones leave alone', () => {
    const recorder = new Recorder();
    const { provider } = createTestEngine({
      spanProcessors: [new IdentitySpanProcessor(makeOwner('t', local)), recorder],
    });
    const tracer = provider.getTracer('test');
    tracer.startSpan('one').setAttribute('session.id', 'mine').setAttribute('more', 1).end();
    tracer.startSpan('two').end();
    const identity = {
      'honeyhive.session_id': 'tracer-session-456',
      'session.id': 'tracer-session-456',
      'honeyhive.project': 'test-project',
      'honeyhive.source': 'test-source',
      honeyhive_event_type: 'tool',
    };
    expect(recorder.span('two').attributes).toEqual(identity);
    expect(recorder.span('one').attributes).toEqual({ ...identity, 'session.id': 'mine', more: 1 });
  });

  it('follows the baggage of each context, and the owner of each span', () => {
    const [a, b] = [makeOwner('a', local), makeOwner('b', { ...local, project: 'b-project' })];
    const base = contextNode(withEntries({ session_id: 'first' }));
    const sessions = (owner: SpanOwner, parent: Context): unknown[] => {
      const { 'honeyhive.session_id': session, 'honeyhive.project': project } = stamped(owner, parent);
      return [session, project];
    };
    expect(sessions(a, base)).toEqual(['first', 'test-project']);
    expect(sessions(b, base)).toEqual(['first', 'b-project']);
    expect(sessions(a, withEntries({ session_id: 'second' }, base))).toEqual(['second', 'test-project']);
    expect(sessions(a, base)).toEqual(['first', 'test-project']);
  });

  it('P7, P8: stamps only the session where only a session is known', () => {
    const only = { 'honeyhive.session_id': 's', 'session.id': 's', honeyhive_event_type: 'tool' };
    expect(stamped(undefined, withEntries({ session_id: 's' }))).toEqual(only);
    expect(stamped(makeOwner('t'), withEntries({ session_id: 's' }))).toEqual(only);
  });

  it('E1: stamps the fixed attributes of an experiment on every span', () => {
    const fixedAttributes = { 'honeyhive.experiment_id': 'e', 'honeyhive.experiment_metadata.num': '42' };
    expect(stamped(makeOwner('t', local, { fixedAttributes }), ROOT_CONTEXT)).toMatchObject(fixedAttributes);
  });

  it('S1-S3: uses the tracer where nothing arrived, and overwrites creation attributes', () => {
    const attributes = stamped(makeOwner('t', local), ROOT_CONTEXT, { 'honeyhive.session_id': 'mine' });
    expect(attributes).toMatchObject({
      'honeyhive.session_id': 'tracer-session-456',
      'honeyhive.project': 'test-project',
      'honeyhive.source': 'test-source',
    });
  });

  it('S4: neither throws nor stamps a session where there is none', () => {
    const attributes = stamped(makeOwner('t', { project: 'p' }), ROOT_CONTEXT);
    expect(attributes).not.toHaveProperty(['honeyhive.session_id']);
    expect(attributes['honeyhive.project']).toBe('p');
  });

  it('S5: returns at once without a parent context', () => {
    const processor = new IdentitySpanProcessor();
    expect(() => processor.onStart({} as WritableSpan, undefined as never)).not.toThrow();
    expect(said).toEqual([]);
  });

  it('S6: reports a span that throws and goes on', () => {
    const hostile = {
      isRecording: () => true,
      get attributes(): never {
        throw new Error('no attributes');
      },
    };
    new IdentitySpanProcessor().onStart(hostile as never, ROOT_CONTEXT);
    expect(said.join()).toContain('no attributes');
  });

  it('S7, S9: says that a session was auto-created, and under which name', () => {
    const owner = makeOwner('t', { sessionName: 'init-time-name' }, { autoSession: true });
    expect(stamped(owner, withEntries({ session_id: 's' }))).toMatchObject({
      'honeyhive.session_auto_create': true,
      'honeyhive.session_name': 'init-time-name',
    });
    const named = withEntries({ session_id: 's', session_name: 'per-request-name' });
    expect(stamped(owner, named)['honeyhive.session_name']).toBe('per-request-name');
  });

  it('S8, S10: leaves both out otherwise', () => {
    expect(stamped(makeOwner('t', local), ROOT_CONTEXT)).not.toHaveProperty([
      'honeyhive.session_auto_create',
    ]);
    const unnamed = stamped(makeOwner('t', {}, { autoSession: true }), withEntries({ session_id: 's' }));
    expect(unnamed['honeyhive.session_auto_create']).toBe(true);
    expect(unnamed).not.toHaveProperty(['honeyhive.session_name']);
  });

  describe('auto session of a root SERVER span', () => {
    const auto = (name: string): SpanOwner => makeOwner(name, {}, { autoSession: true });

    it('R1: is a new UUID, shared by the spans below it and left nowhere afterwards', () => {
      const recorder = new Recorder();
      const { provider } = createTestEngine({
        spanProcessors: [new IdentitySpanProcessor(auto('r1')), recorder],
      });
      const tracer = provider.getTracer('test');
      const before = context.active();
      for (const name of ['first', 'second']) {
        tracer.startActiveSpan(name, { kind: SpanKind.SERVER }, ROOT_CONTEXT, (root) => {
          tracer.startSpan(`${name}.child`).end();
          root.end();
        });
      }
      const session = (name: string): unknown => recorder.span(name).attributes['honeyhive.session_id'];
      expect(session('first')).toMatch(UUID);
      expect(session('first.child')).toBe(session('first'));
      expect(session('second')).toMatch(UUID);
      expect(session('second')).not.toBe(session('first'));
      expect(context.active()).toBe(before);
    });

    it('R2, R3: is not made for a span with a parent, nor for a CLIENT span', () => {
      const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true };
      const recorder = new Recorder();
      const { provider } = createTestEngine({
        spanProcessors: [new IdentitySpanProcessor(auto('r2')), recorder],
      });
      const tracer = provider.getTracer('test');
      const parent = trace.setSpanContext(ROOT_CONTEXT, remote);
      tracer.startSpan('below', { kind: SpanKind.SERVER }, parent).end();
      tracer.startSpan('client', { kind: SpanKind.CLIENT }, ROOT_CONTEXT).end();
      expect(recorder.span('below').attributes).not.toHaveProperty(['honeyhive.session_id']);
      expect(recorder.span('client').attributes).not.toHaveProperty(['honeyhive.session_id']);
    });

    it('R4: is not made unless the tracer has none of its own', () => {
      const attributes = stamped(makeOwner('r4'), ROOT_CONTEXT, {}, SpanKind.SERVER);
      expect(attributes).not.toHaveProperty(['honeyhive.session_id']);
    });

    it('R5: gives way to a session that arrived', () => {
      const attributes = stamped(
        auto('r5'),
        withEntries({ session_id: 'existing-session-id' }),
        {},
        SpanKind.SERVER,
      );
      expect(attributes['honeyhive.session_id']).toBe('existing-session-id');
    });
  });

  it.each([2, 5])('keeps the whole identity with a limit of %i attributes and short values', (limit) => {
    const owner = makeOwner(
      'limits',
      local,
      {},
      { attributeCountLimit: limit, attributeValueLengthLimit: 3 },
    );
    const span = owner.otelTracer.startSpan(
      's',
      { attributes: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 } },
      ROOT_CONTEXT,
    );
    span.setAttribute('later', 'much too long');
    span.end();
    const { attributes } = owner.recorder.span('s');
    expect(attributes).toMatchObject({
      'honeyhive.session_id': 'tracer-session-456',
      'honeyhive.project': 'test-project',
      'honeyhive.source': 'test-source',
    });
    expect(attributes).not.toHaveProperty('f');
  });

  it('copies only listed baggage to attributes, and none of its own keys twice', () => {
    const owner = makeOwner('b', local, { baggageAttributes: ['user_id', 'session_id', 'missing'] });
    const attributes = stamped(
      owner,
      withEntries({ user_id: 'u'.repeat(2_000), secret: 'x', session_id: 's' }),
    );
    expect(attributes['baggage.user_id']).toBe('u'.repeat(1_000));
    expect(Object.keys(attributes).filter((key) => key.startsWith('baggage.'))).toEqual(['baggage.user_id']);
  });

  it("finds the tracer by name, by the context's owner, or as the default one", () => {
    tracerRegistry.register(makeOwner('first', { project: 'p1' }));
    tracerRegistry.register(makeOwner('second', { project: 'p2' }));
    const recorder = new Recorder();
    const { provider } = createTestEngine({
      spanProcessors: [new IdentitySpanProcessor('second'), recorder],
    });
    provider.getTracer('t').startSpan('named', {}, ROOT_CONTEXT).end();
    expect(recorder.span('named').attributes['honeyhive.project']).toBe('p2');
    expect(stamped(undefined, ROOT_CONTEXT)['honeyhive.project']).toBe('p1');
  });

  describe('what a library says of its span after it has started', () => {
    const typeOf = (late: Attributes, given: Attributes = {}, scope = 'agents'): unknown => {
      const recorder = new Recorder();
      const { provider } = createTestEngine({ spanProcessors: [new IdentitySpanProcessor(), recorder] });
      const span = provider.getTracer(scope).startSpan('s', { attributes: given }, ROOT_CONTEXT);
      span.setAttributes(late);
      span.end();
      return recorder.span('s').attributes['honeyhive_event_type'];
    };

    it('makes it an agent, a call of a model or a tool', () => {
      expect(typeOf({ 'gen_ai.operation.name': 'invoke_agent' })).toBe('chain');
      expect(typeOf({ 'gen_ai.request.model': 'm' })).toBe('model');
      expect(typeOf({ 'gen_ai.operation.name': 'execute_tool', 'gen_ai.request.model': 'm' })).toBe('tool');
      expect(typeOf({ 'openinference.span.kind': 'LLM' })).toBe('model');
      expect(typeOf({ other: 1 })).toBe('tool');
    });

    it('changes no type that was chosen, and no span of ours', () => {
      const model = { 'gen_ai.request.model': 'm' };
      expect(typeOf(model, { honeyhive_event_type: 'chain' })).toBe('chain');
      expect(typeOf({ ...model, honeyhive_event_type: 'session' })).toBe('session');
      expect(typeOf(model, {}, 'spanwise')).toBe('tool');
    });

    it('never fails the end of a span', () => {
      const frozen = {
        attributes: Object.freeze({ honeyhive_event_type: 'tool', 'gen_ai.request.model': 'm' }),
      };
      expect(() => new IdentitySpanProcessor().onEnd(frozen as never)).not.toThrow();
      expect(said.join()).toContain('SPW_INTERNAL');
    });
  });

  it('L1, F1: flushes and shuts down without complaint', async () => {
    const processor = new IdentitySpanProcessor();
    await expect(processor.forceFlush()).resolves.toBeUndefined();
    await expect(processor.shutdown()).resolves.toBeUndefined();
  });
});
