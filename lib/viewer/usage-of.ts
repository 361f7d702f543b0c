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

const KINDS = {
  total: ['total_tokens', 'tokens', 'totalTokens', ...GEN_AI_USAGE_ATTRIBUTES.total_tokens],
  input: [
    'prompt_tokens',
    'input_tokens',
    'promptTokens',
    'inputTokens',
    ...GEN_AI_USAGE_ATTRIBUTES.prompt_tokens,
  ],
  output: [
    'completion_tokens',
    'output_tokens',
    'completionTokens',
    'outputTokens',
    ...GEN_AI_USAGE_ATTRIBUTES.completion_tokens,
  ],
  cost: ['cost', 'total_cost', 'cost_usd', 'totalCost'],
};
type Kind = keyof typeof KINDS;

/** What a name means, and how much it is meant: what a user counted comes before what was noted on the way. */
const MEANINGS = new Map<string, { kind: Kind; rank: number }>();
for (const [kind, names] of Object.entries(KINDS) as [Kind, string[]][]) {
  const { metrics, metadata } = PAYLOAD_NAMESPACES;
  const inOrder = [
    ...names.map((name) => `${metrics}.${name}`),
    ...names.map((name) => `${metadata}.${name}`),
    ...names,
  ];
  for (const [rank, name] of inOrder.entries()) MEANINGS.set(name, { kind, rank });
}

/** What a row says that it used, and what was said of it later; null where nobody says anything. */
export function usageOf(item: Item, update: JsonObject | undefined): Usage {
  const found: Partial<Record<Kind, number>> = {};
  if (update !== undefined) {
    take(update['metrics'], found);
    take(update['metadata'], found);
  }
  if (item.span !== undefined) take(item.span.attributes, found);
  else {
    take(item.event?.metrics, found);
    take(item.event?.metadata, found);
  }
  const { total, input, output, cost = null } = found;
  const sum = input === undefined && output === undefined ? null : (input ?? 0) + (output ?? 0);
  return { tokens: total ?? sum, cost };
}

/**
 * Takes from one place what no place before it had.
 *
 * The keys that are there are looked up, not the keys that might be: a span has eight, and rows are made by the
 * ten thousand.
 */
function take(place: unknown, found: Partial<Record<Kind, number>>): void {
  if (typeof place !== 'object' || place === null) return;
  const ranks: Partial<Record<Kind, number>> = {};
  const before = { ...found };
  for (const key in place) {
    const meaning = MEANINGS.get(key);
    if (meaning === undefined || before[meaning.kind] !== undefined) continue;
    const value = (place as JsonObject)[key];
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) continue;
    if ((ranks[meaning.kind] ?? Infinity) <= meaning.rank) continue;
    ranks[meaning.kind] = meaning.rank;
    found[meaning.kind] = value;
  }
}
