/**
 * The build: every entry as ESM, CommonJS and declarations, with shared chunks, so that one format never holds a
 * module twice. Types are checked by `npm run typecheck`; here files are only transpiled, which keeps a build short.
 */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { dts } from 'rollup-plugin-dts';
import ts from 'typescript';
import { commands, entries, root } from './.ci/entries.mjs';
import { viewerPage } from './.ci/viewer-page.mjs';

const tsconfig = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile).config.compilerOptions;
const { options: compilerOptions } = ts.convertCompilerOptionsFromJson(
  // The declarations keep the documentation; in the code it is two fifths of what every start-up reads and parses.
  { ...tsconfig, module: 'ESNext', moduleResolution: 'Bundler', noEmit: false, removeComments: true },
  root,
);

/** Resolves our `.js` specifiers to the `.ts` sources and transpiles them. */
function typescript() {
  return {
    name: 'transpile',
    // Rollup's own stand-in asks for a `document` and takes built-ins apart; ours is for Node, as CommonJS is.
    resolveImportMeta: (property, { format }) =>
      format === 'cjs' && property === 'url' ? "require('node:url').pathToFileURL(__filename).href" : null,
    resolveId(id, importer) {
      if (!id.startsWith('.') || importer === undefined) return null;
      const file = path.resolve(path.dirname(importer), id.replace(/\.js$/, '.ts'));
      return existsSync(file) ? file : null;
    },
    transform(code, id) {
      if (!id.endsWith('.ts')) return null;
      return { code: ts.transpileModule(code, { compilerOptions, fileName: id }).outputText, map: null };
    },
  };
}

/**
 * Writes everything beyond ASCII as an escape: one typographic apostrophe in a file, and V8 keeps all of it as two bytes
 * per character (a seventh of what importing the library took in memory). Without comments, only texts have any.
 */
const ascii = {
  name: 'ascii',
  renderChunk: (code) => ({
    code: code.replace(/[\x80-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    map: null,
  }),
};

const inputs = (list) => Object.fromEntries(list.map(({ name, source }) => [name, path.join(root, source)]));

/** Everything that is not a file of ours stays an import: built-ins, the API, SDKs, frameworks. */
const external = (id) => !id.startsWith('.') && !path.isAbsolute(id);

/** A warning is a defect of the build: cycles, unresolved imports and unused externals must not pass. */
function onwarn(warning) {
  throw new Error(`rollup: ${warning.message}`);
}

const layout = (extension) => ({
  dir: path.join(root, 'dist'),
  entryFileNames: `[name].${extension}`,
  chunkFileNames: `chunks/[name]-[hash].${extension}`,
  hoistTransitiveImports: false,
  generatedCode: 'es2015',
});

export default function build() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const common = { external, onwarn };
  return [
    {
      ...common,
      // Commands share the chunks of the library, since they may load a user's code that imports it.
      input: inputs([...entries(), ...commands()]),
      plugins: [viewerPage(), typescript(), ascii],
      output: {
        ...layout('js'),
        format: 'es',
        banner: ({ name }) =>
          commands().some((command) => command.name === name) ? '#!/usr/bin/env node' : '',
      },
    },
    {
      ...common,
      input: inputs(entries()),
      plugins: [viewerPage(), typescript(), ascii],
      output: { ...layout('cjs'), format: 'cjs', exports: 'named', dynamicImportInCjs: true, esModule: true },
    },
    {
      ...common,
      input: inputs(entries()),
      plugins: [dts({ tsconfig: path.join(root, 'tsconfig.json') })],
      output: [
        { ...layout('d.ts'), format: 'es' },
        { ...layout('d.cts'), format: 'es' },
      ],
    },
  ];
}
