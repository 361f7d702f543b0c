import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  cycles,
  habitViolations,
  layerViolations,
  LEVELS,
  literalViolations,
  packageViolations,
  type Sources,
} from './support/architecture.js';

const lib = path.resolve('lib');
const sources: Sources = new Map(
  readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => [file.split(path.sep).join('/'), readFileSync(path.join(lib, file), 'utf8')]),
);
const virtual = (files: Record<string, string>): Sources => new Map(Object.entries(files));

describe('the layers of lib/', () => {
  it('read the real sources', () => {
    expect(sources.has('index.ts')).toBe(true);
    expect(sources.size).toBeGreaterThan(5);
  });

  it('every folder has a level', () => {
    const tops = readdirSync(lib, { withFileTypes: true }).map((entry) => entry.name);
    expect(tops.filter((top) => !(top in LEVELS))).toEqual([]);
  });

  it('imports point down or inside their own folder', () => {
    expect(layerViolations(sources)).toEqual([]);
  });

  it('only engine/sdk.ts and export/ load an OpenTelemetry SDK, and the core loads the API only', () => {
    expect(packageViolations(sources)).toEqual([]);
  });

  it('there are no import cycles', () => {
    expect(cycles(sources)).toEqual([]);
  });

  it('attribute, baggage, header and environment names stand in conventions.ts only', () => {
    expect(literalViolations(sources)).toEqual([]);
  });

  it('files are named after one thing and export by name', () => {
    expect(habitViolations(sources)).toEqual([]);
  });
});

describe('a rule bites when', () => {
  const span = { 'span/with-span.ts': '' };

  it('a lower level imports a higher one', () => {
    const crossed = virtual({ ...span, 'context/keys.ts': `import { x } from '../span/with-span.js';` });
    expect(layerViolations(crossed)).toEqual(['context/keys.ts: imports up, from span/with-span.ts']);
  });

  it('only a type is imported from a higher level', () => {
    const crossed = virtual({ ...span, 'context/keys.ts': `import type { X } from '../span/with-span.js';` });
    expect(layerViolations(crossed)).toHaveLength(1);
  });

  it('a type is imported by import(…) from a higher level', () => {
    const crossed = virtual({ ...span, 'context/keys.ts': `let x: import('../span/with-span.js').X;` });
    expect(layerViolations(crossed)).toHaveLength(1);
  });

  it('folders of one level import each other', () => {
    const crossed = virtual({ 'export/a.ts': '', 'honeyhive/b.ts': `export { a } from '../export/a.js';` });
    expect(layerViolations(crossed)).toEqual(['honeyhive/b.ts: imports sideways, from export/a.ts']);
  });

  it('something below imports the index', () => {
    const crossed = virtual({ 'index.ts': '', 'decorators/trace.ts': `import '../index.js';` });
    expect(layerViolations(crossed)).toEqual(['decorators/trace.ts: imports up, from index.ts']);
  });

  it('an import points to nothing, out of lib/, or lacks its suffix', () => {
    const crossed = virtual({
      ...span,
      'span/a.ts': `import './gone.js'; import '../../bench/x.js'; import '../span/with-span';`,
    });
    expect(layerViolations(crossed)).toHaveLength(3);
  });

  it('a folder without a level appears', () => {
    expect(layerViolations(virtual({ 'utils/a.ts': '' }))).toEqual([
      'utils/a.ts: no level is known for utils/',
    ]);
  });

  it('and lets downward and inward imports pass', () => {
    const fine = virtual({
      ...span,
      'conventions.ts': '',
      'span/settle.ts': `import './with-span.js'; import { ATTR } from '../conventions.js';`,
      'cli/main.ts': `import '../span/settle.js';`,
    });
    expect(layerViolations(fine)).toEqual([]);
  });

  it.each([
    `import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';`,
    `import { type SpanProcessor } from '@opentelemetry/sdk-trace-base';`,
    `export { Span } from '@opentelemetry/sdk-trace';`,
    `await import('@opentelemetry/sdk-trace-node');`,
    `const sdk = require('@opentelemetry/sdk-trace-node');`,
    `const file = require.resolve('@opentelemetry/sdk-trace');`,
  ])('a file of the core loads an SDK: %s', (text) => {
    expect(packageViolations(virtual({ 'processor/a.ts': text }))).toHaveLength(1);
    expect(packageViolations(virtual({ 'engine/sdk.ts': text, 'export/a.ts': text }))).toEqual([]);
  });

  it('the core loads any other package, but not when it takes only its types', () => {
    const text = `import { Observable } from 'rxjs';`;
    expect(packageViolations(virtual({ 'span/settle.ts': text }))).toHaveLength(1);
    expect(packageViolations(virtual({ 'span/settle.ts': text.replace('import', 'import type') }))).toEqual(
      [],
    );
  });

  it('files import each other in a circle', () => {
    const circle = virtual({
      'span/a.ts': `import './b.js';`,
      'span/b.ts': `import type { C } from './c.js';`,
      'span/c.ts': `export * from './a.js';`,
    });
    expect(cycles(circle)).toEqual(['span/a.ts → span/b.ts → span/c.ts → span/a.ts']);
  });

  it.each([
    'honeyhive_inputs',
    'honeyhive.session_id',
    'traceparent',
    'HH_API_KEY',
    'session_id',
    'gen_ai.usage.input_tokens',
  ])("the name '%s' is written out elsewhere", (name) => {
    const text = `span.setAttribute('${name}', 1);`;
    expect(literalViolations(virtual({ 'span/a.ts': text }))).toEqual([
      `span/a.ts:1: '${name}' belongs into conventions.ts`,
    ]);
    expect(literalViolations(virtual({ 'conventions.ts': text }))).toEqual([]);
  });

  it('and lets a field of a REST body pass, though not an attribute of that form', () => {
    const fields = `reply['session_id']; whereIs('session_id', id);`;
    expect(literalViolations(virtual({ 'honeyhive/a.ts': fields }))).toEqual([]);
    expect(literalViolations(virtual({ 'honeyhive/a.ts': `a['honeyhive.session_id'];` }))).toHaveLength(1);
  });

  it('a name is built from a literal prefix', () => {
    expect(literalViolations(virtual({ 'span/a.ts': 'x(`honeyhive_inputs.${key}`);' }))).toHaveLength(1);
  });

  it('a file is misnamed or hides its exports', () => {
    const text = `export * from './b.js'; export default 1;`;
    expect(
      habitViolations(virtual({ 'span/withSpan.ts': '', 'span/utils.ts': '', 'span/a.ts': text })),
    ).toHaveLength(4);
  });
});
