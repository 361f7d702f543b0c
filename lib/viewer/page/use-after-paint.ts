/** What may be seen a frame later than the rows themselves. */
import { useEffect, useState } from 'preact/hooks';

/** Computes a value when what is on the page now has been painted; undefined until then, the last one in between. */
export function useAfterPaint<Value>(compute: () => Value, dependencies: unknown[]): Value | undefined {
  const [value, setValue] = useState<Value>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const frame = requestAnimationFrame(() => (timer = setTimeout(() => setValue(() => compute()))));
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }, dependencies);
  return value;
}
