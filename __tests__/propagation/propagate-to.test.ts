import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mayReceiveBaggage } from '../../lib/propagation/propagate-to.js';
import { listen } from './helpers.js';

let log: ReturnType<typeof listen>;
beforeEach(() => {
  log = listen();
});
afterEach(() => log.stop());

const may = (url: string | URL | undefined, ...patterns: (string | RegExp)[]): boolean =>
  mayReceiveBaggage(url, patterns);

describe('mayReceiveBaggage', () => {
  it('without a list, every host may; with an empty one, none', () => {
    expect(mayReceiveBaggage(undefined, undefined)).toBe(true);
    expect(mayReceiveBaggage('https://anywhere.example', undefined)).toBe(true);
    expect(may('https://anywhere.example')).toBe(false);
  });

  it.each([
    'https://api.example.com',
    'http://api.example.com/path?x=1#y',
    'https://API.Example.COM',
    'https://api.example.com.',
    'https://user:pass@api.example.com',
    'https://api.example.com:8443/x',
    'api.example.com',
    'api.example.com:50051',
    '//api.example.com/x',
    'grpc://api.example.com:50051',
    'https://%61pi.example.com',
  ])('%s goes to api.example.com', (url) => {
    expect(may(url, 'api.example.com')).toBe(true);
    expect(may(url, 'API.EXAMPLE.com')).toBe(true);
  });

  it.each([
    'https://api.example.com@evil.net',
    'https://api.example.com:80@evil.net',
    'https://evil.net/api.example.com',
    'https://evil.net?api.example.com',
    'https://evil.net#@api.example.com',
    'https://evil.net\\@api.example.com',
    'https://api.example.com.evil.net',
    'https://evil-api.example.com',
    'https://xapi.example.com',
    'https://api-example.com',
    'https://api.example.comm',
    'https://аpi.example.com',
    'https://api.example.com%2eevil.net',
    'https://api。evil.com',
    'https://[::1]',
    'data:text/plain,api.example.com',
    'file:///api.example.com',
    '',
    ' ',
    'https://',
    '/relative/api.example.com',
    '/api.example.com',
    '///api.example.com',
    'https:///api.example.com',
    '\\\\api.example.com',
    'http://a b',
  ])('%s does not', (url) => expect(may(url, 'api.example.com')).toBe(false));

  it('without a url there is nothing to allow', () => expect(may(undefined, 'api.example.com')).toBe(false));

  it('a wildcard stands for subdomains, not for the domain itself', () => {
    expect(may('https://a.example.com', '*.example.com')).toBe(true);
    expect(may('https://a.b.EXAMPLE.com', '*.example.com')).toBe(true);
    expect(may('https://a.example.com:99', '*.example.com')).toBe(true);
    for (const url of [
      'https://example.com',
      'https://evilexample.com',
      'https://a.example.com.evil.net',
      'https://.example.com@evil.net',
    ]) {
      expect(may(url, '*.example.com')).toBe(false);
    }
  });

  it('a port in a pattern is the only one, a default port included', () => {
    expect(may('https://example.com:8443', 'example.com:8443')).toBe(true);
    expect(may('https://example.com:8444', 'example.com:8443')).toBe(false);
    expect(may('https://example.com', 'example.com:443')).toBe(true);
    expect(may('https://example.com:443', 'example.com:443')).toBe(true);
    expect(may('http://example.com', 'example.com:443')).toBe(false);
    expect(may('http://example.com', 'example.com:80')).toBe(true);
    expect(may('wss://example.com', 'example.com:443')).toBe(true);
  });

  it('a scheme in a pattern is the only one', () => {
    expect(may('https://example.com', 'https://example.com')).toBe(true);
    expect(may('http://example.com', 'https://example.com')).toBe(false);
    expect(may('https://a.example.com', 'https://*.example.com')).toBe(true);
    expect(may('http://a.example.com', 'https://*.example.com')).toBe(false);
  });

  it('internationalised names are compared as they are resolved', () => {
    expect(may('https://bücher.example', 'bücher.example')).toBe(true);
    expect(may('https://xn--bcher-kva.example', 'bücher.example')).toBe(true);
    expect(may('https://BÜCHER.example', 'xn--bcher-kva.example')).toBe(true);
    expect(may('https://bucher.example', 'bücher.example')).toBe(false);
    expect(may('grpc://bücher.example', 'bücher.example')).toBe(true);
  });

  it('addresses are compared as they are resolved', () => {
    expect(may('http://[::1]:3000', '[::1]')).toBe(true);
    expect(may('http://[0:0:0:0:0:0:0:1]', '[::1]')).toBe(true);
    expect(may('http://[::1]:3000', '[::1]:3000')).toBe(true);
    expect(may('http://[::1]:3001', '[::1]:3000')).toBe(false);
    expect(may('http://[::2]', '[::1]')).toBe(false);
    expect(may('http://127.1', '127.0.0.1')).toBe(true);
    expect(may('http://2130706433', '127.0.0.1')).toBe(true);
    expect(may('http://127.0.0.1.evil.net', '127.0.0.1')).toBe(false);
    expect(may('localhost:3000', 'localhost')).toBe(true);
  });

  it('a regular expression sees the host alone, and answers the same each time', () => {
    const pattern = /^api\d\.example\.com$/g;
    for (let i = 0; i < 3; i++) expect(may('https://API1.example.com:99/x', pattern)).toBe(true);
    expect(may('https://evil.net/api1.example.com', pattern)).toBe(false);
    expect(may('https://api1.example.com@evil.net', pattern)).toBe(false);
  });

  it('a URL object is taken as well', () =>
    expect(may(new URL('https://example.com/x'), 'example.com')).toBe(true));

  it('a pattern that is no host matches nothing, and is reported', () => {
    expect(may('https://example.com', 'exa mple.com')).toBe(false);
    expect(may('https://example.com', '')).toBe(false);
    expect(log.said.join()).toMatch(/SPW_OPTION/);
  });
});
