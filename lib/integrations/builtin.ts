/**
 * Node's modules, asked for at run time: on a runtime without them the rest of a file still loads.
 */
export function builtin<T>(name: string): T | undefined {
  const host = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  try {
    return host.process?.getBuiltinModule?.(name) as T | undefined;
  } catch {
    return undefined;
  }
}

/** Whether the runtime's `fetch` is undici's, which tells of each request on a diagnostics channel. */
export function tellsOfFetch(): boolean {
  const host = globalThis as { Bun?: unknown; Deno?: unknown; navigator?: { userAgent?: unknown } };
  if (host.Bun !== undefined || host.Deno !== undefined) return false;
  return (
    builtin('node:diagnostics_channel') !== undefined && host.navigator?.userAgent !== 'Cloudflare-Workers'
  );
}
