/** What each entry hands to users, and what is written there about it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
// @ts-expect-error the table is plain JavaScript, because the build reads it
import { entries } from '../../.ci/entries.mjs';
import { blocksIn, type CodeBlock } from './code-blocks.js';

/** What a public name tells of itself. */
export interface Described {
  readonly name: string;
  readonly isType: boolean;
  readonly summary: string;
  /** All of its text, tags included. */
  readonly text: string;
  readonly tags: ReadonlySet<string>;
  /** The text of `@category`. */
  readonly category: string | undefined;
  /** The code of its examples, and of those of its members. */
  readonly examples: readonly CodeBlock[];
}

/** The entries of the package with their sources. */
export const surface = entries() as { subpath: string; source: string }[];

const files = new Map<string, ts.SourceFile>();
function parse(file: string): ts.SourceFile {
  let parsed = files.get(file);
  if (parsed === undefined) {
    parsed = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
    files.set(file, parsed);
  }
  return parsed;
}

function declarations(source: ts.SourceFile, name: string): ts.Node[] {
  return source.statements.filter((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.some(({ name: own }) => own.getText() === name)
      : (statement as { name?: ts.Node }).name?.getText() === name,
  );
}

/** Follows a name through files that hand it on. */
function declared(file: string, name: string): ts.Node[] {
  const source = parse(file);
  const own = declarations(source, name);
  if (own.length > 0) return own;
  for (const { from, exported, local } of handedOn(source, file)) {
    if (exported === name && (from !== file || local !== name)) return declared(from, local);
  }
  return [];
}

/** Names that a file imports from another, or hands on from it. */
function* handedOn(source: ts.SourceFile, file: string) {
  for (const statement of source.statements) {
    const list =
      ts.isExportDeclaration(statement) && statement.exportClause !== undefined
        ? (statement.exportClause as ts.NamedExports)
        : ts.isImportDeclaration(statement)
          ? (statement.importClause?.namedBindings as ts.NamedImports | undefined)
          : undefined;
    const specifier = (statement as { moduleSpecifier?: ts.StringLiteral }).moduleSpecifier?.text;
    if (list?.elements === undefined || specifier?.startsWith('.') === false) continue;
    const from =
      specifier === undefined ? file : path.join(path.dirname(file), specifier.replace(/\.js$/, '.ts'));
    for (const { name, propertyName } of list.elements) {
      const local = (propertyName ?? name).text;
      yield { from, exported: name.text, local, isExport: ts.isExportDeclaration(statement) };
    }
  }
}

function docsOf(node: ts.Node): ts.JSDoc[] {
  return ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
}

/** The text of a comment without its stars. */
function plain(doc: ts.JSDoc): string {
  const text = doc.getText().replace(/^\/\*\*|\*\/$/g, '');
  return text.replaceAll(/^[ \t]*\* ?/gm, '');
}

function describeName(name: string, nodes: ts.Node[]): Described {
  const docs = nodes.flatMap(docsOf);
  const members = nodes.flatMap((node) => (ts.isClassDeclaration(node) ? [...node.members] : []));
  const examples = [...docs, ...members.flatMap(docsOf)].flatMap((doc) => {
    const text = plain(doc);
    const start = text.indexOf('@example');
    if (start < 0) return [];
    const file = path.relative('.', doc.getSourceFile().fileName);
    const line = doc.getSourceFile().getLineAndCharacterOfPosition(doc.getStart()).line + 1;
    return blocksIn(text.slice(start), `${name}, ${file}:${line}`);
  });
  const text = docs.map(plain).join('\n');
  return {
    name,
    isType: nodes.every((node) => ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)),
    summary: ts.getTextOfJSDocComment(docs[0]?.comment) ?? '',
    text,
    tags: new Set(docs.flatMap(({ tags }) => (tags ?? []).map(({ tagName }) => tagName.text))),
    category: /@category (.+)/.exec(text)?.[1]?.trim(),
    examples,
  };
}

/** Everything that an entry hands to users, by the file that declares it or hands it on. */
export function publicNames(file: string): Described[] {
  const source = parse(file);
  const direct = source.statements
    .filter((statement) => ts.canHaveModifiers(statement) && exported(statement))
    .flatMap((statement) =>
      ts.isVariableStatement(statement)
        ? statement.declarationList.declarations.map(({ name }) => name.getText())
        : [(statement as { name?: ts.Node }).name?.getText() ?? 'default'],
    );
  const passed = [...handedOn(source, file)].flatMap(({ exported, isExport }) =>
    isExport ? [exported] : [],
  );
  return [...new Set([...direct, ...passed])].map((name) => describeName(name, declared(file, name)));
}

function exported(statement: ts.HasModifiers): boolean {
  return ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
}

/** The examples of all public names, each once. */
export function docstringBlocks(): CodeBlock[] {
  const all = surface.flatMap(({ source }) => publicNames(source).flatMap(({ examples }) => examples));
  return [...new Map(all.map((block) => [block.where + block.code, block])).values()];
}
