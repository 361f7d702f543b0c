import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { isSecretName } from '../../lib/capture/secret-keys.js';
import { withholdSecrets } from '../../lib/capture/secret-text.js';
import { REDACTED as R } from '../../lib/conventions.js';
import { is } from '../support/quick.js';

// Put together here, so that no scanner of repositories takes them for real ones.
const AWS = `AKIA${'IOSFODNN7EXAMPLE'}`;
const GITHUB = `ghp_${'0123456789abcdefghijABCDEFGHIJ012345'}`;
const OPENAI = `sk-${'proj-abcDEF0123456789abcDEF0123456789'}`;
const ANTHROPIC = `sk-ant-${'api03-abcDEF0123456789abcDEF'}`;
const SLACK = `xoxb-${'123456789012-abcdefghijkl'}`;
const STRIPE = `sk_live_${'abcdefghij0123456789'}`;
const GOOGLE = `AIza${'SyA0123456789abcdefghijklmnopqrstuv'}`;
const JWT = `eyJ${'hbGciOiJIUzI1NiJ9'}.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P`;
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAA==\n-----END RSA PRIVATE KEY-----';

describe('withholds', () => {
  test.each([
    ...[AWS, GITHUB, OPENAI, ANTHROPIC, SLACK, STRIPE, GOOGLE, JWT, PEM].map((secret) => [secret, R]),
    [`key-${AWS}.`, `key-${R}.`],
    [`token_${GITHUB}`, `token_${R}`],
    [`x ${JWT} y`, `x ${R} y`],
    [`a ${PEM} b ${PEM} c`, `a ${R} b ${R} c`],
    ['-----BEGIN PRIVATE KEY-----\\nMIIE', R],
    ['Bearer abc123def', `Bearer ${R}`],
    ['curl -H "Authorization: Basic dXNlcjpwdw==" x', `curl -H "Authorization: ${R}" x`],
    ['Authorization: Bearer a b c\nAccept: x', `Authorization: ${R}\nAccept: x`],
    ['Set-Cookie: sid=1; Path=/\r\nX: y', `Set-Cookie: ${R}\r\nX: y`],
    ['{"password":"a b","n":1}', `{"password":"${R}","n":1}`],
    ['{"password": "a\\"b","n":1}', `{"password": "${R}","n":1}`],
    ['"{\\"secret\\":\\"a\\\\\\"b\\",\\"n\\":1}"', `"{\\"secret\\":\\"${R}\\",\\"n\\":1}"`],
    ["{ apiKey: 'x', n: 1 }", `{ apiKey: '${R}', n: 1 }`],
    ['{"credentials":{"a":{"b":[1]}},"n":1}', `{"credentials":${R},"n":1}`],
    ['{"password":"cut of', `{"password":"${R}`],
    ['/cb?code=1&access_token=abc&state=x', `/cb?code=1&access_token=${R}&state=x`],
    ['token: bearer abc, next', `token: ${R}, next`],
    ['password => hunter2 ok', `password => ${R} ok`],
    ['Server=h;User Id=u;Pwd=p;Port=1', `Server=h;User Id=u;Pwd=${R};Port=1`],
    [
      'DefaultEndpointsProtocol=https;AccountKey=ab+/cd==;X=y',
      `DefaultEndpointsProtocol=https;AccountKey=${R};X=y`,
    ],
    ['postgres://user:p@ss/w0rd@host:5432/db', `postgres://${R}@host:5432/db`],
    ['mongodb+srv://u:p@h1,h2/db?x=1', `mongodb+srv://${R}@h1,h2/db?x=1`],
    ['redis://:pw@h redis://:pw@h', `redis://${R}@h redis://${R}@h`],
    ['https://u:p@h.example/a@b', `https://${R}@h.example/a@b`],
    [`https://${'token'}@github.com/x`, `https://${R}@github.com/x`],
    ['card 4111 1111 1111 1111.', `card ${R}.`],
    ['4111-1111-1111-1111', R],
    ['378282246310005', R],
    ['6011111111111117', R],
    ['5555555555554444', R],
    ['order 12 4111111111111111', `order 12 ${R}`],
  ])('%s', (text, expected) => {
    expect(withholdSecrets(text)).toBe(expected);
    // What was withheld once is stable.
    expect(withholdSecrets(expected)).toBe(expected);
  });
});

describe('leaves alone', () => {
  test.each([
    '',
    'the password is long',
    'a bearer of bad news',
    'sk-learn-is-a-library-for-people',
    'risk-adjusted-returns-over-time-2024',
    'max_tokens: 5, "prompt_tokens": 12',
    'https://a.example:8080/x?y=z#@',
    'mail a@b.example about http://c.example',
    '4111111111111112',
    '0.4111111111111111',
    '1700000000000 1234567890123456',
    '41111111111111111111111111111111',
    'password: null, token=undefined',
    'at Object.<anonymous> (/app/src/token-service.ts:10:5)',
    '日本語 😀 text',
    'session_id=11111111-2222-4333-8444-555555555555',
    'key: value, url=http://x',
  ])('%s', (text) => {
    expect(withholdSecrets(text)).toBe(text);
  });
});

describe('work grows with the length and no faster', () => {
  afterEach(() => void jest.restoreAllMocks());

  /** Characters read by expressions, and taken out or searched by string methods. */
  function work(text: string): number {
    let read = 0;
    const exec = RegExp.prototype.exec;
    const { slice, indexOf, lastIndexOf, includes } = String.prototype;
    const spies = [
      jest.spyOn(RegExp.prototype, 'exec').mockImplementation(function (this: RegExp, on: string) {
        const from = this.global || this.sticky ? this.lastIndex : 0;
        const result = exec.call(this, on);
        read +=
          1 +
          (result === null ? (this.sticky ? 1 : on.length - from) : result.index + result[0].length - from);
        return result;
      }),
      jest.spyOn(String.prototype, 'slice').mockImplementation(function (this: string, ...args) {
        const piece = slice.apply(this, args);
        read += piece.length;
        return piece;
      }),
      jest.spyOn(String.prototype, 'indexOf').mockImplementation(function (
        this: string,
        what: string,
        from = 0,
      ) {
        const at = indexOf.call(this, what, from);
        read += (at < 0 ? this.length : at) - from;
        return at;
      }),
      jest.spyOn(String.prototype, 'lastIndexOf').mockImplementation(function (this: string, what: string) {
        read += this.length;
        return lastIndexOf.call(this, what);
      }),
      jest.spyOn(String.prototype, 'includes').mockImplementation(function (this: string, what: string) {
        read += this.length;
        return includes.call(this, what);
      }),
    ];
    try {
      withholdSecrets(text, { places: Number.POSITIVE_INFINITY });
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return read;
  }

  test.each([
    'eyJ',
    'eyJa-',
    'a://',
    '://',
    'http://',
    'x://@',
    'sk-',
    'sk-a-',
    'ghp_',
    'key',
    'keykey-',
    'key.',
    'password:',
    'password="',
    'password=\\"',
    "token='\\",
    'secret:{',
    'secret:[',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY',
    '-----END',
    'bearer ',
    'Bearer aaaa',
    '4 ',
    '411 ',
    '4111',
    '4-',
    '422-',
    '4222 ',
    'authorization:',
    '\\',
    '"',
    ' ',
    'cookie=a;',
    'password',
    'pw=',
    '@',
    'a@',
    'auth   ',
    "auth'''",
    'token==',
    'token=>',
    'ya29.',
    'https://a:b',
    'AKIA',
  ])('on repetitions of %j', (piece) => {
    const small = work(piece.repeat(Math.ceil(500 / piece.length)));
    const large = work(piece.repeat(Math.ceil(4_000 / piece.length)));
    // Eight times the text; the square would be sixty-four.
    expect(large).toBeLessThanOrEqual(small * 8 * 1.6 + 2_000);
    expect(large).toBeLessThan(4_000 * 150);
  });

  test.each([
    ['brackets', `secret: ${'{'.repeat(60_000)}`, `secret: ${R}`],
    ['closed brackets', `secret: ${'{}'.repeat(2)} a=1`, `secret: ${R}{} a=1`],
    ['brackets beyond what is counted', `secret: {${'[]'.repeat(500)}} a=1`, `secret: ${R}`],
    ['escaped quotes beyond what is counted', `secret: "${'\\"'.repeat(500)}" a=1`, `secret: "${R}`],
  ])('on %s, with the rest withheld', (_name, text, expected) => {
    expect(withholdSecrets(text)).toBe(expected);
  });

  test('what lies behind the last place that may be looked at is withheld', () => {
    const quota = { places: 3 };
    expect(withholdSecrets('a pin=1 b pin=2 c max_token=3 d pin=4 e', quota)).toBe(
      `a pin=${R} b pin=${R} c max_token=3 d ${R}`,
    );
    expect(withholdSecrets('nothing', quota)).toBe('nothing');
  });
});

test('a text is searched for the same names that are hidden as names of properties', () => {
  const words =
    'api access key token tokens pass word password passphrase secret card number credit auth authorization x sig amz signature signing conn connection string str database db url uri redis id user pin code pan otp dsn value name count max page session refresh private shared cvv cvv2 csrf ssn social security cookie bearer webhook author design compass'.split(
      ' ',
    );
  const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
  const name = fc
    .tuple(
      fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('', '_', '-', '.', 'camel', 'UPPER'),
    )
    .map(([list, how]) => {
      if (how === 'camel') return list.map((word, i) => (i === 0 ? word : capital(word))).join('');
      return how === 'UPPER' ? list.join('_').toUpperCase() : list.join(how);
    });
  fc.assert(
    fc.property(name, fc.constantFrom('=', ': ', '":"', ' => '), (said, between) => {
      const text = `a=1 ${said}${between}hunter2`;
      is(withholdSecrets(text), isSecretName(said) ? `a=1 ${said}${between}${R}` : text);
    }),
    { numRuns: Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 2_000) },
  );
}, 600_000);
