/**
 * The whole test suite on OpenTelemetry's 3.x line: a copy of the checkout whose OpenTelemetry packages are of that line.
 *
 * The tests import the SDK by the names of the 2.x line; two packages made here have these names and hand out what the
 * 3.x line has for them, so that every test runs as it is. Types are not checked once more.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { root } from '../../.ci/entries.mjs';
import { run } from '../stage.mjs';
import { OTEL3_FOR_THE_SUITE } from '../versions.mjs';

/** What the names of the 2.x line mean in 3.x. */
const NAMES_OF_2 = `
import { trace } from '@opentelemetry/api';
import * as sdk from '@opentelemetry/sdk-trace';
export * from '@opentelemetry/sdk-trace';

class Provider extends sdk.TracerProvider {
  register() {
    trace.setGlobalTracerProvider(this);
  }
}
export { Provider as BasicTracerProvider, Provider as NodeTracerProvider };

/** 2.x takes an exporter where 3.x takes options. */
const taking = (Processor) =>
  class extends Processor {
    constructor(given, ...rest) {
      super(typeof given?.export === 'function' ? { exporter: given } : given, ...rest);
    }
  };
export const SimpleSpanProcessor = taking(sdk.SimpleSpanProcessor);
export const BatchSpanProcessor = taking(sdk.BatchSpanProcessor);
`;

/** The files that git knows, and no others. */
function copyCheckout(folder) {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter((name) => name !== '' && existsSync(path.join(root, name)))) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(path.join(root, file), path.join(folder, file));
  }
  // Tests of the package look at a repository.
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
}

/** A folder with everything in it: by hard links where that can be, since nobody writes to an installed package. */
function linkTree(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else {
      try {
        linkSync(source, target);
      } catch {
        copyFileSync(source, target);
      }
    }
  }
}

/** The packages of the checkout, and those of OpenTelemetry with what they need in place of its own. */
async function installPackages(stage, folder) {
  const line3 = await stage.install('suite-otel3', OTEL3_FOR_THE_SUITE, { ours: false });
  const modules = path.join(folder, 'node_modules');
  // No links to folders: what is required from behind one would find the 2.x line.
  linkTree(realpathSync(path.join(root, 'node_modules')), modules);
  // Google's ADK depends on the 2.x line and keeps its own, as npm would have it; the API is one for all.
  const line2 = path.join(modules, '@opentelemetry');
  const ofAdk = path.join(modules, '@google/adk/node_modules/@opentelemetry');
  mkdirSync(ofAdk, { recursive: true });
  for (const name of readdirSync(line2)) {
    if (name !== 'api' && !existsSync(path.join(ofAdk, name))) {
      renameSync(path.join(line2, name), path.join(ofAdk, name));
    }
  }
  rmSync(line2, { recursive: true });
  const installed = path.join(line3, 'node_modules');
  for (const name of readdirSync(installed)) {
    if (name.startsWith('.')) continue;
    if (!name.startsWith('@')) rmSync(path.join(modules, name), { recursive: true, force: true });
    cpSync(path.join(installed, name), path.join(modules, name), { recursive: true });
  }
  for (const name of ['sdk-trace-base', 'sdk-trace-node']) {
    const own = path.join(modules, '@opentelemetry', name);
    mkdirSync(own, { recursive: true });
    const manifest = {
      name: `@opentelemetry/${name}`,
      version: '0.0.0',
      type: 'module',
      exports: './index.mjs',
    };
    writeFileSync(path.join(own, 'package.json'), JSON.stringify(manifest));
    writeFileSync(path.join(own, 'index.mjs'), NAMES_OF_2);
  }
}

/** The projects of package.json, transpiling only: the types of the two lines are not alike. */
function jestConfig() {
  const { jest } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const project of jest.projects) {
    for (const transform of Object.values(project.transform)) transform[1].diagnostics = false;
    project.modulePathIgnorePatterns = [];
  }
  return { projects: jest.projects };
}

/**
 * What cannot pass with the 3.x line, by test file and name. The first two are about programs that are written against
 * the 2.x SDK themselves, the hand-written ones that the migration guide starts from: their types name 2.x classes, and
 * `register()`, which brought context manager and propagators, is gone. In the last, somebody has put accessors on
 * `Object.prototype`: API 1.10 throws then wherever anything is registered. `init` says so and goes on, without contexts.
 */
export const EXPLAINED = {
  '__tests__/docs/compiled.tc39.test.ts': ['compiles with standard decorators'],
  '__tests__/examples/migration.tc39.test.ts': ['yield the same spans'],
  '__tests__/hostile-realm.test.ts': [
    'get and set, after the library was loaded',
    'get that is no function, after the library was loaded',
  ],
};

export const cells = [
  {
    id: 'suite otel3',
    what: 'the whole test suite on OpenTelemetry 3.x, on Node 24',
    quick: false,
    suite: true,
    runtimes: ['node24'],
    async run(stage) {
      const folder = stage.fill('suite', {});
      copyCheckout(folder);
      await installPackages(stage, folder);
      stage.fill('suite', { 'jest.compat.json': JSON.stringify({ ...jestConfig(), rootDir: folder }) });
      const report = path.join(folder, 'jest-report.json');
      const node = await stage.runtime('node24');
      const args = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
      const options = [
        '-c',
        'jest.compat.json',
        '--json',
        '--outputFile',
        report,
        ...(stage.suiteArguments ?? []),
      ];
      const env = { PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`, CI: 'true' };
      await run(node, [...args, ...options], { cwd: folder, env, timeout: 5_400_000 }).catch((error) => {
        if (!existsSync(report)) throw error;
      });
      return checksOf(JSON.parse(readFileSync(report, 'utf8')), folder);
    },
  },
];

/** One check per test file. */
function checksOf({ testResults }, folder) {
  return testResults.map(({ name, assertionResults, message }) => {
    const file = path.relative(folder, name).replaceAll(path.sep, '/');
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const passed = assertionResults.filter(({ status }) => status === 'passed').length;
    const titles = failed.map(({ fullName }) => fullName);
    const unexplained = titles.filter(
      (title) => !(EXPLAINED[file] ?? []).some((known) => title.includes(known)),
    );
    const ran = assertionResults.length > 0;
    const ok = ran && unexplained.length === 0;
    const known = titles.length - unexplained.length;
    const note = ok ? '' : `${unexplained.join('\n')}\n${message.slice(0, 1_500)}`;
    return {
      name: `${file}: ${passed} passed, ${failed.length} failed${known > 0 ? `, ${known} as explained` : ''}`,
      ok,
      note,
    };
  });
}
