/** Virtual lists: of thousands of rows only those in sight are in the document. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const OVERSCAN = 12;

export interface Window {
  /** Put on the element that scrolls. */
  readonly ref: (element: HTMLElement | null) => void;
  readonly first: number;
  readonly last: number;
  readonly width: number;
  /** Brings a row into sight if it is not. */
  readonly reveal: (index: number, center?: boolean) => void;
}

/** The part of `count` rows of one height that is in sight; `top` is the space above the first. */
export function useWindow(count: number, rowHeight: number, top = 0): Window {
  const element = useRef<HTMLElement | null>(null);
  const [range, setRange] = useState({ first: 0, last: 40, width: 0 });
  const measure = useCallback(() => {
    const box = element.current;
    if (box === null) return;
    const first = Math.max(0, Math.floor((box.scrollTop - top) / rowHeight) - OVERSCAN);
    const last = Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + OVERSCAN;
    const width = box.clientWidth;
    setRange((old) =>
      old.first === first && old.last === last && old.width === width ? old : { first, last, width },
    );
  }, [rowHeight, top]);
  const observer = useRef<ResizeObserver | undefined>(undefined);
  const ref = useCallback(
    (box: HTMLElement | null) => {
      observer.current?.disconnect();
      element.current?.removeEventListener('scroll', measure);
      element.current = box;
      if (box === null) return;
      box.addEventListener('scroll', measure, { passive: true });
      observer.current = new ResizeObserver(measure);
      observer.current.observe(box);
      measure();
    },
    [measure],
  );
  useLayoutEffect(measure, [count]);
  useEffect(() => () => observer.current?.disconnect(), []);
  const reveal = useCallback(
    (index: number, center = false) => {
      const box = element.current;
      if (box === null) return;
      const at = top + index * rowHeight;
      const isAbove = at < box.scrollTop + top;
      const isBelow = at + rowHeight > box.scrollTop + box.clientHeight;
      if (!isAbove && !isBelow) return;
      if (center) box.scrollTop = at - box.clientHeight / 2;
      else box.scrollTop = isAbove ? at - top : at + rowHeight - box.clientHeight;
      measure();
    },
    [rowHeight, top, measure],
  );
  return { ref, ...range, last: Math.min(count, range.last), reveal };
}
