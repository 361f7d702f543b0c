/** Tokens and cost of a row, from its metrics, its metadata, or the attributes of other instrumentations. */
import { GEN_AI_USAGE_ATTRIBUTES, PAYLOAD_NAMESPACES } from '../conventions.js';
import type { JsonObject } from '../honeyhive/event.js';
import type { Item } from './item.js';

export interface Usage {
  /** Input and output together. */
  tokens: number | null;
  /** In the currency that the sender counts in. */
  cost: number | null;
}

const TOTAL = keysOf('total_tokens', 'tokens', 'totalTokens', ...GEN_AI_USAGE_ATTRIBUTES.total_tokens);
const INPUT = keysOf(
  'prompt_tokens',
  'input_tokens',
  'promptTokens',
  'inputTokens',
  ...GEN_AI_USAGE_ATTRIBUTES.prompt_tokens,
);
const OUTPUT = keysOf(
  'completion_tokens',
  'output_tokens',
  'completionTokens',
  'outputTokens',
  ...GEN_AI_USAGE_ATTRIBUTES.completion_tokens,
);
const COST = keysOf('cost', 'total_cost', 'cost_usd', 'totalCost');

/** What a row says that it used, and what was said of it later; null where nobody says anything. */
export function usageOf(item: Item, update: JsonObject | undefined): Usage {
  const places = [
    update?.['metrics'],
    update?.['metadata'],
    // A list is made for every row that is drawn: the attributes are read as they came, no event is built for it.
    item.span?.attributes,
    item.span === undefined ? item.event?.metrics : undefined,
    item.span === undefined ? item.event?.metadata : undefined,
  ];
  const total = firstNumber(places, TOTAL);
  const input = firstNumber(places, INPUT);
  const output = firstNumber(places, OUTPUT);
  const sum = input === null && output === null ? null : (input ?? 0) + (output ?? 0);
  return { tokens: total ?? sum, cost: firstNumber(places, COST) };
}

/** A name alone, and as a metric or metadata of a span: what a user counted is meant more than what was noted. */
function keysOf(...names: string[]): string[] {
  const { metrics, metadata } = PAYLOAD_NAMESPACES;
  return [
    ...names.map((name) => `${metrics}.${name}`),
    ...names.map((name) => `${metadata}.${name}`),
    ...names,
  ];
}

function firstNumber(places: readonly unknown[], keys: readonly string[]): number | null {
  for (const place of places) {
    if (typeof place !== 'object' || place === null) continue;
    for (const key of keys) {
      const value = (place as JsonObject)[key];
      if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
    }
  }
  return null;
}
