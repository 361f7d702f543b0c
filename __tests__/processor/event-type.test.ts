import { describe, expect, it } from '@jest/globals';
import { detectEventType } from '../../lib/processor/event-type.js';

describe('detectEventType', () => {
  it('T1: takes honeyhive_event_type_raw', () => {
    expect(detectEventType({ honeyhive_event_type_raw: 'model' })).toBe('model');
  });
  it('T2: leaves a specific type that is there', () => {
    expect(
      detectEventType({ honeyhive_event_type: 'chain', 'gen_ai.operation.name': 'chat' }),
    ).toBeUndefined();
  });
  it('T3: looks closer where the type is only "tool"', () => {
    expect(detectEventType({ honeyhive_event_type: 'tool', 'gen_ai.operation.name': 'chat' })).toBe('model');
    expect(detectEventType({ honeyhive_event_type: 'tool' })).toBeUndefined();
  });
  it('T4, T5: is "tool" where nothing matches', () => {
    expect(detectEventType({})).toBe('tool');
    expect(detectEventType({ honeyhive_event_type_raw: 'bogus' })).toBe('tool');
  });
  it.each([
    ['gen_ai.operation.name', 'invoke_agent', 'chain'],
    ['gen_ai.operation.name', 'execute_tool', 'tool'],
    ['gen_ai.operation.name', 'generate_content', 'model'],
    ['gen_ai.operation.name', 'toString', 'tool'],
    ['openinference.span.kind', 'LLM', 'model'],
    ['openinference.span.kind', 'AGENT', 'chain'],
    ['openinference.span.kind', 'RETRIEVER', 'tool'],
    ['openinference.span.kind', '__proto__', 'tool'],
    ['gen_ai.request.model', 'gpt', 'model'],
  ])('reads %s=%s as %s', (key, value, type) => {
    expect(detectEventType({ [key]: value })).toBe(type);
  });
});
