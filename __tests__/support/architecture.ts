/**
 * The house rules of `lib/`, as functions over sources, so that a test can also feed them deliberate violations.
 */
import path from 'node:path';
import ts from 'typescript';

/** File path below `lib/` → its text. */
export type Sources = ReadonlyMap<string, string>;

/** Folder or file at the top of `lib/` → its level; a file may import lower levels and its own folder only. */
export const LEVELS: Readonly<Record<string, number>> = {
  'conventions.ts': 0,
  'diagnostics.ts': 0,
  'descriptor.ts': 0,
  context: 1,
  capture: 1,
  tracer: 2,
  propagation: 3,
  processor: 3,
  sampler: 3,
  export: 3,
  honeyhive: 3,
  engine: 3,
  span: 4,
  session: 5,
  decorators: 6,
  'index.ts': 6.5,
  integrations: 7,
  testing: 7,
  viewer: 7,
  cli: 8,
};

/** One `import`, `export … from`, `import()`, `require()` or `import('…')` type. */
export interface ImportEdge {
  readonly from: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function importsNothingAtRunTime(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    if (node.isTypeOnly) return true;
    const clause = node.exportClause;
    return clause !== undefined && ts.isNamedExports(clause) && clause.elements.every((e) => e.isTypeOnly);
  }
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  // `import { type A } from 'x'` still loads x under verbatimModuleSyntax.
  return false;
}

/** Everything a file imports. */
export function importsOf(file: string, text: string): ImportEdge[] {
  const edges: ImportEdge[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, dynamic: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      edges.push({ from: file, specifier: specifier.text, typeOnly, dynamic });
    }
  };
  walk(parse(file, text), (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, importsNothingAtRunTime(node), false);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true, false);
    } else if (ts.isCallExpression(node)) {
      const callee = node.expression;
      const loads =
        callee.kind === ts.SyntaxKind.ImportKeyword ||
        (ts.isIdentifier(callee) && /require|import/i.test(callee.text)) ||
        (ts.isPropertyAccessExpression(callee) && callee.name.text === 'resolve');
      if (loads) add(node.arguments[0], false, true);
    }
  });
  return edges;
}

/** The file below `lib/` that a relative import means. */
function targetOf(edge: ImportEdge, sources: Sources): string | undefined {
  if (!edge.specifier.startsWith('.')) return undefined;
  const joined = path.posix.join(path.posix.dirname(edge.from), edge.specifier);
  const candidates = [joined.replace(/\.js$/, '.ts'), joined.replace(/\.js$/, '.tsx'), joined];
  return candidates.find((file) => sources.has(file)) ?? joined;
}

const topOf = (file: string): string => file.split('/')[0]!;

/** Imports that point up, sideways, out of `lib/` or to nothing. */
export function layerViolations(sources: Sources): string[] {
  const violations: string[] = [];
  for (const [file, text] of sources) {
    const level = LEVELS[topOf(file)];
    if (level === undefined) {
      violations.push(`${file}: no level is known for ${topOf(file)}/`);
      continue;
    }
    for (const edge of importsOf(file, text)) {
      const target = targetOf(edge, sources);
      if (target === undefined) continue;
      if (!sources.has(target)) {
        violations.push(`${file}: ${edge.specifier} is no file of lib/`);
      } else if (topOf(target) !== topOf(file) && !(LEVELS[topOf(target)]! < level)) {
        const up = LEVELS[topOf(target)]! > level ? 'up' : 'sideways';
        violations.push(`${file}: imports ${up}, from ${target}`);
      } else if (!edge.specifier.endsWith('.js')) {
        violations.push(`${file}: ${edge.specifier} has no .js suffix`);
      }
    }
  }
  return violations;
}

/** Packages that the core (levels 0 to 6) may load, and files that may load OpenTelemetry's SDKs. */
export function packageViolations(sources: Sources): string[] {
  const violations: string[] = [];
  for (const [file, text] of sources) {
    const mayLoadSdk = file === 'engine/sdk.ts' || topOf(file) === 'export';
    for (const { specifier, typeOnly } of importsOf(file, text)) {
      if (typeOnly || specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      if (name === '@opentelemetry/api') continue;
      if (name.startsWith('@opentelemetry/')) {
        if (!mayLoadSdk) violations.push(`${file}: loads ${name}; only engine/sdk.ts and export/ may`);
      } else if ((LEVELS[topOf(file)] ?? 0) < 7) {
        violations.push(`${file}: loads ${name}; the core loads @opentelemetry/api and node: only`);
      }
    }
  }
  return violations;
}

/** Import cycles, each once, as `a.ts → b.ts → a.ts`. Types count too: a cycle of types is a cycle to a reader. */
export function cycles(sources: Sources): string[] {
  const graph = new Map<string, string[]>();
  for (const [file, text] of sources) {
    const targets = importsOf(file, text).map((edge) => targetOf(edge, sources));
    graph.set(
      file,
      targets.filter((target): target is string => target !== undefined && sources.has(target)),
    );
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) {
      found.push([...trail.slice(start), file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

// `baggage`, `b3`, `project` and `source` are headers or keys too, but options are called the same.
const NAME_OF_A_CONVENTION =
  /^(?:honeyhive[._].*|traceloop\..*|gen_ai\..*|openinference\..*|traceparent|tracestate|x-b3-.*|HH_[A-Z_]+|OTEL_[A-Z_]+|session\.id)$/;
/**
 * These are also fields of the backend's REST bodies, where `body['session_id']` is no more than `body.session_id`, and
 * what `whereIs('session_id', …)` filters by.
 */
const BAGGAGE_KEY_OR_FIELD = /^(?:(?:session|run|dataset|datapoint|parent)_id|session_name)$/;

function isConventionName(node: ts.StringLiteralLike | ts.TemplateHead): boolean {
  if (NAME_OF_A_CONVENTION.test(node.text)) return true;
  if (!BAGGAGE_KEY_OR_FIELD.test(node.text)) return false;
  const { parent } = node;
  const isFilter = ts.isCallExpression(parent) && parent.expression.getText() === 'whereIs';
  return !ts.isElementAccessExpression(parent) && !isFilter;
}

/** Attribute, baggage, header and environment names written out anywhere but in `conventions.ts`. */
export function literalViolations(sources: Sources): string[] {
  const violations: string[] = [];
  for (const [file, text] of sources) {
    if (file === 'conventions.ts') continue;
    const source = parse(file, text);
    walk(source, (node) => {
      if (!ts.isStringLiteralLike(node) && !ts.isTemplateHead(node)) return;
      if (!isConventionName(node)) return;
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      violations.push(`${file}:${line + 1}: '${node.text}' belongs into conventions.ts`);
    });
  }
  return violations;
}

/** File names and exports that make a house hard to read. */
export function habitViolations(sources: Sources): string[] {
  const violations: string[] = [];
  for (const [file, text] of sources) {
    const name = path.posix.basename(file);
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.d)?\.tsx?$/.test(name))
      violations.push(`${file}: name is not kebab-case`);
    if (
      /^(?:utils?|helpers?|types|common|misc)\.ts$/.test(name) ||
      /(?:^|\/)(?:utils?|helpers?)\//.test(file)
    ) {
      violations.push(`${file}: is named after nothing`);
    }
    for (const statement of parse(file, text).statements) {
      if (ts.isExportAssignment(statement)) violations.push(`${file}: has a default export`);
      if (ts.isExportDeclaration(statement) && statement.exportClause === undefined) {
        violations.push(`${file}: export * hides what it exports`);
      }
    }
  }
  return violations;
}

/** The names that a module exports, values and types apart. */
export function exportedNames(file: string, text: string): { values: string[]; types: string[] } {
  const values: string[] = [];
  const types: string[] = [];
  for (const statement of parse(file, text).statements) {
    if (
      ts.isExportDeclaration(statement) &&
      statement.exportClause &&
      ts.isNamedExports(statement.exportClause)
    ) {
      for (const element of statement.exportClause.elements) {
        (statement.isTypeOnly || element.isTypeOnly ? types : values).push(element.name.text);
      }
    }
    const exported =
      ts.canHaveModifiers(statement) &&
      (ts.getModifiers(statement) ?? []).some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
    if (!exported) continue;
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
      types.push(statement.name.text);
    } else if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations)
        values.push(declaration.name.getText());
    } else if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name) {
      values.push(statement.name.text);
    }
  }
  return { values: [...new Set(values)], types: [...new Set(types)] };
}
