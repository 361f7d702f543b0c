import { describe, expect, it } from '@jest/globals';
import { definesField } from '../../lib/decorators/field-watch.js';

describe('the text of a class', () => {
  it.each([
    ['a class field', 'class A {\n  f = () => 1;\n}'],
    ['a class field, minified', 'class A{f=()=>1;g(){}}'],
    ['a field of any name', 'class A { x = 1; $f = () => 1 }', '$f'],
    ["tsc's helper", 'class A { constructor() { Object.defineProperty(this, "f", { value: 1 }); } }'],
    ["esbuild's helper", 'class A { constructor() { __publicField(this, "f", () => 1); } }'],
    ["SWC's helper", "class A { constructor() { _define_property(this, 'f', () => 1); } }"],
  ])('tells of a defined field: %s', (_what, text, key = 'f') => {
    expect(definesField(text, key)).toBe(true);
  });

  it.each([
    ['an assigned field', 'class A { constructor() { this.f = () => 1; } }'],
    ['an assigned field by index', "class A { constructor() { this['f'] = () => 1; } }"],
    ['a comparison', 'class A { run(f) { if (f) {\nf == 1 } } }'],
    [
      "Babel's own initializer",
      'class A { constructor() { _initializerDefineProperty(this, "f", d, this); } }',
    ],
    ['another field', 'class A { ff = 1; xf = 2; }'],
    ['a method', 'class A { f() {} }'],
    ['a function', 'function A() {\n f = 1; }'],
    ['nothing', ''],
  ])('tells nothing of %s', (_what, text) => {
    expect(definesField(text, 'f')).toBe(false);
  });
});
