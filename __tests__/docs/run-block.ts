/** Runs a block of documentation in this process, with a recorder beside what it sets up and without network. */
import 'reflect-metadata';
import { inspect } from 'node:util';
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
  const load = async (name: string): Promise<object> => {
    if (name === 'spanwise') return { ...spanwise, SessionTracer: Recorded };
    const entry = surface.find(({ subpath }) => subpath.replace('.', 'spanwise') === name);
    return (await import(
      entry === undefined ? name : `../../${entry.source.replace(/\.ts$/, '.js')}`
    )) as object;
  };
  // As a function with its imports handed in, and not as a module of `node:vm`: those end Node 20 with a segmentation
  // fault when one is collected.
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
      experimentalDecorators: legacy,
      emitDecoratorMetadata: legacy,
      useDefineForClassFields: !legacy,
    },
  });
  const loaded = new Map<string, object>();
  for (const [, name] of outputText.matchAll(/\brequire\("([^"]+)"\)/g)) {
    loaded.set(name!, { __esModule: true, ...(await load(name!)) });
  }
  const run = new AsyncFunction('require', 'exports', 'console', outputText);
  await run((name: string) => loaded.get(name), {}, { log: print });
  return { tree: recorder.tree(), printed };
}

const AsyncFunction = (async () => undefined).constructor as new (
  ...parametersAndBody: string[]
) => (require: (name: string) => unknown, exports: object, console: object) => Promise<void>;
