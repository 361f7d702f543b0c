/** Which objects are not listed; as built, because a bundler took the question for one without effect once. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { rollup } from 'rollup';
import ts from 'typescript';
import * as source from '../../lib/capture/huge.js';

/** `huge.ts` as the package has it. */
async function built(): Promise<typeof source> {
  const bundle = await rollup({
    input: path.resolve('lib/capture/huge.ts'),
    plugins: [
      {
        name: 'transpile',
        resolveId: (id, importer) =>
          importer === undefined ? null : path.resolve(path.dirname(importer), id.replace(/\.js$/, '.ts')),
        transform: (code) => ({
          code: ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: 99 } })
            .outputText,
          map: null,
        }),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'cjs' });
  await bundle.close();
  const module = { exports: {} };
  new Function('module', 'exports', 'performance', output[0].code)(module, module.exports, performance);
  return module.exports as typeof source;
}

function keys(count: number, name: (index: number) => PropertyKey): object {
  const value: Record<PropertyKey, number> = {};
  for (let index = 0; index < count; index++) value[name(index)] = index;
  return value;
}

const HUGE: readonly (readonly [string, () => object])[] = [
  ['100,000 names', () => keys(100_000, (index) => `key_${index}`)],
  ['a million names', () => keys(1_000_000, (index) => `key_${index}`)],
  [
    '100,000 names of JSON',
    () => JSON.parse(JSON.stringify(keys(100_000, (index) => `k${index}`))) as object,
  ],
  [
    '100,000 names and no prototype',
    () =>
      Object.assign(
        Object.create(null),
        keys(100_000, (index) => `k${index}`),
      ),
  ],
  ['100,000 indices', () => keys(100_000, (index) => index)],
  ['100,000 indices from 1 on', () => keys(100_000, (index) => index + 1)],
  ['100,000 symbols', () => keys(100_000, (index) => Symbol(index))],
];
const ORDINARY: readonly (readonly [string, () => object])[] = [
  ['no name', () => ({})],
  ['500 names', () => keys(500, (index) => `key_${index}`)],
  ['500 indices', () => keys(500, (index) => index)],
  ['a table by year and hour', () => ({ 4321: 'a', 5432: 'b', 10_000: 'c' })],
];

describe.each(['sources', 'build'])('%s', (where) => {
  let isHuge: typeof source.isHuge;
  let NameLister: typeof source.NameLister;
  beforeAll(async () => {
    ({ isHuge, NameLister } = where === 'sources' ? source : await built());
  });

  it.each(HUGE)('%s are too many to be listed', (_name, make) => {
    const value = make();
    expect(isHuge(value)).toBe(true);
    expect(isHuge(value)).toBe(true);
    expect(new NameLister().list(value)).toBeUndefined();
  });

  it.each(ORDINARY)('%s is not', (_name, make) => {
    const value = make();
    expect(isHuge(value)).toBe(false);
    expect(new NameLister().list(value)).toEqual(Object.keys(value));
  });

  it('names are listed up to a total', () => {
    const lister = new NameLister();
    const value = keys(1_000, (index) => `key_${index}`);
    const lists = Array.from({ length: 10 }, () => lister.list(value)?.length ?? 0);
    expect(lists).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 0, 0, 0, 0, 0]);
  });
});
