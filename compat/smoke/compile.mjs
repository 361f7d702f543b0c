/** The smoke as JavaScript: its classes in both protocols, and the decoder of the tests. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { root } from '../../.ci/entries.mjs';
import { source } from '../stage.mjs';

/** Compiles with the TypeScript of this project; the other compilers are cells of their own. */
export function compile(text, legacy) {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    experimentalDecorators: legacy,
    emitDecoratorMetadata: legacy,
    useDefineForClassFields: !legacy,
  };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

/** File → text of everything that the smoke consists of. */
export function smokeFiles() {
  const files = {
    'classes.standard.mjs': compile(source('compat/smoke/classes.ts'), false),
    'classes.legacy.mjs': compile(source('compat/smoke/classes.ts'), true),
    'private.standard.mjs': compile(source('compat/smoke/private.ts'), false),
  };
  for (const file of readdirSync(path.join(root, 'compat/smoke'))) {
    if (file.endsWith('.mjs')) files[file] = source('compat/smoke', file);
  }
  return files;
}

/** `decodeJson` and `decodeProtobuf` of the tests. */
export async function loadDecoder(stage) {
  const folder = stage.fill('decoder', {
    'decode.mjs': compile(source('__tests__/export/otlp-decode.ts'), false),
  });
  return import(pathToFileURL(path.join(folder, 'decode.mjs')).href);
}
