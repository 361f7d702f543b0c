/** What a session used, summed over its rows. */
import type { Forest, ForestNode } from './tree.js';

/**
 * Tokens and cost of a session; null where no row says anything.
 *
 * An agent often reports the sum of the calls below it: of a row and those below it, only the lowest are counted.
 */
export function usageIn(forest: Forest): { tokens: number | null; cost: number | null } {
  return { tokens: sumOf(forest, 'tokens'), cost: sumOf(forest, 'cost') };
}

function sumOf(forest: Forest, field: 'tokens' | 'cost'): number | null {
  const covered = new Set<ForestNode>();
  let sum: number | null = null;
  for (const node of forest.nodes.values()) {
    if (node.row[field] === null) continue;
    for (let above = node.parent; above !== undefined && !covered.has(above); above = above.parent)
      covered.add(above);
  }
  for (const node of forest.nodes.values()) {
    const value = node.row[field];
    if (value !== null && !covered.has(node)) sum = (sum ?? 0) + value;
  }
  return sum;
}
