/** How a project's decorators are compiled, and what of it leaves something untraced. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Finding } from './doctor-finding.js';
import { installedVersion, lineOf, readManifest } from './doctor-packages.js';

interface CompilerOptions {
  readonly target?: string;
  readonly experimentalDecorators?: boolean;
  readonly useDefineForClassFields?: boolean;
}

const MAX_EXTENDS = 20;
const MAX_SOURCES = 5_000;
/** Everything in a config that is no data: strings are kept, comments and trailing commas go. */
const NOISE = /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\/|,(?=\s*[}\]])/g;

function parseConfig(file: string): { extends?: string | string[]; compilerOptions?: CompilerOptions } {
  // Twice, since a comment may stand between a trailing comma and what it trails.
  const clean = (text: string): string => text.replace(NOISE, (_, kept?: string) => kept ?? '');
  return JSON.parse(clean(clean(readFileSync(file, 'utf8').replace(/^\ufeff/, '')))) as object;
}

/** The compiler options of a config with those that it extends; the last one wins. */
function optionsOf(file: string, depth = 0): CompilerOptions {
  if (depth > MAX_EXTENDS) throw new Error(`${file}: extends goes in a circle`);
  const config = parseConfig(file);
  const bases = config.extends === undefined ? [] : [config.extends].flat();
  const inherited = bases.map((base) => optionsOf(resolveBase(base, file), depth + 1));
  return Object.assign({}, ...inherited, config.compilerOptions) as CompilerOptions;
}

function resolveBase(base: string, from: string): string {
  if (base.startsWith('.') || path.isAbsolute(base)) {
    const file = path.resolve(path.dirname(from), base);
    return existsSync(file) && file.endsWith('.json') ? file : `${file}.json`;
  }
  const require = createRequire(from);
  for (const name of [base, `${base}.json`, `${base}/tsconfig.json`]) {
    try {
      return require.resolve(name);
    } catch {
      // The next spelling.
    }
  }
  throw new Error(`${base}, which ${path.basename(from)} extends, is not installed`);
}

/** Whether fields are defined and not assigned, which legacy decorators cannot see into. */
function definesFields({ target, useDefineForClassFields }: CompilerOptions, typescript: number): boolean {
  if (useDefineForClassFields !== undefined) return useDefineForClassFields;
  // Without a target TypeScript 6 and later compile for this year's language, earlier ones for ES5.
  if (target === undefined) return typescript >= 6;
  const year = /^es(\d+)$/i.exec(target)?.[1];
  return year === undefined ? /^esnext$/i.test(target) : Number(year) >= 2022;
}

/**
 * Looks at the decorator flags of a project's tsconfig.json, and at decorated fields that they leave untraced.
 *
 * @param project the project's folder
 */
export function checkDecorators(project: string): Finding[] {
  const check = 'decorators';
  const file = path.join(project, 'tsconfig.json');
  if (!existsSync(file)) {
    return [
      { check, status: 'skipped', message: 'there is no tsconfig.json; is this the folder of the project?' },
    ];
  }
  let options: CompilerOptions;
  try {
    options = optionsOf(file);
  } catch (error) {
    const message = `tsconfig.json cannot be read: ${(error as Error).message.split('\n', 1)[0]}`;
    return [{ check, status: 'problem', message, remedy: 'npx tsc --showConfig says where it fails' }];
  }
  const version = installedVersion(project, 'typescript');
  const [major, minor] = lineOf(version ?? '6.0');
  if (major < 5 || (major === 5 && minor < 4)) {
    return [
      {
        check,
        status: 'problem',
        message: `TypeScript ${version} does not know the types of the decorators`,
        remedy: 'npm install --save-dev typescript@^5.4 (or later)',
      },
    ];
  }
  return options.experimentalDecorators === true
    ? legacy(project, definesFields(options, major))
    : standard(project);
}

function standard(project: string): Finding[] {
  const check = 'decorators';
  const { dependencies, devDependencies } = readManifest(project) ?? {};
  if ({ ...dependencies, ...devDependencies }['@nestjs/core'] !== undefined) {
    return [
      {
        check,
        status: 'problem',
        message: 'NestJS needs legacy decorators, and experimentalDecorators is not set',
        remedy: '"experimentalDecorators": true and "emitDecoratorMetadata": true in tsconfig.json',
      },
    ];
  }
  return [
    { check, status: 'ok', message: 'standard (TC39) decorators; methods, fields and accessors are traced' },
  ];
}

function legacy(project: string, defines: boolean): Finding[] {
  const check = 'decorators';
  if (!defines) {
    return [
      {
        check,
        status: 'ok',
        message: 'legacy decorators with assigned fields; methods and fields are traced',
      },
    ];
  }
  const fields = decoratedFields(project);
  if (fields.length === 0) {
    return [
      { check, status: 'ok', message: 'legacy decorators; methods are traced, and no field is decorated' },
    ];
  }
  const more = fields.length > 5 ? ` and ${fields.length - 5} more` : '';
  return [
    {
      check,
      status: 'problem',
      message: `useDefineForClassFields hides decorated fields from legacy decorators: ${fields.slice(0, 5).join(', ')}${more}`,
      remedy: '"useDefineForClassFields": false in tsconfig.json, or field = trace(fn), or a method',
      code: 'SPW_FIELD',
    },
  ];
}

const FIELD = new RegExp(
  String.raw`@(?:Trace|Enrich|DistributedEntry)\b(?:\((?:[^()]|\([^()]*\))*\))?\s*` +
    String.raw`(?:(?:public|private|protected|readonly|override)\s+)*` +
    String.raw`([A-Za-z_$][\w$]*)\s*[!?]?\s*(?::[^;{}\n]*?)?=(?![=>])`,
  'g',
);

/** Decorated instance fields, as `file:line name`. It reads text, so it may miss some; it does not run anything. */
function decoratedFields(project: string): string[] {
  return sources(project).flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    if (!text.includes('spanwise')) return [];
    return [...text.matchAll(FIELD)].map(
      ({ 0: match, 1: name, index }) =>
        `${path.relative(project, file)}:${text.slice(0, index + match.length).split('\n').length} ${name}`,
    );
  });
}

function sources(project: string): string[] {
  const found: string[] = [];
  const waiting = [project];
  while (waiting.length > 0 && found.length < MAX_SOURCES) {
    const folder = waiting.pop() as string;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || entry.name === 'dist') continue;
      if (entry.isDirectory()) waiting.push(path.join(folder, entry.name));
      else if (/\.[cm]?tsx?$/.test(entry.name) && !/\.d\.[cm]?ts$/.test(entry.name)) {
        found.push(path.join(folder, entry.name));
      }
    }
  }
  return found.sort();
}
