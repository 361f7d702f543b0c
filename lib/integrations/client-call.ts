/**
 * One outgoing HTTP call: its client span, the headers it sends, and how it ended.
 */
import { context, SpanKind, SpanStatusCode, type Context } from '@opentelemetry/api';
import { SUPPRESS_TRACING_KEY } from '../context/keys.js';
import { ATTR_ABORTED, ATTR_ERROR_KIND, ATTR_HTTP_STATUS } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { injectContextIntoCarrier } from '../propagation/propagate.js';
import { mayReceiveBaggage } from '../propagation/propagate-to.js';
import { recordError } from '../span/span-error.js';
import { OpenRun, type SpanRun } from '../span/settle-run.js';
import { TracedRun } from '../span/with-span.js';
import type { SpanOwner } from '../tracer/owner.js';
import { resolveOwner } from '../tracer/registry.js';
import { clientAttributes, methodForName } from './http-semantics.js';

/** An outgoing call that is traced. */
export class ClientCall {
  #status: number | undefined;
  #ended = false;
  readonly #open: SpanRun;

  constructor(
    private readonly owner: SpanOwner,
    private readonly run: TracedRun,
    /** The headers to send; they replace any of the same name. */
    readonly headers: Readonly<Record<string, string>>,
  ) {
    this.#open = OpenRun.of(run);
  }

  /** The answer has begun. */
  answered(status: number): void {
    this.#status = status;
  }

  /** The answer is complete, or there is none any more. */
  end(aborted = false): void {
    this.#finish(() => {
      const status = this.#status;
      if (status !== undefined) this.run.span.setAttribute(ATTR_HTTP_STATUS, status);
      if (aborted) this.run.span.setAttribute(ATTR_ABORTED, true);
      if (status !== undefined && status >= 400) {
        this.run.span.setAttribute(ATTR_ERROR_KIND, String(status));
        this.run.span.setStatus({ code: SpanStatusCode.ERROR });
      }
    });
  }

  /** There is no answer, or it broke off. */
  fail(error: unknown): void {
    this.#finish(() => {
      const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
      if (this.#status !== undefined) this.run.span.setAttribute(ATTR_HTTP_STATUS, this.#status);
      recordError(this.run.span, error, this.owner);
      const kind = typeof code === 'string' ? code : typeof name === 'string' ? name : 'Error';
      this.run.span.setAttribute(ATTR_ERROR_KIND, kind);
    });
  }

  #finish(describe: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      if (this.run.recording) describe();
    } catch (error) {
      warnError('SPW_INTERNAL', 'the end of an outgoing call could not be recorded', error);
    }
    this.#open.cancel();
  }
}

/** What is to be done with an outgoing call. */
export interface Outgoing {
  /** The traced call; undefined if someone has given it trace headers already, or it is telemetry itself. */
  readonly call: ClientCall | undefined;
  /** Whether a `baggage` header that is there already must not go to this host. */
  readonly dropBaggage: boolean;
}

const NOTHING: Outgoing = { call: undefined, dropBaggage: false };

/**
 * Decides on an outgoing call, in the active context.
 *
 * @param method its method
 * @param url where the connection goes, not what a header claims
 * @param isTraced whether it has a `traceparent` already
 */
export function startClientCall(method: string, url: URL, isTraced: boolean): Outgoing {
  const active: Context = context.active();
  if (active.getValue(SUPPRESS_TRACING_KEY) === true) return NOTHING;
  const owner = resolveOwner(undefined, active);
  if (owner === undefined) return NOTHING;
  const dropBaggage = !mayReceiveBaggage(url, owner.settings.propagateTo);
  if (isTraced) return { call: undefined, dropBaggage };
  const run = new TracedRun(
    owner,
    active,
    {
      name: methodForName(method),
      named: true,
      start: { kind: SpanKind.CLIENT, attributes: clientAttributes(method, url) },
      payloads: [],
    },
    undefined,
    [],
  );
  const headers = context.with(run.context, () =>
    injectContextIntoCarrier<Record<string, string>>({}, { url }),
  );
  return { call: new ClientCall(owner, run, headers), dropBaggage };
}
