/**
 * `fetch` on runtimes that do not tell of its requests, as Node does of undici's: Bun, Deno and workers.
 *
 * It is wrapped. A redirect is then not to be seen, and it would take baggage along to hosts that may not have it; so
 * with `propagateTo` redirects are followed here, as the specification has it.
 */
import { context } from '@opentelemetry/api';
import { HEADER_BAGGAGE, HEADER_TRACEPARENT } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { resolveOwner } from '../tracer/registry.js';
import { startClientCall, type ClientCall } from './client-call.js';

type Fetch = typeof globalThis.fetch;
type Input = Parameters<Fetch>[0];
type Init = NonNullable<Parameters<Fetch>[1]>;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 20;
/** What belongs to the body, and goes with it. */
const BODY_HEADERS = [
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'content-length',
];
/** What is meant for one origin. */
const ORIGIN_HEADERS = ['authorization', 'cookie', 'host', 'proxy-authorization'];

/** Traces calls of `fetch` from now on, to the beginning of their answer; returns what ends that. */
export function instrumentFetch(): () => void {
  const original = globalThis.fetch;
  if (typeof original !== 'function') return () => undefined;
  let active = true;
  const traced: Fetch = (input, init) => {
    if (!active) return original(input, init);
    let plan: Plan | undefined;
    try {
      plan = planOf(input, init);
    } catch {
      // Not a call that can be made: fetch says so itself.
    }
    return plan === undefined ? original(input, init) : follow(original, input, plan);
  };
  try {
    Object.defineProperties(traced, Object.getOwnPropertyDescriptors(original));
  } catch {
    // A property that cannot be had twice.
  }
  globalThis.fetch = traced;
  return () => {
    active = false;
    if (globalThis.fetch === traced) globalThis.fetch = original;
  };
}

/** A call as it is to be made. */
interface Plan {
  url: URL;
  method: string;
  readonly headers: Headers;
  readonly init: Init;
  /** Whether redirects are followed here. */
  readonly byHand: boolean;
  /** Whether baggage could get where it may not go. */
  readonly leaky: boolean;
}

function planOf(input: Input, init: Init = {}): Plan | undefined {
  const owner = resolveOwner(undefined, context.active());
  if (owner === undefined) return undefined;
  const request = typeof Request === 'function' && input instanceof Request ? input : undefined;
  const limited = owner.settings.propagateTo !== undefined;
  const follows = (init.redirect ?? request?.redirect ?? 'follow') === 'follow';
  const once = isStream(init.body) || (init.body === undefined && request?.body != null);
  return {
    url: new URL(request?.url ?? String(input)),
    method: (init.method ?? request?.method ?? 'GET').toUpperCase(),
    headers: new Headers(init.headers ?? request?.headers),
    init,
    byHand: limited && follows && !once,
    leaky: limited && follows && once,
  };
}

function isStream(body: unknown): boolean {
  return typeof ReadableStream === 'function' && body instanceof ReadableStream;
}

async function follow(original: Fetch, input: Input, plan: Plan): Promise<Response> {
  let target: Input = input;
  let init = plan.init;
  for (let redirects = 0; ; redirects++) {
    const response = await callOnce(original, target, init, plan);
    const location = plan.byHand && REDIRECTS.has(response.status) ? response.headers.get('location') : null;
    if (location === null) return redirects > 0 ? asRedirected(response) : response;
    const next = new URL(location, plan.url);
    if (redirects >= MAX_REDIRECTS) throw new TypeError('fetch failed: redirect count exceeded');
    if (!/^https?:$/.test(next.protocol)) throw new TypeError('fetch failed: redirect to another scheme');
    if (next.hash === '') next.hash = plan.url.hash;
    void response.body?.cancel().catch(() => undefined);
    init = { ...init };
    if (turnsIntoGet(response.status, plan.method)) {
      plan.method = 'GET';
      delete init.body;
      for (const name of BODY_HEADERS) plan.headers.delete(name);
    }
    if (next.origin !== plan.url.origin) for (const name of ORIGIN_HEADERS) plan.headers.delete(name);
    plan.url = next;
    init.method = plan.method;
    target = next.href;
  }
}

function turnsIntoGet(status: number, method: string): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD';
  return (status === 301 || status === 302) && method === 'POST';
}

/** One request of a call, with a span of its own. */
async function callOnce(original: Fetch, target: Input, init: Init, plan: Plan): Promise<Response> {
  const { headers } = plan;
  let call: ClientCall | undefined;
  const sent = new Headers(headers);
  try {
    const outgoing = startClientCall(plan.method, plan.url, headers.has(HEADER_TRACEPARENT));
    call = outgoing.call;
    for (const [name, value] of Object.entries(call?.headers ?? {})) sent.set(name, value);
    if (outgoing.dropBaggage || plan.leaky) sent.delete(HEADER_BAGGAGE);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a fetch could not be traced; it goes on', error);
  }
  try {
    const response = await original(target, {
      ...init,
      headers: sent,
      ...(plan.byHand ? { redirect: 'manual' as const } : {}),
    });
    call?.answered(response.status);
    call?.end();
    return response;
  } catch (error) {
    call?.fail(error);
    throw error;
  }
}

/** As fetch answers when it has followed a redirect. */
function asRedirected(response: Response): Response {
  try {
    Object.defineProperty(response, 'redirected', { value: true, configurable: true });
  } catch {
    // A runtime's own object that takes nothing.
  }
  return response;
}
