/** What is made of measurements: medians, their spread, and whether a row keeps its gate. */
import { median } from './measure.mjs';

/** A spread above this counts as not measured. */
export const MAX_SPREAD = 0.15;

/** The result of some processes as their median, their lowest and their highest. */
export function summarise(values) {
  return { middle: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** How far the processes lie apart, as a part of what they say; of a difference in milliseconds, as a part of its gate. */
export function spreadOf({ unit, gate }, { middle, low, high }) {
  return (high - low) / (unit === undefined ? Math.abs(middle) : gate);
}

/** '' for a row without a gate, else 'ok', 'missed', or 'not measured' where the processes disagree. */
export function verdictOf(row, found) {
  if (row.gate === undefined) return '';
  if (!(spreadOf(row, found) <= MAX_SPREAD)) return 'not measured';
  return found.middle <= row.gate ? 'ok' : 'missed';
}

export const number = (value) => (Math.abs(value) < 0.1 ? value.toFixed(3) : value.toFixed(2));

/** A table in Markdown. */
export function table(header, lines) {
  const widths = header.map((title, at) => Math.max(title.length, ...lines.map((cells) => cells[at].length)));
  const format = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [
    format(header),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...lines.map(format),
  ].join('\n');
}
