/**
 * Resources: what the process that makes the spans is. Fit for both SDK lines, with values that may still be on
 * their way.
 */
import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_SDK_LANGUAGE,
  ATTR_SDK_NAME,
  ATTR_SDK_VERSION,
  ATTR_SERVICE_NAME,
  ENV,
  VERSION,
} from '../conventions.js';
import { describeError, warn, warnError } from '../diagnostics.js';
import type { Resource } from '../tracer/sdk-contract.js';
import { isAttributeValue } from './attribute-values.js';
import { environment } from './environment.js';

type Pair = [key: string, value: unknown];

/** A resource as the SDKs' processors and exporters know it. */
export interface FullResource extends Resource {
  readonly asyncAttributesPending: boolean;
  readonly schemaUrl?: string;
  getRawAttributes(): any[];
  merge(other: any): any;
  waitForAsyncAttributes(): Promise<void>;
}

function isPending(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null && typeof value === 'object' && typeof (value as { then?: unknown }).then === 'function'
  );
}

class SpanwiseResource implements FullResource {
  #pairs: Pair[];
  #settled: Attributes | undefined;
  asyncAttributesPending: boolean;

  /** @param pairs earlier ones win */
  constructor(
    pairs: readonly Pair[],
    readonly schemaUrl?: string,
  ) {
    this.#pairs = pairs.map(([key, value]) => [key, isPending(value) ? settledOrNothing(key, value) : value]);
    this.asyncAttributesPending = this.#pairs.some(([, value]) => isPending(value));
  }

  get attributes(): Attributes {
    if (this.#settled !== undefined) return this.#settled;
    const attributes: Attributes = {};
    for (const [key, value] of this.#pairs) {
      if (value === undefined || value === null || isPending(value) || Object.hasOwn(attributes, key))
        continue;
      if (key !== '' && isAttributeValue(value)) attributes[key] = value;
      else
        warn(
          'SPW_OPTION',
          `resource attribute "${key}" is not a string, number, boolean or list of one`,
          key,
        );
    }
    if (!this.asyncAttributesPending) this.#settled = attributes;
    return attributes;
  }

  getRawAttributes(): Pair[] {
    return this.#pairs;
  }

  async waitForAsyncAttributes(): Promise<void> {
    if (!this.asyncAttributesPending) return;
    this.#pairs = await Promise.all(
      this.#pairs.map(async ([key, value]): Promise<Pair> => [key, await value]),
    );
    this.asyncAttributesPending = false;
  }

  /** What `other` says wins. */
  merge(other: Resource | null | undefined): SpanwiseResource {
    if (other === null || other === undefined) return this;
    const theirs = (other as { schemaUrl?: string }).schemaUrl;
    return new SpanwiseResource([...pairsOf(other), ...this.#pairs], mergedSchemaUrl(this.schemaUrl, theirs));
  }
}

function mergedSchemaUrl(ours: string | undefined, theirs: string | undefined): string | undefined {
  if (ours === undefined || ours === '') return theirs;
  if (theirs === undefined || theirs === '' || theirs === ours) return ours;
  warn(
    'SPW_OPTION',
    'two resources with different schema URLs were merged; the result has none',
    'schema-url',
  );
  return undefined;
}

function settledOrNothing(key: string, value: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(value).catch((error: unknown) => {
    warn('SPW_OPTION', `resource attribute "${key}" could not be found out: ${describeError(error)}`, key);
    return undefined;
  });
}

function pairsOf(source: Attributes | Resource): Pair[] {
  const raw = (source as { getRawAttributes?: unknown }).getRawAttributes;
  if (typeof raw === 'function') return raw.call(source) as Pair[];
  return Object.entries(isResource(source) ? source.attributes : source);
}

function isResource(source: Attributes | Resource): source is Resource {
  const { attributes, merge } = source as { attributes?: unknown; merge?: unknown };
  return typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)
    ? true
    : typeof merge === 'function';
}

function serviceName(): string {
  try {
    const { argv0 } = process;
    return argv0 ? `unknown_service:${argv0}` : 'unknown_service';
  } catch {
    return 'unknown_service';
  }
}

/** Reads OTEL_RESOURCE_ATTRIBUTES; one mistake discards the whole value, as the specification asks. */
function attributesFromEnvironment(env: Record<string, string | undefined>): Pair[] {
  const text = env[ENV.resourceAttributes];
  if (text === undefined || text.trim() === '') return [];
  const pairs: Pair[] = [];
  try {
    for (const part of text.split(',')) {
      if (part.trim() === '') continue;
      const at = part.indexOf('=');
      const key = decodeURIComponent(part.slice(0, Math.max(at, 0)).trim());
      if (key === '') throw new Error('a part without a key');
      pairs.push([key, decodeURIComponent(part.slice(at + 1).trim())]);
    }
    return pairs;
  } catch (error) {
    warn('SPW_OPTION', `${ENV.resourceAttributes} is malformed and ignored: ${describeError(error)}`);
    return [];
  }
}

/**
 * The resource of an engine: what was chosen, over the environment, over the defaults.
 *
 * @param chosen attributes, of which values may be promises, or a resource of either SDK line
 * @param sdk the name and version of the SDK that makes the spans
 * @param env the environment
 */
export function createResource(
  chosen: Attributes | Resource = {},
  sdk: { name: string; version: string } = { name: 'spanwise', version: VERSION },
  env: Record<string, string | undefined> = environment(),
): FullResource {
  const service = env[ENV.serviceName]?.trim();
  const pairs: Pair[] = [];
  if (service !== undefined && service !== '') pairs.push([ATTR_SERVICE_NAME, service]);
  pairs.push(...attributesFromEnvironment(env), [ATTR_SERVICE_NAME, serviceName()]);
  pairs.push([ATTR_SDK_LANGUAGE, 'nodejs'], [ATTR_SDK_NAME, sdk.name], [ATTR_SDK_VERSION, sdk.version]);
  const base = new SpanwiseResource(pairs);
  try {
    return base.merge(isResource(chosen) ? chosen : { attributes: chosen });
  } catch (error) {
    warnError('SPW_OPTION', 'resource could not be read and is passed over', error);
    return base;
  }
}
