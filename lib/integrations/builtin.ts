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
