import { ROOT_CONTEXT, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { recordSpans, spanMatchers, type RecordedSpan } from '../../lib/testing/index.js';

expect.extend(spanMatchers);

const recorder = recordSpans();
const tracer = new BasicTracerProvider({ spanProcessors: [recorder] }).getTracer('t');
const start = (name: string, parent?: Span, attributes = {}): Span =>
  tracer.startSpan(
    name,
    { attributes },
    parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent),
  );
const session = { 'honeyhive.session_id': 's-1' };
let root: Span;

beforeEach(() => {
  recorder.clear();
  root = start('Agent.invoke', undefined, { ...session, honeyhive_event_type: 'chain' });
  const tool = start('Tool.search', root, { ...session, q: 'ham', n: 3 });
  tool.setStatus({ code: SpanStatusCode.ERROR, message: 'nothing found' });
  tool.end();
  root.end();
});

const TREE = [
  '',
  'Recorded:',
  '',
  '  Agent.invoke [chain] session=s-1',
  '  └─ Tool.search ERROR: nothing found',
  '',
].join('\n');

/** The message of an expectation that fails. */
function failure(expectation: () => unknown): string {
  try {
    expectation();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the expectation did not fail');
}

describe('toHaveSpan', () => {
  test('passes by name, expression and pattern, of a recorder and of a list', () => {
    expect(recorder).toHaveSpan('Tool.search');
    expect(recorder).toHaveSpan(/^Tool/);
    expect(recorder).toHaveSpan({
      name: 'Tool.search',
      status: 'error',
      parent: 'Agent.invoke',
      attributes: { q: /^h/ },
    });
    expect(recorder).toHaveSpan({ eventType: 'chain', session: 's-1', parent: null });
    expect(recorder.spans).toHaveSpan('Agent.invoke');
    expect(recorder).not.toHaveSpan('Tool');
    expect(recorder).not.toHaveSpan({ name: 'Tool.search', status: 'ok' });
  });

  test('shows the tree when it fails', () => {
    expect(failure(() => expect(recorder).toHaveSpan('Tool.fetch'))).toBe(
      `expected a finished span "Tool.fetch"\n${TREE}`,
    );
    expect(failure(() => expect(recorder).not.toHaveSpan('Tool.search'))).toBe(
      `expected no finished span "Tool.search"\n${TREE}`,
    );
    expect(failure(() => expect([]).toHaveSpan('x'))).toContain('(no spans)');
  });

  test('says what else is different in spans of that name', () => {
    expect(
      failure(() => expect(recorder).toHaveSpan({ name: /^Tool/, attributes: { q: 'spam', n: 3 } })),
    ).toBe(
      `expected a finished span { name: /^Tool/, attributes: { q: "spam", n: 3 } }\n` +
        `  of "Tool.search": q should be "spam" and is "ham"\n${TREE}`,
    );
  });

  test('a parent that still runs is found by its name', () => {
    const open = start('open');
    start('inner', open).end();
    expect(recorder).toHaveSpan({ name: 'inner', parent: 'open' });
    expect(recorder.find('inner')).toHaveParent('open');
    expect(recorder).not.toHaveSpan('open');
    open.end();
  });
});

describe('toHaveParent', () => {
  test('passes by span, name and null', () => {
    expect(recorder.find('Tool.search')).toHaveParent('Agent.invoke');
    expect(recorder.find('Tool.search')).toHaveParent(recorder.find('Agent.invoke')!);
    expect(recorder.find('Agent.invoke')).toHaveParent(null);
    expect(recorder.find('Tool.search')).not.toHaveParent(null);
    expect(recorder.find('Tool.search')).not.toHaveParent('Tool.search');
    expect(recorder.find('Tool.search')).not.toHaveParent(recorder.find('Tool.search')!);
  });

  test('shows the tree when it fails', () => {
    expect(failure(() => expect(recorder.find('Tool.search')).toHaveParent('Agent.plan'))).toBe(
      `expected "Tool.search" to have parent "Agent.plan", and it has "Agent.invoke"\n${TREE}`,
    );
    expect(failure(() => expect(recorder.find('Tool.search')).toHaveParent(null))).toBe(
      `expected "Tool.search" to have no parent, and it has "Agent.invoke"\n${TREE}`,
    );
    expect(failure(() => expect(recorder.find('Agent.invoke')).toHaveParent('x'))).toContain(
      'and it has none',
    );
    expect(failure(() => expect(recorder.find('Tool.search')).not.toHaveParent('Agent.invoke'))).toBe(
      `expected "Tool.search" not to have parent "Agent.invoke"\n${TREE}`,
    );
  });
});

test('the tree is also shown for a copy that a processor handed on', () => {
  const original = start('copied', root) as unknown as RecordedSpan;
  recorder.onStart({ ...original, name: 'copied', spanContext: () => original.spanContext() }, ROOT_CONTEXT);
  const copy = {
    ...recorder.find('Tool.search')!,
    name: 'copied',
    spanContext: () => original.spanContext(),
  };
  recorder.onEnd(copy);
  expect(failure(() => expect(copy).toHaveParent(null))).toContain('Agent.invoke [chain]');
});

describe('toHaveAttributes', () => {
  test('passes with some of them, expressions, matchers and absence', () => {
    const span = recorder.find('Tool.search');
    expect(span).toHaveAttributes({ q: 'ham' });
    expect(span).toHaveAttributes({ q: /am$/, n: expect.any(Number) as never, none: undefined });
    expect(span).not.toHaveAttributes({ q: 'ham', n: 4 });
    expect(span).toHaveAttributes({});
  });

  test('lists what is different when it fails', () => {
    expect(
      failure(() =>
        expect(recorder.find('Tool.search')).toHaveAttributes({ q: /x/, n: 4, toString: undefined, m: 1 }),
      ),
    ).toBe(
      [
        'expected other attributes of "Tool.search":',
        '  q should be /x/ and is "ham"',
        '  n should be 4 and is 3',
        '  m should be 1 and is undefined',
        'it has { "honeyhive.session_id": "s-1", q: "ham", n: 3 }',
        TREE,
      ].join('\n'),
    );
    expect(
      failure(() =>
        expect(recorder.find('Tool.search')).toHaveAttributes({ q: expect.any(Number) as never }),
      ),
    ).toContain('q should be Any<Number> and is "ham"');
    expect(failure(() => expect(recorder.find('Tool.search')).not.toHaveAttributes({ n: 3 }))).toBe(
      `expected "Tool.search" not to have attributes { n: 3 }\n${TREE}`,
    );
  });
});

describe('toHaveSession', () => {
  test('passes for a span, and for all spans of a recorder', () => {
    expect(recorder.find('Tool.search')).toHaveSession('s-1');
    expect(recorder.find('Tool.search')).toHaveSession(/^s-/);
    expect(recorder).toHaveSession('s-1');
    expect(recorder).toHaveSession();
    expect(recorder).not.toHaveSession('s-2');
    start('stray').end();
    expect(recorder).not.toHaveSession('s-1');
    expect(recorder.find('stray')).not.toHaveSession();
  });

  test('names the spans that differ when it fails', () => {
    start('stray').end();
    expect(failure(() => expect(recorder).toHaveSession('s-1'))).toBe(
      `expected session "s-1"\n  "stray" has undefined\n${TREE}  stray\n`,
    );
    expect(failure(() => expect(recorder.find('stray')).toHaveSession())).toContain(
      'expected a session\n  "stray" has undefined',
    );
    expect(failure(() => expect([]).toHaveSession('s-1'))).toBe(
      'expected session "s-1", and no span is recorded',
    );
    expect(failure(() => expect(recorder.find('Tool.search')).not.toHaveSession('s-1'))).toContain(
      'Recorded:',
    );
  });
});

test('what is no span is said, with or without not', () => {
  for (const subject of [undefined, null, 5, {}, 'x', [1]]) {
    for (const of of [expect(subject), expect(subject).not]) {
      expect(failure(() => of.toHaveParent('x'))).toMatch(/^toHaveParent: expect\(\) must be given a span/);
      expect(failure(() => of.toHaveAttributes({}))).toMatch(
        /^toHaveAttributes: expect\(\) must be given a span/,
      );
      expect(failure(() => of.toHaveSession('x'))).toMatch(/^toHaveSession: expect\(\) must be given a span/);
      expect(failure(() => of.toHaveSpan('x'))).toMatch(/^toHaveSpan: expect\(\) must be given a recorder/);
    }
  }
  expect(failure(() => expect(recorder.find('missing')).toHaveParent('x'))).toContain(
    'find() found no such span',
  );
});

test('the matchers are typed', () => {
  const never = (): void => {
    // @ts-expect-error a pattern knows its fields
    expect(recorder).toHaveSpan({ nam: 'x' });
    // @ts-expect-error an event type is one of four
    expect(recorder).toHaveSpan({ eventType: 'agent' });
    // @ts-expect-error a parent is a span, a name or null
    expect(recorder.find('x')).toHaveParent(5);
  };
  expect(typeof never).toBe('function');
});
