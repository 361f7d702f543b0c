/**
 * Everything that is put beside the package, in exact versions. A new line of a runtime or a library is a row here.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../.ci/entries.mjs';

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const developed = (name) => manifest.devDependencies[name];

/** npm's name of a runtime's binary for this machine: without the scripts by which the wrappers fetch it. */
function platformPackages() {
  const { platform, arch } = process;
  const system = platform === 'win32' ? 'windows' : platform;
  const cpu = arch === 'x64' ? '64' : arch;
  const deno = platform === 'linux' ? `linux-${arch}-glibc` : `${platform}-${arch}`;
  return {
    node: `node-${platform === 'win32' ? 'win' : platform}-${arch}`,
    bun: `@oven/bun-${system}-${arch === 'arm64' ? 'aarch64' : arch}`,
    deno: `@deno/${deno}`,
    workerd: `@cloudflare/workerd-${system}-${cpu}`,
  };
}

const names = platformPackages();
const node = (version) => ({ package: names.node, version, binary: 'bin/node' });

/** Runtime → the package that holds its binary. Node 20 is the one that runs this, or the one that is on the path. */
export const RUNTIMES = {
  node20: node('20.20.2'),
  node22: node('22.23.3'),
  node24: node('24.21.0'),
  node26: node('26.10.0'),
  bun: { package: names.bun, version: '1.4.5', binary: 'bin/bun' },
  deno: { package: names.deno, version: '2.9.6', binary: 'deno' },
  workerd: { package: names.workerd, version: '1.20261117.1', binary: 'bin/workerd' },
};

/** The two lines of OpenTelemetry, each in a folder of its own, since one tree cannot hold both. */
export const OTEL = {
  otel2: {
    '@opentelemetry/api': developed('@opentelemetry/api'),
    '@opentelemetry/context-async-hooks': developed('@opentelemetry/context-async-hooks'),
    '@opentelemetry/sdk-trace-node': developed('@opentelemetry/sdk-trace-node'),
  },
  otel3: {
    '@opentelemetry/api': '1.10.0',
    '@opentelemetry/context-async-hooks': '3.1.1',
    '@opentelemetry/sdk-trace': '3.1.1',
  },
};

/** What the tests of the engine are compared with on the 3.x line, in place of the 2.x packages. */
export const OTEL3_FOR_THE_SUITE = {
  '@opentelemetry/api': '1.10.0',
  '@opentelemetry/context-async-hooks': '3.1.1',
  '@opentelemetry/core': '3.1.1',
  '@opentelemetry/exporter-trace-otlp-http': '0.301.0',
  '@opentelemetry/exporter-trace-otlp-proto': '0.301.0',
  '@opentelemetry/instrumentation-express': '0.72.0',
  '@opentelemetry/instrumentation-http': '0.301.0',
  '@opentelemetry/otlp-transformer': '0.301.0',
  '@opentelemetry/resources': '3.1.1',
  '@opentelemetry/sdk-trace': '3.1.1',
  '@opentelemetry/semantic-conventions': developed('@opentelemetry/semantic-conventions'),
};

/** TypeScript by minor version; the floor, what most have, what we develop with, and the native one. */
export const TYPESCRIPT = Object.fromEntries([
  ['5.4', '5.4.5'],
  ['5.9', '5.9.3'],
  ['6.0', developed('typescript')],
  ['7.0', '7.0.2'],
]);

/** What a project of a user's has beside us. */
export const TOOLS = {
  webpack: '5.112.2',
  '@rollup/plugin-node-resolve': '16.0.3',
  '@rollup/plugin-commonjs': '29.0.3',
  rollup: developed('rollup'),
  vitest: '5.1.1',
  jest: developed('jest'),
  '@jest/globals': developed('@jest/globals'),
  '@jnmetacode/tracelet': '0.2.1',
  chdb: '3.4.0',
  '@types/node': developed('@types/node'),
  '@types/node of vitest': '24.19.2',
};
