import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { nameFilter, NameFilterProcessor } from '../../lib/processor/name-filter.js';
import { collectDiagnostics } from '../support/diagnostics.js';

const prefix = (value: string): { type: 'prefix'; value: string } => ({ type: 'prefix', value });

describe('nameFilter', () => {
  let said: string[];
  beforeEach(() => {
    said = collectDiagnostics();
  });
  afterEach(() => diag.disable());

  it('keeps everything without filters', () => {
    expect(nameFilter(undefined)).toBeUndefined();
    expect(nameFilter({})).toBeUndefined();
    expect(nameFilter({ include: [], exclude: [] })).toBeUndefined();
  });

  it('keeps only names that match include and not exclude', () => {
    const keep = nameFilter({ include: [prefix('agent')], exclude: [prefix('agent.secret')] });
    expect(['agent.run', 'agent.secret.run', 'db.query'].filter((name) => keep?.(name))).toEqual([
      'agent.run',
    ]);
  });

  it('never lets an empty name match a prefix', () => {
    expect(nameFilter({ include: [prefix('a')] })?.('')).toBe(false);
    expect(nameFilter({ exclude: [prefix('a')] })?.('')).toBe(true);
  });

  it.each([
    ['an unknown type', { include: [{ type: 'regex', value: 'x' }] }],
    ['an empty prefix', { exclude: [{ type: 'prefix', value: '' }] }],
    ['no list', { include: 'x' }],
    ['a null item', { include: [null] }],
  ])('switches filtering off and says so for %s', (_what, filters) => {
    expect(nameFilter(filters as never)).toBeUndefined();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('[SPW_OPTION] spanNameFilters');
  });
});

describe('NameFilterProcessor', () => {
  it('passes on only kept spans, by the name they have at their end', async () => {
    const seen: string[] = [];
    const next = {
      onStart: (span: { name: string }) => void seen.push(`start ${span.name}`),
      onEnd: (span: { name: string }) => void seen.push(`end ${span.name}`),
      forceFlush: () => Promise.resolve(void seen.push('flush')),
      shutdown: () => Promise.resolve(void seen.push('shutdown')),
    };
    const processor = new NameFilterProcessor(next, (name) => name !== 'out');
    const span = { name: 'in' };
    processor.onStart(span as never, undefined as never);
    span.name = 'out';
    processor.onEnd(span as never);
    processor.onStart({ name: 'out' } as never, undefined as never);
    processor.onEnd({ name: 'late' } as never);
    await processor.forceFlush();
    await processor.shutdown();
    expect(seen).toEqual(['start in', 'end late', 'flush', 'shutdown']);
  });
});
