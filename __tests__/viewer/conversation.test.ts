import { describe, expect, it } from '@jest/globals';
import { conversationOf } from '../../lib/viewer/conversation.js';
import { Store } from '../../lib/viewer/store.js';
import { receivedSpans, type Value } from './requests.js';

const turnOf = (attributes: Record<string, Value>) => {
  const store = new Store();
  store.addSpans(
    receivedSpans({ session: 's', attributes: { honeyhive_event_type: 'model', ...attributes } }),
  );
  const { input, output, model } = conversationOf(store, 's')!.turns[0]!;
  return {
    input: input.map(({ role, text }) => `${role}: ${text}`),
    output: output.map(({ role, text }) => `${role}: ${text}`),
    model,
  };
};
const json = JSON.stringify;

describe('what a model was told and said', () => {
  it.each<[string, Record<string, Value>]>([
    [
      'HoneyHive',
      {
        'honeyhive_inputs.chat_history': json([
          { role: 'system', content: 'be kind' },
          { role: 'user', content: 'hi' },
        ]),
        'honeyhive_outputs.role': 'assistant',
        'honeyhive_outputs.content': 'hello',
      },
    ],
    [
      'OpenTelemetry',
      {
        'gen_ai.input.messages': json([
          { role: 'system', parts: [{ type: 'text', content: 'be kind' }] },
          { role: 'user', parts: [{ type: 'text', content: 'hi' }] },
        ]),
        'gen_ai.output.messages': json([{ role: 'assistant', parts: [{ type: 'text', content: 'hello' }] }]),
      },
    ],
    [
      'Traceloop',
      {
        'gen_ai.prompt.0.role': 'system',
        'gen_ai.prompt.0.content': 'be kind',
        'gen_ai.prompt.1.role': 'user',
        'gen_ai.prompt.1.content': 'hi',
        'gen_ai.completion.0.role': 'assistant',
        'gen_ai.completion.0.content': 'hello',
      },
    ],
    [
      'OpenInference',
      {
        'llm.input_messages.0.message.role': 'system',
        'llm.input_messages.0.message.content': 'be kind',
        'llm.input_messages.1.message.role': 'user',
        'llm.input_messages.1.message.content': 'hi',
        'llm.output_messages.0.message.role': 'assistant',
        'llm.output_messages.0.message.content': 'hello',
      },
    ],
    [
      'OpenAI',
      {
        'honeyhive_inputs.messages': json([
          { role: 'system', content: 'be kind' },
          { role: 'user', content: [{ type: 'text', text: 'hi' }] },
        ]),
        'honeyhive_outputs.choices': json([{ index: 0, message: { role: 'assistant', content: 'hello' } }]),
      },
    ],
  ])('is read as %s writes it', (_who, attributes) => {
    expect(turnOf(attributes)).toMatchObject({
      input: ['system: be kind', 'user: hi'],
      output: ['assistant: hello'],
    });
  });

  it('is the only value where nothing says that it is a message', () => {
    expect(
      turnOf({ 'honeyhive_inputs.question': 'where?', 'honeyhive_outputs.result': 'here' }),
    ).toMatchObject({
      input: ['user: where?'],
      output: ['assistant: here'],
    });
  });

  it('is JSON where it is no text', () => {
    const { output } = turnOf({ 'honeyhive_outputs.a': 1, 'honeyhive_outputs.b': 'x' });
    expect(output).toEqual(['assistant: {\n  "a": 1,\n  "b": "x"\n}']);
  });

  it('has the calls of tools', () => {
    const call = [{ id: 'c', function: { name: 'find' } }];
    const { output } = turnOf({
      'honeyhive_outputs.choices': json([
        { message: { role: 'assistant', content: null, tool_calls: call } },
      ]),
    });
    expect(output[0]).toContain('"name": "find"');
  });

  it('is nothing where nothing was recorded', () => {
    expect(turnOf({})).toMatchObject({ input: [], output: [] });
  });
});

describe('the calls of models', () => {
  it('are in the order of time, of models only, with tokens, cost and error', () => {
    const store = new Store();
    const model = { honeyhive_event_type: 'model', 'gen_ai.request.model': 'm', 'honeyhive_metrics.cost': 2 };
    store.addSpans(
      receivedSpans(
        { session: 's', id: 1, start: 9, name: 'late', attributes: model, error: 'no' },
        { session: 's', id: 2, start: 1, name: 'early', attributes: model },
        { session: 's', id: 3, name: 'tool' },
      ),
    );
    expect(conversationOf(store, 's')).toMatchObject({
      total: 2,
      turns: [
        { name: 'early', model: 'm', cost: 2, error: null },
        { name: 'late', error: 'no' },
      ],
    });
  });

  it('are nothing for a session that is not there', () => {
    expect(conversationOf(new Store(), 'none')).toBeUndefined();
  });
});
