/**
 * Values → attributes: `{ a: { b: 1 } }` below `honeyhive_inputs` becomes `honeyhive_inputs.a.b = 1`.
 */
import type { AttributeValue } from '@opentelemetry/api';
import { describeError, warn } from '../diagnostics.js';
import { Walk, type FlattenOptions } from './walk.js';

export { createBudget, DEFAULT_CAPTURE_LIMITS, type CaptureBudget, type CaptureLimits } from './limits.js';
export type { FlattenOptions } from './walk.js';

/**
 * Writes a value below a prefix into attributes.
 *
 * Objects give `prefix.key`, lists and sets `prefix.index` (indices are kept where an item is null), Maps their
 * keys. Null, undefined, functions and symbols give nothing. Dates give ISO strings, bigints decimal strings,
 * `NaN` and infinities `"nan"`, `"inf"`, `"-inf"`, errors their `name` and `message`; buffers, promises, proxies,
 * streams and other emitters a short marker. Of other instances own enumerable data properties are read. No getter,
 * `toJSON`, `toString` or Proxy trap runs. What goes over a limit is left out, `spanwise.truncated` is set and
 * `SPW_CAPTURE` reported. Never throws.
 *
 * @param prefix the attribute key of the value itself
 * @param value anything
 * @param out where the attributes go
 * @param options redactor, limits, and the span's budget
 * @example
 * const out = {};
 * flatten('honeyhive_inputs', { user: { id: 7 } }, out); // { 'honeyhive_inputs.user.id': 7 }
 */
export function flatten(
  prefix: string,
  value: unknown,
  out: Record<string, AttributeValue>,
  options?: FlattenOptions,
): void {
  try {
    new Walk(prefix, out, options).run(value);
  } catch (error) {
    warn('SPW_CAPTURE', `${prefix} could not be captured: ${describeError(error)}`, prefix);
  }
}
