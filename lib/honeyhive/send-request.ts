/**
 * One request to the backend, with a time limit, retries, and never a span of its own.
 *
 * Errors say what happened in words of our own: what a runtime or a server writes may repeat the API key.
 */
import { context } from '@opentelemetry/api';
import { SUPPRESS_TRACING_KEY } from '../context/keys.js';
import { singleLine, SpanwiseError } from '../diagnostics.js';

/** When and how long to wait before a request is repeated. */
export interface RetryPolicy {
  /** How often a request is repeated. @default 3 */
  readonly retries?: number;
  /** The first wait in milliseconds; it doubles each time. @default 1000 */
  readonly baseMs?: number;
  /** The longest wait in milliseconds. @default 60000 */
  readonly capMs?: number;
}

/** The backend refused, answered nonsense, or did not answer. */
export class BackendError extends SpanwiseError {
  /**
   * @param message what happened, without secrets
   * @param status the HTTP status, if there was an answer
   * @param attempts how often it was tried
   */
  constructor(
    message: string,
    readonly status: number | undefined,
    readonly attempts: number,
  ) {
    super('SPW_BACKEND', message);
  }
}

export interface BackendRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

export interface SendOptions {
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Waiting for a retry does not keep the process alive. */
  readonly background: boolean;
  readonly signal: AbortSignal | undefined;
  /** Removed from every text that a server wrote. */
  readonly secret: string | undefined;
}

const RETRIED_STATUSES = new Set([408, 429, 500, 502, 503, 504]);
const JITTER = 0.1;
const EXCERPT = 200;

/** Sends a request until it succeeds, is refused, or the retries are used up; returns the parsed JSON reply. */
export async function sendRequest(request: BackendRequest, options: SendOptions): Promise<unknown> {
  const { retries = 3, baseMs = 1_000, capMs = 60_000 } = options.retry;
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(request, options);
    if (outcome.ok) return outcome.reply;
    const what = `${request.method} ${pathOf(request.url)}: ${outcome.reason}`;
    if (!outcome.retry || attempt > retries || cancelled(options)) {
      throw new BackendError(what, outcome.status, attempt);
    }
    const wait = Math.min(capMs, Math.max(baseMs * 2 ** (attempt - 1), outcome.retryAfterMs ?? 0));
    await sleep(wait * (1 + JITTER * Math.random()), options);
    if (cancelled(options)) throw new BackendError(what, outcome.status, attempt);
  }
}

type Outcome =
  | { ok: true; reply: unknown }
  | { ok: false; reason: string; retry: boolean; status?: number; retryAfterMs?: number };

async function attemptOnce(request: BackendRequest, options: SendOptions): Promise<Outcome> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), options.timeoutMs);
  const signal =
    options.signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, options.signal]);
  try {
    const response = await context.with(context.active().setValue(SUPPRESS_TRACING_KEY, true), () =>
      options.fetch(request.url, {
        method: request.method,
        headers: request.headers,
        redirect: 'manual',
        signal,
        ...(request.body === undefined ? {} : { body: request.body }),
      }),
    );
    const text = await response.text();
    if (response.ok) return parseReply(text);
    return {
      ok: false,
      status: response.status,
      reason: refusal(response.status, text, options.secret),
      retry: RETRIED_STATUSES.has(response.status),
      retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
    };
  } catch (error) {
    if (cancelled(options)) return { ok: false, reason: 'cancelled', retry: false };
    if (timeout.signal.aborted) {
      return { ok: false, reason: `no answer within ${options.timeoutMs} ms`, retry: true };
    }
    return { ok: false, reason: `not reachable (${networkCode(error)})`, retry: true };
  } finally {
    clearTimeout(timer);
  }
}

function parseReply(text: string): Outcome {
  if (text.trim() === '') return { ok: true, reply: {} };
  try {
    return { ok: true, reply: JSON.parse(text) };
  } catch {
    return { ok: false, reason: 'the answer is not JSON', retry: false };
  }
}

function refusal(status: number, text: string, secret: string | undefined): string {
  const clean = secret === undefined ? text : text.split(secret).join('[api key]');
  const excerpt = clean.trim() === '' ? '' : `: ${singleLine(clean.trim(), EXCERPT)}`;
  const hint = status === 401 || status === 403 ? ' (check the API key)' : '';
  return `HTTP ${status}${hint}${excerpt}`;
}

/** `Retry-After` in milliseconds: seconds or an HTTP date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** The code of a network failure (`ECONNREFUSED`), or the error's kind; never its text. */
function networkCode(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause;
  for (const one of [cause, error]) {
    const code = (one as { code?: unknown } | undefined)?.code;
    if (typeof code === 'string') return singleLine(code, 40);
  }
  return error instanceof Error ? singleLine(error.name, 40) : 'unknown error';
}

/** The path of a URL: its host's credentials and its query stay out of messages. */
function pathOf(url: string): string {
  try {
    const { origin, pathname } = new URL(url);
    return `${origin}${pathname}`;
  } catch {
    return 'an unreadable URL';
  }
}

function cancelled(options: SendOptions): boolean {
  return options.signal?.aborted === true;
}

function sleep(ms: number, options: SendOptions): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (options.background) (timer as { unref?: () => void }).unref?.();
    options.signal?.addEventListener('abort', done);
  });
}
