/**
 * Diagnostics: everything Spanwise has to say, as coded single lines over OpenTelemetry's `diag`.
 *
 * A service in trouble must not be made worse by its tracing, so one kind of message is said at most once in
 * 30 seconds, with the number of repetitions that were held back.
 */
import { diag } from '@opentelemetry/api';

/** Every diagnostic code with what it means; the troubleshooting page explains the same codes. */
export const DIAGNOSTIC_CODES = {
  SPW_TARGET: 'a decorator stands on something it cannot trace',
  SPW_FIELD: 'a decorated field cannot be traced',
  SPW_OPTION: 'an option is unknown or has a bad value',
  SPW_CALLBACK: 'a callback of the user threw',
  SPW_INTERNAL: 'tracing itself failed; the traced call went on',
  SPW_TRACER_EXISTS: 'a tracer of that name is live already',
  SPW_TRACER_UNKNOWN: 'no tracer of that name is registered',
  SPW_GLOBAL: 'the global provider, propagator or context manager belongs to someone else',
  SPW_SDK: 'a tracer provider belongs to an SDK that is not known',
  SPW_CONTEXT_MANAGER: 'no working context manager: spans cannot find their parents',
  SPW_CALLBACKS: 'a framework runs its callbacks outside of the context they belong to',
  SPW_API_COPY: 'a second copy of @opentelemetry/api is loaded',
  SPW_MISSING_PACKAGE: 'an optional package is needed and not installed',
  SPW_REGISTER: 'spanwise/register could not start tracing, or not all of it',
  SPW_SESSION_ID: 'a session id is not usable',
  SPW_API_KEY: 'no API key for HoneyHive',
  SPW_BACKEND: 'the backend refused or did not answer',
  SPW_CARRIER: 'a carrier could not be read or was ambiguous',
  SPW_TRACEPARENT: 'a trace header is malformed',
  SPW_BAGGAGE: 'baggage is malformed or over its limits',
  SPW_TRUST: 'something untrusted could not be undone',
  SPW_CAPTURE: 'a value was cut or could not be captured',
  SPW_REDACT: 'a redactor failed; the value was withheld',
  SPW_EXPORT: 'spans could not be delivered',
  SPW_DROPPED: 'spans were dropped',
  SPW_SPOOL: 'the disk spool is in trouble',
  SPW_VIEWER: 'the viewer cannot do what it was asked to',
  SPW_SPAN_LIMIT: 'a span hit its limits',
  SPW_SPAN_ENDED: 'a span was written to or ended again after its end',
  SPW_ATTRIBUTE: 'a name, attribute, time, event, link or status of a span is not usable',
} as const;
/**
 * A diagnostic code: the part in brackets of a diagnostic, and a row of the troubleshooting page.
 *
 * @category Diagnostics
 */
export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;

const INTERVAL_MS = 30_000;
const MAX_LENGTH = 500;
const MAX_KINDS = 1_000;

interface Held {
  since: number;
  count: number;
}
const held = new Map<string, Held>();

/**
 * Reports a problem once per kind and 30 seconds, as one line `[CODE] what happened; what to do`.
 *
 * @param code the diagnostic code, which is also the anchor on the troubleshooting page
 * @param message what happened and what to do, without secrets
 * @param kind what counts as the same problem; the code alone unless given
 */
export function warn(code: DiagnosticCode, message: string, kind: string = code): void {
  try {
    const now = Date.now();
    const key = kind === code ? code : `${code}:${kind}`;
    const before = held.get(key);
    if (before !== undefined && now - before.since < INTERVAL_MS && now >= before.since) {
      before.count++;
      return;
    }
    if (held.size >= MAX_KINDS) held.clear();
    held.set(key, { since: now, count: 0 });
    const repeated = before !== undefined && before.count > 0 ? ` (and ${before.count} more like it)` : '';
    diag.warn(`spanwise [${code}] ${singleLine(message)}${repeated}`);
  } catch {
    // A logger that throws must not reach the traced call.
  }
}

const MAX_DEFERRED = 100;
const deferred: [DiagnosticCode, string, string][] = [];

/** Keeps a problem that shows while modules load, before a logger is set, until `sayDeferred`. */
export function warnLater(code: DiagnosticCode, message: string, kind: string): void {
  if (deferred.length < MAX_DEFERRED) deferred.push([code, message, kind]);
}

/** Reports what was kept; called when tracing starts, by `init` or by the first traced call. */
export function sayDeferred(): void {
  for (const [code, message, kind] of deferred.splice(0)) warn(code, message, kind);
}

/** Reports an error thrown by someone's callback or by ourselves, by its message only. */
export function warnError(code: DiagnosticCode, what: string, error: unknown): void {
  warn(code, `${what}: ${describeError(error)}`, what);
}

/** An error in a few words; reads nothing that could run a getter of a hostile object. */
export function describeError(error: unknown): string {
  try {
    if (error instanceof Error) {
      const message = Object.getOwnPropertyDescriptor(error, 'message')?.value;
      return typeof message === 'string' ? message : 'an error without a message';
    }
    return typeof error === 'string' ? error : `a thrown ${error === null ? 'null' : typeof error}`;
  } catch {
    return 'an unreadable error';
  }
}

/** Escapes line breaks and control characters, so that a stranger's bytes cannot forge a log line, and cuts. */
export function singleLine(text: string, max: number = MAX_LENGTH): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/**
 * A usage error, thrown at definition or at `init`: code, what happened, what to do.
 *
 * @example
 * ```ts
 * import { SpanwiseError, trace } from 'spanwise';
 *
 * try {
 *   trace('not a function' as never);
 * } catch (error) {
 *   console.log(error instanceof SpanwiseError && error.code); // SPW_TARGET
 * }
 * ```
 * @category Diagnostics
 */
export class SpanwiseError extends Error {
  override readonly name = 'SpanwiseError';
  /**
   * @param code the diagnostic code
   * @param message what happened and what to do
   */
  constructor(
    readonly code: DiagnosticCode,
    message: string,
  ) {
    super(`[${code}] ${singleLine(message)}`);
  }
}

/** Forgets what was said, so that a test starts from silence. */
export function resetDiagnostics(): void {
  held.clear();
  deferred.length = 0;
}
