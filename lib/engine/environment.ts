/**
 * What OpenTelemetry's environment variables say about limits and sampling.
 *
 * Both engines are given the result, because SDK 2.x reads these variables itself and SDK 3.x does not.
 */
import { trace, type Context } from '@opentelemetry/api';
import { ENV } from '../conventions.js';
import { warn } from '../diagnostics.js';
import {
  SamplingDecision,
  type Sampler,
  type SamplingResult,
  type SpanLimits,
} from '../tracer/sdk-contract.js';

/** Limits without gaps. */
export type CompleteLimits = Required<SpanLimits>;

/** OpenTelemetry's default of every count limit. */
const DEFAULT_COUNT = 128;

/** The process's environment, or an empty one where there is no process. */
export function environment(): Record<string, string | undefined> {
  try {
    return (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};
  } catch {
    return {};
  }
}

function numberFrom(env: Record<string, string | undefined>, name: string): number | undefined {
  const text = env[name]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  warn('SPW_OPTION', `${name} is not a whole number and is ignored`, name);
  return undefined;
}

function chosen(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value >= 0) return value;
  warn('SPW_OPTION', `spanLimits.${name} is not a number of at least 0 and is ignored`, name);
  return undefined;
}

/**
 * Fills the gaps of `limits` from the environment, then with OpenTelemetry's defaults.
 *
 * @param limits chosen in code
 * @param env the environment
 */
export function completeLimits(
  limits: SpanLimits = {},
  env: Record<string, string | undefined> = environment(),
): CompleteLimits {
  const length =
    chosen('attributeValueLengthLimit', limits.attributeValueLengthLimit) ??
    numberFrom(env, ENV.spanAttributeValueLengthLimit) ??
    numberFrom(env, ENV.attributeValueLengthLimit);
  return {
    // The SDKs take a limit of 0 for a mistake and cut nothing; so do we.
    attributeValueLengthLimit: length === undefined || length === 0 ? Infinity : length,
    attributeCountLimit:
      chosen('attributeCountLimit', limits.attributeCountLimit) ??
      numberFrom(env, ENV.spanAttributeCountLimit) ??
      numberFrom(env, ENV.attributeCountLimit) ??
      DEFAULT_COUNT,
    eventCountLimit:
      chosen('eventCountLimit', limits.eventCountLimit) ??
      numberFrom(env, ENV.spanEventCountLimit) ??
      DEFAULT_COUNT,
    linkCountLimit:
      chosen('linkCountLimit', limits.linkCountLimit) ??
      numberFrom(env, ENV.spanLinkCountLimit) ??
      DEFAULT_COUNT,
    attributePerEventCountLimit:
      chosen('attributePerEventCountLimit', limits.attributePerEventCountLimit) ??
      numberFrom(env, ENV.eventAttributeCountLimit) ??
      numberFrom(env, ENV.sdkEventAttributeCountLimit) ??
      DEFAULT_COUNT,
    attributePerLinkCountLimit:
      chosen('attributePerLinkCountLimit', limits.attributePerLinkCountLimit) ??
      numberFrom(env, ENV.linkAttributeCountLimit) ??
      numberFrom(env, ENV.sdkLinkAttributeCountLimit) ??
      DEFAULT_COUNT,
  };
}

const SAMPLED: SamplingResult = /* @__PURE__ */ Object.freeze({
  decision: SamplingDecision.RECORD_AND_SAMPLED,
});
const DROPPED: SamplingResult = /* @__PURE__ */ Object.freeze({ decision: SamplingDecision.NOT_RECORD });

const alwaysOn: Sampler = {
  shouldSample: () => SAMPLED,
  toString: () => 'AlwaysOnSampler',
};
const alwaysOff: Sampler = {
  shouldSample: () => DROPPED,
  toString: () => 'AlwaysOffSampler',
};

function ratioOf(probability: number): Sampler {
  const bound = probability === 1 ? 0x100000000 : Math.floor(probability * 0xffffffff);
  return {
    // The same fold of the id as in OpenTelemetry's sampler, so that services of both kinds keep the same traces.
    shouldSample(_context: Context, traceId: string) {
      let folded = 0;
      for (let at = 0; at < traceId.length; at += 8) {
        folded = (folded ^ Number.parseInt(traceId.slice(at, at + 8), 16)) >>> 0;
      }
      return folded < bound ? SAMPLED : DROPPED;
    },
    toString: () => `TraceIdRatioBased{${probability}}`,
  };
}

function parentBased(root: Sampler): Sampler {
  return {
    shouldSample(context, traceId, name, kind, attributes, links) {
      const parent = trace.getSpanContext(context);
      if (parent === undefined || !trace.isSpanContextValid(parent)) {
        return root.shouldSample(context, traceId, name, kind, attributes, links);
      }
      return (parent.traceFlags & 1) === 0 ? DROPPED : SAMPLED;
    },
    toString: () => `ParentBased{root=${String(root)}}`,
  };
}

/**
 * The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name.
 *
 * @param env the environment
 * @returns undefined for the default, parent-based with every root sampled
 */
export function samplerFromEnvironment(
  env: Record<string, string | undefined> = environment(),
): Sampler | undefined {
  const name = env[ENV.tracesSampler]?.trim();
  switch (name) {
    case undefined:
    case '':
    case 'parentbased_always_on':
      return undefined;
    case 'always_on':
      return alwaysOn;
    case 'always_off':
      return alwaysOff;
    case 'parentbased_always_off':
      return parentBased(alwaysOff);
    case 'traceidratio':
      return ratioOf(ratioFrom(env));
    case 'parentbased_traceidratio':
      return parentBased(ratioOf(ratioFrom(env)));
    default:
      warn(
        'SPW_OPTION',
        `${ENV.tracesSampler} "${name}" is not known here; every root is sampled`,
        ENV.tracesSampler,
      );
      return undefined;
  }
}

function ratioFrom(env: Record<string, string | undefined>): number {
  const text = env[ENV.tracesSamplerArg]?.trim();
  const value = text === undefined || text === '' ? NaN : Number(text);
  if (value >= 0 && value <= 1) return value;
  warn(
    'SPW_OPTION',
    `${ENV.tracesSamplerArg} is not a number from 0 to 1; every root is sampled`,
    ENV.tracesSamplerArg,
  );
  return 1;
}

/** The default sampler, parent-based with every root sampled, as an object for engines that want one. */
export const defaultSampler: Sampler = parentBased(alwaysOn);
