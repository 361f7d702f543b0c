/** Puts a text on the clipboard and says so for a moment. */
import { useEffect, useState } from 'preact/hooks';

export function useCopy(): [
  state: 'idle' | 'copied' | 'failed',
  copy: (text: () => string | Promise<string>) => void,
] {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), 1_200);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = (text: () => string | Promise<string>) => {
    void Promise.resolve()
      .then(text)
      .then((copied) => navigator.clipboard.writeText(copied))
      .then(
        () => setState('copied'),
        () => setState('failed'),
      );
  };
  return [state, copy];
}
