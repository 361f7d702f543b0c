/** The fenced code of the guides and the README, as the tests read it. */
import { readdirSync, readFileSync } from 'node:fs';

/** A fenced block of TypeScript. */
export interface CodeBlock {
  /** Where it stands, as `file:line`. */
  readonly where: string;
  readonly code: string;
  /** What stands behind `ts` in the fence: nothing, `run`, or `no-check` and why. */
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
  const text = readFileSync(page, 'utf8');
  const fences = [...text.matchAll(/^```(\w*)[ \t]*(.*)\n([\s\S]*?)^```$/gm)];
  return fences.flatMap(([, language, info = '', code = ''], index) => {
    if (language !== 'ts' && language !== 'typescript') return [];
    const next = fences[index + 1];
    const line = text.slice(0, fences[index]!.index).split('\n').length;
    return [{ where: `${page}:${line}`, code, info, output: next?.[1] === 'text' ? next[3] : undefined }];
  });
}
