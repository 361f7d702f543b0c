/** Keeps docs/benchmarks.md: one section for each thing that is measured by itself. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const file = path.join(root, 'docs/benchmarks.md');

const HEAD = `# Benchmarks

Written by \`npm run bench\` up to the peers; what stands after them is kept by hand. What the rows mean is in \`bench/rows.mjs\`, how it is measured in \`bench/measure.mjs\`.

A ratio is the overhead of Spanwise in units of the overhead of hand-written OpenTelemetry that does the same. Only
ratios of cases that took turns are compared, by CPU time; each is the median of three fresh processes, and the spread is
the distance between the lowest and the highest of them. Where it is above 15 % the row counts as not measured.
`;

/** The sections that are written here, in their order; those kept by hand come after them, as they are. */
const ORDER = [/^Node 20, OpenTelemetry 2/, /^Node .* 2\.x/, /^Node .* 3\.x/, /^Every Node/, /^Peers/];
const place = (title) => {
  const at = ORDER.findIndex((pattern) => pattern.test(title));
  return at < 0 ? ORDER.length : at;
};

/** The sections of a document, by their titles. */
export function sectionsOf(text) {
  const sections = new Map();
  for (const part of text.split(/^## /m).slice(1)) {
    const end = part.indexOf('\n');
    sections.set(part.slice(0, end).trim(), part.slice(end + 1).trim());
  }
  return sections;
}

/**
 * Writes a section anew and leaves the others.
 *
 * @param title of the section
 * @param body in Markdown
 */
export async function writeSection(title, body) {
  const sections = sectionsOf(existsSync(file) ? readFileSync(file, 'utf8') : '');
  sections.delete('Medians');
  sections.set(title, body);
  const parts = [...sections].sort(([a], [b]) => place(a) - place(b));
  const text = `${HEAD}\n${parts.map(([name, content]) => `## ${name}\n\n${content}\n`).join('\n')}`;
  const prettier = await import('prettier');
  const style = await prettier.resolveConfig(file);
  writeFileSync(file, await prettier.format(text, { ...style, parser: 'markdown' }));
  console.error(`written: ${path.relative(root, file)}, ${title}`);
}
