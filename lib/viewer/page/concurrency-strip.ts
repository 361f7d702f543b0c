/** A strip below the times: how many spans worked at each moment, and where nothing did. */
import { html } from 'htm/preact';
import { useMemo } from 'preact/hooks';
import { columnsOf, concurrencyOf, type Concurrency } from './concurrency.js';
import { count, duration } from './format.js';
import type { Forest } from './tree.js';
import { useAfterPaint } from './use-after-paint.js';

const COLUMNS = 240;
const HEIGHT = 24;
const NOTHING: Concurrency = { steps: [], most: 0, gaps: [] };

export function ConcurrencyStrip({ forest, start, end }: { forest: Forest; start: number; end: number }) {
  const concurrency = useAfterPaint(() => concurrencyOf(forest), [forest]) ?? NOTHING;
  const columns = useMemo(() => columnsOf(concurrency, start, end, COLUMNS), [concurrency, start, end]);
  const { most, gaps } = concurrency;
  const idle = gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
  const points = columns.map((running, at) => {
    const y = HEIGHT - (most === 0 ? 0 : (running / most) * (HEIGHT - 2));
    return `${at},${y} ${at + 1},${y}`;
  });
  const label = `at most ${count(most, 'span')} at once${gaps.length === 0 ? '' : `; nothing ran for ${duration(idle)} in ${count(gaps.length, 'gap')}`}`;
  return html`
    <div class="strip" style=${{ height: `${HEIGHT}px` }}>
      <div class="row-name"><span class="strip-title" title=${label}>${label}</span></div>
      <div class="strip-times" role="img" aria-label=${label}>
        <svg viewBox=${`0 0 ${COLUMNS} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <polygon points=${`0,${HEIGHT} ${points.join(' ')} ${COLUMNS},${HEIGHT}`} />
        </svg>
        ${gaps
          .filter((gap) => gap.end > start && gap.start < end)
          .slice(0, 200)
          .map((gap) => {
            const left = Math.max(0, ((gap.start - start) / (end - start)) * 100);
            const right = Math.min(100, ((gap.end - start) / (end - start)) * 100);
            return html`<i
              class="gap"
              title=${`nothing ran for ${duration(gap.end - gap.start)}`}
              style=${{ left: `${left}%`, width: `${right - left}%` }}
            ></i>`;
          })}
      </div>
    </div>
  `;
}
