import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { pages } from './code-blocks.js';
import { docstringBlocks, publicNames, surface, type Described } from './public-names.js';

/** Names that make spans, by which entry they may be. */
const MAKE_SPANS = new Set(
  `Trace DistributedEntry Enrich withSpan trace enrichSpan enrichSpanContext withSession bindContext
   withDistributedTraceContext extractContextFromCarrier spanwise SpanwiseModule instrumentClients`.split(
    /\s+/,
  ),
);
/** Names that do what a specification says. */
const SPECIFIED = new Set(
  `Trace DistributedEntry withSpan trace withBaggage getBaggage injectContextIntoCarrier extractContextFromCarrier
   withDistributedTraceContext SpanwisePropagator IdentitySpanProcessor ExportPipeline sessionSampler spanwise
   instrumentClients logContext MeshPropagator`.split(/\s+/),
);

/** Errors: what is thrown, what is reported by code, or that nothing of it reaches the caller. */
function tellsErrors({ text }: Described): boolean {
  return /@throws|SPW_[A-Z]+|\breport|\bthrows?\b|\bfails?\b|\bfailures?\b|[Nn]ever|live tracer/.test(text);
}

describe.each(surface)('every export of spanwise $subpath', ({ source }) => {
  const names = publicNames(source);

  it('has a sentence', () => {
    expect(names.filter(({ summary }) => !/\w{2,}[^]*[.:`]/.test(summary)).map(({ name }) => name)).toEqual(
      [],
    );
  });

  it('shows an example, unless it is a type', () => {
    const without = names.filter(({ isType, examples }) => !isType && examples.length === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it('says what span it produces, where it makes spans', () => {
    const makes = names.filter(({ name, isType }) => !isType && MAKE_SPANS.has(name));
    const without = makes.filter(({ examples }) => examples.every(({ output }) => output === undefined));
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it('says what it returns and what becomes of errors, unless it is a type', () => {
    const mute = names.filter((described) => !described.isType && !tellsErrors(described));
    expect(mute.map(({ name }) => name)).toEqual([]);
  });

  it('links the specification where one applies', () => {
    const without = names.filter(({ name, isType, text }) => {
      const specified = !isType && SPECIFIED.has(name);
      return (
        specified && !/@see https:\/\/(opentelemetry\.io|www\.w3\.org|github\.com\/openzipkin)/.test(text)
      );
    });
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});

describe('the site', () => {
  it('leads to every guide, as the README does', () => {
    const { projectDocuments } = JSON.parse(readFileSync('typedoc.json', 'utf8')) as {
      projectDocuments: string[];
    };
    const children = projectDocuments.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^  - \.\/(\S+\.md)$/gm)].map(
        ([, name]) => `docs/guides/${name}`,
      ),
    );
    const guides = pages().filter((page) => page.startsWith('docs/guides/'));
    expect([...projectDocuments, ...children].sort()).toEqual(guides);
    const readme = readFileSync('README.md', 'utf8');
    expect(guides.filter((guide) => !readme.includes(`](${guide})`))).toEqual([]);
    expect(guides.filter((guide) => !/^---\ntitle: .+\n/.test(readFileSync(guide, 'utf8')))).toEqual([]);
  });

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
    expect(names.find(({ name }) => name === 'SessionTracer')?.examples).toHaveLength(2);
    expect(docstringBlocks().length).toBeGreaterThan(40);
  });
});
