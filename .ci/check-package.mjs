/**
 * Checks the package as a stranger will get it: packed, put into an empty folder, loaded in every way it can be.
 *
 * `npm run check:package` builds first if needed; with `--keep` the stranger's folder stays for a look.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { commands, entries, root } from './entries.mjs';
import { ensureBuilt } from './prepare.mjs';
import { readme, runProgram } from './readme.mjs';

const MAX_UNPACKED_BYTES = 2_300_000;
/** Both ends of the peer range: 1.9 is CommonJS with an ESM build beside it, 1.10 is dual. */
const API_VERSIONS = ['1.9.0', '1.10.0'];
const bin = (name) => path.join(root, 'node_modules', '.bin', name);

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-package-'));
let failed = 0;

async function check(what, body) {
  try {
    const note = await body();
    console.log(`ok    ${what}${typeof note === 'string' ? `: ${note}` : ''}`);
  } catch (error) {
    failed++;
    const output = [error.stdout, error.stderr].filter(Boolean).join('\n').trim();
    console.log(`FAIL  ${what}: ${output || error.message}`.replaceAll('\n', '\n      '));
  }
}

function run(command, args, cwd) {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
}

/** The packages, not files, that a built module loads or takes types from, over its chunks. */
function packagesOf(file, seen = new Set()) {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const found = new Set();
  const text = readFileSync(file, 'utf8');
  for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
    // An augmentation adds to a module's types if it is there, and needs nothing.
    if (text.includes(`declare module '${fileName}'`)) continue;
    if (fileName.startsWith('.')) {
      const target = path.resolve(path.dirname(file), fileName);
      const declared = /\.d\.c?ts$/.test(file) ? target.replace(/\.(c?)js$/, '.d.$1ts') : target;
      for (const name of packagesOf(existsSync(declared) ? declared : target, seen)) found.add(name);
    } else if (!fileName.startsWith('node:')) {
      found.add(fileName.split('/', fileName.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  return found;
}

const library = entries();
const specifier = (subpath) => path.posix.join(manifest.name, subpath);
const dist = (name) => path.join(root, 'dist', name);

ensureBuilt();

const [packed] = JSON.parse(
  run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
);
const tarball = path.join(folder, packed.filename);
const files = packed.files.map((file) => file.path);

await check('the tarball holds every entry in both formats, with types', () => {
  const expected = library.flatMap(({ name }) =>
    ['js', 'cjs', 'd.ts', 'd.cts'].map((ext) => `dist/${name}.${ext}`),
  );
  const missing = [...expected, 'README.md', 'LICENSE', 'package.json'].filter(
    (file) => !files.includes(file),
  );
  assert(missing.length === 0, `missing ${missing.join(', ')}`);
  return `${files.length} files`;
});

await check('and nothing else', () => {
  const strange = files.filter(
    (file) =>
      !/^(?:README\.md|LICENSE|package\.json|dist\/.*\.(?:c?js|d\.c?ts)|dist\/third-party-licenses\.txt)$/.test(
        file,
      ),
  );
  assert(strange.length === 0, `not expected: ${strange.join(', ')}`);
});

await check('unpacked it is small', () => {
  assert(
    packed.unpackedSize <= MAX_UNPACKED_BYTES,
    `${packed.unpackedSize} bytes, over ${MAX_UNPACKED_BYTES}`,
  );
  return `${packed.unpackedSize} of at most ${MAX_UNPACKED_BYTES} bytes`;
});

await check('no file names a folder of the machine that built it', () => {
  const named = files.filter((file) => readFileSync(path.join(root, file), 'utf8').includes(root));
  assert(named.length === 0, named.join(', '));
});

await check('publint', async () => {
  const { messages } = await publint({ pkgDir: root, level: 'suggestion', strict: true, pack: 'npm' });
  assert(messages.length === 0, messages.map((message) => formatMessage(message, manifest)).join('\n'));
});

await check('are the types wrong', () => {
  run(bin('attw'), [tarball, '--no-definitely-typed', '--profile', 'node16', '--format', 'ascii'], root);
});

const peers = Object.keys(manifest.peerDependencies);

await check('only declared packages are loaded', () => {
  for (const { name } of [...library, ...commands()]) {
    for (const extension of ['js', 'cjs', 'd.ts', 'd.cts']) {
      if (!existsSync(dist(`${name}.${extension}`))) continue;
      const undeclared = [...packagesOf(dist(`${name}.${extension}`))].filter(
        (used) => !peers.includes(used) && used !== manifest.name,
      );
      assert(undeclared.length === 0, `dist/${name}.${extension} needs ${undeclared.join(', ')}`);
    }
  }
});

for (const { subpath, name } of library) {
  await check(`size of ${specifier(subpath)}`, async () => {
    const { outputFiles } = await build({
      entryPoints: [dist(`${name}.js`)],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      // Of imports that are there for their order only, and are rightly left out.
      logOverride: { 'ignored-bare-import': 'silent' },
    });
    const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
    const ceiling = manifest.sizes[subpath];
    assert(bytes <= ceiling, `${bytes} bytes gzipped, over the ceiling of ${ceiling} in package.json`);
    return `${bytes} of at most ${ceiling} bytes, bundled, minified and gzipped`;
  });
}

/** The entry that is there for what it does, and offers nothing. */
const ACTS = JSON.stringify(specifier('./register'));

/** Who may import us: file, `module` and `moduleResolution` of TypeScript. */
const IMPORTERS = [
  ['types.mts', 'node16', 'node16'],
  ['types.cts', 'node16', 'node16'],
  ['types.mts', 'nodenext', 'nodenext'],
  ['types.cts', 'nodenext', 'nodenext'],
  ['types.mts', 'esnext', 'bundler'],
];

/** An empty folder with the tarball in it, as a stranger would have one. */
class Place {
  constructor(name) {
    this.folder = path.join(folder, name);
    mkdirSync(this.folder);
    this.write('package.json', JSON.stringify({ name: 'stranger', private: true }));
  }

  write(name, text) {
    writeFileSync(path.join(this.folder, name), text);
  }

  node(file) {
    return run(process.execPath, ['--trace-warnings', file], this.folder);
  }

  /** Loads entries by `import` and by `require`, each in a process of its own. */
  load(names) {
    assert(names.length > 0, 'there is nothing to load');
    const list = JSON.stringify(names);
    this.write(
      'all.mjs',
      `for (const name of ${list}) if (!Object.keys(await import(name)).length && name !== ${ACTS}) throw name;`,
    );
    this.write(
      'all.cjs',
      `for (const name of ${list}) if (!Object.keys(require(name)).length && name !== ${ACTS}) throw name;`,
    );
    for (const file of ['all.mjs', 'all.cjs']) {
      const printed = this.node(file);
      assert(printed === '', `${file} printed ${printed}`);
    }
    return names.join(', ');
  }

  /** Type-checks entries, declarations included, as each kind of importer. */
  checkTypes(names, importers = IMPORTERS) {
    assert(names.length > 0, 'there is nothing to check');
    const uses = names.map(
      (name, i) => `import * as entry${i} from '${name}'; export const keys${i} = entry${i};`,
    );
    this.write('types.mts', uses.join('\n'));
    this.write('types.cts', uses.join('\n'));
    const types = ['--typeRoots', path.join(root, 'node_modules', '@types'), '--types', 'node'];
    for (const [file, module, resolution] of importers) {
      const mode = ['--module', module, '--moduleResolution', resolution, '--target', 'es2022', '--strict'];
      try {
        run(
          bin('tsc'),
          ['--noEmit', '--ignoreConfig', '--pretty', 'false', ...mode, ...types, file],
          this.folder,
        );
      } catch (error) {
        // The declarations of frameworks have errors of their own, which are theirs.
        const ours = error.stdout
          .split('\n')
          .filter((line) => /^(?:types\.|node_modules\/spanwise\/)/.test(line));
        assert.deepEqual(ours, [], `${file}, ${resolution}`);
        assert(error.stdout.includes('error TS'), error.message);
      }
    }
    return names.join(', ');
  }
}

/** The entries of which a kind of file needs nothing but the API. */
const namesOf = (list) => list.map(({ subpath }) => specifier(subpath));
const needsOnlyTheApi = (file) => [...packagesOf(dist(file))].every((used) => used === '@opentelemetry/api');
const loadable = namesOf(library.filter(({ name }) => needsOnlyTheApi(`${name}.js`)));
const typed = namesOf(library.filter(({ name }) => needsOnlyTheApi(`${name}.d.ts`)));

for (const version of API_VERSIONS) {
  const place = new Place(`api-${version}`);

  await check(`installs beside @opentelemetry/api ${version}, and brings nothing`, () => {
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'];
    run('npm', ['install', ...quiet, tarball, `@opentelemetry/api@${version}`], place.folder);
    const installed = readdirSync(path.join(place.folder, 'node_modules'));
    assert.deepEqual(installed.filter((name) => !name.startsWith('.')).sort(), [
      '@opentelemetry',
      'spanwise',
    ]);
  });

  await check('  entries load by import and require, say nothing and let the process end', () =>
    place.load(loadable),
  );

  await check('  functions and classes are called what they are exported as', () => {
    place.write(
      'names.mjs',
      `for (const name of ${JSON.stringify(loadable)}) {
         for (const [key, value] of Object.entries(await import(name))) {
           if (typeof value === 'function' && value.name !== key) throw new Error(name + ': ' + key + ' is called ' + value.name);
         }
       }`,
    );
    place.node('names.mjs');
  });

  await check('  import and require give one copy where Node can do that', () => {
    place.write(
      'one.mjs',
      `import { createRequire } from 'node:module';
       const require = createRequire(import.meta.url);
       for (const name of ${JSON.stringify(loadable)}) {
         const same = require(name) === (await import(name));
         if (same !== Boolean(process.features.require_module)) throw new Error(name + ': one copy is ' + same);
       }`,
    );
    place.node('one.mjs');
  });

  await check('  the CommonJS and the ESM copy in one process share their tracers', () => {
    place.write(
      'share.mjs',
      `import assert from 'node:assert';
       import { createRequire } from 'node:module';
       import * as esm from 'spanwise';
       const require = createRequire(import.meta.url);
       const cjs = require('./node_modules/spanwise/dist/index.cjs');
       assert.notStrictEqual(esm.tracerRegistry, cjs.tracerRegistry);
       assert.deepStrictEqual(Object.keys(esm).sort(), Object.keys(cjs).filter((k) => k !== '__esModule').sort());
       const shop = { name: 'shop', live: true };
       assert(esm.tracerRegistry.register(shop));
       assert.strictEqual(cjs.tracerRegistry.get('shop'), shop);
       assert.strictEqual(cjs.tracerRegistry.default, shop);
       assert(!cjs.tracerRegistry.register({ ...shop }));
       assert(cjs.tracerRegistry.unregister('shop'));
       assert.strictEqual(esm.tracerRegistry.default, undefined);

       // A method that the CommonJS copy decorated belongs to the tracer that the ESM copy started, and is its child.
       const spans = [];
       const exporter = { export: (batch, done) => (spans.push(...batch), done({ code: 0 })), shutdown: async () => {} };
       const tracer = esm.SessionTracer.init({ project: 'shop', source: 'both', exporter });
       const inner = cjs.trace(() => cjs.getBaggage('session_id'), { name: 'inner' });
       const outer = esm.trace(() => inner(), { name: 'outer' });
       assert.strictEqual(outer(), tracer.sessionId);
       assert((await tracer.flush()).ok);
       const [child, parent] = spans;
       assert.deepStrictEqual([child.name, parent.name], ['inner', 'outer']);
       assert.strictEqual(child.parentSpanContext.spanId, parent.spanContext().spanId);
       for (const span of spans) assert.strictEqual(span.attributes['honeyhive.session_id'], tracer.sessionId);
       await tracer.shutdown();`,
    );
    place.node('share.mjs');
  });

  await check('  an application is traced from outside, by --import and --require', () => {
    place.write(
      'app.mjs',
      `import { tracerRegistry } from 'spanwise'; console.log(tracerRegistry.default?.name);`,
    );
    for (const how of ['--import', '--require']) {
      const env = { ...process.env, NODE_OPTIONS: '', HH_PROJECT: 'outside', HH_TEST_MODE: '1' };
      const args = [how, 'spanwise/register', 'app.mjs'];
      const printed = execFileSync(process.execPath, args, { cwd: place.folder, env, encoding: 'utf8' });
      assert.equal(printed, 'outside\n');
    }
  });

  await check("  the README's program does what the page says, in both decorator protocols", async () => {
    const { program, span } = readme();
    for (const legacy of [false, true]) {
      const { printed, spans } = await runProgram(program, place.folder, legacy);
      assert.equal(printed, '7\n');
      assert.deepEqual(spans, [span]);
    }
  });

  await check('  types hold under node16, nodenext and bundler resolution', () => place.checkTypes(typed));

  await check('  the command runs', () => {
    for (const { command } of commands()) {
      const printed = run(path.join(place.folder, 'node_modules', '.bin', command), ['--help'], place.folder);
      assert.match(printed, new RegExp(`^Usage: ${command}`));
    }
  });
}

await check('beside the frameworks every entry loads, and its types hold', () => {
  const place = new Place('frameworks');
  const modules = path.join(place.folder, 'node_modules');
  const here = (name) => path.join(root, 'node_modules', name);
  for (const name of [
    ...peers,
    ...Object.keys(manifest.devDependencies).filter((dev) => dev.startsWith('@types/')),
  ]) {
    if (!existsSync(here(name))) continue;
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(here(name), path.join(modules, name));
  }
  run('tar', ['-xzf', tarball, '-C', modules], place.folder);
  renameSync(path.join(modules, 'package'), path.join(modules, manifest.name));
  place.load(namesOf(library));
  // Nest 12 is ESM only, which a CommonJS file may not import under `node16`; newer resolutions know better.
  const able = IMPORTERS.filter(([file, module]) => !(file === 'types.cts' && module === 'node16'));
  return place.checkTypes(namesOf(library), able);
});

if (process.argv.includes('--keep')) console.log(`kept in ${folder}`);
else rmSync(folder, { recursive: true, force: true });
console.log(failed === 0 ? 'the package is sound' : `${failed} package checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
