import { transformSync as babel } from '@babel/core';
import { transformSync as esbuild } from 'esbuild';
import { transformSync as swc } from '@swc/core';
import ts from 'typescript';

/** Turns decorated TypeScript into JavaScript, as one compiler does with one setting. */
export type Compile = (source: string) => string;

interface Flavour {
  legacy: boolean;
  /** `useDefineForClassFields` */
  define: boolean;
}

const tsc =
  ({ legacy, define }: Flavour): Compile =>
  (source) =>
    ts.transpileModule(source, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        experimentalDecorators: legacy,
        emitDecoratorMetadata: legacy,
        useDefineForClassFields: define,
      },
    }).outputText;

const withEsbuild =
  ({ legacy, define }: Flavour): Compile =>
  (source) =>
    esbuild(source, {
      loader: 'ts',
      target: 'es2022',
      // Without it a class that refers to itself is called `_Class`, and so are its spans.
      keepNames: true,
      tsconfigRaw: {
        compilerOptions: { experimentalDecorators: legacy, useDefineForClassFields: define },
      },
    }).code;

const withSwc =
  (transform: object): Compile =>
  (source) =>
    swc(source, {
      swcrc: false,
      jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform },
    }).code;

const withBabel =
  (plugins: unknown[]): Compile =>
  (source) =>
    babel(source, {
      filename: 'fixture.ts',
      configFile: false,
      babelrc: false,
      presets: ['@babel/preset-typescript'],
      plugins: plugins as never,
    })?.code ?? '';

/** What real projects compile standard decorators with. */
export const STANDARD: Record<string, Compile> = {
  tsc: tsc({ legacy: false, define: true }),
  'tsc, assigning fields': tsc({ legacy: false, define: false }),
  esbuild: withEsbuild({ legacy: false, define: true }),
  'swc 2022-03': withSwc({ decoratorVersion: '2022-03' }),
  'swc 2023-11': withSwc({ decoratorVersion: '2023-11' }),
  'babel 2023-11': withBabel([['@babel/plugin-proposal-decorators', { version: '2023-11' }]]),
};

/** What real projects compile legacy decorators with, fields assigned. */
export const LEGACY: Record<string, Compile> = {
  tsc: tsc({ legacy: true, define: false }),
  esbuild: withEsbuild({ legacy: true, define: false }),
  swc: withSwc({ legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false }),
  babel: withBabel([
    ['@babel/plugin-proposal-decorators', { legacy: true }],
    '@babel/plugin-transform-class-properties',
  ]),
};

/** Legacy decorators with `useDefineForClassFields: true`, which Babel does not have. */
export const LEGACY_DEFINING: Record<string, Compile> = {
  tsc: tsc({ legacy: true, define: true }),
  esbuild: withEsbuild({ legacy: true, define: true }),
  swc: withSwc({ legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true }),
  'swc, older target': (source) =>
    swc(source, {
      swcrc: false,
      jsc: {
        target: 'es2020',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, useDefineForClassFields: true },
      },
    }).code,
};

/**
 * Compiles and runs a source that puts what it makes on `out`.
 *
 * @param given what the source can refer to
 */
export function load(compile: Compile, source: string, given: Record<string, unknown>): Record<string, any> {
  const out: Record<string, any> = {};
  const names = Object.keys(given);
  new Function('out', ...names, compile(source))(out, ...names.map((name) => given[name]));
  return out;
}
