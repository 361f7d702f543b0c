/**
 * The declarations, as users' compilers read them: every supported TypeScript, both decorator protocols, every kind of
 * resolution, and nothing skipped. What is compiled are the tests of the types themselves, with the package in place
 * of the sources.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { entries } from '../../.ci/entries.mjs';
import { run, source } from '../stage.mjs';
import { OTEL, TOOLS, TYPESCRIPT } from '../versions.mjs';

/** `module` and `moduleResolution`, and the kinds of file that are compiled with them. */
const RESOLUTIONS = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/** Declarations of frameworks have errors of their own; `npm run check:package` looks at those entries. */
function entriesWithoutFrameworks(folder) {
  return entries()
    .map(({ subpath, name }) => ({ specifier: path.posix.join('spanwise', subpath), name }))
    .filter(({ name }) => {
      const text = readFileSync(path.join(folder, 'node_modules/spanwise/dist', `${name}.d.ts`), 'utf8');
      const packages = [...text.matchAll(/^import .* from '([^'.][^']*)'/gm)].map(([, from]) => from);
      return packages.every((from) => from.startsWith('node:') || from === '@opentelemetry/api');
    })
    .map(({ specifier }) => specifier);
}

/** A user's project: one file per module system, the types' own tests, and a mistake that has to be found. */
function projectFiles(folder) {
  const names = entriesWithoutFrameworks(folder);
  if (!names.includes('spanwise') || !names.includes('spanwise/testing'))
    throw new Error(`entries: ${names}`);
  const all = names.map(
    (name, n) => `import * as entry${n} from '${name}';\nexport const used${n}: object = entry${n};`,
  );
  const ours = source('__tests__/types/decorators.ts').replace(/'\.\.\/\.\.\/lib\/[^']+'/g, "'spanwise'");
  const memberTypes = source('lib/decorators/member-types.ts');
  if (/^import/m.test(memberTypes)) throw new Error('member-types.ts imports something: copy that too');
  const inference = source('__tests__/types/inference.ts').replace(
    '../../lib/decorators/member-types.js',
    './member-types.js',
  );
  const user = (protocol) => `
    import { DistributedEntry, Enrich, SessionTracer, Trace, withSession, type SpanExporter } from 'spanwise';
    import { recordSpans, spanMatchers, type SpanRecorder } from 'spanwise/testing';
    const recorder: SpanRecorder = recordSpans();
    const exporter: SpanExporter | undefined = undefined;
    export const tracer: SessionTracer = SessionTracer.init({ project: 'p', spanProcessors: [recorder], exporter });
    export const matchers = spanMatchers;
    export class User {
      @DistributedEntry()
      @Trace({ eventType: 'chain' })
      @Enrich({ metadata: { tier: 'gold' }, outputs: (answer) => ({ length: answer.length }) })
      async invoke(headers: Headers, query: string): Promise<string> {
        return withSession('s', () => query + headers.get('x'));
      }
      ${protocol === 'standard' ? '@Trace() #hidden(): number { return 1; } @Trace() accessor open = () => this.#hidden();' : ''}
    }
    @Trace() export class Whole { private constructor() {} static make() { return new Whole(); } }
    export class Mistaken {
      // @ts-expect-error no such property of a string
      @Trace({ outputs: (result) => result.nope }) a(): string { return ''; }
      // @ts-expect-error no such option
      @Trace({ nam: 'x' }) b() {}
    }`;
  const flavours = {};
  for (const protocol of ['standard', 'legacy']) {
    const at = (file) => `types/${protocol}/${file}`;
    Object.assign(flavours, {
      [at('decorators.ts')]: ours,
      [at('member-types.ts')]: memberTypes,
      [at('inference.ts')]: inference,
      [at('targets.ts')]: source('__tests__/types/targets.ts'),
      [at('user.mts')]: user(protocol),
      [at('user.cts')]: user(protocol),
      [at('entries.mts')]: all.join('\n'),
      [at('entries.cts')]: all.join('\n'),
      // Without this a compiler that checks nothing would pass.
      [at('wrong.ts')]:
        "import { Trace } from 'spanwise';\nexport class Wrong { @Trace({ nam: 'x' }) b() {} }\n",
    });
    if (protocol === 'standard') flavours[at('standard.ts')] = source('__tests__/types/standard.tc39.ts');
    for (const [name, mode] of Object.entries(RESOLUTIONS)) {
      const compilerOptions = {
        ...mode,
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable', 'dom.asynciterable'],
        strict: true,
        skipLibCheck: false,
        // TypeScript's own declarations are its own business, and as long to check as all the rest.
        skipDefaultLibCheck: true,
        noEmit: true,
        types: ['node'],
        experimentalDecorators: protocol === 'legacy',
        ...(protocol === 'legacy' ? { useDefineForClassFields: false } : {}),
      };
      flavours[at(`tsconfig.${name}.json`)] = JSON.stringify({
        compilerOptions,
        include: ['*.ts', '*.mts', '*.cts'],
      });
    }
  }
  return flavours;
}

/** A compiler by its minor version. */
export async function tsc(stage, version) {
  const packages = Object.fromEntries(
    Object.entries(TYPESCRIPT).map(([minor, exact]) => [`typescript-${minor}`, `npm:typescript@${exact}`]),
  );
  const folder = await stage.install('compilers', packages, { ours: false });
  return path.join(folder, 'node_modules', `typescript-${version}`, 'bin/tsc');
}

export const cells = Object.keys(TYPESCRIPT).map((version) => ({
  id: `types ts${version}`,
  what: 'declarations with skipLibCheck off, both protocols, node16, nodenext and bundler resolution',
  quick: true,
  async run(stage) {
    const folder = await stage.install('types', { ...OTEL.otel2, '@types/node': TOOLS['@types/node'] });
    stage.fill('types', projectFiles(folder));
    const compiler = await tsc(stage, version);
    const checks = [];
    for (const protocol of ['standard', 'legacy']) {
      for (const resolution of resolutionsFor(version, stage.quick)) {
        checks.push(await compileOnce(compiler, folder, protocol, resolution));
      }
    }
    return checks;
  },
}));

/** The short form leaves out what the oldest and the newest compiler agree on. */
function resolutionsFor(version, quick) {
  const [oldest, newest] = [Object.keys(TYPESCRIPT).at(0), Object.keys(TYPESCRIPT).at(-1)];
  return quick && version !== oldest && version !== newest ? ['nodenext'] : Object.keys(RESOLUTIONS);
}

async function compileOnce(compiler, folder, protocol, resolution) {
  const name = `${protocol}, ${resolution}`;
  const args = [compiler, '-p', `types/${protocol}/tsconfig.${resolution}.json`, '--pretty', 'false'];
  let output = '';
  await run(process.execPath, args, { cwd: folder }).catch((error) => (output = error.message));
  const errors = output.split('\n').filter((line) => / error TS\d+/.test(line));
  const wrong = errors.filter((line) => line.includes('wrong.ts'));
  const others = errors.filter((line) => !line.includes('wrong.ts'));
  const ok = wrong.length === 1 && others.length === 0;
  return { name, ok, note: ok ? '' : others.join('\n') || output || 'the planted mistake was not found' };
}
