import { createContext, SourceTextModule, SyntheticModule, type Module } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import * as api from '@opentelemetry/api';
import ts from 'typescript';
import * as spanwise from '../../lib/index.js';
import * as testing from '../../lib/testing/index.js';
import { shutdownAll } from '../support/harness.js';
import { codeBlocks, pages } from './code-blocks.js';

/* The decorators of a block are compiled for the protocol of the project that this runs in. */
const legacy = (globalThis as { SPANWISE_TEST_ENGINE?: string }).SPANWISE_TEST_ENGINE === 'sdk';

const runnable = pages()
  .flatMap((page) => codeBlocks(page))
  .filter(({ info }) => info === 'run');

afterEach(shutdownAll);

/** Runs a block with a recorder beside what it sets up, and without network; returns the tree of spans. */
async function run(code: string): Promise<string> {
  const recorder = testing.recordSpans();
  class Recorded extends spanwise.SessionTracer {
    static override init(options: spanwise.SessionTracerOptions = {}): any {
      const spanProcessors = [...(options.spanProcessors ?? []), recorder];
      return super.init({ ...options, spanProcessors, testMode: true });
    }
  }
  const modules: Record<string, object> = {
    spanwise: { ...spanwise, SessionTracer: Recorded },
    'spanwise/testing': testing,
    '@opentelemetry/api': api,
  };
  const context = createContext(globalThis);
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: legacy,
      useDefineForClassFields: !legacy,
    },
  });
  const module = new SourceTextModule(outputText, { context });
  await module.link((name): Module => {
    const exports = modules[name] as Record<string, unknown> | undefined;
    if (exports === undefined) throw new Error(`a block that is run cannot import ${name}`);
    return new SyntheticModule(
      Object.keys(exports),
      function (this: { setExport(key: string, value: unknown): void }) {
        for (const key of Object.keys(exports)) this.setExport(key, exports[key]);
      },
      { context },
    );
  });
  await module.evaluate();
  return recorder.tree();
}

describe('the code that a guide says is run', () => {
  it('is there', () => {
    expect(runnable.length).toBeGreaterThan(5);
  });

  it.each(runnable.map((block) => [block.where, block] as const))(
    '%s produces the spans below it',
    async (_where, { code, output }) => {
      expect(output).toBeDefined();
      expect(await run(code)).toBe(output?.trimEnd());
    },
  );
});
