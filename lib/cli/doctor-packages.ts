/** The packages of a project, as they are installed: copies of OpenTelemetry's API, and the line of its SDK. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Finding } from './doctor-finding.js';

const API = '@opentelemetry/api';
/** The most folders that are looked into; a project of that size is no reason to hang. */
const MAX_FOLDERS = 50_000;

/** The fields of a package.json that are read here. */
export interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Reads a package.json; undefined if it is not there or is none. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** The version of a package as code in a folder would get it; undefined if it is not installed. */
export function installedVersion(folder: string, name: string): string | undefined {
  for (let at = folder; ; at = path.dirname(at)) {
    const found = readManifest(path.join(at, 'node_modules', name))?.version;
    if (found !== undefined || at === path.dirname(at)) return found;
  }
}

/** Major and minor of a version. */
export function lineOf(version: string): readonly [number, number] {
  const [major, minor] = version.split('.', 2).map((part) => Number.parseInt(part, 10));
  return [major || 0, minor || 0];
}

/** Looks for the API's copies below a project's folder, and above it as far as one is resolved from there. */
export function checkApi(project: string): Finding {
  const check = 'OpenTelemetry API';
  const copies = apiCopies(project);
  const [first] = copies;
  if (first === undefined) {
    return {
      check,
      status: 'problem',
      message: `${API} is not installed`,
      remedy: `npm install ${API}`,
      code: 'SPW_MISSING_PACKAGE',
    };
  }
  const list = copies.map(({ folder, version }) => `${version} in ${path.relative(project, folder)}`);
  if (copies.length > 1) {
    return {
      check,
      status: 'problem',
      message: `${copies.length} copies of ${API}: ${list.join(', ')}; libraries that load another one than Spanwise are not traced`,
      remedy: `npm ls ${API}, then npm dedupe, or an "overrides" entry for ${API} in package.json`,
      code: 'SPW_API_COPY',
    };
  }
  const [major, minor] = lineOf(first.version);
  if (major !== 1 || minor < 9 || minor > 10) {
    return {
      check,
      status: 'problem',
      message: `${API} ${first.version} is not one that Spanwise works with`,
      remedy: `npm install ${API}@1.9 (or @1.10)`,
      code: 'SPW_API_COPY',
    };
  }
  return { check, status: 'ok', message: `one copy, ${first.version}` };
}

interface Copy {
  readonly folder: string;
  readonly version: string;
}

function apiCopies(project: string): Copy[] {
  const found = new Map<string, Copy>();
  const add = (folder: string): void => {
    const version = readManifest(folder)?.version;
    if (version !== undefined) found.set(realpathSync(folder), { folder, version });
  };
  for (let at = project; ; at = path.dirname(at)) {
    add(path.join(at, 'node_modules', API));
    if (found.size > 0 || at === path.dirname(at)) break;
  }
  const waiting = [path.join(project, 'node_modules')];
  const seen = new Set<string>();
  while (waiting.length > 0 && seen.size < MAX_FOLDERS) {
    const modules = waiting.pop() as string;
    if (!existsSync(modules)) continue;
    const real = realpathSync(modules);
    if (seen.has(real)) continue;
    seen.add(real);
    add(path.join(modules, API));
    for (const folder of packagesIn(modules)) waiting.push(path.join(folder, 'node_modules'));
  }
  return [...found.values()];
}

/** The package folders of a `node_modules`, those of pnpm's store included. */
function packagesIn(modules: string): string[] {
  const names = (folder: string): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return names(modules).flatMap((name) => {
    const folder = path.join(modules, name);
    if (name === '.pnpm' || name.startsWith('@'))
      return names(folder).map((inner) => path.join(folder, inner));
    return name.startsWith('.') ? [] : [folder];
  });
}

/** Tells which line of OpenTelemetry's SDK a project has, if any. */
export function checkSdk(project: string): Finding {
  const check = 'OpenTelemetry SDK';
  const version = (name: string): string | undefined => installedVersion(project, `@opentelemetry/${name}`);
  const third = version('sdk-trace');
  const second = version('sdk-trace-node') ?? version('sdk-trace-base');
  const api = installedVersion(project, API);
  if (second !== undefined && lineOf(second)[0] !== 2) {
    return {
      check,
      status: 'warning',
      message: `version ${second} is not known here; engine 'sdk' takes 2.x of sdk-trace-node or 3.x of sdk-trace`,
      remedy: "npm install @opentelemetry/sdk-trace-node@2, or leave engine at its default, 'spanwise'",
      code: 'SPW_MISSING_PACKAGE',
    };
  }
  if (second === undefined && third !== undefined) {
    if (api !== undefined && lineOf(api)[1] < 10) {
      return {
        check,
        status: 'problem',
        message: `SDK ${third} needs ${API} 1.10, and ${api} is installed`,
        remedy: `npm install ${API}@1.10`,
        code: 'SPW_MISSING_PACKAGE',
      };
    }
    return { check, status: 'ok', message: `the 3.x line, ${third}` };
  }
  if (second !== undefined) return { check, status: 'ok', message: `the 2.x line, ${second}` };
  return {
    check,
    status: 'ok',
    message: "not installed, and not needed: spans are made by Spanwise's own engine",
  };
}
