import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AttributeValue } from '../../lib/viewer/received-span.js';
import { unflatten } from '../../lib/viewer/unflatten.js';

const json = (flat: Record<string, AttributeValue>) =>
  JSON.parse(JSON.stringify(unflatten(Object.entries(flat))));

describe('unflatten', () => {
  it('makes objects and lists of dotted keys', () => {
    expect(json({ 'a.0.b': 1, 'a.1.b': 2, 'c.d.e': 'x', f: true })).toEqual({
      a: [{ b: 1 }, { b: 2 }],
      c: { d: { e: 'x' } },
      f: true,
    });
  });

  it('keeps the places of nulls, which are not sent, in a list', () => {
    expect(json({ 'n.0': 1, 'n.2.p': 2 })).toEqual({ n: [1, null, { p: 2 }] });
  });

  it.each([
    [{ 'a.0': 1, 'a.x': 2 }, { a: { 0: 1, x: 2 } }],
    [{ 'a.00': 1 }, { a: { '00': 1 } }],
    [{ 'a.-1': 1 }, { a: { '-1': 1 } }],
    [{ 'a.9999999': 1 }, { a: { 9999999: 1 } }],
    [{ 'a.100000000000': 1 }, { a: { 100000000000: 1 } }],
  ])('makes no list of %j', (flat, expected) => {
    expect(json(flat as unknown as Record<string, AttributeValue>)).toEqual(expected);
  });

  it.each([
    [
      { a: 1, 'a.b': 2 },
      { a: 1, 'a.b': 2 },
    ],
    [
      { 'a.b': 2, a: 1 },
      { a: 1, 'a.b': 2 },
    ],
    [{ 'x.a': 1, 'x.a.b.c': 2, 'x.a.0': 3 }, { x: { a: 1, 'a.b': { c: 2 }, 'a.0': 3 } }],
    [{ 'l.0': 1, 'l.0.a': 2 }, { l: { 0: 1, '0.a': 2 } }],
  ])('loses nothing of %j, where a key is a value and a prefix', (flat, expected) => {
    expect(json(flat as unknown as Record<string, AttributeValue>)).toEqual(expected);
  });

  it('touches no prototype', () => {
    const result = unflatten([
      ['__proto__.polluted', 1],
      ['constructor.prototype.polluted', 1],
      ['a.__proto__.polluted', 1],
    ]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.keys(result)).toEqual(['__proto__', 'constructor', 'a']);
    expect(JSON.stringify(result)).toContain('{"__proto__":{"polluted":1}');
  });

  it('makes no tower of a key with very many dots', () => {
    const result = JSON.stringify(unflatten([['a.'.repeat(50_000), 1]]));
    expect(result.split('{').length).toBeLessThan(70);
  });

  it('undoes flattening, whatever the keys', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
    const key = fc.string({ minLength: 1, maxLength: 4 }).filter((text) => !text.includes('.'));
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.dictionary(key, tie('node'), { minKeys: 1, maxKeys: 4 }),
        fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
      ),
    })).node;
    const flatten = (value: unknown, path: string, into: [string, AttributeValue][]): void => {
      if (typeof value !== 'object' || value === null) return void into.push([path, value as AttributeValue]);
      for (const [name, child] of Object.entries(value))
        flatten(child, path === '' ? name : `${path}.${name}`, into);
    };
    // An object whose keys are 0, 1, … is a list once it is flattened.
    const looksLikeList = (value: unknown): boolean =>
      typeof value === 'object' &&
      value !== null &&
      ((!Array.isArray(value) && Object.keys(value).every((name) => /^(0|[1-9]\d*)$/.test(name))) ||
        Object.values(value).some(looksLikeList));
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1, maxKeys: 4 }), (object) => {
        fc.pre(!looksLikeList(object));
        const entries: [string, AttributeValue][] = [];
        flatten(object, '', entries);
        expect(JSON.parse(JSON.stringify(unflatten(entries)))).toEqual(JSON.parse(JSON.stringify(object)));
      }),
      { numRuns: 500 },
    );
  });
});
