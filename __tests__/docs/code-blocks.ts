/** Fenced code, of guides, README and docstrings, as the tests read it. */
import { readdirSync, readFileSync } from 'node:fs';

/** A fenced block of TypeScript. */
export interface CodeBlock {
  /** Where it stands, as `file:line`. */
  readonly where: string;
  readonly code: string;
  /** What stands behind `ts` in the fence: nothing, `run`, `no-check` and why; in docstrings `no-run` and why. */
  readonly info: string;
  /** The block of text that follows, which for `run` is the tree of spans. */
  readonly output: string | undefined;
}

/** The pages whose code is held. */
export function pages(): string[] {
  const guides = readdirSync('docs/guides').filter((file) => file.endsWith('.md'));
  return ['README.md', ...guides.sort().map((file) => `docs/guides/${file}`)];
}

/** The TypeScript of a page, in order. */
export function codeBlocks(page: string): CodeBlock[] {
  return blocksIn(readFileSync(page, 'utf8'), page);
}

/** The fenced TypeScript of a text, in order. */
export function blocksIn(text: string, where: string): CodeBlock[] {
  const fences = [...text.matchAll(/^```(\w*)[ \t]*(.*)\n([\s\S]*?)^```$/gm)];
  return fences.flatMap(([, language, info = '', code = ''], index) => {
    if (language !== 'ts' && language !== 'typescript') return [];
    const next = fences[index + 1];
    const line = text.slice(0, fences[index]!.index).split('\n').length;
    return [{ where: `${where}:${line}`, code, info, output: next?.[1] === 'text' ? next[3] : undefined }];
  });
}
