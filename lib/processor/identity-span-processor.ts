/**
 * A span processor that stamps session, project and source on every span of a provider, also on other libraries'.
 */
import { SpanKind, type Context } from '@opentelemetry/api';
import {
  ATTR_EVENT_TYPE,
  ATTR_OTEL_SESSION_ID,
  ATTR_SESSION_ID,
  ATTR_SESSION_NAME,
  SCOPE_NAME,
} from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { isUsableId } from '../context/identity.js';
import { ownerOf, type SpanOwner } from '../tracer/owner.js';
import { tracerRegistry } from '../tracer/registry.js';
import type { ReadableSpan, SpanProcessor, WritableSpan } from '../tracer/sdk-contract.js';
import { detectLateEventType } from './event-type.js';
import { isRoot, stampSpan } from './stamp.js';

/** How many traces with a minted session are remembered; the oldest gives way. */
const MAX_AUTO_SESSIONS = 10_000;

/**
 * Stamps identity on every span that starts: what arrived in baggage first, then the tracer's own.
 *
 * Add it to a provider of your own to have the same identity on your other spans; `SessionTracer.init` adds it to
 * the provider that it makes.
 *
 * What fails is reported (`SPW_INTERNAL`), and the span goes on without.
 *
 * @example
 * ```ts
 * import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
 * import { IdentitySpanProcessor, SessionTracer, withSession } from 'spanwise';
 * import { recordSpans } from 'spanwise/testing';
 *
 * const recorder = recordSpans();
 * const provider = new NodeTracerProvider({ spanProcessors: [new IdentitySpanProcessor(), recorder] });
 * SessionTracer.init({ project: 'shop', provider });
 *
 * withSession('s-1', () => provider.getTracer('other').startSpan('query').end());
 * console.log(recorder.find('query')?.attributes['honeyhive.session_id']); // s-1
 * ```
 * Every span then carries `honeyhive.session_id`, `honeyhive.project`, `honeyhive.source` and `session.id`.
 * @see https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-processor
 * @category Processor
 */
export class IdentitySpanProcessor implements SpanProcessor {
  // An instrumentation's root span has no context of ours in which a minted session could travel to its children.
  readonly #autoSessions = new Map<string, string>();

  /** @param tracer the tracer, or its name, whose defaults are used; by default the owner of the span's context */
  constructor(private readonly tracer?: SpanOwner | string) {}

  /** Stamps the span; a failure is reported and the span goes on without. */
  onStart(span: WritableSpan, parentContext: Context): void {
    try {
      if (parentContext === undefined || parentContext === null || !span.isRecording()) return;
      const owner = this.#owner(parentContext);
      stampSpan(span, parentContext, owner);
      if (owner?.settings.autoSession === true) this.#autoSession(span, parentContext, owner);
    } catch (error) {
      warnError('SPW_INTERNAL', 'identity could not be stamped on a span', error);
    }
  }

  /** Looks again at what kind of event the span is, if it is another library's. */
  onEnd(span: ReadableSpan): void {
    // Ours were told what they are; a processor that exports comes later and sees the type as it is then.
    if (span.instrumentationScope?.name !== SCOPE_NAME) lookAgain(span);
    if (this.#autoSessions.size > 0 && span.parentSpanContext === undefined) {
      this.#autoSessions.delete(span.spanContext().traceId);
    }
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    this.#autoSessions.clear();
    return Promise.resolve();
  }

  #owner(context: Context): SpanOwner | undefined {
    if (typeof this.tracer === 'string') return tracerRegistry.get(this.tracer);
    return this.tracer ?? ownerOf(context) ?? tracerRegistry.default;
  }

  #autoSession(span: WritableSpan, context: Context, owner: SpanOwner): void {
    if (isUsableId(span.attributes[ATTR_SESSION_ID])) return;
    const { traceId } = span.spanContext();
    let minted = this.#autoSessions.get(traceId);
    if (minted === undefined) {
      if (span.kind !== SpanKind.SERVER || !isRoot(context)) return;
      minted = globalThis.crypto.randomUUID();
      if (this.#autoSessions.size >= MAX_AUTO_SESSIONS) {
        this.#autoSessions.delete(this.#autoSessions.keys().next().value as string);
      }
      this.#autoSessions.set(traceId, minted);
    }
    span.attributes[ATTR_SESSION_ID] = minted;
    span.attributes[ATTR_OTEL_SESSION_ID] = minted;
    const name = owner.identity.sessionName;
    if (name !== undefined) span.attributes[ATTR_SESSION_NAME] = name;
  }
}

function lookAgain(span: ReadableSpan): void {
  try {
    const eventType = detectLateEventType(span.attributes);
    if (eventType !== undefined) span.attributes[ATTR_EVENT_TYPE] = eventType;
  } catch (error) {
    warnError('SPW_INTERNAL', "a span's event type could not be looked at again", error);
  }
}
