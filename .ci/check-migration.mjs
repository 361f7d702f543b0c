/**
 * Compiles the code that the migration guide starts from against the published `honeyhive` package, of which only
 * the package itself is fetched, without the 385 MB that it depends on.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { root } from './entries.mjs';

/** 1.0.44, the newest, was published without its compiled files. */
const PACKAGE = 'honeyhive@1.0.42';
const INTEGRITY =
  'sha512-NnFSJdq+AYjOLmIG6HlzgvrCyr/WQVpBrTOrUK9OqNIqnUdMOUFxxx4rTsrQ2R1uiiaNXFcHaMyG0DPPbKJoSg==';

const guide = readFileSync(path.join(root, 'docs/guides/migration-honeyhive.md'), 'utf8');
const [, before] = /^```ts no-check[^\n]*\n([^]*?)^```$/m.exec(guide);
const [, python] = /^```python\n([^]*?)^```$/m.exec(guide);
try {
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
    input: python,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  console.log('the Python code before a migration is Python');
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
  console.log('python3 is not installed: the Python code was not looked at');
}
const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-migration-'));
try {
  const packed = execFileSync('npm', ['pack', PACKAGE, '--json', '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [{ filename, integrity }] = JSON.parse(packed);
  if (integrity !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was: ${integrity}`);
  const target = path.join(folder, 'node_modules/honeyhive');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', filename, '-C', target, '--strip-components=1'], { cwd: folder });

  const file = path.join(folder, 'before.ts');
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile).config.compilerOptions,
      module: 'ESNext',
      moduleResolution: 'Bundler',
      types: [],
    },
    folder,
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, language) =>
    name === file ? ts.createSourceFile(name, before, language, true) : getSourceFile(name, language);
  host.fileExists = (name) => name === file || ts.sys.fileExists(name);
  const program = ts.createProgram([file], options, host);
  const mistakes = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
  for (const { messageText } of mistakes) console.log(ts.flattenDiagnosticMessageText(messageText, '\n'));
  if (mistakes.length > 0) process.exitCode = 1;
  else console.log(`the code before a migration compiles against ${PACKAGE}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
