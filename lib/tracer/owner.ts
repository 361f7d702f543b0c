/**
 * The owner contract: what a tracer must offer so that spans can belong to it.
 *
 * Everything below the session level talks to this interface and never to `SessionTracer` itself. It is looked at
 * structurally (no `instanceof`), because an ESM and a CJS copy of this package share one registry.
 */
import type { Attributes, Context, Tracer, TracerProvider } from '@opentelemetry/api';
import type { IdentityDefaults } from '../context/identity.js';
import { OWNER_KEY } from '../context/keys.js';

/**
 * What an entry does with a caller it does not know: see the `trust` option.
 *
 * @category Session
 */
export type Trust = 'continue' | 'link' | 'restart';

/** Which arguments and results are recorded without being asked for per decorator. */
export interface CaptureDefaults {
  readonly inputs: boolean;
  readonly outputs: boolean;
}

/** Replaces a value that must not be recorded; `key` is the attribute key it would be stored under. */
export type Redactor = (key: string, value: unknown) => unknown;

/**
 * The part of a tracer's configuration that spans and propagation read.
 *
 * @category Session
 */
export interface OwnerSettings {
  readonly capture: CaptureDefaults;
  readonly redact: Redactor | undefined;
  /**
   * Inputs and outputs of `model` events: true records them, false never does, undefined leaves it to `capture`.
   * It is OpenTelemetry's switch for the content of prompts and answers.
   */
  readonly messageContent: boolean | undefined;
  readonly trust: Trust;
  readonly newSession: boolean;
  /** Host patterns that may receive baggage; undefined is every host. */
  readonly propagateTo: readonly (string | RegExp)[] | undefined;
  readonly baggageAttributes: readonly string[];
  /** Also write what older HoneyHive backends read: Traceloop's association properties and `honeyhive_duration_ms`. */
  readonly honeyHiveCompatible: boolean;
  /** Attributes that are the same for every span of the tracer, such as an experiment's ids. */
  readonly fixedAttributes: Attributes;
  /** A root entry without an upstream session mints one, because the tracer has none of its own. */
  readonly autoSession: boolean;
  /** The sampler drops what the parent's service dropped, so that spans below an unsampled one need not be made. */
  readonly followsParent: boolean;
  /** Spans are stamped where they are made, because the provider is the user's and has no processor of ours. */
  readonly stampAtStart: boolean;
}

/**
 * A tracer as spans see it.
 *
 * @category Session
 */
export interface SpanOwner {
  readonly name: string;
  readonly otelTracer: Tracer;
  readonly provider: TracerProvider;
  readonly identity: IdentityDefaults;
  readonly settings: OwnerSettings;
  /** False after `shutdown`: contexts that still name it fall back to the default tracer. */
  readonly live: boolean;
  /** Whether spans that nobody owns, made through the global provider, may go to this tracer. */
  readonly takesGlobalSpans: boolean;
  /** Sends `PUT /events` for an event of the backend, in the background. */
  updateEvent(event: Record<string, unknown>): void;
  /** Starts a session at the backend, in the background. */
  announceSession(sessionId: string, sessionName: string, details?: Record<string, unknown>): void;
}

/** The live owner of a context, if it has one. */
export function ownerOf(context: Context): SpanOwner | undefined {
  const owner = context.getValue(OWNER_KEY) as SpanOwner | undefined;
  return owner !== undefined && owner.live ? owner : undefined;
}

/** The context with `owner` as the one that new spans belong to. */
export function withOwner(context: Context, owner: SpanOwner): Context {
  return context.getValue(OWNER_KEY) === owner ? context : context.setValue(OWNER_KEY, owner);
}

/**
 * The trust that options name: what someone has put on the prototype of all objects must not decide whom an entry
 * believes.
 */
export function trustIn(options: { readonly trust?: Trust | undefined }): Trust | undefined {
  return 'trust' in Object.prototype && !Object.hasOwn(options, 'trust') ? undefined : options.trust;
}
