import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { diag, DiagLogLevel, type DiagLogger } from '@opentelemetry/api';
import {
  describeError,
  DIAGNOSTIC_CODES,
  resetDiagnostics,
  singleLine,
  SpanwiseError,
  warn,
  warnError,
} from '../lib/diagnostics.js';

const said: string[] = [];
const logger: DiagLogger = {
  error: () => said.push('error level'),
  warn: (message) => said.push(message),
  info: () => said.push('info level'),
  debug: () => said.push('debug level'),
  verbose: () => said.push('verbose level'),
};
const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

beforeEach(() => {
  jest.useFakeTimers({ now: START });
  resetDiagnostics();
  said.length = 0;
  diag.setLogger(logger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
  said.length = 0;
});
afterEach(() => {
  diag.disable();
  jest.useRealTimers();
});

describe('warn', () => {
  it('says the code and the message on one line, as a warning', () => {
    warn('SPW_CARRIER', 'the carrier is ambiguous; name one with { carrier }');
    expect(said).toEqual(['spanwise [SPW_CARRIER] the carrier is ambiguous; name one with { carrier }']);
  });

  it('says one kind once in 30 seconds, then with the number held back', () => {
    for (let i = 0; i < 5; i++) warn('SPW_EXPORT', 'refused');
    expect(said).toHaveLength(1);
    jest.setSystemTime(START + 29_999);
    warn('SPW_EXPORT', 'refused');
    expect(said).toHaveLength(1);
    jest.setSystemTime(START + 30_000);
    warn('SPW_EXPORT', 'refused');
    expect(said[1]).toBe('spanwise [SPW_EXPORT] refused (and 5 more like it)');
  });

  it('starts counting anew after it spoke', () => {
    warn('SPW_EXPORT', 'refused');
    warn('SPW_EXPORT', 'refused');
    jest.setSystemTime(START + MINUTE);
    warn('SPW_EXPORT', 'refused');
    jest.setSystemTime(START + 2 * MINUTE);
    warn('SPW_EXPORT', 'refused');
    expect(said.map((line) => line.includes('more like it'))).toEqual([false, true, false]);
  });

  it('keeps codes apart, and kinds of one code', () => {
    warn('SPW_OPTION', 'a', 'a');
    warn('SPW_OPTION', 'b', 'b');
    warn('SPW_OPTION', 'c');
    warn('SPW_TRUST', 'd', 'a');
    warn('SPW_OPTION', 'a again', 'a');
    expect(said).toHaveLength(4);
  });

  it('speaks again when the clock was set back, rather than fall silent for good', () => {
    warn('SPW_EXPORT', 'refused');
    jest.setSystemTime(START - MINUTE);
    warn('SPW_EXPORT', 'refused');
    expect(said).toHaveLength(2);
  });

  it('cannot be made to hold an unbounded number of kinds, and still limits a repeated one', () => {
    for (let i = 0; i < 5_000; i++) warn('SPW_OPTION', 'x', `kind ${i}`);
    said.length = 0;
    warn('SPW_OPTION', 'x', 'kind 4999');
    expect(said).toEqual([]);
    // The oldest kinds were forgotten, so one of them is heard again before its time.
    warn('SPW_OPTION', 'x', 'kind 0');
    expect(said).toHaveLength(1);
  });

  it('does not let a logger that throws reach its caller', () => {
    diag.setLogger(
      {
        ...logger,
        warn: () => {
          throw new Error('the logger is broken');
        },
      },
      { suppressOverrideMessage: true },
    );
    expect(() => warn('SPW_EXPORT', 'refused')).not.toThrow();
  });

  it('keeps the line single and escapes what could forge another one', () => {
    warn('SPW_BAGGAGE', 'key\r\n2026-01-01 ERROR all is lost\u2028\u0085\u202e');
    expect(said[0]).toBe(
      'spanwise [SPW_BAGGAGE] key\\u000d\\u000a2026-01-01 ERROR all is lost\\u2028\\u0085\\u202e',
    );
  });

  it('cuts what is too long', () => {
    warn('SPW_BAGGAGE', 'x'.repeat(1_000_000));
    expect(said[0]!.length).toBeLessThan(600);
    expect(said[0]!.endsWith('…')).toBe(true);
  });
});

describe('warnError', () => {
  it('says what failed and the message of the error', () => {
    warnError('SPW_CALLBACK', 'outputs of Shop.buy threw', new TypeError('no such price'));
    expect(said).toEqual(['spanwise [SPW_CALLBACK] outputs of Shop.buy threw: no such price']);
  });

  it('counts one failing thing as one kind, whatever its messages', () => {
    for (let i = 0; i < 10; i++)
      warnError('SPW_CALLBACK', 'outputs of Shop.buy threw', new Error(`order ${i}`));
    warnError('SPW_CALLBACK', 'inputs of Shop.buy threw', new Error('another'));
    expect(said).toHaveLength(2);
  });
});

describe('describeError', () => {
  it('takes the message of an error, a string as it is, and the type of anything else', () => {
    expect(describeError(new RangeError('too far'))).toBe('too far');
    expect(describeError('plain')).toBe('plain');
    expect(describeError(null)).toBe('a thrown null');
    expect(describeError(undefined)).toBe('a thrown undefined');
    expect(describeError({ message: 'not an error' })).toBe('a thrown object');
  });

  it('runs no getter of the error', () => {
    let read = 0;
    const error = Object.defineProperty(new Error('x'), 'message', { get: () => String(read++) });
    expect(describeError(error)).toBe('an error without a message');
    expect(read).toBe(0);
  });

  it('survives a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable(new Error('x'), {});
    revoke();
    expect(describeError(proxy)).toBe('an unreadable error');
  });
});

describe('singleLine', () => {
  it('leaves printable text of any script alone', () => {
    expect(singleLine('héllo 世界 🎉 "quoted" \\ back')).toBe('héllo 世界 🎉 "quoted" \\ back');
  });

  it('cuts at the given length', () => {
    expect(singleLine('abcdef', 3)).toBe('abc…');
    expect(singleLine('abc', 3)).toBe('abc');
  });
});

describe('SpanwiseError', () => {
  it('is an Error with a code, a name and the code in its message', () => {
    const error = new SpanwiseError('SPW_TARGET', '@Trace on Shop.size: not callable;\ntrace a method');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('SpanwiseError');
    expect(error.code).toBe('SPW_TARGET');
    expect(error.message).toBe('[SPW_TARGET] @Trace on Shop.size: not callable;\\u000atrace a method');
  });
});

describe('the codes', () => {
  it('are unique words with one explanation each', () => {
    const explanations = Object.values(DIAGNOSTIC_CODES);
    expect(Object.keys(DIAGNOSTIC_CODES).every((code) => /^SPW_[A-Z]+(?:_[A-Z]+)*$/.test(code))).toBe(true);
    expect(new Set(explanations).size).toBe(explanations.length);
    expect(explanations.every((text) => text.length > 10)).toBe(true);
  });
});
