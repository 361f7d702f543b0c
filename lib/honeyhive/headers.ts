/** The headers that HoneyHive's clients send, for its REST interface and for OTLP export. */
import { SCOPE_NAME, VERSION } from '../conventions.js';

/** Whether a key can stand in a header at all; one that cannot is treated as missing. */
export function isUsableApiKey(apiKey: string | undefined): apiKey is string {
  return apiKey !== undefined && /^[\x21-\x7e]+$/.test(apiKey);
}

/**
 * The headers of a request to HoneyHive; without a usable key there is no `Authorization` at all.
 *
 * @param options `apiKey`, and for OTLP export the `source`, which REST requests do not carry
 */
export function honeyHiveHeaders(options: { apiKey?: string; source?: string }): Record<string, string> {
  const headers: Record<string, string> = {
    'hh-client-version': VERSION,
    'hh-client-language': 'typescript',
    'hh-client-package': SCOPE_NAME,
  };
  const apiKey = options.apiKey?.trim();
  if (isUsableApiKey(apiKey)) headers['authorization'] = `Bearer ${apiKey}`;
  if (options.source !== undefined && options.source !== '')
    headers['x-source'] = headerValue(options.source);
  return headers;
}

/** A text as a header can carry it: what is not printable ASCII is percent-encoded. */
function headerValue(text: string): string {
  return text.replace(/[^\x20-\x7e]+/gu, (odd) =>
    encodeURIComponent(odd.replace(/[\ud800-\udfff]/gu, '\ufffd')),
  );
}
