import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
// @ts-expect-error the table is plain JavaScript, because the build reads it
import { entries } from '../../.ci/entries.mjs';

/** What a public name must tell of itself; types show their use in the example of what takes them. */
interface Described {
  readonly name: string;
  readonly isType: boolean;
  readonly summary: string;
  readonly tags: ReadonlySet<string>;
}

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

function describeName(name: string, nodes: ts.Node[]): Described {
  const docs = nodes.flatMap((node) => ts.getJSDocCommentsAndTags(node)).filter(ts.isJSDoc);
  return {
    name,
    isType: nodes.every((node) => ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)),
    summary: ts.getTextOfJSDocComment(docs[0]?.comment) ?? '',
    tags: new Set(docs.flatMap(({ tags }) => (tags ?? []).map(({ tagName }) => tagName.text))),
  };
}

/** Everything that an entry hands to users, by the file that declares it or hands it on. */
function publicNames(file: string): Described[] {
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

const surface = entries() as { subpath: string; source: string }[];

describe.each(surface)('every export of spanwise $subpath', ({ source }) => {
  const names = publicNames(source);

  it('has a sentence', () => {
    expect(names.filter(({ summary }) => !/\w{2,}[^]*[.:`]/.test(summary)).map(({ name }) => name)).toEqual(
      [],
    );
  });

  it('shows an example, unless it is a type', () => {
    const without = names.filter(({ isType, tags }) => !isType && !tags.has('example'));
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});

describe('the site', () => {
  it('shows every name of the main entry in a category, in the order of the flow', () => {
    const { categoryOrder } = JSON.parse(readFileSync('typedoc.json', 'utf8')) as { categoryOrder: string[] };
    const flow = ['Decorators', 'Session', 'Span', 'Propagation', 'Processor', 'Export'];
    expect(categoryOrder.filter((category) => flow.includes(category))).toEqual(flow);
    const without = publicNames('lib/index.ts').filter(({ tags }) => !tags.has('category'));
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});

describe('the check', () => {
  it('sees the names of the main entry', () => {
    const names = publicNames('lib/index.ts');
    expect(names.length).toBeGreaterThan(40);
    expect(names.find(({ name }) => name === 'FlushResult')?.isType).toBe(true);
    expect(names.find(({ name }) => name === 'Trace')?.isType).toBe(false);
  });
});
