import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
// @ts-expect-error the table is plain JavaScript, because the build reads it
import { entries } from '../../.ci/entries.mjs';
import { codeBlocks, pages, type CodeBlock } from './code-blocks.js';
import { docstringBlocks } from './public-names.js';

/* Both protocols are checked here; the project this runs in does not matter, hence only once. */

const blocks = pages().flatMap((page) => codeBlocks(page));
const docstrings = docstringBlocks();
const checked = [...blocks.filter(({ info }) => !info.startsWith('no-check')), ...docstrings];
/** NestJS has legacy decorators; everything else is written in the standard ones. */
const isLegacy = ({ code }: CodeBlock): boolean => code.includes("'@nestjs/");

const paths = Object.fromEntries(
  (entries() as { subpath: string; source: string }[]).map(({ subpath, source }) => [
    subpath.replace('.', 'spanwise'),
    [path.resolve(source)],
  ]),
);

/** Declarations of libraries, which both programs share: reading them is most of the work. */
const declarations = new Map<string, ts.SourceFile | undefined>();

function mistakes(config: string, chosen: readonly CodeBlock[], files: readonly string[] = []): string[] {
  const parsed = ts.parseJsonConfigFileContent(
    { ...ts.readConfigFile(config, ts.sys.readFile).config, include: [], files: [] },
    ts.sys,
    path.dirname(path.resolve(config)),
    { noEmit: true, paths },
    path.resolve(config),
  );
  const named = new Map(
    chosen.map((block, index) => [path.resolve(`__tests__/docs/block-${index}.ts`), block]),
  );
  const host = ts.createCompilerHost(parsed.options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => named.has(path.resolve(name)) || fileExists(name);
  host.readFile = (name) => named.get(path.resolve(name))?.code ?? readFile(name);
  host.getSourceFile = (name, language) => {
    const block = named.get(path.resolve(name));
    if (block !== undefined) return ts.createSourceFile(name, block.code, language, true);
    if (!name.endsWith('.d.ts')) return getSourceFile(name, language);
    if (!declarations.has(name)) declarations.set(name, getSourceFile(name, language));
    return declarations.get(name);
  };
  const roots = new Map([
    ...[...named].map(([file, { where }]) => [file, `${where} + `] as const),
    ...files.map((file) => [path.resolve(file), `${file}:`] as const),
  ]);
  const program = ts.createProgram([...roots.keys()], parsed.options, host);
  return [...roots].flatMap(([file, where]) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(({ file: at, start, messageText }) => {
      const line = at?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
      return `${where}${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    }),
  );
}

/** Examples that are compiled from the sources as they stand; the others have a tsconfig.json and a run of their own. */
const own = readdirSync('examples', { withFileTypes: true }).filter(
  (entry) => entry.isDirectory() && !['build', 'concurrency-lab', 'demo', 'scale-out'].includes(entry.name),
);
const examples = own.flatMap(({ name: folder }) =>
  readdirSync(`examples/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('build'))
    .map((file) => `examples/${folder}/${file}`),
);
const isLegacyFile = (file: string): boolean => readFileSync(file, 'utf8').includes("'@nestjs/");

describe('the code of guides, README, docstrings and examples', () => {
  it('is there, and what is not checked says why', () => {
    expect(checked.length).toBeGreaterThan(30);
    expect(examples.length).toBeGreaterThan(10);
    expect(
      blocks.filter(({ info }) => !/^(run|no-check: .{10,})?$/.test(info)).map(({ where }) => where),
    ).toEqual([]);
  });

  it('compiles with standard decorators', () => {
    const found = mistakes(
      'tsconfig.json',
      checked.filter((block) => !isLegacy(block)),
      examples.filter((file) => !isLegacyFile(file)),
    );
    expect(found).toEqual([]);
  }, 180_000);

  it('compiles with legacy decorators where NestJS is', () => {
    const found = mistakes(
      '__tests__/tsconfig.legacy.json',
      checked.filter(isLegacy),
      examples.filter(isLegacyFile),
    );
    expect(found).toEqual([]);
  }, 180_000);
});
