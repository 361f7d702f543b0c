/** The smoke once more on one runtime, its classes compiled in both protocols by everything that users compile with. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync as babel } from '@babel/core';
import { transformSync as swc } from '@swc/core';
import { transformSync as esbuild } from 'esbuild';
import { smokeFiles } from '../smoke/compile.mjs';
import { run, source } from '../stage.mjs';
import { OTEL, TOOLS, TYPESCRIPT } from '../versions.mjs';
import { smokeOnce } from './runtimes.mjs';
import { tsc } from './types.mjs';

/** Whole files → JavaScript. */
const TRANSFORMS = {
  esbuild: (text, legacy) =>
    esbuild(text, {
      loader: 'ts',
      target: 'es2022',
      // Without it a class that refers to itself is called `_Class`, and so are its spans.
      keepNames: true,
      tsconfigRaw: { compilerOptions: { experimentalDecorators: legacy, useDefineForClassFields: !legacy } },
    }).code,
  swc: (text, legacy) =>
    swc(text, {
      swcrc: false,
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: legacy
          ? { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false }
          : { decoratorVersion: '2023-11' },
      },
    }).code,
  babel: (text, legacy) =>
    babel(text, {
      filename: 'classes.ts',
      configFile: false,
      babelrc: false,
      presets: ['@babel/preset-typescript'],
      plugins: legacy
        ? [
            ['@babel/plugin-proposal-decorators', { legacy: true }],
            '@babel/plugin-transform-class-properties',
          ]
        : [['@babel/plugin-proposal-decorators', { version: '2023-11' }]],
    }).code,
};

const FILES = [
  ['classes', false],
  ['classes', true],
  ['private', false],
];
const outputName = (file, legacy) => `${file}.${legacy ? 'legacy' : 'standard'}.mjs`;

function transformed(transform) {
  return Object.fromEntries(
    FILES.map(([file, legacy]) => [
      outputName(file, legacy),
      transform(source(`compat/smoke/${file}.ts`), legacy),
    ]),
  );
}

/** With a `tsc` of its own, types and all. */
async function emitted(stage, folder, version) {
  const compiler = await tsc(stage, version);
  const files = {};
  for (const legacy of [false, true]) {
    const at = `ts${version}-${legacy ? 'legacy' : 'standard'}`;
    const mine = FILES.filter(([, each]) => each === legacy);
    const compilerOptions = {
      target: 'es2022',
      module: 'nodenext',
      moduleResolution: 'nodenext',
      lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
      types: ['node'],
      strict: true,
      rootDir: '.',
      outDir: 'out',
      experimentalDecorators: legacy,
      emitDecoratorMetadata: legacy,
      useDefineForClassFields: !legacy,
    };
    stage.fill(`${path.basename(folder)}/${at}`, {
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['*.mts'] }),
      ...Object.fromEntries(mine.map(([file]) => [`${file}.mts`, source(`compat/smoke/${file}.ts`)])),
    });
    await run(process.execPath, [compiler, '-p', at, '--pretty', 'false'], { cwd: folder });
    for (const [file] of mine) {
      files[outputName(file, legacy)] = readFileSync(path.join(folder, at, 'out', `${file}.mjs`), 'utf8');
    }
  }
  return files;
}

const cell = (id, compile) => ({
  id,
  what: 'smoke on Node 20 with its decorators compiled so, in both protocols',
  quick: true,
  runtimes: ['node20'],
  async run(stage) {
    const folder = await stage.install('compiled', { ...OTEL.otel2, '@types/node': TOOLS['@types/node'] });
    const name = id.replaceAll(' ', '-');
    mkdirSync(path.join(folder, name), { recursive: true });
    stage.fill(`compiled/${name}`, { ...smokeFiles(), ...(await compile(stage, folder)) });
    return smokeOnce(stage, {
      runtime: 'node20',
      folder,
      entry: `${name}/main.mjs`,
      engine: 'spanwise',
      server: 'node',
    });
  },
});

export const cells = [
  ...Object.keys(TYPESCRIPT).map((version) =>
    cell(`compiler ts${version}`, (stage, folder) => emitted(stage, folder, version)),
  ),
  ...Object.entries(TRANSFORMS).map(([name, transform]) =>
    cell(`compiler ${name}`, () => transformed(transform)),
  ),
];
