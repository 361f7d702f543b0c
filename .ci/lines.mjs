/**
 * `npm run lines`: how many lines tracing takes, by hand and with Spanwise, in programs that do the same and whose
 * spans a test compares (`examples/migration/`), and in the guides' code before and after a migration.
 *
 * Counted are lines that hold code: no comments, no blank lines. "For tracing" are those that the same program
 * without tracing does not have, wherever they are indented.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './entries.mjs';

/** The lines of code of a program, without indentation. Comments stand on lines of their own here. */
export function codeLines(text) {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(\/\/|\/\*|\*\s|\*\/|# )/.test(line));
}

/** How many of the lines are not, in this order, among the other program's: the longest common subsequence tells. */
export function linesBeyond(lines, others) {
  let row = new Array(others.length + 1).fill(0);
  for (const content of lines) {
    const next = [0];
    others.forEach((other, index) => {
      next.push(content === other ? row[index] + 1 : Math.max(row[index + 1], next[index]));
    });
    row = next;
  }
  return lines.length - row.at(-1);
}

const read = (...parts) => readFileSync(path.join(root, ...parts), 'utf8');

/** The parts of a program between `// #region name` and `// #endregion`. */
function region(text, name) {
  return [...text.matchAll(new RegExp(`// #region ${name}\\n([^]*?)// #endregion`, 'g'))]
    .map(([, part]) => part)
    .join('');
}

/** One row per program: lines without tracing, by hand (all, and for tracing), with Spanwise (the same). */
export function programRows() {
  const rows = ['server', 'client'].map((part) => {
    const versions = ['untraced', 'opentelemetry', 'spanwise'];
    const [bare, before, after] = versions.map((version) =>
      codeLines(read('examples/migration', version, `${part}.ts`)),
    );
    return {
      what: `the ${part}`,
      untraced: bare.length,
      before: before.length,
      beforeTracing: linesBeyond(before, bare),
      after: after.length,
      afterTracing: linesBeyond(after, bare),
    };
  });
  const entry = (version) =>
    codeLines(region(read('examples/migration', version, 'server.ts'), 'entry')).length;
  return { rows, entry: { before: entry('opentelemetry'), after: entry('spanwise') } };
}

/** Lines of the code blocks under "Before" and "After" of the migration guides. */
export function guideRows() {
  const guides = {
    'migration-honeyhive': ['honeyhive', 'honeyhive in Python'],
    'migration-peers': ['nestjs-otel', 'openinference'],
  };
  return Object.entries(guides).flatMap(([guide, peers]) => {
    const blocks = [...read('docs/guides', `${guide}.md`).matchAll(/^```(?:ts|python).*\n([^]*?)^```$/gm)];
    return peers.map((peer, index) => ({
      what: peer,
      before: codeLines(blocks[2 * index][1]).length,
      after: codeLines(blocks[2 * index + 1][1]).length,
    }));
  });
}

/** The table of the programs as Markdown, as it stands in the guide. */
export function programTable() {
  const { rows, entry } = programRows();
  return [
    '|  | without tracing | OpenTelemetry by hand | of it for tracing | Spanwise | of it for tracing |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(
      (row) =>
        `| ${row.what} | ${row.untraced} | ${row.before} | ${row.beforeTracing} | ${row.after} | ${row.afterTracing} |`,
    ),
    `| the entry alone |  |  | ${entry.before} |  | ${entry.after} |`,
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log('Lines of code: programs with the same spans (examples/migration)\n');
  const { rows, entry } = programRows();
  console.table(
    Object.fromEntries([
      ...rows.map(({ what, ...row }) => [what, row]),
      ['the entry alone', { beforeTracing: entry.before, afterTracing: entry.after }],
    ]),
  );
  console.log("\nThe guides' code before and after\n");
  console.table(Object.fromEntries(guideRows().map(({ what, ...row }) => [what, row])));
}
