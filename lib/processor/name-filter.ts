/**
 * Leaves spans out by name, on their way to the exporter; their children stay.
 */
import type { Context } from '@opentelemetry/api';
import { warn } from '../diagnostics.js';
import type { ReadableSpan, SpanProcessor } from '../tracer/sdk-contract.js';

/** A span name filter, as HoneyHive writes it. */
export interface NameFilter {
  type: 'prefix';
  value: string;
}

/** Which span names are exported: those that match `include` (if given) and not `exclude`. */
export interface NameFilters {
  include?: NameFilter[];
  exclude?: NameFilter[];
}

/**
 * Tells whether a span of that name is kept. An empty name never matches a prefix.
 *
 * @param filters as given to `init`; a malformed one is reported and switches filtering off
 */
export function nameFilter(filters: NameFilters | undefined): ((name: string) => boolean) | undefined {
  if (filters === undefined || filters === null) return undefined;
  const [include, exclude] = listsOf(filters);
  if (include === undefined || exclude === undefined) {
    warn(
      'SPW_OPTION',
      'spanNameFilters takes { include?, exclude? } of { type: "prefix", value }; filtering is off',
    );
    return undefined;
  }
  if (include.length === 0 && exclude.length === 0) return undefined;
  const matches = (list: readonly string[], name: string): boolean =>
    name !== '' && list.some((prefix) => name.startsWith(prefix));
  return (name) => (include.length === 0 || matches(include, name)) && !matches(exclude, name);
}

function listsOf(filters: NameFilters): [string[] | undefined, string[] | undefined] {
  try {
    return [prefixes(filters.include), prefixes(filters.exclude)];
  } catch {
    // A getter or a Proxy that throws.
    return [undefined, undefined];
  }
}

function prefixes(list: unknown): string[] | undefined {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) return undefined;
  const values: string[] = [];
  for (const item of list as Partial<NameFilter>[]) {
    if (item?.type !== 'prefix' || typeof item.value !== 'string' || item.value === '') return undefined;
    values.push(item.value);
  }
  return values;
}

/** A processor that passes on only the spans that `keep` accepts. */
export class NameFilterProcessor implements SpanProcessor {
  constructor(
    private readonly next: SpanProcessor,
    private readonly keep: (name: string) => boolean,
  ) {}

  onStart(span: ReadableSpan, parentContext: Context): void {
    if (this.keep(span.name)) this.next.onStart(span, parentContext);
  }

  onEnd(span: ReadableSpan): void {
    if (this.keep(span.name)) this.next.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.next.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.next.shutdown();
  }
}
