/** Bytes in use after a garbage collection: what is resident, and what of it is objects. */
export function memory(): { rss: number; heap: number } {
  const { gc } = globalThis as { gc?: () => void };
  // The second one takes what finalizers of the first have let go.
  gc?.();
  gc?.();
  const { rss, heapUsed: heap } = process.memoryUsage();
  return { rss, heap };
}
