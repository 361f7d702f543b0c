import { describe, expect, test } from '@jest/globals';
import { describeException } from '../../lib/engine/exception.js';

describe('describeException', () => {
  test('names type, message and stack of an error', () => {
    const failure = new RangeError('too far');
    expect(describeException(failure)).toEqual({
      'exception.type': 'RangeError',
      'exception.message': 'too far',
      'exception.stacktrace': failure.stack,
    });
  });

  test('prefers a code to the name, as the SDK does', () => {
    expect(describeException({ code: 'ECONNRESET', name: 'Error' })).toEqual({
      'exception.type': 'ECONNRESET',
    });
    expect(describeException({ code: 404, message: 'm' })).toMatchObject({ 'exception.type': '404' });
    expect(describeException({ code: 0, name: 'E' })).toEqual({ 'exception.type': 'E' });
  });

  test('says nothing of what has neither type nor message', () => {
    for (const thrown of [undefined, null, 5, '', {}, { stack: 's' }, { name: 5, message: {} }]) {
      expect(describeException(thrown)).toBeUndefined();
    }
  });

  test('keeps what can be read of an exception whose getters throw', () => {
    const hostile = {
      get code(): string {
        throw new Error('no');
      },
      message: 'still here',
      get stack(): string {
        throw new Error('no');
      },
    };
    expect(describeException(hostile)).toEqual({ 'exception.message': 'still here' });
  });
});
