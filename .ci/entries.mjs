/**
 * What the package offers: the one table that the build, package.json and the checks are made from.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * Entry of the package → its source. An entry joins the build when its source exists; `__tests__/package.test.ts`
 * holds the table equal to `exports` and `bin` of package.json (`npm run exports` writes them from here).
 */
export const ENTRIES = {
  '.': 'lib/index.ts',
  './nestjs': 'lib/integrations/nestjs.ts',
  './express': 'lib/integrations/express.ts',
  './fastify': 'lib/integrations/fastify.ts',
  './hono': 'lib/integrations/hono.ts',
  './koa': 'lib/integrations/koa.ts',
  './http': 'lib/integrations/http.ts',
  './messaging': 'lib/integrations/messaging.ts',
  './lambda': 'lib/integrations/lambda.ts',
  './register': 'lib/integrations/register.ts',
  './workers': 'lib/integrations/workers.ts',
  './testing': 'lib/testing/index.ts',
  './viewer': 'lib/viewer/index.ts',
};

/** Command → source. Commands are ESM only: nobody imports them. */
export const COMMANDS = {
  spanwise: 'lib/cli/main.ts',
};

/** `lib/a.ts`, or `lib/a/index.ts` where the entry has grown into a folder. */
function sourceOf(source) {
  const folder = source.replace(/\.ts$/, '/index.ts');
  return [source, folder].find((file) => existsSync(path.join(root, file)));
}

/** The entries whose sources exist: subpath, name of the built file, source. */
export function entries(table = ENTRIES) {
  return Object.entries(table).flatMap(([subpath, declared]) => {
    const source = sourceOf(declared);
    const name = subpath === '.' ? 'index' : subpath.replace(/^\.\//, '');
    return source === undefined ? [] : [{ subpath, name, source }];
  });
}

/** The commands whose sources exist. */
export function commands() {
  return entries(COMMANDS).map(({ subpath, source }) => ({ command: subpath, name: 'cli', source }));
}

/** What `exports` and `bin` of package.json have to be. */
export function packageFields() {
  const exports = {};
  for (const { subpath, name } of entries()) {
    const esm = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` };
    // `module-sync` gives `require` the ESM build where Node can do that: one copy of us, and one of the API.
    exports[subpath] = {
      import: esm,
      'module-sync': esm,
      require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
    };
  }
  exports['./package.json'] = './package.json';
  const bin = Object.fromEntries(commands().map(({ command, name }) => [command, `./dist/${name}.js`]));
  return { exports, bin: Object.keys(bin).length > 0 ? bin : undefined };
}
