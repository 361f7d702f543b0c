/**
 * The HTTP request that is being served, for entries that were not given it as an argument.
 *
 * An integration may say how to find it; without one, Node's own `http.server.request.start` channel does.
 * Node's modules are asked for at run time, so that this file loads on other runtimes too.
 */
type Source = () => unknown;

interface Storage {
  getStore(): unknown;
  enterWith(value: unknown): void;
}
interface StartMessage {
  readonly request?: unknown;
  readonly response?: { readonly writableEnded?: unknown; readonly destroyed?: unknown };
}

let source: Source | undefined;
let storage: Storage | undefined;
let started = false;

/**
 * Says how to find the request that is being served.
 *
 * @param find returns the request, or undefined outside of one; undefined goes back to Node's own channel
 * @returns the source that was there, to put it back
 */
export function setCurrentRequestSource(find: Source | undefined): Source | undefined {
  const before = source;
  source = find;
  return before;
}

/**
 * Begins to note which HTTP request is being served; a request that began before is not known.
 *
 * Called where an entry is declared. Nothing happens the second time, or on runtimes without the channel.
 */
export function startCurrentRequest(): void {
  if (started) return;
  started = true;
  try {
    const channels = builtin('node:diagnostics_channel') as {
      subscribe(name: string, listener: (message: unknown) => void): void;
    };
    const hooks = builtin('node:async_hooks') as { AsyncLocalStorage: new () => Storage };
    const created = new hooks.AsyncLocalStorage();
    channels.subscribe('http.server.request.start', (message) => created.enterWith(message));
    storage = created;
  } catch {
    // Another runtime: arguments and selectors remain.
  }
}

function builtin(name: string): unknown {
  const host = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return host.process?.getBuiltinModule?.(name);
}

/** The request that is being served, or undefined; also once its response has been sent. */
export function currentRequest(): unknown {
  try {
    const found = source?.();
    if (found !== undefined && found !== null) return found;
    const message = storage?.getStore() as StartMessage | undefined;
    // What goes on after the answer is no longer the caller's: a queue's loop may have begun in a request.
    if (message?.response?.writableEnded === true || message?.response?.destroyed === true) return undefined;
    return message?.request;
  } catch {
    return undefined;
  }
}
