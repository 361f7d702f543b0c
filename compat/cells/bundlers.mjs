/**
 * The smoke in one file, as bundlers make it, and run where no package can be found; and how much of the package is in
 * a program that uses little of it.
 */
import { createRequire } from 'node:module';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { smokeFiles } from '../smoke/compile.mjs';
import { OTEL, TOOLS } from '../versions.mjs';
import { smokeOnce } from './runtimes.mjs';

/** Of a program that reads and writes baggage, and makes no spans. */
const MAX_SMALL_BYTES = 12_000;
const SMALL = `
  import { getBaggage, withBaggage } from 'spanwise';
  console.log(withBaggage({ tenant: 'blue' }, () => typeof getBaggage('tenant')));`;
const EXTENSIONS = { esm: 'mjs', cjs: 'cjs' };

async function withEsbuild({ entry, outfile, format }) {
  await build({
    entryPoints: [entry],
    outfile,
    format,
    bundle: true,
    minify: true,
    // Spans are named after classes and functions.
    keepNames: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  });
}

async function withRollup({ entry, outfile, format, tools }) {
  const nodeResolve = tools('@rollup/plugin-node-resolve').default;
  const commonjs = tools('@rollup/plugin-commonjs');
  const bundle = await rollup({
    input: entry,
    plugins: [
      nodeResolve({ exportConditions: ['node'], preferBuiltins: true }),
      (commonjs.default ?? commonjs)(),
    ],
    external: /^node:/,
    onwarn(warning) {
      // The API's own files import each other in circles.
      if (!/CIRCULAR_DEPENDENCY|THIS_IS_UNDEFINED/.test(warning.code)) throw new Error(warning.message);
    },
  });
  await bundle.write({ file: outfile, format, inlineDynamicImports: true });
  await bundle.close();
}

function withWebpack({ entry, outfile, format, tools, minimize = false }) {
  const webpack = tools('webpack');
  const compiler = webpack({
    mode: 'production',
    target: 'node20',
    entry,
    experiments: { outputModule: format === 'esm' },
    output: {
      path: path.dirname(outfile),
      filename: path.basename(outfile),
      ...(format === 'esm' ? { module: true, library: { type: 'module' } } : {}),
    },
    // Minimizing renames classes and functions, after which spans are named; what is unused goes only with it.
    optimization: { minimize },
  });
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      const problem =
        error ?? (stats.hasErrors() || stats.hasWarnings() ? stats.toString('errors-warnings') : undefined);
      compiler.close(() => (problem === undefined ? resolve() : reject(new Error(String(problem)))));
    });
  });
}

const BUNDLERS = { esbuild: withEsbuild, rollup: withRollup, webpack: withWebpack };

export const cells = Object.entries(BUNDLERS).map(([name, bundle]) => ({
  id: `bundler ${name}`,
  what: 'smoke in one file, ESM and CommonJS, without node_modules beside it; unused parts are left out',
  quick: true,
  runtimes: ['node20'],
  async run(stage) {
    const folder = await stage.install('bundled', OTEL.otel2);
    const packages = Object.fromEntries(
      ['webpack', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs', 'rollup'].map((each) => [
        each,
        TOOLS[each],
      ]),
    );
    const tools = createRequire(
      path.join(await stage.install('bundlers', packages, { ours: false }), 'noop.js'),
    );
    stage.fill('bundled/smoke', { ...smokeFiles(), 'small.mjs': SMALL });
    const checks = [];
    for (const [format, extension] of Object.entries(EXTENSIONS)) {
      const own = stage.fill(`bundle-${name}-${format}/smoke`, {});
      const made = (file) => path.join(own, `${file}.${extension}`);
      const options = { format, tools };
      await bundle({ ...options, entry: path.join(folder, 'smoke/main.mjs'), outfile: made('main') });
      const settings = {
        runtime: 'node20',
        engine: 'spanwise',
        server: 'node',
        entry: `smoke/main.${extension}`,
      };
      const expected = { classWithoutName: name === 'rollup' };
      const smoke = await smokeOnce(stage, { ...settings, ...expected, folder: path.dirname(own) });
      checks.push(...smoke.map((check) => ({ ...check, name: `${format}: ${check.name}` })));
      if (format === 'esm')
        checks.push(await sizeOfSmall({ ...options, bundle, folder, outfile: made('small') }));
    }
    return checks;
  },
}));

async function sizeOfSmall({ bundle, folder, outfile, ...options }) {
  await bundle({ ...options, minimize: true, entry: path.join(folder, 'smoke/small.mjs'), outfile });
  const { outputFiles } = await build({ entryPoints: [outfile], minify: true, write: false });
  const bytes = gzipSync(outputFiles[0].contents).length;
  const exporting = readFileSync(outfile, 'utf8').includes('v1/traces');
  return {
    name: 'what is not used is not there',
    ok: bytes <= MAX_SMALL_BYTES && !exporting,
    note: `${bytes} of at most ${MAX_SMALL_BYTES} bytes, minified and gzipped (${statSync(outfile).size} as bundled)`,
  };
}
