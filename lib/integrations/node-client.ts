/**
 * `node:http` and `node:https`, and with them axios, got and everything else that is built on them.
 *
 * Node before 22 publishes nothing while headers can still be added, so `request` and `get` are wrapped.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { HEADER_BAGGAGE, HEADER_TRACEPARENT } from '../conventions.js';
import { warnError } from '../diagnostics.js';
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
  for (const module of modules) {
    if (module === undefined) continue;
    const { request, get } = module;
    const traced: Make = function (this: unknown, ...args) {
      const made = Reflect.apply(request, this, args);
      try {
        begin(made, args, calls, monitor);
      } catch (error) {
        warnError('SPW_INTERNAL', 'an HTTP request could not be traced; it goes on', error);
      }
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
  // Headers that were given as a list, or with `Expect`, are on their way already.
  const open = !made.headersSent;
  const { call, dropBaggage } = startClientCall(made.method, url, made.hasHeader(HEADER_TRACEPARENT));
  if (open && dropBaggage) made.removeHeader(HEADER_BAGGAGE);
  if (call === undefined) return;
  calls.set(made, call);
  if (open) for (const [name, value] of Object.entries(call.headers)) made.setHeader(name, value);
  made.on(monitor, (error: unknown) => call.fail(error));
  // `close` without an answer: it was given up.
  made.once('close', () => {
    if ((made as { res?: unknown }).res === undefined || (made as { res?: unknown }).res === null)
      call.end(true);
  });
}

interface Asked {
  readonly port?: unknown;
  readonly defaultPort?: unknown;
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
