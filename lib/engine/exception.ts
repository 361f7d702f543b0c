/**
 * What an exception event says of an exception, without trusting the exception.
 */
import type { Attributes } from '@opentelemetry/api';
import { ATTR_EXCEPTION_MESSAGE, ATTR_EXCEPTION_STACKTRACE, ATTR_EXCEPTION_TYPE } from '../conventions.js';

/**
 * The attributes of an exception event: type (the `code` if there is one, as in OpenTelemetry's SDK, else the
 * name), message and stack.
 *
 * @param exception anything that was thrown
 * @returns undefined if it has neither type nor message
 */
export function describeException(exception: unknown): Attributes | undefined {
  if (typeof exception === 'string')
    return exception === '' ? undefined : { [ATTR_EXCEPTION_MESSAGE]: exception };
  if (exception === null || (typeof exception !== 'object' && typeof exception !== 'function'))
    return undefined;
  const attributes: Attributes = {};
  const type = code(exception) ?? text(exception, 'name');
  const message = text(exception, 'message');
  if (type !== undefined) attributes[ATTR_EXCEPTION_TYPE] = type;
  if (message !== undefined) attributes[ATTR_EXCEPTION_MESSAGE] = message;
  if (type === undefined && message === undefined) return undefined;
  const stack = text(exception, 'stack');
  if (stack !== undefined) attributes[ATTR_EXCEPTION_STACKTRACE] = stack;
  return attributes;
}

function code(exception: object): string | undefined {
  const value = read(exception, 'code');
  return typeof value === 'number' && value !== 0 ? String(value) : text(exception, 'code');
}

function text(exception: object, key: string): string | undefined {
  const value = read(exception, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function read(exception: object, key: string): unknown {
  try {
    return (exception as Record<string, unknown>)[key];
  } catch {
    // A getter of the exception threw: the rest of it is still worth having.
    return undefined;
  }
}
