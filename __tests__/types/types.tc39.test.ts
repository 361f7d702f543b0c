import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

/* One program per protocol; the project this runs in does not matter, hence only once. */
const MODES = {
  standard: { config: 'tsconfig.json', only: 'standard.tc39.ts' },
  legacy: { config: '__tests__/tsconfig.legacy.json', only: 'legacy.legacy.ts' },
};
const SHARED = ['inference.ts', 'targets.ts'];

function check(config: string, files: string[], virtual: Record<string, string> = {}): ts.Diagnostic[] {
  const { config: json } = ts.readConfigFile(config, ts.sys.readFile);
  const parsed = ts.parseJsonConfigFileContent(
    { ...json, include: [], files: [] },
    ts.sys,
    path.dirname(path.resolve(config)),
    { noEmit: true },
    path.resolve(config),
  );
  const host = ts.createCompilerHost(parsed.options);
  const texts = new Map(Object.entries(virtual).map(([name, text]) => [path.resolve(name), text]));
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  host.getSourceFile = (name, language) => {
    const text = texts.get(name);
    return text === undefined ? getSourceFile(name, language) : ts.createSourceFile(name, text, language);
  };
  const roots = [...files.map((file) => path.resolve(file)), ...texts.keys()];
  const program = ts.createProgram(roots, parsed.options, host);
  return roots.flatMap((root) => [...ts.getPreEmitDiagnostics(program, program.getSourceFile(root))]);
}

const readable = (diagnostics: ts.Diagnostic[]) =>
  diagnostics.map(({ file, start, code, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `${path.basename(file?.fileName ?? '')}:${line} TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });

describe.each(Object.entries(MODES))('the types under the %s protocol', (_mode, { config, only }) => {
  it('infer, accept and refuse what the fixtures say', () => {
    const files = [...SHARED, only].map((file) => `__tests__/types/${file}`);
    expect(readable(check(config, files))).toEqual([]);
  }, 60_000);

  it('point at the mistake itself', () => {
    const mistakes = {
      '__tests__/types/mistakes.ts': `
        import { Trace } from './decorators.js';
        export class Shop {
          @Trace({ outputs: (result) => result.nope }) a(): number { return 1; }
          @Trace({ inputs: (a: number) => a }) b(_a: string) {}
          @Trace({ nam: 'x' }) c() {}
          @Trace({ inputs: (a) => a.nope }) d = (_a: string) => 1;
        }`,
    };
    const found = check(config, [], mistakes);
    const source = mistakes['__tests__/types/mistakes.ts'];
    const lines = found.map(({ start, code }) => [
      source.slice(0, start).split('\n').length,
      code,
      source.slice(start).match(/^\w+|^./)?.[0],
    ]);
    expect(lines).toEqual([
      [4, 2339, 'nope'],
      [5, 2345, '{'],
      [6, 2561, 'nam'],
      [7, 2339, 'nope'],
    ]);
  }, 60_000);
});
