import { ROOT_CONTEXT, trace, type Context } from '@opentelemetry/api';
import { TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { completeLimits, defaultSampler, samplerFromEnvironment } from '../../lib/engine/environment.js';
import { randomIds } from '../../lib/engine/ids.js';
import type { Sampler } from '../../lib/tracer/sdk-contract.js';
import { collectDiagnostics } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});

describe('completeLimits', () => {
  test('fills in OpenTelemetry’s defaults', () => {
    expect(completeLimits({}, {})).toEqual({
      attributeValueLengthLimit: Infinity,
      attributeCountLimit: 128,
      eventCountLimit: 128,
      linkCountLimit: 128,
      attributePerEventCountLimit: 128,
      attributePerLinkCountLimit: 128,
    });
  });

  test('code wins over the variable of spans, that over the general one', () => {
    const env = { OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '5', OTEL_ATTRIBUTE_COUNT_LIMIT: '6' };
    expect(completeLimits({ attributeCountLimit: 4 }, env).attributeCountLimit).toBe(4);
    expect(completeLimits({}, env).attributeCountLimit).toBe(5);
    expect(completeLimits({}, { OTEL_ATTRIBUTE_COUNT_LIMIT: '6' }).attributeCountLimit).toBe(6);
  });

  test('reads every variable, in the specification’s spelling first', () => {
    const env = {
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '1',
      OTEL_SPAN_EVENT_COUNT_LIMIT: '2',
      OTEL_SPAN_LINK_COUNT_LIMIT: '3',
      OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '4',
      OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT: '40',
      OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT: '5',
    };
    expect(completeLimits({}, env)).toMatchObject({
      attributeValueLengthLimit: 1,
      eventCountLimit: 2,
      linkCountLimit: 3,
      attributePerEventCountLimit: 4,
      attributePerLinkCountLimit: 5,
    });
  });

  test('reports and ignores what is no usable number', () => {
    const env = { OTEL_SPAN_EVENT_COUNT_LIMIT: 'many', OTEL_SPAN_LINK_COUNT_LIMIT: '-1' };
    expect(completeLimits({ attributeCountLimit: -3 }, env)).toMatchObject({
      attributeCountLimit: 128,
      eventCountLimit: 128,
      linkCountLimit: 128,
    });
    expect(messages).toHaveLength(3);
  });

  test('a length limit of 0 is no limit, as in the SDKs', () => {
    expect(completeLimits({ attributeValueLengthLimit: 0 }, {}).attributeValueLengthLimit).toBe(Infinity);
  });
});

describe('samplerFromEnvironment', () => {
  const ask = (sampler: Sampler, traceId: string, parent: Context = ROOT_CONTEXT): number =>
    sampler.shouldSample(parent, traceId, 'n', 0, {}, []).decision;
  const parent = (traceFlags: number) =>
    trace.setSpanContext(ROOT_CONTEXT, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags });

  test('names the default by undefined', () => {
    expect(samplerFromEnvironment({})).toBeUndefined();
    expect(samplerFromEnvironment({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' })).toBeUndefined();
  });

  test.each([0, 0.1, 0.5, 0.9, 1])(
    'keeps the same traces as OpenTelemetry’s sampler at a ratio of %d',
    (ratio) => {
      const ours = samplerFromEnvironment({
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: `${ratio}`,
      })!;
      const theirs = new TraceIdRatioBasedSampler(ratio);
      const ids = Array.from({ length: 300 }, () => randomIds.generateTraceId()).concat(
        'f'.repeat(8) + '0'.repeat(24),
      );
      for (const id of ids) {
        expect(ask(ours, id)).toBe(theirs.shouldSample(ROOT_CONTEXT, id).decision);
      }
    },
  );

  test('a parent-based ratio asks the ratio only for roots', () => {
    const sampler = samplerFromEnvironment({
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
    })!;
    expect(ask(sampler, 'a'.repeat(32))).toBe(0);
    expect(ask(sampler, 'a'.repeat(32), parent(1))).toBe(2);
    expect(ask(sampler, 'a'.repeat(32), parent(0))).toBe(0);
  });

  test('reports an unknown name and a missing ratio, and samples', () => {
    expect(samplerFromEnvironment({ OTEL_TRACES_SAMPLER: 'jaeger_remote' })).toBeUndefined();
    const noRatio = samplerFromEnvironment({ OTEL_TRACES_SAMPLER: 'traceidratio' })!;
    expect(ask(noRatio, 'f'.repeat(32))).toBe(2);
    expect(messages).toHaveLength(2);
  });

  test('the default is parent-based with every root sampled', () => {
    expect(ask(defaultSampler, 'a'.repeat(32))).toBe(2);
    expect(ask(defaultSampler, 'a'.repeat(32), parent(0))).toBe(0);
    expect(String(defaultSampler)).toBe('ParentBased{root=AlwaysOnSampler}');
  });
});
