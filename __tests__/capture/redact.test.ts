import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRedactor, redactText, type RedactOption } from '../../lib/capture/redact.js';
import { REDACTED } from '../../lib/conventions.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { is } from '../support/quick.js';

let said: string[] = [];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(() => diag.disable());

const redact = createRedactor()!;

describe('by name', () => {
  test('withholds whatever stands under or below a secret name', () => {
    expect(redact('honeyhive_inputs.password', 'x')).toBe(REDACTED);
    expect(redact('honeyhive_inputs.password.a.0', 1)).toBe(REDACTED);
    expect(redact('honeyhive_inputs.user', 'x')).toBe('x');
  });

  test('keys of the user are added, without regard to case and punctuation', () => {
    const own = createRedactor({ keys: ['e-mail', /\.internal\./] })!;
    expect(own('p.EMail', 'a')).toBe(REDACTED);
    expect(own('p.e_mail.work', 'a')).toBe(REDACTED);
    expect(own('p.internal.x', 'a')).toBe(REDACTED);
    expect(own('p.password', 'a')).toBe(REDACTED);
    expect(own('p.name', 'a')).toBe('a');
  });

  test('an expression with state answers the same every time', () => {
    const own = createRedactor({ keys: [/mine/g], patterns: [/abc/y] })!;
    for (let time = 0; time < 3; time++) {
      expect(own('p.mine', 'a')).toBe(REDACTED);
      expect(own('p.x', 'x abc abc')).toBe(`x ${REDACTED} ${REDACTED}`);
    }
  });
});

describe('options', () => {
  test('false withholds nothing, and there is nothing to ask', () => {
    expect(createRedactor(false)).toBeUndefined();
  });

  test('a custom redactor comes after the usual rules, not instead of them', () => {
    const seen: unknown[] = [];
    const custom = (key: string, value: unknown) => {
      seen.push(value);
      return key.endsWith('name') ? 'someone' : value;
    };
    for (const option of [custom, { custom }] as RedactOption[]) {
      const own = createRedactor(option)!;
      expect(own('p.name', 'Ann')).toBe('someone');
      expect(own('p.note', 'token=abc')).toBe(`token=${REDACTED}`);
      expect(own('p.password', 'x')).toBe(REDACTED);
    }
    expect(seen).toEqual(['Ann', `token=${REDACTED}`, 'Ann', `token=${REDACTED}`]);
  });

  test.each([
    ['yes'],
    [5],
    [null],
    [{ keys: 'password' }],
    [{ patterns: [1] }],
    [{ custom: 1 }],
    [{ keys: [1] }],
  ])('a bad option %j is reported and counts as true', (option) => {
    const own = createRedactor(option as never)!;
    expect(own('p.password', 'x')).toBe(REDACTED);
    expect(said.some((line) => line.includes('SPW_OPTION'))).toBe(true);
  });

  test('rules that throw while they are read are reported and count as true', () => {
    const rules = Object.defineProperty({}, 'keys', {
      get() {
        throw new Error('no');
      },
    });
    expect(createRedactor(rules as never)!('p.password', 'x')).toBe(REDACTED);
    expect(said[0]).toContain('SPW_OPTION');
  });
});

describe('fails closed', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['answers with a promise', async () => 'x'],
    ['answers with an object', () => ({})],
    ['answers with a function', () => () => 'x'],
    ['answers with a symbol', () => Symbol('x')],
  ])('a custom redactor that %s withholds the value', (_name, custom) => {
    expect(createRedactor(custom)!('p.x', 'value')).toBe(REDACTED);
    expect(redactText('value', createRedactor(custom))).toBe(REDACTED);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('SPW_REDACT');
  });

  test('a container is not a plain value; a list of plain ones is', () => {
    expect(redact('p.x', { a: 1 })).toBe(REDACTED);
    expect(redact('p.x', ['a', 'token=b', 3])).toEqual(['a', `token=${REDACTED}`, 3]);
    expect(redact('p.x', null)).toBeUndefined();
  });
});

describe('texts of errors', () => {
  test('pass through the redactor', () => {
    expect(redactText('connect postgres://u:p@db failed', redact)).toBe(
      `connect postgres://${REDACTED}@db failed`,
    );
    expect(redactText('Error: api_key=abc\n    at x (file.ts:1:2)', redact)).toBe(
      `Error: api_key=${REDACTED}\n    at x (file.ts:1:2)`,
    );
  });

  test('without a redactor they are only cut', () => {
    expect(redactText('password=x', undefined)).toBe('password=x');
    expect(redactText('abcdef', undefined, 'k', 3)).toBe('abc');
    expect(redactText('x'.repeat(1_000_000), undefined)).toBe('[String 1000000 characters]');
  });

  test('a custom redactor may answer with nothing', () => {
    expect(
      redactText(
        'x',
        createRedactor(() => undefined),
      ),
    ).toBe(REDACTED);
  });
});

test('for any key and text, nothing throws and the answer is plain', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, text) => {
      is(typeof redact(key, text), 'string');
      is(typeof redactText(text, redact), 'string');
    }),
    { numRuns: Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 300) },
  );
}, 600_000);
