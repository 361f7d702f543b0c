import { describe, expect, it } from '@jest/globals';
import { recorder } from './support.js';

describe('a member under the standard protocol', () => {
  it('of an anonymous class goes by its own name', () => {
    const { names, mark } = recorder();
    const make = () =>
      class {
        @mark() run() {}
      };
    new (make())().run();
    expect(names()).toEqual(['run']);
  });
});
