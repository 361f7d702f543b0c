/**
 * How a failure is written onto a span: one exception event, ERROR status, `honeyhive_error` on the span itself.
 */
import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { isProxy } from '../capture/intrinsics.js';
import { redactText } from '../capture/redact.js';
import { tooLong } from '../capture/text.js';
import { ATTR_ERROR, ATTR_ERROR_TYPE } from '../conventions.js';
import type { SpanOwner } from '../tracer/owner.js';

const MAX_MESSAGE_LENGTH = 4_096;
const MAX_STACK_LENGTH = 16_384;
/** Of longer texts only the length is recorded: one put together of pieces is copied whole before it can be cut. */
const MAX_TOUCHED = 1_000_000;

const MAX_BIGINT = 1n << 1024n;

interface ErrorParts {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/**
 * Records a thrown value or a rejection.
 *
 * Only name, message and stack are read: `cause` and other payloads of an error may hold what the user never meant
 * to send.
 *
 * @param span the failing span
 * @param error what was thrown, of any kind
 * @param owner whose redactor applies to message and stack
 */
export function recordError(span: Span, error: unknown, owner: SpanOwner): void {
  const { type, message, stack } = errorParts(error);
  const { redact } = owner.settings;
  const text = redactText(begin(message, MAX_MESSAGE_LENGTH), redact);
  span.recordException({
    name: type,
    message: text,
    ...(stack === undefined ? {} : { stack: redactText(begin(stack, MAX_STACK_LENGTH), redact) }),
  });
  span.setStatus({ code: SpanStatusCode.ERROR, message: text });
  span.setAttribute(ATTR_ERROR, text);
  span.setAttribute(ATTR_ERROR_TYPE, type);
}

function begin(text: string, length: number): string {
  return text.length > MAX_TOUCHED ? tooLong(text) : text.slice(0, length);
}

function errorParts(error: unknown): ErrorParts {
  try {
    if (((typeof error === 'object' && error !== null) || typeof error === 'function') && isProxy(error)) {
      // Each question to it would run a trap.
      return { type: 'Proxy', message: 'a proxy was thrown', stack: undefined };
    }
    if (error instanceof Error) {
      // A subclass that forgot to set its name is still told apart by its constructor.
      const name = typeof error.name === 'string' ? error.name : 'Error';
      const constructorName: unknown = error.constructor?.name;
      const message = typeof error.message === 'string' ? error.message : '';
      // A stack begins with the message and is put together when it is first read: this one would be cut before its
      // first frame.
      const stack = message.length > MAX_STACK_LENGTH ? undefined : error.stack;
      return {
        type:
          name === 'Error' && typeof constructorName === 'string' && constructorName !== ''
            ? constructorName
            : name,
        message,
        stack: typeof stack === 'string' ? stack : undefined,
      };
    }
    if (typeof error === 'object' && error !== null) {
      const message: unknown = Object.getOwnPropertyDescriptor(error, 'message')?.value;
      return {
        type: 'Object',
        message: typeof message === 'string' ? message : 'an object was thrown',
        stack: undefined,
      };
    }
    return { type: error === null ? 'null' : typeof error, message: plainText(error), stack: undefined };
  } catch {
    return { type: 'unknown', message: 'an unreadable value was thrown', stack: undefined };
  }
}

/** A thrown value that is no object. */
function plainText(value: unknown): string {
  if (typeof value === 'function') return 'a function was thrown';
  // Writing a bigint takes time that grows with the square of its length.
  if (typeof value === 'bigint' && (value > MAX_BIGINT || value < -MAX_BIGINT)) return '[BigInt]';
  return String(value);
}
