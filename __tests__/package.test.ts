import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { VERSION } from '../lib/conventions.js';
// @ts-expect-error the table is plain JavaScript, because the build reads it
import { ENTRIES, entries, packageFields } from '../.ci/entries.mjs';

interface Manifest {
  name: string;
  version: string;
  engines: { node: string };
  exports: Record<string, unknown>;
  bin?: Record<string, string>;
  sizes: Record<string, number>;
  scripts: Record<string, string>;
  files: string[];
  dependencies?: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
  devDependencies: Record<string, string>;
}
interface LockedPackage {
  integrity?: string;
  link?: boolean;
  resolved?: string;
  devDependencies?: object;
  optionalDependencies?: object;
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

describe('package.json', () => {
  it('exports exactly the entries whose sources exist, each in both formats with types', () => {
    expect(manifest.exports).toEqual(packageFields().exports);
    expect(manifest.bin).toEqual(packageFields().bin);
    expect(Object.keys(manifest.exports)).toContain('./package.json');
  });

  it('builds an entry once its source exists, and not before', () => {
    const built: { subpath: string; source: string }[] = entries({
      ...ENTRIES,
      './gone': 'lib/integrations/there-is-no-such-file.ts',
    });
    expect(built.map(({ subpath }) => subpath)).toContain('.');
    expect(built.map(({ subpath }) => subpath)).not.toContain('./gone');
    expect(built.every(({ source }) => existsSync(source))).toBe(true);
  });

  it('documents every entry', () => {
    const { entryPoints } = JSON.parse(readFileSync('typedoc.json', 'utf8')) as { entryPoints: string[] };
    const built: { source: string }[] = entries();
    expect(entryPoints).toEqual(built.map(({ source }) => source));
  });

  it('has a size ceiling for every entry', () => {
    const entriesOfPackage = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
    expect(Object.keys(manifest.sizes).sort()).toEqual(entriesOfPackage.sort());
  });

  it('needs nothing at run time but the API, which the user brings', () => {
    expect(manifest.dependencies ?? {}).toEqual({});
    const required = Object.keys(manifest.peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
    );
    expect(required).toEqual(['@opentelemetry/api']);
    expect(manifest.peerDependencies['@opentelemetry/api']).toBe('>=1.9.0 <1.11.0');
  });

  it('names every OpenTelemetry package that the library loads or takes types from as a peer', () => {
    const named = readdirSync('lib', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap(
        (file) => readFileSync(`lib/${file}`, 'utf8').match(/(?<=')@opentelemetry\/[a-z-]+(?=')/g) ?? [],
      );
    expect(named).toContain('@opentelemetry/api');
    expect(named.filter((name) => !(name in manifest.peerDependencies))).toEqual([]);
  });

  it('justifies every dependency in docs/dependencies.md', () => {
    const page = readFileSync('docs/dependencies.md', 'utf8');
    const isNamed = (name: string): boolean =>
      page.includes(`\`${name}\``) || page.includes(`\`${name.split('/')[0]}/*\``);
    const names = [manifest.peerDependencies, manifest.devDependencies].flatMap((list) => Object.keys(list));
    expect(names.filter((name) => !isNamed(name))).toEqual([]);
  });

  it('marks nothing optional that is no peer', () => {
    const names = Object.keys(manifest.peerDependenciesMeta);
    expect(names.filter((name) => !(name in manifest.peerDependencies))).toEqual([]);
  });

  it('pins every development dependency', () => {
    const loose = Object.entries(manifest.devDependencies).filter(
      ([, range]) => !/^\d+\.\d+\.\d+(?:-\S+)?$/.test(range),
    );
    expect(loose).toEqual([]);
  });

  it('runs nothing on the machine of whoever installs it', () => {
    const atInstall = [
      'preinstall',
      'install',
      'postinstall',
      'prepublish',
      'preprepare',
      'prepare',
      'postprepare',
    ];
    expect(Object.keys(manifest.scripts).filter((script) => atInstall.includes(script))).toEqual([]);
  });

  it('has the version that spans carry', () => {
    expect(manifest.version).toBe(VERSION);
  });
});

describe('package-lock.json', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    name: string;
    version: string;
    packages: Record<string, LockedPackage>;
  };

  it('belongs to this package.json', () => {
    expect(lock.version).toBe(manifest.version);
    expect(lock.packages['']?.devDependencies).toEqual(manifest.devDependencies);
  });

  it('knows the hash of every package and the address of none', () => {
    const packages = Object.entries(lock.packages).filter(([at, entry]) => at !== '' && entry.link !== true);
    expect(packages.filter(([, entry]) => entry.integrity === undefined).map(([at]) => at)).toEqual([]);
    expect(packages.filter(([, entry]) => entry.resolved !== undefined).map(([at]) => at)).toEqual([]);
  });

  it('has a package for every platform, since npm ci refuses a lock that lacks one', () => {
    const isLocked = (from: string, name: string): boolean => {
      if (`${from}/node_modules/${name}`.replace(/^\//, '') in lock.packages) return true;
      return from !== '' && isLocked(from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1)), name);
    };
    const missing = Object.entries(lock.packages).flatMap(([at, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !isLocked(at, name))
        .map((name) => `${name}, for ${at}`),
    );
    expect(missing).toEqual([]);
  });
});
