/**
 * `node:http` and `node:https`, and with them axios, got and everything else that is built on them.
 *
 * Node before 22 publishes nothing while headers can still be added, so `request` and `get` are wrapped.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { HEADER_BAGGAGE, HEADER_TRACEPARENT } from '../conventions.js';
import { warnError } from '../diagnostics.js';
import { readCarrier, writeCarrier } from '../propagation/carrier.js';
import { builtin } from './builtin.js';
import { startClientCall, type ClientCall } from './client-call.js';

type Make = (this: unknown, ...args: unknown[]) => ClientRequest;
interface HttpModule {
  request: Make;
  get: Make;
}
interface Channels {
  subscribe(name: string, listener: (message: unknown) => void): void;
  unsubscribe(name: string, listener: (message: unknown) => void): void;
}

/** Traces requests of Node's own client from now on; returns what ends that. */
export function instrumentNodeHttp(): () => void {
  const channels = builtin<Channels>('node:diagnostics_channel');
  const loader = builtin<{ syncBuiltinESMExports?(): void }>('node:module');
  const monitor = builtin<{ errorMonitor: symbol }>('node:events')?.errorMonitor;
  const modules = ['node:http', 'node:https'].map((name) => builtin<HttpModule>(name));
  if (channels === undefined || monitor === undefined) return () => undefined;
  const calls = new WeakMap<object, ClientCall>();
  // A listener of ours for `response` would keep Node from discarding an answer that nobody wants.
  const onResponse = (message: unknown): void => {
    const { request, response } = message as { request: object; response: IncomingMessage };
    const call = calls.get(request);
    if (call === undefined) return;
    call.answered(response.statusCode ?? 0);
    response.once('close', () => call.end(!response.complete));
    response.once('end', () => call.end());
  };
  channels.subscribe('http.client.response.finish', onResponse);
  const undo: (() => void)[] = [() => channels.unsubscribe('http.client.response.finish', onResponse)];
  for (const [index, module] of modules.entries()) {
    if (module === undefined) continue;
    const { request, get } = module;
    const traced: Make = function (this: unknown, ...args) {
      const sealed = attempt(() => beginSealed(args, index === 0 ? 'http:' : 'https:'));
      if (sealed !== undefined) {
        const { call } = sealed;
        try {
          const made = Reflect.apply(request, this, sealed.args);
          if (call !== undefined) attempt(() => follow(made, call, calls, monitor));
          return made;
        } catch (error) {
          call?.fail(error);
          throw error;
        }
      }
      const made = Reflect.apply(request, this, args);
      attempt(() => begin(made, args, calls, monitor));
      return made;
    };
    const tracedGet: Make = function (this: unknown, ...args) {
      const made = Reflect.apply(traced, this, args);
      made.end();
      return made;
    };
    module.request = traced;
    module.get = tracedGet;
    undo.push(() => {
      // Someone may have wrapped ours since; then it stays and its spans go to whichever tracer is live.
      if (module.request === traced) module.request = request;
      if (module.get === tracedGet) module.get = get;
    });
  }
  loader?.syncBuiltinESMExports?.();
  return () => {
    for (const step of undo) step();
    loader?.syncBuiltinESMExports?.();
  };
}

function begin(
  made: ClientRequest,
  args: readonly unknown[],
  calls: WeakMap<object, ClientCall>,
  monitor: symbol,
): void {
  const url = urlOf(made, args);
  const { call, dropBaggage } = startClientCall(made.method, url, made.hasHeader(HEADER_TRACEPARENT));
  if (dropBaggage) made.removeHeader(HEADER_BAGGAGE);
  if (call === undefined) return;
  for (const [name, value] of Object.entries(call.headers)) made.setHeader(name, value);
  follow(made, call, calls, monitor);
}

/** Waits for the end of a request whose call has begun. */
function follow(
  made: ClientRequest,
  call: ClientCall,
  calls: WeakMap<object, ClientCall>,
  monitor: symbol,
): void {
  calls.set(made, call);
  made.on(monitor, (error: unknown) => call.fail(error));
  // `close` without an answer: it was given up.
  made.once('close', () => {
    if ((made as { res?: unknown }).res === undefined || (made as { res?: unknown }).res === null)
      call.end(true);
  });
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    warnError('SPW_INTERNAL', 'an HTTP request could not be traced; it goes on', error);
    return undefined;
  }
}

interface Asked {
  readonly protocol?: unknown;
  readonly hostname?: unknown;
  readonly host?: unknown;
  readonly port?: unknown;
  readonly defaultPort?: unknown;
  readonly path?: unknown;
  readonly method?: unknown;
  readonly headers?: unknown;
}

/**
 * Headers that are given as a list, or with `Expect`, are written when the request is made, so theirs are added before:
 * to copies, since the caller may use its own again.
 *
 * @returns the arguments to make the request with; undefined if headers can still be added to what is made
 */
function beginSealed(
  args: readonly unknown[],
  protocol: string,
): { args: unknown[]; call: ClientCall | undefined } | undefined {
  const at = typeof args[0] === 'string' || args[0] instanceof URL ? 1 : 0;
  const options = args[at] as Asked | undefined;
  if (typeof options !== 'object' || options === null) return undefined;
  const { headers } = options;
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (!Array.isArray(headers) && readCarrier(headers, 'expect') === undefined) return undefined;
  const url = urlOfOptions(at === 0 ? undefined : new URL(String(args[0])), options, protocol);
  const method = typeof options.method === 'string' ? options.method.toUpperCase() : 'GET';
  const isTraced = readCarrier(headers, HEADER_TRACEPARENT) !== undefined;
  const { call, dropBaggage } = startClientCall(method, url, isTraced);
  const copy = dropBaggage ? without(headers, HEADER_BAGGAGE) : copied(headers);
  for (const [name, value] of Object.entries(call?.headers ?? {})) writeCarrier(copy, name, value);
  const given = [...args];
  given[at] = { ...options, headers: copy };
  return { args: given, call };
}

/** Where a request will go that is not made yet, by Node's own rules. */
function urlOfOptions(base: URL | undefined, asked: Asked, protocol: string): URL {
  const scheme = text(asked.protocol) ?? base?.protocol ?? protocol;
  const host = text(asked.hostname) ?? base?.hostname ?? text(asked.host) ?? 'localhost';
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const port = asked.port ?? (base?.port === '' ? undefined : base?.port) ?? asked.defaultPort;
  const path = text(asked.path) ?? (base === undefined ? '/' : base.pathname + base.search);
  const place = `${scheme}//${bracketed}${port === undefined || port === null || port === '' ? '' : `:${String(port)}`}`;
  return new URL(place + (path.startsWith('/') ? path : `/${path}`));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function copied(headers: object): object {
  if (!Array.isArray(headers)) return { ...headers };
  return headers.map((item: unknown) => (Array.isArray(item) ? [...(item as unknown[])] : item));
}

/** The headers without one of them. */
function without(headers: object, name: string): object {
  const isIt = (other: unknown): boolean => typeof other === 'string' && other.toLowerCase() === name;
  if (!Array.isArray(headers))
    return Object.fromEntries(Object.entries(headers).filter(([key]) => !isIt(key)));
  if (Array.isArray(headers[0])) return headers.filter((pair: unknown[]) => !isIt(pair[0]));
  return headers.filter((_, i) => !isIt(headers[i - (i % 2)]));
}

/** Where the connection goes; the `host` header is only what the request says. */
function urlOf(made: ClientRequest, args: readonly unknown[]): URL {
  const [first, second] = args;
  const given = typeof first === 'string' ? new URL(first) : first;
  const options = (given instanceof URL ? second : given) as Asked | undefined;
  const own = given instanceof URL ? given.port : undefined;
  const usable = typeof options === 'object' && options !== null ? options : undefined;
  const port = usable?.port ?? (own === '' ? undefined : own) ?? usable?.defaultPort;
  const host = made.host.includes(':') && !made.host.startsWith('[') ? `[${made.host}]` : made.host;
  const path = made.path.startsWith('/') ? made.path : `/${made.path}`;
  const base = `${made.protocol}//${host}${port === undefined || port === null || port === '' ? '' : `:${String(port)}`}`;
  // A proxy is asked for a whole URL; the request goes to the proxy all the same.
  return new URL(base + path);
}
