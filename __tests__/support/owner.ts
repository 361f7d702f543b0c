/** An owner below the session level: a real engine with a recorder, and chosen identity and settings. */
import { DEFAULT_IDENTITY_KEYS, type Identity } from '../../lib/context/identity.js';
import { installContextManager } from '../../lib/engine/context-manager.js';
import { createSpanwiseEngine } from '../../lib/engine/provider.js';
import { createSdkEngine } from '../../lib/engine/sdk.js';
import { IdentitySpanProcessor } from '../../lib/processor/identity-span-processor.js';
import { TEST_ENGINE } from './engine.js';
import { Recorder } from './recorder.js';
import type { OwnerSettings, SpanOwner } from '../../lib/tracer/owner.js';
import type { ReadableSpan, SpanLimits, SpanProcessor } from '../../lib/tracer/sdk-contract.js';

export { Recorder } from './recorder.js';

/** Builds spans with the engine of this test project. */
export const createTestEngine = TEST_ENGINE === 'sdk' ? createSdkEngine : createSpanwiseEngine;

export interface TestOwner extends SpanOwner {
  readonly recorder: Recorder;
  readonly events: Record<string, unknown>[];
  readonly announced: string[];
  live: boolean;
}

/** Makes an owner; it is not registered. */
export function makeOwner(
  name: string,
  identity: Identity = {},
  settings: Partial<OwnerSettings> = {},
  spanLimits: SpanLimits = {},
): TestOwner {
  installContextManager();
  const recorder = new Recorder();
  const events: Record<string, unknown>[] = [];
  const announced: string[] = [];
  const processor = {
    onStart: (span: never, parent: never) => new IdentitySpanProcessor(owner).onStart(span, parent),
    onEnd: () => undefined,
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const engine = createTestEngine({ spanProcessors: [processor, recorder], spanLimits });
  const owner: TestOwner = {
    name,
    otelTracer: engine.provider.getTracer('test'),
    provider: engine.provider,
    identity: { ...identity, keys: DEFAULT_IDENTITY_KEYS },
    settings: {
      capture: { inputs: false, outputs: false },
      redact: undefined,
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
      ...settings,
    },
    live: true,
    takesGlobalSpans: true,
    updateEvent: (event) => void events.push(event),
    announceSession: (id) => void announced.push(id),
    recorder,
    events,
    announced,
  };
  return owner;
}
