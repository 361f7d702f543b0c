/**
 * Bundles the viewer's page (`lib/viewer/page/`) into one script and one style sheet, and puts them into the build.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { root } from './entries.mjs';

/** The packages that the page is bundled with. */
const BUNDLED = ['preact', 'htm'];

const page = path.join(root, 'lib/viewer/page');

/** The page's script and style, as texts. */
export async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [path.join(page, 'main.ts'), path.join(page, 'app.css')],
    bundle: true,
    minify: true,
    write: false,
    outdir: page,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const textOf = (extension) => outputFiles.find((file) => file.path.endsWith(extension)).text;
  return { script: textOf('.js'), style: textOf('.css') };
}

/** Rollup: the finished texts in the place of the module that bundles at run time. */
export function viewerPage() {
  const source = path.join(root, 'lib/viewer/page-assets.ts');
  return {
    name: 'viewer-page',
    async load(id) {
      if (id !== source) return null;
      const assets = JSON.stringify(await bundlePage());
      return `const assets = ${assets};\nexport const loadPageAssets = () => Promise.resolve(assets);`;
    },
    // What is bundled is passed on, and its licences ask to be passed on with it.
    generateBundle() {
      const licenses = BUNDLED.map((name) => {
        const license = readFileSync(path.join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim();
        return `The viewer's page contains ${name}:\n\n${license}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'third-party-licenses.txt', source: licenses.join('\n\n') });
    },
  };
}
