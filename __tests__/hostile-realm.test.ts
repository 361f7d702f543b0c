/**
 * A process whose `Object.prototype` was polluted or frozen: decorated and traced calls return what they return, and
 * what is recorded of them is theirs. Each project compiles the program for the decorator protocol that is its own.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, expect, it } from '@jest/globals';
import { childProgram, removePrograms } from './support/child-program.js';
import { TEST_ENGINE } from './support/engine.js';

afterAll(removePrograms);

const protocol = TEST_ENGINE === 'sdk' ? 'legacy' : 'tc39';

it.each([
  ['none', 'after'],
  ['frozen', 'before'],
  ['frozen', 'after'],
  ['all frozen', 'before'],
  ['all frozen', 'after'],
  // Before the program is loaded, these break what compilers make of decorators.
  ['get and set', 'after'],
  ['get that is no function', 'after'],
  ['value', 'after'],
  ['options', 'before'],
  ['options', 'after'],
  ['carrier', 'before'],
  ['carrier', 'after'],
  ['a setter', 'after'],
])('%s, %s the library was loaded', async (how, when) => {
  const program = await childProgram('__tests__/support/children/hostile-realm.ts', protocol);
  const { stdout } = await promisify(execFile)(process.execPath, [program, how, when], {
    env: { PATH: process.env['PATH'] },
  });
  expect(JSON.parse(stdout)).toEqual({
    names: ['Service.answer', 'Service.fail', 'Service.pages', 'Service.total', 'lazy', 'send', 'sum'],
    trace: true,
    session: 's-1',
    input: ['a', 'b', 'c'],
    result: 42,
    metrics: 1,
    attributes: ['x', 'y'],
  });
});
