import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { DEFAULT_OTLP_ENDPOINT, HONEYHIVE_SERVER_URL, HONEYHIVE_TRACES_PATH } from '../../lib/conventions.js';

const folder = 'examples/scale-out';
const configurations = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
type Part = 'receivers' | 'processors' | 'exporters';
interface Collector extends Record<Part, Record<string, unknown>> {
  service: { pipelines: Record<string, Record<Part, string[]>> };
}
const read = (file: string): Collector => parse(readFileSync(`${folder}/${file}`, 'utf8')) as Collector;

describe.each(configurations)('%s', (file) => {
  it('uses exactly what it defines', () => {
    const { service, ...defined } = read(file);
    for (const part of ['receivers', 'processors', 'exporters'] as const) {
      const used = Object.values(service.pipelines).flatMap((pipeline) => pipeline[part]);
      expect([part, ...new Set(used)].sort()).toEqual([part, ...Object.keys(defined[part])].sort());
    }
  });
});

describe('the configurations together', () => {
  it('send HoneyHive what the SDK would', () => {
    const exporter = read('collector.yaml').exporters['otlphttp/honeyhive'] as { traces_endpoint: string };
    expect(exporter.traces_endpoint).toBe(`${HONEYHIVE_SERVER_URL}${HONEYHIVE_TRACES_PATH}`);
  });

  it('listen where services send to unless they are told otherwise', () => {
    const { protocols } = read('collector.yaml').receivers['otlp'] as {
      protocols: { http: { endpoint: string } };
    };
    expect(protocols.http.endpoint).toBe(`0.0.0.0:${new URL(DEFAULT_OTLP_ENDPOINT).port}`);
  });

  it('read from Kafka what they write to it', () => {
    const written = (read('collector.yaml').exporters['kafka'] as { traces: unknown }).traces;
    const taken = (read('collector-clickhouse.yaml').receivers['kafka'] as { traces: unknown }).traces;
    expect(taken).toEqual(written);
  });

  it('are all told of in the guide', () => {
    const guide = readFileSync('docs/guides/from-one-machine-to-many.md', 'utf8');
    expect(readdirSync(folder).filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
  });
});
