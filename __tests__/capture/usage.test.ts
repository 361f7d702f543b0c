import { describe, expect, test } from '@jest/globals';
import { tokenUsage } from '../../lib/capture/usage.js';

const totals = (prompt: number, completion: number, total = prompt + completion) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: total,
});

describe('finds what the usual clients report', () => {
  test.each<[string, unknown, unknown]>([
    [
      'OpenAI chat',
      {
        usage: {
          prompt_tokens: 9,
          completion_tokens: 12,
          total_tokens: 21,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 3 },
        },
      },
      { ...totals(9, 12), cache_read_input_tokens: 4, reasoning_tokens: 3 },
    ],
    [
      'OpenAI responses',
      {
        usage: {
          input_tokens: 5,
          output_tokens: 6,
          total_tokens: 11,
          input_tokens_details: { cached_tokens: 2 },
        },
      },
      { ...totals(5, 6), cache_read_input_tokens: 2 },
    ],
    [
      'OpenAI embeddings',
      { usage: { prompt_tokens: 8, total_tokens: 8 } },
      { prompt_tokens: 8, total_tokens: 8 },
    ],
    [
      'Anthropic, whose cache counts beside the input',
      {
        usage: {
          input_tokens: 3,
          output_tokens: 7,
          cache_read_input_tokens: 100,
          cache_creation_input_tokens: 50,
        },
      },
      { ...totals(3, 7, 160), cache_read_input_tokens: 100, cache_creation_input_tokens: 50 },
    ],
    [
      'Gemini',
      {
        usageMetadata: {
          promptTokenCount: 4,
          candidatesTokenCount: 5,
          totalTokenCount: 12,
          thoughtsTokenCount: 3,
        },
      },
      { ...totals(4, 5, 12), reasoning_tokens: 3 },
    ],
    [
      'Gemini, older',
      { response: { usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 2 } } },
      totals(1, 2),
    ],
    [
      'Vercel AI 5',
      {
        usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3, cachedInputTokens: 1, reasoningTokens: 1 },
      },
      { ...totals(1, 2), cache_read_input_tokens: 1, reasoning_tokens: 1 },
    ],
    [
      'Vercel AI 6, all steps together before the last one',
      {
        usage: { inputTokens: 1, outputTokens: 1 },
        totalUsage: { inputTokens: 5, outputTokens: 6, inputTokenDetails: { cacheReadTokens: 2 } },
      },
      { ...totals(5, 6), cache_read_input_tokens: 2 },
    ],
    [
      'a language model of Vercel AI 6',
      { usage: { inputTokens: { total: 7, cacheRead: 3 }, outputTokens: { total: 8, reasoning: 2 } } },
      { ...totals(7, 8), cache_read_input_tokens: 3, reasoning_tokens: 2 },
    ],
    ['Vercel AI 4', { usage: { promptTokens: 1, completionTokens: 2 } }, totals(1, 2)],
    [
      'LangChain',
      {
        usage_metadata: {
          input_tokens: 2,
          output_tokens: 3,
          total_tokens: 5,
          input_token_details: { cache_read: 1 },
        },
      },
      { ...totals(2, 3), cache_read_input_tokens: 1 },
    ],
    [
      'LangChain results',
      { llmOutput: { tokenUsage: { promptTokens: 1, completionTokens: 1 } } },
      totals(1, 1),
    ],
    ['Bedrock', { usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } }, totals(3, 4)],
    ['Cohere', { usage: { tokens: { input_tokens: 3, output_tokens: 4 } } }, totals(3, 4)],
    ['Ollama', { prompt_eval_count: 26, eval_count: 298 }, totals(26, 298)],
    ['attributes', { 'gen_ai.usage.input_tokens': 1, 'gen_ai.usage.output_tokens': 2 }, totals(1, 2)],
    ['a response of axios', { data: { usage: { prompt_tokens: 1, completion_tokens: 2 } } }, totals(1, 2)],
  ])('%s', (_name, result, expected) => {
    expect(tokenUsage(result)).toEqual(expected);
  });

  test('in the last of OpenAI’s chunks, however many', () => {
    const chunks = [
      ...Array(5_000).fill({ choices: [] }),
      { usage: { prompt_tokens: 1, completion_tokens: 2 } },
    ];
    expect(tokenUsage(chunks)).toEqual(totals(1, 2));
  });

  test('in the first and the last of Anthropic’s chunks', () => {
    const chunks = [
      { type: 'message_start', message: { usage: { input_tokens: 25, output_tokens: 1 } } },
      { type: 'content_block_delta' },
      { type: 'message_delta', usage: { output_tokens: 15 } },
    ];
    expect(tokenUsage(chunks)).toEqual(totals(25, 15));
  });
});

describe('finds nothing, and runs nothing', () => {
  test.each<[unknown]>([
    [undefined],
    [null],
    ['usage'],
    [5],
    [{}],
    [[]],
    [{ usage: null }],
    [{ usage: { prompt_tokens: '5' } }],
    [{ usage: { prompt_tokens: -1, completion_tokens: Number.NaN } }],
    [{ usage: { cachedInputTokens: 4 } }],
    [() => 1],
  ])('in %p', (result) => {
    expect(tokenUsage(result)).toBeUndefined();
  });

  test('behind getters and proxies', () => {
    let ran = 0;
    const result = {
      get usage() {
        ran++;
        return { prompt_tokens: 1 };
      },
    };
    const proxy = new Proxy({}, { getOwnPropertyDescriptor: () => void ran++, get: () => void ran++ });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    for (const value of [result, proxy, revoked.proxy, { usage: proxy }, [proxy]]) {
      expect(tokenUsage(value)).toBeUndefined();
    }
    expect(ran).toBe(0);
  });
});
