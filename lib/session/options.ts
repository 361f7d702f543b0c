/**
 * The options of `SessionTracer.init`, and how options, environment and defaults become one configuration.
 */
import type { Attributes, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import { messageContentAllowed } from '../capture/message-content.js';
import type { RedactOption } from '../capture/redact.js';
import { createRedactor } from '../capture/redact.js';
import {
  ATTR_EXPERIMENT_GROUP,
  ATTR_EXPERIMENT_ID,
  ATTR_EXPERIMENT_METADATA,
  ATTR_EXPERIMENT_NAME,
  ATTR_EXPERIMENT_VARIANT,
  ENV,
} from '../conventions.js';
import { warn, warnError } from '../diagnostics.js';
import { DEFAULT_IDENTITY_KEYS, type IdentityDefaults, type IdentityKeys } from '../context/identity.js';
import type { NameFilters } from '../processor/name-filter.js';
import type { OwnerSettings, Trust } from '../tracer/owner.js';
import type { Sampler, SpanExporter, SpanLimits, SpanProcessor } from '../tracer/sdk-contract.js';
import { resolveBackend, type Backend, type BackendOptions } from './backend.js';
import { checkOptions, OPTION_KINDS } from './check-options.js';

/**
 * An OpenTelemetry instrumentation, as `init` uses it.
 *
 * @category Session
 */
export interface Instrumentation {
  readonly instrumentationName?: string;
  setTracerProvider(provider: TracerProvider): void;
  enable(): void;
}

/**
 * Options of `SessionTracer.init`; each also has a default, and many an environment variable.
 *
 * @category Session
 */
export interface SessionTracerOptions extends BackendOptions {
  /** The tracer's name in the registry. @default the project, else "default" */
  name?: string;
  /** The project that sessions belong to. @default `HH_PROJECT` */
  project?: string;
  /** The environment or service that sessions come from. @default `HH_SOURCE`, else "dev" */
  source?: string;
  /** The session's id, a UUID. @default a new one */
  sessionId?: string;
  /** The session's name at the backend. @default `HH_SESSION_NAME`, else the tracer's name */
  sessionName?: string;
  /** An exporter of your own instead of OTLP. */
  exporter?: SpanExporter;
  /** Further span processors; they see spans after identity is stamped. */
  spanProcessors?: SpanProcessor[];
  /** A provider of your own; spans are made with it and exported by it. */
  provider?: TracerProvider;
  /** Who builds the spans: OpenTelemetry's SDK, or our own engine with the same interfaces. @default "spanwise" */
  engine?: 'sdk' | 'spanwise';
  /** Resource attributes, such as `service.name`. @default `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` */
  resource?: Attributes;
  /** Which spans are sampled. @default all, following the parent's decision */
  sampler?: Sampler;
  /** How much a span may hold. @default 1024 attributes, 1024 events, 128 links */
  spanLimits?: SpanLimits;
  /** OpenTelemetry instrumentations to connect to this tracer. */
  instrumentations?: Instrumentation[];
  /**
   * Header formats besides W3C, in both directions: "b3", "b3multi", "mesh" (`x-request-id` and what else Istio, Envoy
   * and Linkerd want passed on), or propagators.
   */
  propagators?: ('w3c' | 'b3' | 'b3multi' | 'mesh' | TextMapPropagator)[];
  /** "immediate" sends each span as it ends, for functions that may be frozen. @default "batch" */
  exportMode?: 'batch' | 'immediate';
  /** Keeps undelivered spans on disk over a restart: true, or a directory. @default false */
  spool?: boolean | string;
  /** Become the global provider and propagator: only if none is registered, or never. @default "auto" */
  global?: 'auto' | boolean;
  /** No network at all. @default `HH_TEST_MODE` */
  testMode?: boolean;
  /** Record arguments and results of every traced call. @default both false */
  capture?: boolean | { inputs?: boolean; outputs?: boolean };
  /** How secrets in recorded values are found: true for the usual ones, rules, a function, or false. @default true */
  redact?: RedactOption;
  /** Baggage keys that are copied to `baggage.<key>` attributes. @default none */
  baggageAttributes?: string[];
  /** Further inbound baggage spellings of session, project and source. */
  identityKeys?: { session?: string[]; project?: string[]; source?: string[] };
  /** What an entry does with callers: see the security page. @default "continue" */
  trust?: Trust;
  /** Hosts that may receive baggage: exact names, "*.example.com", or patterns. @default every host */
  propagateTo?: (string | RegExp)[];
  /** Also write what older HoneyHive backends read. @default "honeyhive" when the backend is HoneyHive's, else "otel" */
  conventions?: 'honeyhive' | 'otel';
  /** Each root entry without an upstream session starts a session of its own. @default false */
  newSession?: boolean;
  /** The session's inputs at the backend. */
  inputs?: Record<string, unknown>;
  /** The session's metadata at the backend. */
  metadata?: Record<string, unknown>;
  /** Who the session is for, at the backend. */
  userProperties?: Record<string, unknown>;
  /** Ids of an experiment's run, stamped on every span. */
  runId?: string;
  datasetId?: string;
  datapointId?: string;
  /** An experiment, stamped on every span. @default `HH_EXPERIMENT_*` */
  experiment?: {
    id?: string;
    name?: string;
    variant?: string;
    group?: string;
    metadata?: Record<string, unknown>;
  };
  /** Do not start the session at the backend. @default false */
  skipBackendSessionCreation?: boolean;
  /** Spans to leave out, by the start of their name. */
  spanNameFilters?: NameFilters;
}

/** No option is forgotten there. */
const KINDS: Readonly<Record<keyof SessionTracerOptions, (typeof OPTION_KINDS)[keyof typeof OPTION_KINDS]>> =
  OPTION_KINDS;

/**
 * A tracer's configuration, complete: what a subclass's constructor is given.
 *
 * @category Session
 */
export interface SessionTracerConfig {
  readonly given: SessionTracerOptions;
  readonly name: string;
  readonly identity: IdentityDefaults;
  readonly settings: OwnerSettings;
  readonly backend: Backend;
  readonly testMode: boolean;
  readonly spanLimits: SpanLimits;
  readonly announces: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Puts options, environment and defaults together; a bad value is reported and passed over.
 *
 * @param given to `init`: options, or whatever JavaScript put in their place
 * @param env the environment; only prefixed names are read
 */
export function resolveOptions(given: SessionTracerOptions | undefined, env: Env): SessionTracerConfig {
  const options: SessionTracerOptions = checkOptions(given, KINDS);
  const project = text(options.project) ?? text(env[ENV.project]);
  const source = text(options.source) ?? text(env[ENV.source]) ?? 'dev';
  const name = text(options.name) ?? project ?? 'default';
  const skip = options.skipBackendSessionCreation === true;
  const sessionId = sessionIdOf(options.sessionId, skip);
  const testMode = options.testMode ?? flag(env[ENV.testMode]);
  const backend = resolveBackend(options, env, source, testMode);
  const capture = options.capture ?? false;
  return {
    given: options,
    name,
    identity: {
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(project === undefined ? {} : { project }),
      source,
      sessionName: text(options.sessionName) ?? text(env[ENV.sessionName]) ?? name,
      ...pick('runId', options.runId),
      ...pick('datasetId', options.datasetId),
      ...pick('datapointId', options.datapointId),
      keys: identityKeys(options.identityKeys),
    },
    settings: {
      capture:
        typeof capture === 'boolean'
          ? { inputs: capture, outputs: capture }
          : { inputs: capture.inputs === true, outputs: capture.outputs === true },
      redact: options.redact === false ? undefined : createRedactor(options.redact ?? true),
      messageContent: messageContentAllowed(env),
      trust: options.trust ?? 'continue',
      newSession: options.newSession === true,
      propagateTo: options.propagateTo,
      baggageAttributes: options.baggageAttributes ?? [],
      honeyHiveCompatible:
        (options.conventions ?? (backend.honeyHive ? 'honeyhive' : 'otel')) === 'honeyhive',
      fixedAttributes: experimentAttributes(options.experiment, env),
      autoSession: sessionId === undefined,
      followsParent: options.sampler === undefined && options.provider === undefined && followsParent(env),
      stampAtStart: options.provider !== undefined,
    },
    backend,
    testMode,
    spanLimits: {
      attributeCountLimit: count(env[ENV.maxAttributes]) ?? 1_024,
      eventCountLimit: count(env[ENV.maxEvents]) ?? 1_024,
      linkCountLimit: count(env[ENV.maxLinks]) ?? 128,
      ...options.spanLimits,
    },
    announces: !skip && !testMode && backend.apiUrl !== undefined,
  };
}

function sessionIdOf(given: string | undefined, skip: boolean): string | undefined {
  if (typeof given === 'string' && UUID.test(given)) return given.toLowerCase();
  if (given !== undefined) {
    warn(
      'SPW_SESSION_ID',
      'init({ sessionId }) takes a UUID; a new one is used. Pass a UUID, or use withSession for other ids',
    );
    return newSessionId();
  }
  return skip ? undefined : newSessionId();
}

function newSessionId(): string | undefined {
  try {
    return globalThis.crypto.randomUUID();
  } catch {
    warn(
      'SPW_SESSION_ID',
      'the runtime gives no random numbers here, so the tracer has no session and each trace gets one of its own; ' +
        'call init inside a request, or give it a sessionId',
    );
    return undefined;
  }
}

function identityKeys(given: SessionTracerOptions['identityKeys']): IdentityKeys {
  if (given === undefined) return DEFAULT_IDENTITY_KEYS;
  return {
    session: [...DEFAULT_IDENTITY_KEYS.session, ...(given.session ?? [])],
    project: [...DEFAULT_IDENTITY_KEYS.project, ...(given.project ?? [])],
    source: [...DEFAULT_IDENTITY_KEYS.source, ...(given.source ?? [])],
  };
}

function experimentAttributes(given: SessionTracerOptions['experiment'], env: Env): Attributes {
  const attributes: Attributes = {};
  const set = (key: string, value: unknown): void => {
    if (value !== undefined && value !== '') attributes[key] = String(value);
  };
  set(ATTR_EXPERIMENT_ID, given?.id ?? env[ENV.experimentId]);
  set(ATTR_EXPERIMENT_NAME, given?.name ?? env[ENV.experimentName]);
  set(ATTR_EXPERIMENT_VARIANT, given?.variant ?? env[ENV.experimentVariant]);
  set(ATTR_EXPERIMENT_GROUP, given?.group ?? env[ENV.experimentGroup]);
  for (const [key, value] of Object.entries(
    given?.metadata ?? experimentMetadata(env[ENV.experimentMetadata]),
  )) {
    if (value === undefined || value === null) continue;
    try {
      set(`${ATTR_EXPERIMENT_METADATA}.${key}`, typeof value === 'object' ? JSON.stringify(value) : value);
    } catch (error) {
      warnError('SPW_OPTION', 'a value of experiment.metadata is no JSON and is passed over', error);
    }
  }
  return attributes;
}

function experimentMetadata(json: string | undefined): Record<string, unknown> {
  if (json === undefined || json === '') return {};
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // Reported below.
  }
  warn(
    'SPW_OPTION',
    `${ENV.experimentMetadata} must be a JSON object and is ignored`,
    ENV.experimentMetadata,
  );
  return {};
}

function pick<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  const given = text(value);
  return given === undefined ? {} : ({ [key]: given } as Record<K, string>);
}

/** A non-empty string, or undefined. */
export function text(value: string | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** An environment flag: "true" and "1" are on. */
export function flag(value: string | undefined): boolean {
  return value !== undefined && /^(1|true|yes|on)$/i.test(value.trim());
}

/** Whether the sampler that the environment names, if any, follows its parent; the default one does. */
function followsParent(env: Env): boolean {
  return (text(env[ENV.tracesSampler]) ?? 'parentbased_always_on').startsWith('parentbased_');
}

function count(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value.trim()) ? Number(value) : undefined;
}
