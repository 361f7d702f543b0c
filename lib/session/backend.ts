/**
 * Where a tracer's spans and sessions go: HoneyHive, any OTLP endpoint, or the local viewer.
 */
import {
  DEFAULT_OTLP_ENDPOINT,
  ENV,
  HONEYHIVE_SERVER_URL,
  HONEYHIVE_TRACES_PATH,
  OTLP_TRACES_PATH,
} from '../conventions.js';
import { warn } from '../diagnostics.js';
import { honeyHiveHeaders } from '../honeyhive/headers.js';

/** The options that say where spans and sessions go. */
export interface BackendOptions {
  /** HoneyHive's API key. @default `HH_API_KEY` */
  apiKey?: string;
  /** HoneyHive's server, or a local viewer. @default `HH_API_URL`; with a key, HoneyHive's own */
  serverUrl?: string;
  /**
   * Any OTLP/HTTP backend: its base URL, or the whole URL of its traces endpoint.
   * @default `OTEL_EXPORTER_OTLP_ENDPOINT`, else http://localhost:4318
   */
  endpoint?: string;
  /** Headers for the OTLP endpoint. @default `OTEL_EXPORTER_OTLP_HEADERS` */
  headers?: Record<string, string>;
  /** OTLP encoding. @default `HH_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`, else "http/protobuf" */
  protocol?: 'http/protobuf' | 'http/json';
}

/** A resolved backend. */
export interface Backend {
  /** The URL that spans are posted to. */
  readonly tracesUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: 'http/protobuf' | 'http/json';
  /** The base URL of HoneyHive's REST interface, where there is one. */
  readonly apiUrl: string | undefined;
  readonly apiKey: string | undefined;
  /** Whether the backend is HoneyHive's by configuration. */
  readonly honeyHive: boolean;
  /** Nothing was configured: the viewer, if it runs. A backend without sessions is no reason to complain then. */
  readonly isDefault: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Decides where spans go: an explicit endpoint, else HoneyHive when a key or server is known, else OTel's
 * environment, else the local viewer.
 */
export function resolveBackend(
  options: BackendOptions,
  env: Env,
  source: string,
  testMode: boolean,
): Backend {
  const apiKey = given(options.apiKey) ?? given(env[ENV.apiKey]);
  const serverUrl = given(options.serverUrl) ?? given(env[ENV.serverUrl]);
  const otlp = given(options.endpoint);
  const protocol = protocolOf(options.protocol, env);

  if (otlp === undefined && (serverUrl !== undefined || apiKey !== undefined)) {
    const base = validUrl('serverUrl', serverUrl ?? HONEYHIVE_SERVER_URL) ?? HONEYHIVE_SERVER_URL;
    if (apiKey === undefined && !testMode && !isLoopback(base)) {
      warn('SPW_API_KEY', `no API key for ${host(base)}; set ${ENV.apiKey} or pass apiKey`);
    }
    return {
      tracesUrl: join(base, HONEYHIVE_TRACES_PATH),
      headers: {
        ...honeyHiveHeaders({ ...(apiKey === undefined ? {} : { apiKey }), source }),
        ...options.headers,
      },
      protocol,
      apiUrl: base,
      apiKey,
      honeyHive: true,
      isDefault: false,
    };
  }
  const envTraces = given(env[ENV.otlpTracesEndpoint]);
  const envBase = given(env[ENV.otlpEndpoint]);
  const configured = otlp ?? envTraces ?? envBase;
  const fallback = join(DEFAULT_OTLP_ENDPOINT, OTLP_TRACES_PATH);
  const tracesUrl =
    otlp !== undefined
      ? (tracesUrlOf(validUrl('endpoint', otlp)) ?? fallback)
      : envTraces !== undefined
        ? (validUrl(ENV.otlpTracesEndpoint, envTraces) ?? fallback)
        : envBase !== undefined
          ? (appended(validUrl(ENV.otlpEndpoint, envBase)) ?? fallback)
          : fallback;
  return {
    tracesUrl,
    headers: {
      ...headerList(env[ENV.otlpHeaders]),
      ...headerList(env[ENV.otlpTracesHeaders]),
      ...options.headers,
    },
    protocol,
    apiUrl: configured === undefined ? DEFAULT_OTLP_ENDPOINT : undefined,
    apiKey: undefined,
    honeyHive: false,
    isDefault: configured === undefined,
  };
}

function given(value: string | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function protocolOf(option: string | undefined, env: Env): 'http/protobuf' | 'http/json' {
  const wanted =
    given(option) ??
    given(env[ENV.protocol]) ??
    given(env[ENV.otlpTracesProtocol]) ??
    given(env[ENV.otlpProtocol]);
  if (wanted === 'http/json' || wanted === 'http/protobuf' || wanted === undefined)
    return wanted ?? 'http/protobuf';
  warn('SPW_OPTION', `OTLP protocol "${wanted}" is not offered; http/protobuf is used`, 'protocol');
  return 'http/protobuf';
}

function validUrl(what: string, url: string): string | undefined {
  try {
    const parsed = new URL(url);
    if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return url;
  } catch {
    // Reported below.
  }
  warn('SPW_OPTION', `${what} is not an http(s) URL and is ignored; write it as http://host:port`, what);
  return undefined;
}

/** An endpoint option may be a base or the whole URL: a path of its own is taken as meant. */
function tracesUrlOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).pathname === '/' ? appended(url) : url;
}

function appended(base: string | undefined): string | undefined {
  return base === undefined ? undefined : join(base, OTLP_TRACES_PATH);
}

function join(base: string, path: string): string {
  return base.replace(/\/$/, '') + path;
}

function host(url: string): string {
  return new URL(url).host;
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/** OTel's header lists: `key=value,key2=value2`, values percent-encoded. */
function headerList(list: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of (list ?? '').split(',')) {
    const at = pair.indexOf('=');
    if (at <= 0) continue;
    const value = pair.slice(at + 1).trim();
    try {
      headers[pair.slice(0, at).trim()] = decodeURIComponent(value);
    } catch {
      headers[pair.slice(0, at).trim()] = value;
    }
  }
  return headers;
}
