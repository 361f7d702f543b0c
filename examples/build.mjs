/**
 * Compiles examples against the sources in `lib/`, so that a clone runs them without building the package first.
 *
 * `spanwise` and its entries are the sources; every other package stays an import. The decorator protocol is that of
 * the nearest tsconfig.json, as it is for users.
 */
import path from 'node:path';
import { build } from 'esbuild';
import { entries, root } from '../.ci/entries.mjs';
import { bundlePage } from '../.ci/viewer-page.mjs';

const sources = new Map(
  entries().map(({ subpath, source }) => [subpath.replace('.', 'spanwise'), path.join(root, source)]),
);

/** @type {import('esbuild').Plugin} */
const spanwiseFromSources = {
  name: 'spanwise-from-sources',
  setup(bundler) {
    bundler.onResolve({ filter: /^spanwise(\/|$)/ }, ({ path: name }) => {
      const source = sources.get(name);
      if (source === undefined) return { errors: [{ text: `there is no ${name}` }] };
      // What it does is all it is imported for; the other entries only offer things.
      return name === 'spanwise/register' ? { path: source, sideEffects: true } : { path: source };
    });
    bundler.onLoad({ filter: /viewer[\\/]page-assets\.ts$/ }, async () => ({
      contents: `const assets = ${JSON.stringify(await bundlePage())};
        export const loadPageAssets = async () => assets;`,
    }));
  },
};

/**
 * @param files programs, each of which becomes `<folder>/<name>.mjs`
 * @param folder where they go; below this repository, or their imports are not found
 */
export async function compile(files, folder) {
  await build({
    entryPoints: files,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[hash]',
    logLevel: 'warning',
    plugins: [spanwiseFromSources],
  });
}
