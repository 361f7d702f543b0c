/**
 * The engine that is OpenTelemetry's own SDK, of whichever line is installed. The only file that loads an SDK.
 */
import type { TracerProvider } from '@opentelemetry/api';
import { SpanwiseError } from '../diagnostics.js';
import type { Engine, EngineOptions } from './engine.js';
import { completeLimits, defaultSampler, samplerFromEnvironment } from './environment.js';
import { GuardedIdGenerator, GuardedProcessor, GuardedSampler } from './guard.js';
import { randomIds } from './ids.js';
import { loadOptionalPackage, type OptionalPackage } from './optional-package.js';
import { createResource } from './resource.js';
import { settleAll } from './settle-all.js';

type ProviderClass = new (config: object) => TracerProvider;

interface Sdk {
  readonly Provider: ProviderClass;
  readonly version: string;
}

function isMajor(wanted: (major: number) => boolean): (version: string) => boolean {
  return (version) => wanted(Number.parseInt(version, 10));
}

/**
 * Finds the SDK. `sdk-trace-node` comes first because installing it is a choice of the 2.x line, while
 * `sdk-trace` may only be there as a dependency of it.
 */
function findSdk(from?: readonly string[]): Sdk | undefined {
  const candidates: readonly (readonly [string, (major: number) => boolean, string])[] = [
    ['@opentelemetry/sdk-trace-node', (major) => major === 2, 'NodeTracerProvider'],
    ['@opentelemetry/sdk-trace', (major) => major >= 3, 'TracerProvider'],
    ['@opentelemetry/sdk-trace-base', (major) => major === 2, 'BasicTracerProvider'],
  ];
  for (const [name, major, exported] of candidates) {
    const found: OptionalPackage | undefined = loadOptionalPackage(name, isMajor(major), from);
    const Provider: unknown = found?.exports[exported];
    if (typeof Provider === 'function')
      return { Provider: Provider as ProviderClass, version: found!.version };
  }
  return undefined;
}

/**
 * Builds spans with `@opentelemetry/sdk-trace-node` 2.x or `@opentelemetry/sdk-trace` 3.x, whichever is installed.
 *
 * @param options processors, resource, sampler, limits and ids
 * @param from files to resolve the SDK from, instead of the application and this package
 * @returns the engine
 * @throws SpanwiseError SPW_MISSING_PACKAGE if neither is installed
 */
export function createSdkEngine(options: EngineOptions, from?: readonly string[]): Engine {
  const sdk = findSdk(from);
  if (sdk === undefined) {
    throw new SpanwiseError(
      'SPW_MISSING_PACKAGE',
      "engine 'sdk' needs OpenTelemetry's SDK: run `npm install @opentelemetry/sdk-trace-node@2` " +
        "(or `@opentelemetry/sdk-trace@3` with @opentelemetry/api 1.10), or use engine: 'spanwise'",
    );
  }
  const resource = createResource(options.resource, { name: 'opentelemetry', version: sdk.version });
  const sampler = options.sampler ?? samplerFromEnvironment();
  const provider = new sdk.Provider({
    resource,
    sampler: new GuardedSampler(sampler ?? defaultSampler),
    spanLimits: completeLimits(options.spanLimits),
    idGenerator: options.idGenerator && new GuardedIdGenerator(options.idGenerator, randomIds),
    spanProcessors: options.spanProcessors.map((processor) => new GuardedProcessor(processor)),
  });
  let down: Promise<void> | undefined;
  return {
    kind: 'sdk',
    provider,
    resource,
    parentBased: sampler === undefined,
    forceFlush: () => settleAll(options.spanProcessors, 'forceFlush'),
    shutdown: () => (down ??= settleAll(options.spanProcessors, 'shutdown')),
  };
}
