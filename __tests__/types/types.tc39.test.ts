import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

/* One program per protocol; the project this runs in does not matter, hence only once. */
const MODES = {
  standard: { config: 'tsconfig.json', only: 'standard.tc39.ts' },
  legacy: { config: '__tests__/tsconfig.legacy.json', only: 'legacy.legacy.ts' },
};
const SHARED = ['inference.ts', 'targets.ts'];

const MISTAKES = path.resolve('__tests__/types/mistakes.ts');
const MISTAKEN = `
  import { Trace } from './decorators.js';
  export class Shop {
    @Trace({ outputs: (result) => result.nope }) a(): number { return 1; }
    @Trace({ inputs: (a: number) => a }) b(_a: string) {}
    @Trace({ nam: 'x' }) c() {}
    @Trace({ inputs: (a) => a.nope }) d = (_a: string) => 1;
  }`;

/** Declarations of libraries, which both programs share: reading them is most of the work. */
const declarations = new Map<string, ts.SourceFile | undefined>();

function check(config: string, files: string[]): ts.Diagnostic[] {
  const parsed = ts.parseJsonConfigFileContent(
    { ...ts.readConfigFile(config, ts.sys.readFile).config, include: [], files: [] },
    ts.sys,
    path.dirname(path.resolve(config)),
    { noEmit: true },
    path.resolve(config),
  );
  const host = ts.createCompilerHost(parsed.options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === MISTAKES || fileExists(name);
  host.getSourceFile = (name, language) => {
    if (name === MISTAKES) return ts.createSourceFile(name, MISTAKEN, language);
    if (!name.endsWith('.d.ts')) return getSourceFile(name, language);
    if (!declarations.has(name)) declarations.set(name, getSourceFile(name, language));
    return declarations.get(name);
  };
  const roots = [...files.map((file) => path.resolve(file)), MISTAKES];
  const program = ts.createProgram(roots, parsed.options, host);
  return roots.flatMap((root) => [...ts.getPreEmitDiagnostics(program, program.getSourceFile(root))]);
}

const readable = (diagnostics: ts.Diagnostic[]) =>
  diagnostics.map(({ file, start, code, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `${path.basename(file?.fileName ?? '')}:${line} TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });

describe.each(Object.entries(MODES))('the types under the %s protocol', (_mode, { config, only }) => {
  let found: ts.Diagnostic[];
  beforeAll(() => {
    found = check(
      config,
      [...SHARED, only].map((file) => `__tests__/types/${file}`),
    );
  }, 60_000);
  const inMistakes = ({ file }: ts.Diagnostic) => file?.fileName === MISTAKES;

  it('infer, accept and refuse what the fixtures say', () => {
    expect(readable(found.filter((diagnostic) => !inMistakes(diagnostic)))).toEqual([]);
  });

  it('point at the mistake itself', () => {
    const points = found
      .filter(inMistakes)
      .map(({ start, code }) => [
        MISTAKEN.slice(0, start).split('\n').length,
        code,
        MISTAKEN.slice(start).match(/^\w+|^./)?.[0],
      ]);
    expect(points).toEqual([
      [4, 2339, 'nope'],
      [5, 2345, '{'],
      [6, 2561, 'nam'],
      [7, 2339, 'nope'],
    ]);
  });
});
