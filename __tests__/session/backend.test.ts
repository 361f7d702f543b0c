import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { resolveBackend } from '../../lib/session/backend.js';
import { collectDiagnostics } from '../support/diagnostics.js';

describe('resolveBackend', () => {
  let said: string[];
  beforeEach(() => {
    said = collectDiagnostics();
  });
  afterEach(() => diag.disable());

  it('sends to the local viewer when nothing is configured', () => {
    const backend = resolveBackend({}, {}, 'dev', false);
    expect(backend.tracesUrl).toBe('http://localhost:4318/v1/traces');
    expect(backend.apiUrl).toBe('http://localhost:4318');
    expect(backend.isDefault).toBe(true);
    expect(backend.honeyHive).toBe(false);
    expect(said).toEqual([]);
  });

  it('sends to HoneyHive with its headers when there is a key', () => {
    const backend = resolveBackend({}, { HH_API_KEY: 'k' }, 'web', false);
    expect(backend.tracesUrl).toBe('https://api.dp1.us.honeyhive.ai/opentelemetry/v1/traces');
    expect(backend.headers).toMatchObject({
      authorization: 'Bearer k',
      'x-source': 'web',
      'hh-client-language': 'typescript',
      'hh-client-package': 'spanwise',
    });
    expect(backend.honeyHive).toBe(true);
  });

  it('never sends an empty bearer, and says that a key is missing for a remote server only', () => {
    const remote = resolveBackend({ serverUrl: 'https://hh.example.com/' }, {}, 'dev', false);
    expect(remote.headers).not.toHaveProperty('authorization');
    expect(remote.tracesUrl).toBe('https://hh.example.com/opentelemetry/v1/traces');
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('[SPW_API_KEY]');
    resolveBackend({ serverUrl: 'http://127.0.0.1:4318' }, {}, 'dev', false);
    expect(said).toHaveLength(1);
  });

  it('prefers an explicit endpoint over a key, and appends the path only to a base URL', () => {
    const env = { HH_API_KEY: 'k' };
    expect(resolveBackend({ endpoint: 'http://c:4318' }, env, 'dev', false).tracesUrl).toBe(
      'http://c:4318/v1/traces',
    );
    expect(resolveBackend({ endpoint: 'http://c/in' }, env, 'dev', false).tracesUrl).toBe('http://c/in');
    expect(resolveBackend({ endpoint: 'http://c' }, env, 'dev', false).headers).toEqual({});
  });

  it("follows OTel's environment: base gets the path, the traces endpoint is taken as it is", () => {
    const base = resolveBackend({}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1/x' }, 'dev', false);
    expect(base.tracesUrl).toBe('http://c:1/x/v1/traces');
    expect(base.apiUrl).toBeUndefined();
    const whole = resolveBackend(
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:2/y' },
      'dev',
      false,
    );
    expect(whole.tracesUrl).toBe('http://t:2/y');
  });

  it('reads header lists, percent-decoded, the specific one last', () => {
    const backend = resolveBackend(
      {},
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
        OTEL_EXPORTER_OTLP_HEADERS: 'a=1, b=x%20y ,broken,c=%zz',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
      },
      'dev',
      false,
    );
    expect(backend.headers).toEqual({ a: '2', b: 'x y', c: '%zz' });
  });

  it('reports a bad URL and goes on with the default', () => {
    expect(resolveBackend({ endpoint: 'not a url' }, {}, 'dev', false).tracesUrl).toBe(
      'http://localhost:4318/v1/traces',
    );
    expect(said[0]).toContain('[SPW_OPTION] endpoint');
  });

  it('takes the protocol from options before HoneyHive before OTel, and reports one it does not speak', () => {
    const env = { HH_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(resolveBackend({}, env, 'dev', false).protocol).toBe('http/json');
    expect(resolveBackend({ protocol: 'http/protobuf' }, env, 'dev', false).protocol).toBe('http/protobuf');
    expect(said).toEqual([]);
    expect(resolveBackend({}, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'dev', false).protocol).toBe(
      'http/protobuf',
    );
    expect(said[0]).toContain('grpc');
  });

  it('keeps a source that no header can carry readable', () => {
    expect(resolveBackend({ apiKey: 'k' }, {}, 'über\r\nx', false).headers['x-source']).toBe(
      '%C3%BCber%0D%0Ax',
    );
  });
});
