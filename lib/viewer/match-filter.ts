/** Evaluates HoneyHive's event filters. */
import { FILTER_OPERATORS } from '../honeyhive/filter.js';

/** A request that is understood but not allowed. */
export class QueryError extends Error {}

export interface CheckedFilter {
  field: string;
  operator: string;
  value: unknown;
  type: keyof typeof FILTER_OPERATORS;
}

const MAX_SEGMENTS = 32;

/**
 * Checks filters as they came in a request.
 *
 * @param input the `filters` of the request
 * @param strict refuse the type `"id"`, as HoneyHive does, which otherwise stands for `"string"`
 */
export function checkFilters(input: unknown, strict: boolean): CheckedFilter[] {
  if (input === undefined || input === null) return [];
  if (!Array.isArray(input)) throw new QueryError('filters must be a list');
  return input.map((filter) => checkFilter(filter, strict));
}

function checkFilter(input: unknown, strict: boolean): CheckedFilter {
  if (typeof input !== 'object' || input === null) throw new QueryError('a filter must be an object');
  const { field, operator, value, type: told } = input as Record<string, unknown>;
  if (typeof field !== 'string' || field === '') throw new QueryError('a filter needs a field');
  if (field.split('.').length > MAX_SEGMENTS)
    throw new QueryError('the field of a filter has too many parts');
  const type = told === 'id' && !strict ? 'string' : (told ?? typeOf(value));
  if (typeof type !== 'string' || !Object.hasOwn(FILTER_OPERATORS, type)) {
    const types = Object.keys(FILTER_OPERATORS).join(', ');
    throw new QueryError(
      `the filter on ${field} has the type ${JSON.stringify(told)}; it must be one of ${types}`,
    );
  }
  const known = type as CheckedFilter['type'];
  if (typeof operator !== 'string' || !FILTER_OPERATORS[known].includes(operator)) {
    const operators = FILTER_OPERATORS[known].join(', ');
    throw new QueryError(
      `the filter on ${field} has the operator ${JSON.stringify(operator)}; for ${type} it must be one of ${operators}`,
    );
  }
  if (known === 'datetime' && !operator.endsWith('exists') && timeOf(value) === undefined) {
    throw new QueryError(`the filter on ${field} needs a date or milliseconds`);
  }
  return { field, operator, value, type: known };
}

function typeOf(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? typeof value : 'string';
}

/** Whether an event passes every filter. */
export function matches(event: object, filters: readonly CheckedFilter[]): boolean {
  return filters.every((filter) => matchesOne(valueAt(event, filter.field), filter));
}

function matchesOne(actual: unknown, { operator, value, type }: CheckedFilter): boolean {
  switch (operator) {
    case 'exists':
      return actual !== undefined && actual !== null;
    case 'not exists':
      return actual === undefined || actual === null;
    case 'is':
      return isEqual(actual, value, type);
    case 'is not':
      return !isEqual(actual, value, type);
    case 'contains':
      return contains(actual, value);
    case 'not contains':
      return !contains(actual, value);
    case 'greater than':
      return numberOf(actual) > numberOf(value);
    case 'less than':
      return numberOf(actual) < numberOf(value);
    case 'after':
      return (timeOf(actual) ?? NaN) > timeOf(value)!;
    default:
      return (timeOf(actual) ?? NaN) < timeOf(value)!;
  }
}

function isEqual(actual: unknown, value: unknown, type: CheckedFilter['type']): boolean {
  if (value === null || value === undefined || actual === null || actual === undefined) {
    return (value ?? null) === (actual ?? null);
  }
  if (type === 'number') return numberOf(actual) === numberOf(value);
  if (type === 'boolean') return String(actual) === String(value);
  if (type === 'datetime') return timeOf(actual) === timeOf(value);
  return textOf(actual) === textOf(value);
}

function contains(actual: unknown, value: unknown): boolean {
  if (actual === null || actual === undefined || value === null || value === undefined) return false;
  if (Array.isArray(actual)) return actual.some((one) => textOf(one) === textOf(value));
  return textOf(actual).includes(textOf(value));
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function numberOf(value: unknown): number {
  if (typeof value === 'string' && value.trim() !== '') return Number(value);
  return typeof value === 'number' ? value : NaN;
}

/** A time in milliseconds: given so, as a number in text, or as a date. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  const time = Number.isNaN(number) ? Date.parse(value) : number;
  return Number.isFinite(time) ? time : undefined;
}

/**
 * The value at a dotted path. Keys may hold dots themselves (`metadata["http.method"]`), so every way of cutting
 * the path that leads to something is tried, longest keys first.
 */
export function valueAt(root: unknown, path: string): unknown {
  return below(root, path.split('.'), 0);
}

function below(value: unknown, segments: readonly string[], from: number): unknown {
  if (from === segments.length) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  for (let to = segments.length; to > from; to--) {
    const key = segments.slice(from, to).join('.');
    if (!Object.hasOwn(value, key)) continue;
    const found = below((value as Record<string, unknown>)[key], segments, to);
    if (found !== undefined) return found;
  }
  return undefined;
}
