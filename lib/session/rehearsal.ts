/**
 * A rehearsal of the first call, in `init`, which has the time.
 *
 * An engine compiles a function when it is first called, and Node loads its random numbers when they are first asked
 * for: 4 ms, which a process's first request would wait for. So a call is played through beforehand, between a tracer,
 * an engine and a caller that exist for nothing else. No span of it reaches a processor, sampler, exporter or backend,
 * no callback or id generator is asked, and the seed of its ids is thrown away.
 */
import { ROOT_CONTEXT, type Context, type TracerProvider } from '@opentelemetry/api';
import { createRedactor } from '../capture/redact.js';
import { DEFAULT_IDENTITY_KEYS } from '../context/identity.js';
import { warnError } from '../diagnostics.js';
import { unseed } from '../engine/ids.js';
import { createStageTracer } from '../engine/rehearsal.js';
import { rehearseExport } from '../export/rehearsal.js';
import { IdentitySpanProcessor } from '../processor/identity-span-processor.js';
import { findCarrier } from '../propagation/find-carrier.js';
import { propagatorOf } from '../propagation/propagator.js';
import { enterContext } from '../propagation/trust.js';
import { planOf, runInSpan } from '../span/with-span.js';
import type { SpanOwner } from '../tracer/owner.js';
import type { Backend } from './backend.js';

const NAME = 'rehearsal';
/** One of each kind of value. */
const VALUE = { query: 'tea', page: 1, fresh: true, none: null, list: ['a', { b: 2n }] };

let done = false;

/**
 * Plays a call through, once in a process.
 *
 * @param protocol in which spans will be sent; undefined if someone else does that
 */
export function rehearse(protocol: Backend['protocol'] | undefined): void {
  if (done) return;
  done = true;
  try {
    const owner = stage(protocol);
    const entered = enter(owner);
    propagatorOf(owner).injectFor(owner, entered, {}, { set: () => undefined }, true);
    for (const context of [entered, ROOT_CONTEXT]) call(owner, context);
  } catch (error) {
    warnError('SPW_INTERNAL', 'the first call could not be rehearsed', error);
  } finally {
    unseed();
  }
}

function enter(owner: SpanOwner): Context {
  const headers = {
    accept: '*/*',
    traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
    baggage: 'session_id=s,project=p,source=s',
  };
  const { carrier } = findCarrier([headers]);
  return enterContext(carrier, { trust: 'continue', owner }, ROOT_CONTEXT).context;
}

function call(owner: SpanOwner, context: Context): void {
  const args = [VALUE, NAME];
  const options = { name: NAME, inputs: true, outputs: true };
  const plan = planOf(options, NAME, { name: NAME, self: undefined, args });
  runInSpan(owner, context, plan, (value: unknown) => value, undefined, args);
}

/** A tracer that nobody else knows. */
function stage(protocol: Backend['protocol'] | undefined): SpanOwner {
  const owner: { -readonly [K in keyof SpanOwner]: SpanOwner[K] } = {
    name: NAME,
    identity: { sessionId: NAME, project: NAME, source: NAME, keys: DEFAULT_IDENTITY_KEYS },
    settings: {
      capture: { inputs: false, outputs: false },
      redact: createRedactor(),
      messageContent: undefined,
      trust: 'continue',
      newSession: false,
      propagateTo: undefined,
      baggageAttributes: [],
      honeyHiveCompatible: false,
      fixedAttributes: {},
      autoSession: false,
      followsParent: true,
      stampAtStart: false,
    },
    live: true,
    takesGlobalSpans: false,
    provider: { getTracer: () => owner.otelTracer } satisfies TracerProvider,
    otelTracer: undefined as never,
    updateEvent: () => undefined,
    announceSession: () => undefined,
  };
  const backstage = {
    onStart: () => undefined,
    onEnd: (span: any) => protocol !== undefined && rehearseExport(span, protocol),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  owner.otelTracer = createStageTracer([new IdentitySpanProcessor(owner), backstage]);
  return owner;
}
