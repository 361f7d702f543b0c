import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
// @ts-expect-error the table is plain JavaScript, because programs outside of the tests read it
import { OTEL, RUNTIMES, TOOLS, TYPESCRIPT } from '../../compat/versions.mjs';

const page = readFileSync('docs/guides/compatibility.md', 'utf8');
const line = (name: string): Record<string, string> =>
  (OTEL as Record<string, Record<string, string>>)[name]!;
const sdkOf = (name: string): string =>
  Object.entries(line(name)).find(([packageName]) => packageName.includes('sdk-trace'))![1];

describe('the compatibility page', () => {
  it('names the versions that `npm run compat` runs', () => {
    const runtimes = (Object.values(RUNTIMES) as { version: string }[]).map(({ version }) => version);
    const lines = ['otel2', 'otel3'].flatMap((name) => [line(name)['@opentelemetry/api']!, sdkOf(name)]);
    const runners = ['jest', 'vitest'].map((name) => (TOOLS as Record<string, string>)[name]!);
    const versions = [...runtimes, ...lines, ...(Object.values(TYPESCRIPT) as string[]), ...runners];
    expect(versions).toHaveLength(17);
    expect(versions.filter((version) => !page.includes(version))).toEqual([]);
  });
});
