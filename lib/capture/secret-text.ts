/**
 * Finds secrets inside text in one pass.
 *
 * The text may be a stranger's, so nothing here may backtrack further than a fixed number of characters. One
 * expression whose quantifiers are all bounded finds the places that can begin or introduce a secret; a scanner
 * looks at those, with runs of one character class as its only expressions. What it has read far ahead is either
 * withheld and skipped, or remembered, so that no character is read more than a fixed number of times.
 */
import { REDACTED } from '../conventions.js';
import { isSecretName, isWholeLine } from './secret-keys.js';
import { isCard } from './cards.js';
import { MAX_PLACES } from './limits.js';

// Runs of one class of characters: they always match, and there is nothing behind them to go back for.
const DIGITS = /[0-9]*/y;
/** The body of a key. */
const BODY = /[A-Za-z0-9_-]*/y;
/** What a bearer token or a JWT is made of. */
const TOKEN = /[A-Za-z0-9_.~+/=-]*/y;
const BLANKS = /[ \t]*/y;
const BACKSLASHES = /\\*/y;
const ARROW = /[=>]*/y;
/** The rest of a parameter's name. */
const NAME = /[A-Za-z0-9_.-]{0,64}/y;
/** What may stand between a name and its `:` or `=`. */
const NAME_END = /[ \t"'\\]{0,6}/y;
const UNQUOTED = /[^\s'"`&;,)\]}<>\\]*/y;
const LINE = /[^\r\n'"`]*/y;
const WEB_AUTHORITY = /[^\s"'`<>\\/?#]*/y;
const AUTHORITY = /[^\s"'`<>\\]*/y;

const DIGIT = /[0-9]/;

const EQUALS = 0x3d;
const COLON = 0x3a;
const DASH = 0x2d;
const DOT = 0x2e;
const UNDERSCORE = 0x5f;

/** A key that is known by how it begins. */
interface Prefix {
  readonly text: string;
  /** Characters that must follow. */
  readonly min: number;
  readonly body: RegExp;
  /** Random keys hold a digit; words joined by dashes do not. */
  readonly digit: boolean;
  /** Whether it is also found in the middle of a word. */
  readonly anywhere: boolean;
}

const PREFIXES = new Map<number, Prefix[]>();
/** No rule asks for fewer characters behind its beginning. */
const SHORTEST_KEY = 10;

function prefix(text: string, min: number, options: Partial<Prefix> = {}): void {
  const rule: Prefix = { text, min, body: BODY, digit: false, anywhere: false, ...options };
  const code = text.charCodeAt(0);
  PREFIXES.set(code, [...(PREFIXES.get(code) ?? []), rule]);
}
// JSON Web Tokens, and any other JSON object in base64.
prefix('eyJ', 15, { body: TOKEN, anywhere: true });
// AWS.
for (const text of ['AKIA', 'ASIA', 'AROA', 'AIDA', 'AGPA', 'ANPA']) prefix(text, 12, { anywhere: true });
// Google.
prefix('AIza', 30, { anywhere: true });
prefix('ya29.', 10, { body: TOKEN });
prefix('GOCSPX-', 16);
// GitHub, GitLab, npm, PyPI.
for (const text of ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_']) prefix(text, 16, { anywhere: true });
prefix('github_pat_', 16, { anywhere: true });
prefix('glpat-', 16);
prefix('npm_', 30);
prefix('pypi-', 30);
// Models: OpenAI, Anthropic, Hugging Face, Groq, xAI, Perplexity, Replicate.
prefix('sk-', 16, { digit: true });
prefix('hf_', 20);
prefix('gsk_', 20);
prefix('xai-', 20, { digit: true });
prefix('pplx-', 20, { digit: true });
prefix('r8_', 20);
// Stripe.
for (const text of ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'pk_live_', 'pk_test_', 'whsec_']) {
  prefix(text, 10);
}
// Slack, SendGrid, DigitalOcean, Shopify, HashiCorp Vault.
for (const text of ['xoxb-', 'xoxp-', 'xoxa-', 'xoxe-', 'xoxr-', 'xoxs-', 'xapp-']) prefix(text, 10);
prefix('SG.', 20, { body: TOKEN });
prefix('dop_v1_', 20);
prefix('shpat_', 16);
prefix('hvs.', 20);

const GAP = '[_.-]?';
const KEYS = 'api|access|private|signing|encryption|account|shared|master|service|subscription|license';
/** Longest rest of a name behind what tells it: each occurrence costs a look at all of it. */
const MAX_REST = 32;
/** What the name of a secret contains at least; `isSecretName` decides. */
const PARTS = [
  'authorization|signature|secret|credential|cookie|bearer',
  `pass${GAP}(?:word|wd|phrase|code)|token${GAP}value`,
  `(?:${KEYS})${GAP}key`,
  `(?:credit|debit)${GAP}card|card${GAP}num`,
  `conn(?:ection)?${GAP}(?:str|uri)|(?:database|db|redis|mongo(?:db)?|webhook)${GAP}ur[il]`,
  `social${GAP}security`,
].join('|');
/** What it ends in. */
const ENDINGS = [
  'pwd|tokens?|jwt|csrf|xsrf|cvv2?|cvc|ssn',
  // Short ones are a word of their own.
  `(?<![a-z0-9])(?:x?auth|pass|pw|pin(?:${GAP}code)?|csc|pan|dsn|t?otp|iban|sig)`,
].join('|');

/**
 * A place has what must follow it, as far as a few characters tell, because each look costs far more than the
 * expression does: it reads 64 KB of a text in half a millisecond, also the first time.
 */
function finder(): RegExp {
  const rules = [...PREFIXES.values()].flat();
  const begins = (anywhere: boolean): string =>
    rules
      .filter((rule) => rule.anywhere === anywhere)
      .map((rule) => rule.text.replace('.', '\\.'))
      .join('|');
  const pieces = [
    '://',
    '-----BEGIN ',
    // A card's digits.
    '(?<![0-9])[2-6][0-9]{2}(?:[ -]?[0-9]){10}',
    `(?:${begins(true)}|(?<![a-z0-9])(?:${begins(false)}))(?=[a-z0-9_.~+/=-]{${SHORTEST_KEY}})`,
    '(?<![a-z0-9])bearer[ \\t]',
    `(?:(?:${PARTS})[a-z0-9_.-]{0,${MAX_REST}}|(?:${ENDINGS})[_.-]{0,2})[ \\t"'\\\\]{0,6}[:=]`,
  ];
  return new RegExp(pieces.join('|'), 'gi');
}
/** The places worth a look. */
const PLACE = finder();

const BRACKET = /[{}[\]]/g;
/** Brackets and quotes that are counted inside a secret's value; with more of them, the rest of the text is withheld. */
const MAX_NESTED = 256;
const MAX_NAME = 64;
/** Schemes whose user information cannot hold a slash; the others' passwords often do. */
const WEB_SCHEMES = new Set(['http', 'https', 'ws', 'wss', 'ftp']);
const AUTH_SCHEMES = new Set(['basic', 'bearer', 'digest', 'token', 'negotiate', 'apikey']);
const NO_VALUE = new Set(['null', 'undefined', 'true', 'false', 'none']);

/** Withholds what a rule found: from `from` to `to`, then goes on at `to`. */
interface Found {
  readonly from: number;
  readonly to: number;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isAlphanumeric(code: number): boolean {
  const letter = code | 0x20;
  return isDigit(code) || (letter >= 0x61 && letter <= 0x7a && code < 0x80);
}

function isNameCharacter(code: number): boolean {
  return isAlphanumeric(code) || code === UNDERSCORE || code === DOT || code === DASH;
}

class Scanner {
  private at = 0;
  private written = 0;
  private result = '';
  /** The next `@`, or the end of the text. */
  private nextAt = -1;
  /** Up to here there is no `@` any more. */
  private noAtBefore = 0;
  /** Up to here there is no name of a parameter any more. */
  private noNameBefore = 0;

  constructor(
    private readonly text: string,
    private readonly quota: { places: number },
  ) {}

  run(): string {
    const { text, quota } = this;
    for (;;) {
      PLACE.lastIndex = this.at;
      const place = PLACE.exec(text);
      if (place === null) break;
      this.at = place.index;
      const code = text.charCodeAt(this.at);
      if (code === COLON && !this.hasAt()) {
        this.at += 3;
        continue;
      }
      const found = quota.places-- > 0 ? this.look(code) : { from: this.at, to: text.length };
      if (found === undefined) {
        this.at++;
        continue;
      }
      if (found.from < found.to) {
        this.result += text.slice(this.written, found.from) + REDACTED;
        this.written = found.to;
      }
      this.at = found.to;
    }
    return this.written === 0 ? text : this.result + text.slice(this.written);
  }

  /** Whether there is any `@` further on: most texts with URLs in them have none. */
  private hasAt(): boolean {
    if (this.nextAt < this.at) {
      const next = this.text.indexOf('@', this.at);
      this.nextAt = next < 0 ? this.text.length : next;
    }
    return this.nextAt < this.text.length;
  }

  private look(code: number): Found | undefined {
    if (code >= 0x30 && code <= 0x39) return this.card();
    if (code === COLON) return this.credentials();
    if (code === DASH) return this.privateKey();
    return this.known(code) ?? this.bearer(code) ?? this.parameter();
  }

  private end(run: RegExp, from: number): number {
    run.lastIndex = from;
    run.exec(this.text);
    return run.lastIndex;
  }

  /** How far a name reaches back, at most `max` characters. */
  private back(from: number, max: number): number {
    const last = Math.max(this.written, from - max);
    let first = from;
    while (first > last && isNameCharacter(this.text.charCodeAt(first - 1))) first--;
    return first;
  }

  private known(code: number): Found | undefined {
    const rules = PREFIXES.get(code);
    if (rules === undefined) return undefined;
    const { text, at } = this;
    const inWord = isAlphanumeric(text.charCodeAt(at - 1));
    for (const rule of rules) {
      if ((inWord && !rule.anywhere) || !text.startsWith(rule.text, at)) continue;
      const start = at + rule.text.length;
      const end = this.end(rule.body, start);
      if (end - start < rule.min) continue;
      // Words joined by dashes are long, and each may begin like a key: what was read is not read again.
      return { from: !rule.digit || DIGIT.test(text.slice(start, end)) ? at : end, to: end };
    }
    return undefined;
  }

  private bearer(code: number): Found | undefined {
    const { text, at } = this;
    if ((code | 0x20) !== 0x62 || isAlphanumeric(text.charCodeAt(at - 1))) return undefined;
    if (text.slice(at, at + 6).toLowerCase() !== 'bearer') return undefined;
    const start = this.end(BLANKS, at + 6);
    if (start === at + 6) return undefined;
    const end = this.end(TOKEN, start);
    const secret = end - start >= 20 || (end - start >= 6 && DIGIT.test(text.slice(start, end)));
    return secret ? { from: start, to: end } : undefined;
  }

  /** `scheme://user:password@host` */
  private credentials(): Found | undefined {
    const { text, at } = this;
    const scheme = text.slice(this.back(at, 32), at);
    if (scheme === '') return undefined;
    const start = at + 3;
    const web = WEB_SCHEMES.has(scheme.toLowerCase());
    if (!web && start < this.noAtBefore) return undefined;
    const end = this.end(web ? WEB_AUTHORITY : AUTHORITY, start);
    if (!web) this.noAtBefore = end;
    const last = text.slice(start, end).lastIndexOf('@');
    return last > 0 ? { from: start, to: start + last } : undefined;
  }

  /** `name=value`, `"name": "value"`, `Name: value`; a word of the name is at hand. */
  private parameter(): Found | undefined {
    const { text, at } = this;
    if (at < this.noNameBefore) return undefined;
    const last = this.end(NAME, at);
    const delimiter = this.end(NAME_END, last);
    const code = text.charCodeAt(delimiter);
    if (code === COLON || code === EQUALS) {
      const name = text.slice(this.back(at, MAX_NAME), last);
      if (isSecretName(name)) return this.value(name, delimiter + 1);
    }
    this.noNameBefore = last;
    return undefined;
  }

  private value(name: string, from: number): Found {
    const { text } = this;
    // `=>` and `==`, as logs write them.
    const start = this.end(BLANKS, this.end(ARROW, from));
    const quoteAt = this.end(BACKSLASHES, start);
    const quote = text[quoteAt];
    if (quote === '"' || quote === "'" || quote === '`')
      return this.quoted(quote, quoteAt + 1, quoteAt - start);
    if (quote === '{' || quote === '[') return this.nested(quoteAt);
    if (isWholeLine(name)) return { from: start, to: this.end(LINE, start) };
    const end = this.end(UNQUOTED, start);
    const word = text.slice(start, Math.min(end, start + 16)).toLowerCase();
    if (NO_VALUE.has(word)) return { from: end, to: end };
    return { from: start, to: AUTH_SCHEMES.has(word) ? this.end(UNQUOTED, this.end(BLANKS, end)) : end };
  }

  /** To the closing quote, or to the end of a text that was cut; `escapes` backslashes stood before the opening. */
  private quoted(quote: string, from: number, escapes: number): Found {
    const { text } = this;
    let end = text.indexOf(quote, from);
    for (let count = 0; end >= 0 && count < MAX_NESTED; count++, end = text.indexOf(quote, end + 1)) {
      let first = end;
      while (first > from && text[first - 1] === '\\') first--;
      if (end - first <= escapes) return { from, to: first };
    }
    return { from, to: text.length };
  }

  /** A whole object or list. */
  private nested(from: number): Found {
    const { text } = this;
    let depth = 0;
    BRACKET.lastIndex = from;
    for (let count = 0; count < MAX_NESTED; count++) {
      const found = BRACKET.exec(text);
      if (found === null) break;
      depth += found[0] === '{' || found[0] === '[' ? 1 : -1;
      if (depth === 0) return { from, to: BRACKET.lastIndex };
    }
    return { from, to: text.length };
  }

  private privateKey(): Found | undefined {
    const { text, at } = this;
    if (!text.slice(at, at + 64).includes('PRIVATE KEY')) return undefined;
    const end = text.indexOf('-----END', at);
    if (end < 0) return { from: at, to: text.length };
    const close = text.indexOf('-----', end + 8);
    return { from: at, to: close < 0 ? text.length : close + 5 };
  }

  /** A payment card's number, alone or in groups. */
  private card(): Found | undefined {
    const { text, at } = this;
    const group = this.end(DIGITS, at);
    const next: Found = { from: group, to: group };
    // The digits of a fraction are none.
    if (group - at > 19 || (text[at - 1] === '.' && isDigit(text.charCodeAt(at - 2)))) return next;
    let digits = text.slice(at, group);
    for (let end = group; digits.length <= 19;) {
      if (isCard(digits)) return { from: at, to: end };
      if ((text[end] !== ' ' && text[end] !== '-') || !isDigit(text.charCodeAt(end + 1))) break;
      const from = end + 1;
      end = this.end(DIGITS, from);
      if (end - from > 19) break;
      digits += text.slice(from, end);
    }
    return next;
  }
}

/**
 * Withholds the usual secrets in a text: keys known by their form, bearer tokens, JWTs, private keys, payment
 * cards, credentials in URLs and connection strings, and the values of secret parameters and headers.
 *
 * @param text any text; its length alone bounds the work
 * @param quota how many places may still be looked at; what lies behind the last one is withheld unchecked
 * @returns the same string if there is nothing to withhold
 */
export function withholdSecrets(text: string, quota: { places: number } = { places: MAX_PLACES }): string {
  // Most texts have no place at all, and are done here.
  PLACE.lastIndex = 0;
  return PLACE.test(text) ? new Scanner(text, quota).run() : text;
}
