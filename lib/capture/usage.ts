/**
 * Token usage, as the usual clients of language models report it in their results.
 */
import { GEN_AI_USAGE_ATTRIBUTES } from '../conventions.js';
import { isArray, isProxy, ownValue } from './intrinsics.js';

/** Metric → the names that clients give it, in order of preference. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  prompt_tokens: [
    'prompt_tokens',
    'input_tokens',
    'inputTokens',
    'promptTokens',
    'promptTokenCount',
    'prompt_token_count',
    'inputTokenCount',
    'prompt_eval_count',
    ...GEN_AI_USAGE_ATTRIBUTES.prompt_tokens,
  ],
  completion_tokens: [
    'completion_tokens',
    'output_tokens',
    'outputTokens',
    'completionTokens',
    'candidatesTokenCount',
    'candidates_token_count',
    'outputTokenCount',
    'eval_count',
    ...GEN_AI_USAGE_ATTRIBUTES.completion_tokens,
  ],
  total_tokens: [
    'total_tokens',
    'totalTokens',
    'totalTokenCount',
    'total_token_count',
    ...GEN_AI_USAGE_ATTRIBUTES.total_tokens,
  ],
  cache_read_input_tokens: [
    'cache_read_input_tokens',
    'cacheReadInputTokens',
    'cachedInputTokens',
    'cachedContentTokenCount',
    'cached_content_token_count',
    ...GEN_AI_USAGE_ATTRIBUTES.cache_read_input_tokens,
  ],
  cache_creation_input_tokens: [
    'cache_creation_input_tokens',
    'cacheWriteInputTokens',
    ...GEN_AI_USAGE_ATTRIBUTES.cache_creation_input_tokens,
  ],
  reasoning_tokens: ['reasoning_tokens', 'reasoningTokens', 'thoughtsTokenCount', 'thoughts_token_count'],
};

/** Metric → where it hides one level below the usage. */
const DETAILS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  cache_read_input_tokens: [
    ['prompt_tokens_details', 'cached_tokens'],
    ['input_tokens_details', 'cached_tokens'],
    ['input_token_details', 'cache_read'],
    ['inputTokenDetails', 'cacheReadTokens'],
    ['inputTokens', 'cacheRead'],
  ],
  cache_creation_input_tokens: [
    ['input_token_details', 'cache_creation'],
    ['inputTokenDetails', 'cacheWriteTokens'],
    ['inputTokens', 'cacheWrite'],
  ],
  reasoning_tokens: [
    ['completion_tokens_details', 'reasoning_tokens'],
    ['output_tokens_details', 'reasoning_tokens'],
    ['output_token_details', 'reasoning'],
    ['outputTokenDetails', 'reasoningTokens'],
    ['outputTokens', 'reasoning'],
  ],
};

/** Where a result keeps its usage, best first. */
const PLACES: readonly (readonly string[])[] = [
  ['totalUsage'],
  ['usage'],
  ['usageMetadata'],
  ['usage_metadata'],
  ['response', 'usage'],
  ['response', 'usageMetadata'],
  ['message', 'usage'],
  ['llmOutput', 'tokenUsage'],
  ['response_metadata', 'tokenUsage'],
  ['response_metadata', 'usage'],
  ['data', 'usage'],
  ['meta', 'tokens'],
  ['attributes'],
  [],
];

/** Chunks of a stream that are looked at, from either end: clients report usage in the first or the last ones. */
const CHUNKS = 16;

function objectAt(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null && !isProxy(value) ? value : undefined;
}

function count(value: unknown): number | undefined {
  const number = typeof value === 'object' ? totalOf(value) : value;
  return typeof number === 'number' && number >= 0 && Number.isFinite(number) ? number : undefined;
}

/** `{ total, cacheRead, … }`, as the newest clients count. */
function totalOf(value: unknown): unknown {
  const object = objectAt(value);
  return object === undefined ? undefined : ownValue(object, 'total');
}

function read(usage: object): Record<string, number> | undefined {
  const found: Record<string, number> = {};
  let any = false;
  for (const metric of Object.keys(NAMES)) {
    let value: number | undefined;
    for (const name of NAMES[metric]!) {
      value = count(ownValue(usage, name));
      if (value !== undefined) break;
    }
    for (const [holder, name] of value === undefined ? (DETAILS[metric] ?? []) : []) {
      const details = objectAt(ownValue(usage, holder));
      value = details === undefined ? undefined : count(ownValue(details, name));
      if (value !== undefined) break;
    }
    if (value === undefined) continue;
    found[metric] = value;
    any ||= metric === 'prompt_tokens' || metric === 'completion_tokens' || metric === 'total_tokens';
  }
  return any ? found : undefined;
}

/** Anthropic counts what its cache read and wrote beside the input, everyone else within it. */
function cachedBeside(usage: object): boolean {
  return (
    ownValue(usage, 'cache_read_input_tokens') !== undefined ||
    ownValue(usage, 'cache_creation_input_tokens') !== undefined
  );
}

function usageIn(result: object): Record<string, number> | undefined {
  for (const path of PLACES) {
    let place: object | undefined = result;
    for (const name of path) place = place === undefined ? undefined : objectAt(ownValue(place, name));
    if (place === undefined) continue;
    const usage = read(place) ?? tokensBelow(place);
    if (usage === undefined) continue;
    const { prompt_tokens: prompt, completion_tokens: completion } = usage;
    if (usage.total_tokens === undefined && prompt !== undefined && completion !== undefined) {
      const beside = cachedBeside(place)
        ? (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0)
        : 0;
      usage.total_tokens = prompt + completion + beside;
    }
    return usage;
  }
  return undefined;
}

/** Cohere: `usage.tokens.input_tokens`. */
function tokensBelow(place: object): Record<string, number> | undefined {
  const tokens = objectAt(ownValue(place, 'tokens'));
  return tokens === undefined ? undefined : read(tokens);
}

function usageOfChunks(chunks: readonly unknown[]): Record<string, number> | undefined {
  let merged: Record<string, number> | undefined;
  const { length } = chunks;
  for (let index = 0; index < length; index++) {
    if (index >= CHUNKS && index < length - CHUNKS) index = length - CHUNKS;
    const chunk = objectAt(ownValue(chunks, index));
    const usage = chunk === undefined || isArray(chunk) ? undefined : usageIn(chunk);
    if (usage === undefined) continue;
    merged ??= {};
    // Later chunks repeat the counts of earlier ones, grown.
    for (const [metric, value] of Object.entries(usage)) {
      merged[metric] = Math.max(merged[metric] ?? 0, value);
    }
  }
  const {
    prompt_tokens: prompt = 0,
    completion_tokens: completion = 0,
    total_tokens: total = 0,
  } = merged ?? {};
  if (merged !== undefined && prompt + completion > total) merged.total_tokens = prompt + completion;
  return merged;
}

/**
 * Finds token usage in the result of a call to a language model: OpenAI (chat and responses), Anthropic, Gemini,
 * Bedrock, Cohere, Mistral, Ollama, the Vercel AI SDK, LangChain, `gen_ai.usage.*` attributes, and the collected
 * chunks of their streams. Runs no getter and never throws.
 *
 * @param result what the call returned
 * @returns `prompt_tokens`, `completion_tokens`, `total_tokens`, and what is known of caches and reasoning;
 *   undefined if nothing is reported
 * @example
 * tokenUsage({ usage: { input_tokens: 12, output_tokens: 30 } });
 * // { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42 }
 */
export function tokenUsage(result: unknown): Record<string, number> | undefined {
  try {
    const object = objectAt(result);
    if (object === undefined) return undefined;
    return isArray(object) ? usageOfChunks(object) : usageIn(object);
  } catch {
    return undefined;
  }
}
