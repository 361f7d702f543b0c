/** Runs a block of documentation in this process, with a recorder beside what it sets up and without network. */
import 'reflect-metadata';
import { inspect } from 'node:util';
import { createContext, SourceTextModule, SyntheticModule, type Module } from 'node:vm';
import ts from 'typescript';
import * as spanwise from '../../lib/index.js';
import * as testing from '../../lib/testing/index.js';
import { surface } from './public-names.js';

/** The decorators of a block are compiled for the protocol of the project that this runs in. */
export const legacy = (globalThis as { SPANWISE_TEST_ENGINE?: string }).SPANWISE_TEST_ENGINE === 'sdk';

/** What came of a block. */
export interface Outcome {
  /** The tree of the spans of all tracers that it started. */
  readonly tree: string;
  /** What it printed, line by line. */
  readonly printed: readonly string[];
}

export async function runBlock(code: string): Promise<Outcome> {
  const recorder = testing.recordSpans();
  class Recorded extends spanwise.SessionTracer {
    static override init(options: spanwise.SessionTracerOptions = {}): any {
      const spanProcessors = [...(options.spanProcessors ?? []), recorder];
      return super.init({ ...options, spanProcessors, testMode: true });
    }
  }
  const printed: string[] = [];
  const print = (...values: unknown[]): void => {
    printed.push(values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' '));
  };
  const given: Record<string, object> = {
    spanwise: { ...spanwise, SessionTracer: Recorded },
    'docs:console': { console: { log: print } },
  };
  const load = async (name: string): Promise<object> => {
    if (given[name] !== undefined) return given[name];
    const entry = surface.find(({ subpath }) => subpath.replace('.', 'spanwise') === name);
    return (await import(
      entry === undefined ? name : `../../${entry.source.replace(/\.ts$/, '.js')}`
    )) as object;
  };
  const context = createContext(globalThis);
  const { outputText } = ts.transpileModule(`import { console } from 'docs:console';\n${code}`, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: legacy,
      emitDecoratorMetadata: legacy,
      useDefineForClassFields: !legacy,
    },
  });
  const module = new SourceTextModule(outputText, { context });
  // One after the other: jest links no two graphs at once that share a module.
  const loaded = new Map<string, Record<string, unknown>>();
  for (const [, name] of outputText.matchAll(/^import\b[^'"]*['"]([^'"]+)['"]/gm)) {
    loaded.set(name!, (await load(name!)) as Record<string, unknown>);
  }
  await module.link((name): Module => {
    const exports = loaded.get(name) as Record<string, unknown>;
    return new SyntheticModule(
      Object.keys(exports),
      function (this: { setExport(key: string, value: unknown): void }) {
        for (const key of Object.keys(exports)) this.setExport(key, exports[key]);
      },
      { context },
    );
  });
  await module.evaluate();
  return { tree: recorder.tree(), printed };
}
