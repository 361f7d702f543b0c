/**
 * The build: every entry as ESM, CommonJS and declarations, with shared chunks, so that one format never holds a
 * module twice. Types are checked by `npm run typecheck`; here files are only transpiled, which keeps a build short.
 */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { dts } from 'rollup-plugin-dts';
import { minify } from 'terser';
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
 * Takes out what a reader needs and V8 does not: it keeps the text of what it has loaded, and this halves it. Functions
 * and classes keep their names and stay where they are, so that a stack trace tells what it did; statements keep lines of
 * their own. Beyond ASCII there are escapes: one typographic apostrophe, and V8 takes two bytes for every character.
 */
const minified = {
  name: 'minified',
  renderChunk: async (code) => {
    const names = { keep_fnames: true, keep_classnames: true };
    const result = await minify(code, {
      ecma: 2020,
      module: true,
      compress: { ...names, inline: 0, reduce_funcs: false },
      mangle: { ...names, toplevel: true },
      format: { ascii_only: true, semicolons: false },
    });
    return { code: result.code, map: null };
  },
};

const inputs = (list) => Object.fromEntries(list.map(({ name, source }) => [name, path.join(root, source)]));

/** Everything that is not a file of ours stays an import: built-ins, the API, SDKs, frameworks. */
const external = (id) => !id.startsWith('.') && !path.isAbsolute(id);

const MAIN = entries().find(({ name }) => name === 'index').source;
/** Entries that need little of the main one, and are imported without it. */
const SMALL = ['testing', 'viewer'];

/**
 * Joins the main entry's modules in three files; by default they are as many as there are sets of entries that need the
 * same ones, and each takes Node a millisecond and 10 kB to load. `base` is what small entries need, `edge` what runs in
 * workers of others and has to be small too, `core` what integrations need, `tracer` what only a tracer does.
 */
function filesOfMain(list) {
  let needs;
  return (id, { getModuleInfo }) => {
    needs ??= new Map(list.map(({ name, source }) => [name, reach(path.join(root, source), getModuleInfo)]));
    if (id === path.join(root, MAIN) || !needs.get('index').has(id)) return undefined;
    const neededBy = (name) => needs.get(name)?.has(id) === true;
    if (SMALL.some(neededBy)) return 'base';
    if (neededBy('workers')) return 'edge';
    const others = list
      .map(({ name }) => name)
      .filter((name) => !['index', 'register', 'cli'].includes(name));
    return others.some(neededBy) ? 'core' : 'tracer';
  };
}

/** A module and all that it needs. */
function reach(start, getModuleInfo, found = new Set()) {
  if (found.has(start)) return found;
  found.add(start);
  for (const id of getModuleInfo(start)?.importedIds ?? []) reach(id, getModuleInfo, found);
  return found;
}

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
      plugins: [viewerPage(), typescript(), minified],
      output: {
        ...layout('js'),
        format: 'es',
        manualChunks: filesOfMain([...entries(), ...commands()]),
        banner: ({ name }) =>
          commands().some((command) => command.name === name) ? '#!/usr/bin/env node' : '',
      },
    },
    {
      ...common,
      input: inputs(entries()),
      plugins: [viewerPage(), typescript(), minified],
      output: {
        ...layout('cjs'),
        format: 'cjs',
        exports: 'named',
        dynamicImportInCjs: true,
        esModule: true,
        manualChunks: filesOfMain(entries()),
      },
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
