/**
 * The filters of HoneyHive's event queries.
 *
 * Older clients send the type `"id"`, which the backend refuses; it is accepted here and sent as `"string"`.
 */

interface FilterOf<Type extends string, Operator extends string, Value> {
  /** The field's name; dots reach into objects, as in `metadata.run_id`. */
  field: string;
  operator: Operator;
  value: Value | null;
  type: Type;
}

export type StringOperator = 'exists' | 'not exists' | 'is' | 'is not' | 'contains' | 'not contains';
export type NumberOperator = 'exists' | 'not exists' | 'is' | 'is not' | 'greater than' | 'less than';
export type BooleanOperator = 'exists' | 'not exists' | 'is';
export type DatetimeOperator = 'exists' | 'not exists' | 'is' | 'is not' | 'after' | 'before';

/**
 * One condition; several are combined with AND.
 *
 * @category Backend
 */
export type EventFilter =
  | FilterOf<'string' | 'id', StringOperator, string>
  | FilterOf<'number', NumberOperator, number>
  | FilterOf<'boolean', BooleanOperator, boolean>
  | FilterOf<'datetime', DatetimeOperator, string | number>;

export type FilterType = EventFilter['type'];

/** What each type of field can be asked. */
export const FILTER_OPERATORS: Readonly<Record<Exclude<FilterType, 'id'>, readonly string[]>> = {
  string: ['exists', 'not exists', 'is', 'is not', 'contains', 'not contains'],
  number: ['exists', 'not exists', 'is', 'is not', 'greater than', 'less than'],
  boolean: ['exists', 'not exists', 'is'],
  datetime: ['exists', 'not exists', 'is', 'is not', 'after', 'before'],
};

/**
 * The filter of one field and one value, of the type that the value has.
 *
 * @param field the field's name; dots reach into objects, as in `metadata.run_id`
 * @param value what the field must be
 * @returns the filter; a field that no event has finds nothing, and never fails
 * @example
 * ```ts
 * import { HoneyHiveClient, whereIs } from 'spanwise';
 *
 * const client = new HoneyHiveClient({ serverUrl: 'http://localhost:4318' });
 * await client.startSession({ session_id: 's-1', session_name: 'checkout', project: 'shop' });
 * const { events } = await client.exportEvents({ filters: [whereIs('session_id', 's-1')] });
 * console.log(events.length); // 1
 * ```
 * @category Backend
 */
export function whereIs(field: string, value: string | number | boolean): EventFilter {
  if (typeof value === 'number') return { field, operator: 'is', value, type: 'number' };
  if (typeof value === 'boolean') return { field, operator: 'is', value, type: 'boolean' };
  return { field, operator: 'is', value, type: 'string' };
}

/** Filters as they travel: always a list, never of type `"id"`. */
export function wireFilters(filters: EventFilter | readonly EventFilter[] | undefined): EventFilter[] {
  const list = filters === undefined ? [] : Array.isArray(filters) ? filters : [filters as EventFilter];
  return list.map((filter: EventFilter) => (filter.type === 'id' ? { ...filter, type: 'string' } : filter));
}
