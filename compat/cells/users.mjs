/** Small projects of users: their test runners, and what they see when something is wrong with their installation. */
import path from 'node:path';
import { compile } from '../smoke/compile.mjs';
import { run, source } from '../stage.mjs';
import { OTEL, TOOLS, TYPESCRIPT } from '../versions.mjs';
import { tsc } from './types.mjs';

const test = (runner) => source('compat/users/tracing.test.ts').replace("'TEST_RUNNER'", `'${runner}'`);
const MIXED_TYPES = {
  target: 'es2022',
  module: 'nodenext',
  strict: true,
  noEmit: true,
  // Of the runners' own declarations.
  skipLibCheck: true,
  types: ['node'],
};
/** Each run has this many tests. */
const TESTS = 5;

/** The matchers as the runner's types see them. */
async function typed(stage, folder, name) {
  const newest = Object.keys(TYPESCRIPT).at(-1);
  stage.fill(`${path.basename(folder)}/typed`, {
    'tsconfig.json': JSON.stringify({ compilerOptions: MIXED_TYPES, include: ['*.mts'] }),
    'tracing.mts': test(name),
    'wrong.mts': `import { expect } from '${name}'; import 'spanwise/testing'; expect(1).toHaveSpam('x');`,
  });
  const args = [await tsc(stage, newest), '-p', 'typed', '--pretty', 'false'];
  const output = await run(process.execPath, args, { cwd: folder }).then(
    () => '',
    (error) => error.message,
  );
  const errors = output.split('\n').filter((line) => / error TS\d+/.test(line));
  const ok = errors.length === 1 && errors[0].includes('wrong.mts');
  return { name: 'the matchers are typed', ok, note: ok ? '' : output };
}

const summary = (name, output, pattern) => {
  const plain = output.replace(/\u001b\[[0-9;]*m/g, '');
  return { name, ok: pattern.test(plain), note: plain };
};

const jest = {
  id: 'runner jest',
  what: 'a project with jest on Node 20, in ESM and CommonJS, both decorator protocols, the matchers typed',
  quick: true,
  async run(stage) {
    const wanted = ['jest', '@jest/globals', '@types/node'];
    const packages = Object.fromEntries(wanted.map((name) => [name, TOOLS[name]]));
    const folder = await stage.install('jest-user', { ...OTEL.otel2, ...packages });
    const text = test('@jest/globals');
    const { build } = await import('esbuild');
    const cjs = async (legacy) => {
      const { outputFiles } = await build({
        stdin: { contents: compile(text, legacy), resolveDir: folder },
        format: 'cjs',
        packages: 'external',
        write: false,
      });
      return outputFiles[0].text;
    };
    stage.fill('jest-user/tests', {
      'standard.test.mjs': compile(text, false),
      'legacy.test.mjs': compile(text, true),
      'standard.test.cjs': await cjs(false),
      'legacy.test.cjs': await cjs(true),
    });
    const config = JSON.stringify({ testMatch: ['**/*.test.?js'], transform: {}, testEnvironment: 'node' });
    const args = [
      '--experimental-vm-modules',
      '--no-warnings',
      'node_modules/jest/bin/jest.js',
      '--config',
      config,
    ];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder, env: { CI: 'true' } });
    const pattern = new RegExp(`Tests:\\s+${4 * TESTS} passed, ${4 * TESTS} total`);
    return [summary('its tests pass', stdout + stderr, pattern), await typed(stage, folder, '@jest/globals')];
  },
};

const vitest = {
  id: 'runner vitest',
  what: 'a project with vitest on Node 22, compiled by vitest itself, the matchers typed',
  quick: true,
  runtimes: ['node22'],
  async run(stage) {
    const packages = { vitest: TOOLS.vitest, '@types/node': TOOLS['@types/node of vitest'] };
    const folder = await stage.install('vitest-user', { ...OTEL.otel2, ...packages });
    stage.fill('vitest-user', {
      'tests/tracing.test.ts': test('vitest'),
      'tests/compiled.test.mjs': compile(test('vitest'), false),
      // What vitest compiles with knows the legacy protocol only.
      'tsconfig.json': JSON.stringify({
        compilerOptions: { experimentalDecorators: true, target: 'es2022' },
      }),
    });
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--dir', 'tests', '--no-color'];
    const { stdout, stderr } = await run(await stage.runtime('node22'), args, { cwd: folder });
    const pattern = new RegExp(`Tests\\s+${2 * TESTS} passed \\(${2 * TESTS}\\)`);
    return [summary('its tests pass', stdout + stderr, pattern), await typed(stage, folder, 'vitest')];
  },
};

/** Programs on installations that are wrong, and the one code that each must be told of. */
const STARTS = {
  'nothing is wrong': { code: undefined, program: '' },
  "OpenTelemetry's SDK 1.x is registered": {
    code: 'SPW_SDK',
    program: `
      import { createRequire } from 'node:module';
      const old = createRequire(import.meta.url)('old-sdk');
      trace.setGlobalTracerProvider(new old.BasicTracerProvider());`,
  },
  'the SDK of this line is registered': {
    code: undefined,
    program: `
      const sdk = await import(SDK_NAME);
      trace.setGlobalTracerProvider(new (sdk.NodeTracerProvider ?? sdk.TracerProvider)());`,
  },
  'a library has its own copy of the API': {
    code: 'SPW_API_COPY',
    program: `import { createRequire } from 'node:module'; createRequire(import.meta.url)('./library/index.cjs');`,
  },
  'the context manager does nothing': {
    code: 'SPW_CONTEXT_MANAGER',
    program: `
      import { ROOT_CONTEXT } from '@opentelemetry/api';
      const broken = { active: () => ROOT_CONTEXT, with: (_c, fn, self, ...args) => fn.apply(self, args), bind: (_c, fn) => fn, enable: () => broken, disable: () => broken };
      context.setGlobalContextManager(broken);`,
  },
};

const START = (program, sdk) => `
  import { context, diag, DiagLogLevel, trace } from '@opentelemetry/api';
  import { SessionTracer } from 'spanwise';
  ${program.replace('SDK_NAME', JSON.stringify(sdk))}
  const said = [];
  const note = (message) => said.push(message);
  diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
  await SessionTracer.init({ testMode: true }).shutdown();
  console.log(JSON.stringify(said));`;

const start = (line) => ({
  id: `start-up ${line}`,
  what: 'a second copy of the API, no context manager and an unknown SDK are told of, and nothing else is',
  quick: true,
  runtimes: ['node22'],
  async run(stage) {
    const name = `start-${line}`;
    // 1.x takes API 1.9 only, so it stands beside the 3.x line as it would in a tree that npm was forced to make.
    const folder = await stage.install(name, OTEL[line]);
    const old = await stage.install(
      'old-sdk',
      { '@opentelemetry/sdk-trace-base': '1.30.1', '@opentelemetry/api': '1.9.0' },
      { ours: false },
    );
    stage.fill(`${name}/node_modules/old-sdk`, {
      'index.js': `module.exports = require(${JSON.stringify(path.join(old, 'node_modules/@opentelemetry/sdk-trace-base'))});`,
    });
    stage.copy(
      path.join(old, 'node_modules/@opentelemetry/api'),
      `${name}/library/node_modules/@opentelemetry/api`,
    );
    stage.fill(`${name}/library`, { 'index.cjs': "module.exports = require('@opentelemetry/api');" });
    const sdk = Object.keys(OTEL[line]).find((each) => each.includes('sdk-trace'));
    const checks = [];
    for (const [what, { code, program }] of Object.entries(STARTS)) {
      const file = `${what.replace(/\W+/g, '-')}.mjs`;
      stage.fill(name, { [file]: START(program, sdk) });
      const { stdout } = await run(await stage.runtime('node22'), ['--no-warnings', file], { cwd: folder });
      const said = JSON.parse(stdout);
      const codes = said.map((text) => /\[(SPW_\w+)\]/.exec(text)?.[1]);
      // The 1.x SDK brings a copy of the API, and is told of for both.
      const others = codes.filter(
        (each) => each !== code && !(code === 'SPW_SDK' && each === 'SPW_API_COPY'),
      );
      checks.push({
        name: what,
        ok: codes.includes(code) === (code !== undefined) && others.length === 0,
        note: said.join('\\n'),
      });
    }
    return checks;
  },
});

export const cells = [jest, vitest, start('otel2'), start('otel3')];
