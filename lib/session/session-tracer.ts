/**
 * `SessionTracer`: puts engine, processors, exporter, backend and identity together, and owns the spans.
 */
import {
  context,
  trace,
  type Context,
  type Span,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { ENV, SCOPE_NAME, VERSION } from '../conventions.js';
import { sayDeferred, warn, warnError } from '../diagnostics.js';
import { identityOf, type Identity, type IdentityDefaults } from '../context/identity.js';
import { ensureApiCopies } from '../engine/api-copies.js';
import { installContextManager } from '../engine/context-manager.js';
import type { Engine } from '../engine/engine.js';
import { createSpanwiseEngine } from '../engine/provider.js';
import { createSdkEngine } from '../engine/sdk.js';
import { settleAll } from '../engine/settle-all.js';
import { ExporterPipeline } from '../export/exporter-pipeline.js';
import { ExportPipeline, type FlushResult } from '../export/pipeline.js';
import { HoneyHiveClient } from '../honeyhive/client.js';
import { IdentitySpanProcessor } from '../processor/identity-span-processor.js';
import { nameFilter, NameFilterProcessor } from '../processor/name-filter.js';
import { MeshPropagator } from '../propagation/mesh-propagator.js';
import { setPropagator, SpanwisePropagator } from '../propagation/propagator.js';
import { PROPAGATION_FORMATS, type PropagationFormat } from '../propagation/read-headers.js';
import { keepErrors, wantsErrorsKept } from '../sampler/keep-errors.js';
import { enrich, type SpanPayload } from '../span/enrich-span.js';
import { endOpenRuns } from '../span/settle.js';
import type { OwnerSettings, SpanOwner } from '../tracer/owner.js';
import { tracerRegistry } from '../tracer/registry.js';
import { SamplingDecision, type Sampler, type SpanProcessor } from '../tracer/sdk-contract.js';
import { BackendCalls } from './backend-calls.js';
import { NO_TRACER, registerGlobals } from './global-registration.js';
import { awaitLangChainCallbacks } from './langchain-callbacks.js';
import { flag, resolveOptions, type SessionTracerConfig, type SessionTracerOptions } from './options.js';
import { rehearse } from './rehearsal.js';
import { reportUnknownSdk } from './unknown-sdk.js';
import {
  announce,
  enrichSession,
  sessionDetails,
  sessionIdFor,
  type SessionOptions,
  type SessionPayload,
} from './with-session.js';

const NOTHING_TO_FLUSH: FlushResult = { ok: true, delivered: 0, failed: 0, dropped: 0 };
/** How long `flush` waits unless told otherwise, in milliseconds. */
const FLUSH_TIMEOUT_MS = 10_000;
/** How long `shutdown` waits for the backend's REST interface, in milliseconds. */
const SHUTDOWN_TIMEOUT_MS = 2_000;

const NEVER: Sampler = {
  shouldSample: () => ({ decision: SamplingDecision.NOT_RECORD }),
  toString: () => 'disabled',
};

/**
 * A tracer with a session: it makes spans, stamps them with session, project and source, and delivers them.
 *
 * Its methods never throw: what goes wrong is reported (`SPW_BACKEND`, `SPW_EXPORT`), and `flush` tells what was delivered.
 *
 * @example
 * ```ts
 * import { SessionTracer, withSpan } from 'spanwise';
 *
 * const tracer = SessionTracer.init({ project: 'shop', source: 'agent-server' });
 * withSpan('order', () => undefined);
 * const { ok } = await tracer.flush();
 * console.log(ok, tracer.project); // true shop
 * await tracer.shutdown();
 * ```
 * @category Session
 */
export class SessionTracer implements SpanOwner {
  readonly name: string;
  readonly identity: IdentityDefaults;
  readonly settings: OwnerSettings;
  readonly provider: TracerProvider;
  readonly otelTracer: Tracer;
  readonly takesGlobalSpans: boolean;
  /** Resolves when the session exists at the backend: true, or false if it could not be started. Never rejects. */
  readonly ready: Promise<boolean>;
  readonly #config: SessionTracerConfig;
  readonly #pipeline: Pipeline | undefined;
  readonly #engine: Engine | undefined;
  readonly #client: HoneyHiveClient | undefined;
  readonly #calls: BackendCalls;
  #closing: Promise<void> | undefined;

  /**
   * Starts a tracer; use it instead of `new`.
   *
   * It is synchronous: the session's id is made here, and the session is posted to the backend in the background
   * (`ready` tells when). The first tracer of a process becomes the default one. A second `init` with the same
   * `name` returns the live tracer and reports `SPW_TRACER_EXISTS`.
   *
   * @param options see `SessionTracerOptions`; unknown or bad ones are reported and passed over
   * @returns the tracer; on a subclass, the subclass
   *
   * @example
   * ```ts
   * import { SessionTracer, tracerRegistry } from 'spanwise';
   *
   * const tracer = SessionTracer.init({ project: 'shop', source: 'web', apiKey: process.env['HH_API_KEY'] });
   * console.log(tracer === tracerRegistry.default); // true
   * ```
   */
  static init<T extends SessionTracer>(this: { prototype: T }, options: SessionTracerOptions = {}): T {
    const config = resolveOptions(options, globalThis.process?.env ?? {});
    const live = tracerRegistry.get(config.name);
    if (live !== undefined) {
      warn(
        'SPW_TRACER_EXISTS',
        `a tracer "${config.name}" is live already and is returned; shut it down first, or give another name`,
        config.name,
      );
      return live as unknown as T;
    }
    const Tracer = this as unknown as new (config: SessionTracerConfig) => T;
    return new Tracer(config);
  }

  protected constructor(config: SessionTracerConfig) {
    const { given, backend } = config;
    this.#config = config;
    this.name = config.name;
    this.identity = config.identity;
    this.settings = config.settings;
    this.takesGlobalSpans = given.global !== false;

    ensureApiCopies();
    installContextManager();
    this.#calls = new BackendCalls(backend.isDefault);
    this.#client =
      config.testMode || backend.apiUrl === undefined
        ? undefined
        : new HoneyHiveClient({
            serverUrl: backend.apiUrl,
            ...(backend.apiKey === undefined ? {} : { apiKey: backend.apiKey }),
            source: config.identity.source as string,
            background: true,
          });
    const ownProvider = given.provider;
    this.#pipeline = ownProvider === undefined ? createPipeline(config) : undefined;
    this.#engine = ownProvider === undefined ? createEngine(config, this, this.#pipeline) : undefined;
    this.provider = ownProvider ?? (this.#engine as Engine).provider;
    this.otelTracer = tracerOf(this.provider);

    const propagator = createPropagator(config);
    reportUnknownSdk(ownProvider);
    setPropagator(this, propagator);
    tracerRegistry.register(this);
    if (given.global !== false) registerGloballyOrSay(propagator, given.global === true);
    for (const instrumentation of given.instrumentations ?? []) {
      try {
        awaitLangChainCallbacks(instrumentation.instrumentationName);
        instrumentation.setTracerProvider(this.provider);
        instrumentation.enable();
      } catch (error) {
        warnError('SPW_INTERNAL', 'an instrumentation could not be connected', error);
      }
    }
    this.ready = this.#startOwnSession();
    rehearse(this.#pipeline instanceof ExportPipeline ? backend.protocol : undefined);
    sayDeferred();
  }

  /** The session's id; undefined with `skipBackendSessionCreation` and no id. */
  get sessionId(): string | undefined {
    return this.identity.sessionId;
  }

  /** The project that spans are stamped with where nothing else arrived. */
  get project(): string | undefined {
    return this.identity.project;
  }

  /** The source that spans are stamped with where nothing else arrived. */
  get source(): string {
    return this.identity.source as string;
  }

  /** Whether the tracer still makes spans. */
  get live(): boolean {
    return this.#closing === undefined;
  }

  /**
   * Starts a further session at the backend, in the background.
   *
   * @param options the session's id (a new UUID unless given), name and payload
   * @returns its id, for `withSession`
   */
  startSession(options: SessionOptions = {}): string {
    const sessionId = sessionIdFor(options.sessionId);
    announce(this, sessionId, options);
    return sessionId;
  }

  /** Adds a payload to the active span, with this tracer's redaction and backend. */
  enrichSpan(payload: SpanPayload): boolean {
    return enrich(trace.getSpan(context.active()), this, payload);
  }

  /** Adds a payload to the current session, or to the tracer's own outside of one. */
  enrichSession(payload: SessionPayload): boolean {
    return enrichSession(payload, this);
  }

  /** The identity a span of this tracer would have in a context. */
  identityIn(active: Context = context.active()): Identity {
    return identityOf(active, this.identity);
  }

  /** The active span, if one is recording. */
  get activeSpan(): Span | undefined {
    return trace.getSpan(context.active());
  }

  /**
   * Delivers what has ended so far.
   *
   * @param options.timeoutMs how long to wait at most; 10 seconds by default
   * @returns what became of the spans: `ok` only if every one of them was received
   */
  async flush(options?: { timeoutMs?: number }): Promise<FlushResult> {
    const timeoutMs = options?.timeoutMs ?? FLUSH_TIMEOUT_MS;
    try {
      const [result, calls] = await Promise.all([this.#flushSpans(timeoutMs), this.#calls.flush(timeoutMs)]);
      return calls ? result : { ...result, ok: false };
    } catch (error) {
      warnError('SPW_EXPORT', 'flush failed', error);
      return { ...NOTHING_TO_FLUSH, ok: false };
    }
  }

  /**
   * Ends open spans, delivers what there is, and takes the tracer out of the registry. Never rejects.
   *
   * A provider of the user's own is flushed and left running.
   *
   * @param options.timeoutMs how long delivery may take at most; 2 seconds by default
   */
  shutdown(options?: { timeoutMs?: number }): Promise<void> {
    return (this.#closing ??= this.#shutdown(options?.timeoutMs ?? SHUTDOWN_TIMEOUT_MS));
  }

  /** Sends `PUT /events`, in the background. */
  updateEvent(event: Record<string, unknown>): void {
    const client = this.#client;
    if (client === undefined) return;
    void this.#calls.run('PUT /events', () => client.updateEvent(event as never));
  }

  /** Sends `POST /session/start`, in the background. */
  announceSession(sessionId: string, sessionName: string, details: Record<string, unknown> = {}): void {
    void this.#announce(sessionId, sessionName, details);
  }

  async #announce(
    sessionId: string,
    sessionName: string,
    details: Record<string, unknown>,
  ): Promise<boolean> {
    const client = this.#client;
    if (client === undefined) return false;
    return this.#calls.run('POST /session/start', () =>
      client.startSession({
        session_id: sessionId,
        session_name: sessionName,
        ...(this.project === undefined ? {} : { project: this.project }),
        source: this.source,
        ...details,
      }),
    );
  }

  #startOwnSession(): Promise<boolean> {
    const { given, announces } = this.#config;
    const { sessionId, sessionName, runId, datasetId, datapointId } = this.identity;
    if (!announces || sessionId === undefined) return Promise.resolve(sessionId !== undefined && !announces);
    const experiment = {
      ...(runId === undefined ? {} : { run_id: runId }),
      ...(datasetId === undefined ? {} : { dataset_id: datasetId }),
      ...(datapointId === undefined ? {} : { datapoint_id: datapointId }),
    };
    const metadata = { ...given.metadata, ...experiment };
    const details = sessionDetails({ ...given, metadata }, this);
    return this.#announce(sessionId, sessionName as string, details);
  }

  async #flushSpans(timeoutMs: number): Promise<FlushResult> {
    if (this.#engine === undefined) {
      const foreign = this.provider as { forceFlush?: () => Promise<void> };
      await withTimeout(Promise.resolve(foreign.forceFlush?.()), timeoutMs);
      return NOTHING_TO_FLUSH;
    }
    // Not the engine's own `forceFlush`: it would flush the pipeline a second time, and take as long again.
    const [result] = await Promise.all([
      this.#pipeline?.flush({ timeoutMs }) ?? NOTHING_TO_FLUSH,
      settleAll(this.#config.given.spanProcessors ?? [], 'forceFlush', timeoutMs),
    ]);
    return result;
  }

  async #shutdown(timeoutMs: number): Promise<void> {
    try {
      endOpenRuns((run) => (run as { owner?: unknown }).owner === this);
      tracerRegistry.unregister(this);
      await withTimeout(this.flush({ timeoutMs }), timeoutMs);
      await this.#pipeline?.shutdown({ timeoutMs });
      await this.#engine?.shutdown();
      this.#client?.close();
    } catch (error) {
      warnError('SPW_INTERNAL', `shutdown of "${this.name}"`, error);
    }
  }
}

/** The API throws in a process whose `Object.prototype` somebody has put accessors on. */
function registerGloballyOrSay(propagator: SpanwisePropagator, insist: boolean): void {
  try {
    registerGlobals(propagator, insist);
  } catch (error) {
    warnError('SPW_GLOBAL', 'provider and propagator could not be registered globally', error);
  }
}

/** A provider of the user's may fail where it promised not to. */
function tracerOf(provider: TracerProvider): Tracer {
  try {
    const tracer = provider.getTracer(SCOPE_NAME, VERSION);
    if (typeof tracer?.startSpan === 'function') return tracer;
    warn('SPW_OPTION', 'the provider gave no tracer, so no spans are made', 'provider');
  } catch (error) {
    warnError('SPW_OPTION', 'the provider failed to give a tracer, so no spans are made', error);
  }
  return NO_TRACER;
}

/** A processor that delivers spans and tells what became of them. */
type Pipeline = SpanProcessor & {
  flush(options?: { timeoutMs?: number }): Promise<FlushResult>;
  shutdown(options?: { timeoutMs?: number }): Promise<void>;
};

function createPipeline(config: SessionTracerConfig): Pipeline | undefined {
  const { given, backend, testMode } = config;
  const mode = given.exportMode ?? 'batch';
  if (given.exporter !== undefined) return new ExporterPipeline({ exporter: given.exporter, mode });
  if (testMode) return undefined;
  return new ExportPipeline({
    url: backend.tracesUrl,
    headers: { ...backend.headers },
    protocol: backend.protocol,
    mode,
    ...(given.spool === undefined ? {} : { spool: given.spool }),
  });
}

function createPropagator({ given, settings, identity }: SessionTracerConfig): SpanwisePropagator {
  const formats: PropagationFormat[] = ['w3c'];
  const extra: TextMapPropagator[] = [];
  for (const wanted of given.propagators ?? []) {
    if (wanted === 'mesh') extra.push(new MeshPropagator());
    else if (typeof wanted !== 'string') extra.push(wanted);
    else if (!PROPAGATION_FORMATS.includes(wanted)) {
      const known = [...PROPAGATION_FORMATS, 'mesh'].join(', ');
      warn('SPW_OPTION', `propagators knows ${known}; "${String(wanted)}" is ignored`, 'propagators');
    } else if (!formats.includes(wanted)) formats.push(wanted);
  }
  return new SpanwisePropagator({ formats, extra, trust: settings.trust, identityKeys: identity.keys });
}

function createEngine(
  config: SessionTracerConfig,
  tracer: SessionTracer,
  pipeline: Pipeline | undefined,
): Engine {
  const { given } = config;
  const spanProcessors: SpanProcessor[] = [
    new IdentitySpanProcessor(tracer),
    ...(given.spanProcessors ?? []),
  ];
  if (pipeline !== undefined) {
    const keep = nameFilter(given.spanNameFilters);
    const exporting = keep === undefined ? pipeline : new NameFilterProcessor(pipeline, keep);
    spanProcessors.push(wantsErrorsKept(given.sampler) ? keepErrors(exporting) : exporting);
  }
  const disabled = flag(globalThis.process?.env[ENV.sdkDisabled]);
  const create = given.engine === 'sdk' ? createSdkEngine : createSpanwiseEngine;
  return create({
    spanProcessors,
    spanLimits: config.spanLimits,
    ...(given.resource === undefined ? {} : { resource: given.resource }),
    ...(disabled ? { sampler: NEVER } : given.sampler === undefined ? {} : { sampler: given.sampler }),
  });
}

function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
