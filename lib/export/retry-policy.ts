/**
 * What an answer means for the batch that got it.
 *
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 */
import { singleLine } from '../diagnostics.js';
import { readFields } from './protobuf-reader.js';
import type { Answer } from './transport.js';

/** The backend's verdict. */
export type Verdict =
  | { readonly kind: 'delivered'; readonly rejected: number; readonly message: string }
  /** Later, perhaps; `afterMs` is what the backend asked for. */
  | { readonly kind: 'retry'; readonly afterMs: number | undefined; readonly message: string }
  /** At once: nothing was wrong but an old connection. */
  | { readonly kind: 'again'; readonly message: string }
  /** Smaller requests may pass. */
  | { readonly kind: 'too-large'; readonly message: string }
  /** Some span may be at fault. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Not these and not others. */
  | { readonly kind: 'hopeless'; readonly message: string };

const RETRYABLE = new Set([429, 502, 503, 504]);
/** No backend is obeyed for longer than this. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Reads an answer. */
export function judge(answer: Answer): Verdict {
  if (answer.status === 0 && 'error' in answer) {
    const message = answer.error;
    if (answer.hopeless) return { kind: 'hopeless', message };
    return answer.staleConnection
      ? { kind: 'again', message }
      : { kind: 'retry', afterMs: undefined, message };
  }
  if (!('body' in answer)) return { kind: 'retry', afterMs: undefined, message: 'no status' };
  const { status } = answer;
  if (status >= 200 && status < 300)
    return { kind: 'delivered', ...partialSuccess(answer.contentType, answer.body) };
  const message = `HTTP ${status}${excerpt(answer.contentType, answer.body)}`;
  if (RETRYABLE.has(status)) return { kind: 'retry', afterMs: parseRetryAfter(answer.retryAfter), message };
  if (status === 413) return { kind: 'too-large', message };
  if (status === 400 || status === 422) return { kind: 'refused', message };
  return { kind: 'hopeless', message };
}

/**
 * The header `Retry-After` in milliseconds: seconds or a date.
 *
 * @param now milliseconds since 1970
 */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/**
 * How long to wait after so many failures in a row: doubling up to ten seconds, half of it by lot, so that many
 * services do not come back at the same moment.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const full = Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1), LONGEST_DELAY_MS);
  return full * (0.5 + random() / 2);
}

/** Reads how many spans of an accepted request the backend refused. */
function partialSuccess(contentType: string, body: Uint8Array): { rejected: number; message: string } {
  const none = { rejected: 0, message: '' };
  if (body.length === 0) return none;
  try {
    if (contentType.includes('json') || body[0] === 0x7b) {
      const json = JSON.parse(new TextDecoder().decode(body)) as {
        partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown };
      };
      const rejected = Number(json.partialSuccess?.rejectedSpans ?? 0);
      const message = json.partialSuccess?.errorMessage;
      return {
        rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
        message: typeof message === 'string' ? message : '',
      };
    }
    const result = { rejected: 0, message: '' };
    for (const { field, bytes } of readFields(body)) {
      if (field !== 1 || bytes === undefined) continue;
      for (const inner of readFields(bytes)) {
        if (inner.field === 1 && inner.value !== undefined) result.rejected = inner.value;
        if (inner.field === 2 && inner.bytes !== undefined)
          result.message = new TextDecoder().decode(inner.bytes);
      }
    }
    // A negative int64 read as a huge number is nonsense, not a count.
    return result.rejected <= Number.MAX_SAFE_INTEGER ? result : none;
  } catch {
    // Many backends answer 200 with a body of their own.
    return none;
  }
}

function excerpt(contentType: string, body: Uint8Array): string {
  if (body.length === 0 || !/text|json/.test(contentType)) return '';
  return `: ${singleLine(new TextDecoder().decode(body.subarray(0, 200)), 200)}`;
}
