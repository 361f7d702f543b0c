import { expect, test } from '@jest/globals';
import { isSecretName } from '../../lib/capture/secret-keys.js';

test.each([
  'password',
  'userPassword',
  'PASSWORD_HASH',
  'pwd',
  'passwd',
  'pass',
  'passphrase',
  'secret',
  'client_secret',
  'authorization',
  'Proxy-Authorization',
  'auth',
  'cookie',
  'Set-Cookie',
  'x-api-key',
  'apiKey',
  'API_KEY',
  'apikey',
  'token',
  'accessToken',
  'refresh_token',
  'id-token',
  'accesstoken',
  'accessTokens',
  'x-csrf-token',
  'XSRF',
  'privateKey',
  'aws_secret_access_key',
  'AccountKey',
  'credentials',
  'jwt',
  'bearer',
  'dsn',
  'databaseUrl',
  'connectionString',
  'cardNumber',
  'card_number',
  'credit-card',
  'cvv',
  'cvc',
  'ssn',
  'pin',
  'otp',
  'iban',
  'signature',
])('%s holds a secret', (name) => {
  expect(isSecretName(name)).toBe(true);
  // The second answer comes from memory.
  expect(isSecretName(name)).toBe(true);
});

test.each([
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'max_tokens',
  'maxTokens',
  'tokens',
  'token_count',
  'tokenUsage',
  'gen_ai.usage.input_tokens',
  'tokenizer',
  'time_to_first_token',
  'nextPageToken',
  'stop_token',
  'session_id',
  'sessionId',
  'user',
  'author',
  'key',
  'keyboard',
  'monkey',
  'compass',
  'spinner',
  'company',
  'signal',
  'design',
  '',
  '0',
  'url',
  'name',
])('%s does not', (name) => {
  expect(isSecretName(name)).toBe(false);
});

test('a name of any length is answered', () => {
  expect(isSecretName(`password${'x'.repeat(1_000_000)}`)).toBe(true);
});
